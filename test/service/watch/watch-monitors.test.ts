import { Code, ConnectError } from '@connectrpc/connect';
import t from 'tap';
import { StoreError } from '../../../server/store/store.ts';
import { settle } from '../../support/fake-clock.ts';
import { type WatchClient, WatchWorld } from './watch-world.ts';

/** Reads so many events. */
async function read(client: WatchClient, events: number): Promise<string[]> {
  const from = client.heard.length;
  for (let event = 0; event < events; event++) await client.read();
  return client.heard.slice(from);
}

t.test('a snapshot, then what changes', async (t) => {
  const world = new WatchWorld();
  world.put('a');
  world.put('b');
  const client = world.watch();
  t.same(await read(client, 1), ['snapshot a b']);
  world.put('a', { status: 'down' });
  world.put('c');
  world.remove('b');
  t.same(await read(client, 3), ['changed a', 'changed c', 'removed b']);
  t.same(Object.fromEntries(client.known), world.state());
  t.same(client.problems, []);
});

t.test('an empty store has an empty snapshot; a long one comes in parts', async (t) => {
  const world = new WatchWorld();
  t.same(await read(world.watch(), 1), ['snapshot']);
  for (let index = 100; index < 350; index++) world.put(`m${index}`);
  const client = world.watch();
  const parts = await read(client, 3);
  t.same(
    parts.map((part) => part.split(' ').length - 1),
    [100, 100, 50],
  );
  t.same(Object.fromEntries(client.known), world.state());
  t.same(client.problems, []);
});

t.test('what changes while the snapshot is read comes after it', async (t) => {
  const world = new WatchWorld();
  for (let index = 100; index < 300; index++) world.put(`m${index}`);
  const client = world.watch();
  await client.read();
  world.put('m100', { status: 'down' });
  world.remove('m101');
  world.put('m099');
  world.put('m250', { status: 'down' });
  t.match(await read(client, 5), [/^snapshot m200/, 'changed m100', 'removed m101', 'changed m099', 'changed m250']);
  t.same(Object.fromEntries(client.known), world.state());
});

t.test(
  'each monitor waits once, with its newest state; a removal keeps its place before what follows it',
  async (t) => {
    const world = new WatchWorld();
    world.put('a');
    world.put('b');
    const client = world.watch();
    await client.read();
    world.put('a', { status: 'down' });
    world.put('b', { status: 'down' });
    world.put('a', { status: 'up' });
    t.same(await read(client, 2), ['changed a', 'changed b']);
    t.match(client.known.get('a'), { status: world.state().a && 2 });
    world.put('a', { status: 'down' });
    world.remove('a');
    world.put('a', { tags: ['again'] });
    t.same(await read(client, 2), ['removed a', 'changed a']);
    t.match(client.known.get('a'), { tags: ['again'] });
  },
);

t.test('resumed with a cursor: what changed since, without a snapshot', async (t) => {
  const world = new WatchWorld();
  world.put('a');
  world.put('b');
  const before = world.watch();
  await before.read();
  world.put('a', { status: 'down' });
  await before.read();
  await before.dispose();
  t.equal(world.feed.watchers, 0);
  world.put('c');
  world.put('c', { status: 'down' });
  world.remove('b');
  const client = world.watch({ cursor: before.cursor });
  t.same(await read(client, 3), ['heartbeat', 'changed c', 'removed b']);
  t.equal(Buffer.byteLength(client.cursor) <= 64, true);
});

t.test('a cursor that does not hold any more begins anew', async (t) => {
  const world = new WatchWorld({ changesMax: 3 });
  world.put('a');
  const { cursor } = await started(world);
  for (let round = 0; round < 3; round++) world.put('a', { status: 'down' });
  t.same(await read(world.watch({ cursor }), 1), ['heartbeat'], 'the ring has just enough');
  world.put('a');
  t.same(await read(world.watch({ cursor }), 1), ['snapshot a'], 'too old');

  const { cursor: newer } = await started(world);
  t.same(await read(world.watch({ cursor: newer, tag: 'x' }), 1), ['snapshot'], 'of another filter');
  t.same(await read(world.watch({ cursor: newer, beats: true }), 1), ['snapshot a'], 'of a watcher without beats');
  t.same(await read(world.watch({ cursor: 'none' }), 1), ['snapshot a'], 'no cursor');
  world.restart();
  t.same(await read(world.watch({ cursor: newer }), 1), ['snapshot a'], 'of another start');
});

