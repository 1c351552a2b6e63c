import t from 'tap';
import { WatchPace } from '../../../server/service/watch/watch-pace.ts';
import { FakeClock } from '../../support/fake-clock.ts';

/** A clock whose turns of the event loop a test makes. */
class TurningClock extends FakeClock {
  readonly turns: (() => void)[] = [];

  override afterIo(run: () => void): void {
    this.turns.push(run);
  }

  /** Lets those have their turn who wait for it. */
  async turn(): Promise<void> {
    for (const run of this.turns.splice(0)) run();
    await Promise.resolve();
  }
}

t.test('in one turn of the event loop 100 monitors are told, in the order of asking', async (t) => {
  const clock = new TurningClock();
  const pace = new WatchPace(clock);
  const told: string[] = [];
  const tell = (what: string, units: number) => pace.turn(units).then(() => told.push(what));
  const takeTold = async () => {
    await Promise.resolve();
    return told.splice(0).join(' ');
  };

  for (const what of ['a', 'b', 'c']) void tell(what, 100);
  t.equal(await takeTold(), 'a', 'a part of a snapshot is a turn');
  await clock.turn();
  t.equal(await takeTold(), 'b');
  for (let change = 1; change <= 150; change++) void tell('-', 1);
  await clock.turn();
  t.equal(await takeTold(), 'c');
  await clock.turn();
  t.equal((await takeTold()).length, 199, '100 changes');
  await clock.turn();
  t.equal((await takeTold()).length, 99, 'and the other 50');
  await clock.turn();
  t.equal(clock.turns.length, 0, 'while nobody asks, no turn is waited for');
  void tell('d', 1);
  t.equal(await takeTold(), 'd', 'and who asks then is not kept waiting');
});
