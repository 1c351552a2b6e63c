import t from 'tap';
import type { ChangeSink, MonitorChange } from '../../server/engine/engine-options.ts';
import { minuteMs } from './cast.ts';
import { EngineUnderTest } from './engine-under-test.ts';

/** Hears what an engine publishes, in short: "a up" or "a up, a beat", "a gone". */
class Listener implements ChangeSink {
  wantsBeats = false;
  readonly published: MonitorChange[] = [];

  publish(changes: readonly MonitorChange[]): void {
    this.published.push(...changes);
  }

  take(): string[] {
    return this.published.splice(0).map(({ monitor, removed, notable }) => {
      return `${monitor.name} ${removed ? 'gone' : monitor.status}${notable ? '' : ', a beat'}`;
    });
  }
}

t.test('what commits change is published: what is notable always, other beats when they are wanted', async (t) => {
  const changes = new Listener();
  const under = await EngineUnderTest.start(t, { changes });
  await under.send({ name: 'a' });
  t.same(changes.take(), ['a up']);
  await under.send({ name: 'a' });
  await under.send({ name: 'a', status: 'log' });
  t.same(changes.take(), []);
  changes.wantsBeats = true;
  await under.send({ name: 'a' });
  t.same(changes.take(), ['a up, a beat']);
  changes.wantsBeats = false;

  await under.send({ name: 'a', frequencyMs: 2 * minuteMs });
  t.same(changes.take(), ['a up'], 'another frequency');
  await under.send({ name: 'a', frequencyMs: 2 * minuteMs, status: 'start', run: '1' });
  t.same(changes.take(), ['a up'], 'a run');
  await under.send({ name: 'a', frequencyMs: 2 * minuteMs, run: '1' });
  t.same(changes.take(), ['a up'], 'its end');
  await under.clock.advance(2 * minuteMs + 1_000);
  t.same(changes.take(), ['a down']);
  await under.send({ name: 'a', frequencyMs: 2 * minuteMs });
  t.same(changes.take(), ['a up']);
  await under.engine.pause('a', { untilMs: null, untilPing: false });
  t.same(changes.take(), ['a paused']);
  await under.engine.resume('a');
  await under.engine.remove('a');
  t.same(changes.take(), ['a new', 'a gone']);
});

t.test('what is published is what is stored, with the tags from before', async (t) => {
  const changes = new Listener();
  const under = await EngineUnderTest.start(t, { changes });
  const configure = (tags: string[]) =>
    under.engine.configure({ name: 'a', mode: 'upsert', patch: { frequencyMs: minuteMs, tags }, etag: null });
  await configure(['x', 'y']);
  await configure(['y']);
  t.same((await under.monitor('a'))!, changes.published.at(-1)!.monitor);
  await configure(['y']);
  await under.engine.remove('a');
  t.same(
    changes.published.map(({ monitor, tagsBefore, removed }) => [tagsBefore, monitor.config.tags, removed]),
    [
      [[], ['x', 'y'], false],
      [['x', 'y'], ['y'], false],
      [['y'], ['y'], true],
    ],
  );
});