async function started(world: WatchWorld, request: { beats?: boolean } = {}): Promise<WatchClient> {
  const client = world.watch(request);
  await client.read();
  await client.dispose();
  return client;
}

t.test('the cursor never passes what has not been sent', async (t) => {
  const world = new WatchWorld();
  for (const name of ['a', 'b', 'c']) world.put(name);
  const client = world.watch();
  await client.read();
  world.put('a', { status: 'down' });
  world.put('b', { status: 'down' });
  world.put('a', { status: 'up' });
  world.put('c', { status: 'down' });
  t.same(await read(client, 1), ['changed a']);
  t.same(await read(world.watch({ cursor: client.cursor }), 4), ['heartbeat', 'changed b', 'changed a', 'changed c']);
  t.same(await read(client, 1), ['changed b']);
  t.same(await read(world.watch({ cursor: client.cursor }), 2), ['heartbeat', 'changed c']);
});

t.test('only some: by tag, by the beginning of the name', async (t) => {
  const world = new WatchWorld();
  world.put('web/a', { tags: ['prod'] });
  world.put('web/b');
  world.put('job', { tags: ['prod', 'night'] });
  const byTag = world.watch({ tag: 'prod' });
  t.same(await read(byTag, 1), ['snapshot job web/a']);
  const byName = world.watch({ namePrefix: 'web/' });
  t.same(await read(byName, 1), ['snapshot web/a web/b']);
  world.put('web/b', { tags: ['prod'] });
  world.put('job', { tags: ['night'] });
  world.put('job', { status: 'down' });
  world.remove('web/a');
  t.same(await read(byTag, 3), ['changed web/b', 'removed job', 'removed web/a']);
  t.same(await read(byName, 2), ['changed web/b', 'removed web/a']);
  t.same(Object.fromEntries(byTag.known), world.state({ tag: 'prod' }));
  t.same(Object.fromEntries(byName.known), world.state({ namePrefix: 'web/' }));

  await byTag.dispose();
  world.put('web/b', { tags: [] });
  t.same(await read(world.watch({ tag: 'prod', cursor: byTag.cursor }), 2), ['heartbeat', 'removed web/b']);
});

t.test('beats are told to those who want them, and kept for those who may come back', async (t) => {
  const world = new WatchWorld({ changesMax: 10 });
  world.put('a');
  t.equal(world.feed.wantsBeats, false);
  const quiet = world.watch();
  await quiet.read();
  const client = world.watch({ beats: true });
  await client.read();
  t.equal(world.feed.wantsBeats, true);
  world.beat('a');
  t.same(await read(client, 1), ['changed a']);
  await client.dispose();
  world.beat('a');
  const back = world.watch({ beats: true, cursor: client.cursor });
  t.same(await read(back, 2), ['heartbeat', 'changed a']);
  t.same(Object.fromEntries(back.known), world.state());

  await back.dispose();
  for (let beat = 0; beat < 20; beat++) world.beat('a');
  t.equal(world.feed.wantsBeats, false, 'nobody can come back any more');
  t.same(await read(world.watch({ beats: true, cursor: back.cursor }), 1), ['snapshot a']);
  world.put('a', { status: 'down' });
  t.same(await read(quiet, 1), ['changed a'], 'it heard of no beat');
});

t.test('a heartbeat when nothing has changed for 15 s, its cursor as new as can be', async (t) => {
  const world = new WatchWorld();
  const client = world.watch({ tag: 'prod' });
  await client.read();
  const { cursor } = client;
  const reading = client.readOn();
  world.put('not prod');
  await world.clock.advance(14_999);
  t.same(client.heard, ['snapshot']);
  await world.clock.advance(1);
  t.same(client.heard, ['snapshot', 'heartbeat']);
  t.not(client.cursor, cursor);
  await world.clock.advance(10_000);
  world.put('prod', { tags: ['prod'] });
  await world.clock.advance(14_999);
  t.same(client.heard, ['snapshot', 'heartbeat', 'changed prod'], 'counted from the last event');
  await world.clock.advance(1);
  t.equal(client.heard.at(-1), 'heartbeat');
  client.leave();
  await reading;
  t.equal(client.error, null);
});

