import { create } from '@bufbuild/protobuf';
import t from 'tap';
import { WatchMonitorsRequestSchema } from '../../../gen/ts/tocsin/v1/monitor_pb.ts';
import { ChangeFeed } from '../../../server/service/watch/change-feed.ts';
import { watchMonitors } from '../../../server/service/watch/watch-monitors.ts';
import { minuteMs, wholeHours } from '../../engine/cast.ts';
import { EngineUnderTest } from '../../engine/engine-under-test.ts';
import { WatchClient } from './watch-world.ts';

// The races of the model once more, with what is real: the engine's commits, and snapshots that threads read.

const count = 450;
const nameOf = (index: number) => `m${String(index % count).padStart(3, '0')}`;

t.test('the engine, the store and its readers: a watcher ends with what is stored', async (t) => {
  const feed = new ChangeFeed({ id: 'feed' });
  const under = await EngineUnderTest.start(t, { changes: feed });
  const { store, engine, clock } = under;
  for (let index = 0; index < count; index += 2) await under.send({ name: nameOf(index) });

  const serve = watchMonitors({ feed, store, clock, nextOccurrence: wholeHours });
  const watch = (request = {}) => new WatchClient(serve, create(WatchMonitorsRequestSchema, request));
  const clients = [{}, { tag: 'x' }, { namePrefix: 'm1' }, { beats: true }].map((filter) => ({
    filter,
    ...follow(filter),
  }));
  function follow(filter: object) {
    const client = watch(filter);
    return { client, reading: client.readOn() };
  }

  // Strides that have no divisor in common with the count: each monitor sees several kinds of change, in an order of its own.
  for (let step = 0; step < 600; step++) {
    const name = nameOf(step * 7);
    const others = [under.send({ name: nameOf(step * 11) }), under.send({ name: nameOf(step * 13), status: 'fail' })];
    const tags = step % 2 === 0 ? ['x'] : ['y'];
    others.push(engine.configure({ name, mode: 'upsert', patch: { frequencyMs: minuteMs, tags }, etag: null }));
    if (step % 3 === 0) others.push(engine.remove(nameOf(step * 17)));
    await Promise.all(others);
    if (step === 300) await clock.advance(2 * minuteMs);
  }

  const { monitors: stored } = await store.find({ order: 'name', after: null, limit: 501 });
  for (const { filter, client, reading } of clients) {
    const { tag = '', namePrefix = '' } = filter as { tag?: string; namePrefix?: string };
    const wanted = stored
      .filter(({ name, config }) => name.startsWith(namePrefix) && (tag === '' || config.tags.includes(tag)))
      .map(({ name, status, config }) => `${name} ${status} ${config.tags}`);
    while (client.heard.at(-1) !== 'heartbeat') await clock.advance(15_000);
    const statuses = ['', 'new', 'up', 'up', 'down', 'paused'];
    const known = [...client.known.values()].map(({ name, status, tags }) => `${name} ${statuses[status]} ${tags}`);
    t.same(known.sort(), wanted, JSON.stringify(filter));
    t.ok(wanted.length > 20);
    t.same(client.problems, []);
    client.leave();
    await reading;
  }
  t.equal(feed.watchers, 0);
});
