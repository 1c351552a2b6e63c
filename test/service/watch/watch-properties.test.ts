import fc from 'fast-check';
import t from 'tap';
import type { Monitor as MonitorMessage } from '../../../gen/ts/tocsin/v1/monitor_pb.ts';
import { settle } from '../../support/fake-clock.ts';
import { type WatchClient, WatchWorld } from './watch-world.ts';

// The promise: a client that applies what it is sent knows the monitors as they are, once it has caught up. Whatever happens
// meanwhile, and however often it reads, leaves and comes back.

type Change =
  | { kind: 'put'; name: string; tags: string[]; down: boolean }
  | { kind: 'beat'; name: string }
  | { kind: 'remove'; name: string };
type Step =
  | { kind: 'change'; changes: Change[] }
  | { kind: 'read'; client: number }
  | { kind: 'leave'; client: number }
  | { kind: 'restart' };

// Some are on the first part of the snapshot, some on the second; `b` are there from the beginning.
const names = ['a1', 'a2', 'b000', 'b099', 'b100', 'c1', 'c2'];
const filters = [{}, { tag: 'x' }, { namePrefix: 'a', beats: true }, { beats: true }];

const name = fc.constantFrom(...names);
const change: fc.Arbitrary<Change> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('put' as const),
      name,
      tags: fc.subarray(['x', 'y']),
      down: fc.boolean(),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('beat' as const), name }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('remove' as const), name }) },
);
const client = fc.nat(filters.length - 1);
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ kind: fc.constant('change' as const), changes: fc.array(change, { maxLength: 6 }) }),
  },
  { weight: 16, arbitrary: fc.record({ kind: fc.constant('read' as const), client }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('leave' as const), client }) },
  { weight: 1, arbitrary: fc.constant({ kind: 'restart' as const }) },
);

/** What happened to clients, so that the test tells whether it has tested anything. */
const seen = { cut: 0, resumed: 0, begun: 0, changed: 0, removed: 0 };

/** A client that comes back with its cursor whenever its stream is over. */
class Follower {
  readonly #world: WatchWorld;
  readonly filter: { tag?: string; namePrefix?: string; beats?: boolean };
  client: WatchClient;
  #reading: Promise<unknown> | null = null;

  constructor(world: WatchWorld, filter: Follower['filter']) {
    this.#world = world;
    this.filter = filter;
    this.client = world.watch(filter);
  }

  /** Begins to read the next event, if it is not waiting for one. */
  async read(): Promise<void> {
    if (this.client.ended || this.client.left) await this.comeBack();
    if (this.#reading === null) {
      const reading = this.client.read().then(() => {
        if (this.#reading === reading) this.#reading = null;
      });
      this.#reading = reading;
    }
    await settle(4);
  }

  async comeBack(): Promise<void> {
    const { cursor, known, problems, error, heard } = this.client;
    if (problems.length > 0) throw new Error(problems.join('; '));
    if (error !== null) seen.cut += 1;
    if (heard[0] === 'heartbeat') seen.resumed += 1;
    else if (heard.length > 0) seen.begun += 1;
    seen.changed += heard.filter((event) => event.startsWith('changed')).length;
    seen.removed += heard.filter((event) => event.startsWith('removed')).length;
    this.client.leave();
    this.#reading = null;
    void this.client.dispose();
    this.client = this.#world.watch({ ...this.filter, cursor }, known);
  }

  /** Reads until nothing has happened for a while. */
  async catchUp(): Promise<void> {
    // Two in a row of one stream: one that had been cut, for not having been read, begins again.
    for (let quiet = 0; quiet < 2; ) {
      const { client } = this;
      const heard = client.heard.length;
      await this.read();
      if (this.#reading !== null) await this.#world.clock.advance(15_000);
      if (this.client !== client || client.ended) quiet = 0;
      else if (client.heard.length > heard) quiet = client.heard.at(-1) === 'heartbeat' ? quiet + 1 : 0;
    }
  }

  /** What is wrong with what it knows, as pairs of what it knows and what there is. */
  wrong(): string[] {
    const state = this.#world.state(this.filter);
    const told = (monitor: MonitorMessage | undefined): string => {
      if (!monitor) return 'nothing';
      const { createdAt, lastBeatAt, status, tags } = monitor;
      return JSON.stringify([
        Number(createdAt!.nanos),
        status,
        tags,
        this.filter.beats ? Number(lastBeatAt!.seconds) : 0,
      ]);
    };
    const all = new Set([...Object.keys(state), ...this.client.known.keys()]);
    return [...all].flatMap((name) => {
      const [known, is] = [told(this.client.known.get(name)), told(state[name])];
      return known === is ? [] : [`${name}: ${known} for ${is}`];
    });
  }
}

function apply(world: WatchWorld, change: Change): void {
  const { kind, name } = change;
  if (kind === 'put') world.put(name, { tags: change.tags, status: change.down ? 'down' : 'up' });
  else if (kind === 'remove') world.remove(name);
  else if (world.monitors.has(name)) world.beat(name);
}

t.test('whoever applies what comes knows what is', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 10, maxLength: 80, size: 'max' }),
      fc.infiniteStream(fc.option(change, { freq: 1 })),
      fc.constantFrom({ changesMax: 2, pendingMax: 3 }, { changesMax: 40, pendingMax: 50 }),
      async (steps, meanwhile, limits) => {
        const world = new WatchWorld(limits);
        for (let index = 0; index < 120; index++) world.put(`b${String(index).padStart(3, '0')}`, { tags: ['x'] });
        world.pause = async () => {
          const { value } = meanwhile.next();
          if (value) apply(world, value);
        };
        const followers = filters.map((filter) => new Follower(world, filter));
        for (const step of steps) {
          if (step.kind === 'change') for (const each of step.changes) apply(world, each);
          else if (step.kind === 'read') await followers[step.client]!.read();
          else if (step.kind === 'leave') followers[step.client]!.client.leave();
          else {
            world.restart();
            for (const follower of followers) await follower.comeBack();
          }
        }
        world.pause = async () => {};
        for (const follower of followers) await follower.catchUp();
        const wrong = followers.flatMap((follower) => follower.wrong());
        if (wrong.length > 0) throw new Error(wrong.join('; '));
        for (const follower of followers) {
          await follower.comeBack();
          follower.client.leave();
        }
        await settle();
        if (world.feed.watchers > 0 || world.clock.pendingTimers > 0) throw new Error('something is left');
      },
    ),
    { numRuns: 100 },
  );
  for (const [what, times] of Object.entries(seen)) t.ok(times > 20, `${what}: ${times} times`);
});