t.test('a watcher that does not read is cut when too many monitors wait, and can begin again', async (t) => {
  const world = new WatchWorld({ pendingMax: 3, changesMax: 3 });
  world.put('a');
  const client = world.watch();
  await client.read();
  for (const name of ['b', 'c', 'd']) world.put(name);
  for (let round = 0; round < 10; round++) world.put('b', { status: 'down' });
  t.equal(world.feed.watchers, 1, 'what changes again does not count again');
  world.put('e');
  t.equal(world.feed.watchers, 0);
  await client.readOn();
  t.match(client.error, { code: Code.ResourceExhausted });
  t.equal(
    ConnectError.from(client.error).rawMessage,
    'what there is to tell was not read in time; begin again with the last cursor',
  );
  const again = world.watch({ cursor: client.cursor });
  t.same(await read(again, 1), ['snapshot a b c d e']);
});

t.test('a watcher that has not read for a minute is cut, though little waits', async (t) => {
  const world = new WatchWorld();
  const client = world.watch();
  await client.read();
  world.put('a');
  await world.clock.advance(59_999);
  t.same(await read(client, 1), ['changed a']);
  await world.clock.advance(59_999);
  t.equal(world.feed.watchers, 1);
  await world.clock.advance(1);
  t.equal(world.feed.watchers, 0);
  await client.readOn();
  t.match(client.error, { code: Code.ResourceExhausted });
  t.same(await read(world.watch({ cursor: client.cursor }), 1), ['heartbeat'], 'it goes on where it was');
});

t.test('there is room for so many watchers', async (t) => {
  const world = new WatchWorld({ watchersMax: 2 });
  const first = world.watch();
  await first.read();
  await world.watch().read();
  const third = world.watch();
  await third.read();
  t.match(third.error, { code: Code.ResourceExhausted });
  await first.dispose();
  const fourth = world.watch();
  t.same(await read(fourth, 1), ['snapshot']);
});

t.test('who leaves is forgotten, wherever the stream is', async (t) => {
  const world = new WatchWorld();
  for (let index = 0; index < 250; index++) world.put(`m${index}`);
  const unread = world.watch();
  unread.leave();
  await unread.readOn();
  const inSnapshot = world.watch();
  await inSnapshot.read();
  inSnapshot.leave();
  t.equal(world.feed.watchers, 0, 'at once, though it does not read on');
  await inSnapshot.readOn();
  const waiting = world.watch({ beats: true });
  const reading = waiting.readOn();
  await settle(20);
  t.equal(world.feed.watchers, 1);
  waiting.leave();
  await reading;
  t.equal(world.feed.watchers, 0);
  for (const client of [unread, inSnapshot, waiting]) t.equal(client.error, null);
  t.equal(world.clock.pendingTimers, 0, 'no timer is left');
});

t.test('a thousand that break off leave nothing behind', async (t) => {
  const world = new WatchWorld();
  for (let index = 0; index < 120; index++) world.put(`m${index}`);
  for (let index = 0; index < 1_000; index++) {
    const client = world.watch({ beats: index % 2 === 0 });
    for (let event = 0; event < index % 3; event++) await client.read();
    // Some wait for the next change, some read no more.
    const reading = index % 5 === 0 ? client.readOn() : null;
    world.put('m1');
    client.leave();
    await reading;
  }
  t.equal(world.feed.watchers, 0);
  await world.clock.advance(0);
  t.equal(world.clock.pendingTimers, 0);
});

t.test('a store that cannot be read ends the stream', async (t) => {
  const world = new WatchWorld();
  world.pause = () => Promise.reject(new StoreError('io', 'disk away'));
  const client = world.watch();
  await client.read();
  t.match(client.error, { code: Code.Unavailable });
  t.equal(world.feed.watchers, 0);
  world.pause = async () => {};
  const watching = world.watch();
  await watching.read();
  world.pause = () => Promise.reject(new StoreError('busy', 'too much'));
  world.put('a');
  await watching.read();
  t.match(watching.error, { code: Code.ResourceExhausted });
  t.equal(world.feed.watchers, 0);
});
