import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import t, { type Test } from 'tap';
import type { Notice } from '../../server/engine/domain/notice.ts';
import type { Settlement } from '../../server/outbox/delivery-queue.ts';
import { Database } from '../../server/store/sqlite/database.ts';
import { type DeliveryLimits, SqliteDeliveryQueue } from '../../server/store/sqlite/sqlite-delivery-queue.ts';
import { SqliteStore } from '../../server/store/sqlite/sqlite-store.ts';
import { StoreError } from '../../server/store/store.ts';
import { minuteMs, tenMs } from '../engine/cast.ts';
import { buried, sent } from '../support/settlements.ts';
import { change, create, delivery, fresh } from './store-contract.ts';

function sceneOf(t: Test, limits: Partial<DeliveryLimits> = {}) {
  const path = join(t.testdir(), 'queue.db');
  const db = new Database(path);
  t.teardown(() => db.close());
  const scene = {
    path,
    queue: new SqliteDeliveryQueue(db, { limits }),
    /** Called when long work lets others have their turn. */
    meanwhile: () => {},
    restart: () => {
      const afterIo = (run: () => void) => {
        scene.meanwhile();
        setImmediate(run);
      };
      scene.queue = new SqliteDeliveryQueue(db, { limits, afterIo });
    },
    add: (monitorId: number, id: string, fields: Partial<Notice> = {}) => {
      scene.queue.add(monitorId, delivery(id, { incidentId: `i-${monitorId}`, message: id, ...fields }));
      scene.queue.follow();
    },
    form: (id: string, keepMembers = false) =>
      scene.queue.formDigest({ channel: 'default', id, nowMs: tenMs, onlyDowns: false, keepMembers }),
    claim: async () => scene.queue.claim({ nowMs: tenMs, limit: 10_000, leaseMs: minuteMs }),
    claimIds: async () => (await scene.claim()).map(({ id }) => id),
    rows: (table: string) => {
      const plain = new DatabaseSync(path, { readOnly: true });
      const { count } = plain.prepare(`SELECT count(*) AS count FROM ${table}`).get() as { count: number };
      plain.close();
      return count;
    },
  };
  scene.restart();
  return scene;
}

t.test('beyond its bound a channel takes no more, and says so', async (t) => {
  const { queue, add, claimIds } = sceneOf(t, { pendingMax: 3 });
  for (let n = 1; n <= 5; n++) add(n, `d-${n}`);
  t.match(await queue.stats(), { pending: 3, buried: 2 });
  t.match(await queue.get('d-4'), {
    state: 'buried',
    attemptCount: 0,
    attempts: [{ number: 0, detail: 'not taken: 3 deliveries of this channel wait already' }],
  });
  const [first] = await queue.claim({ nowMs: tenMs, limit: 1, leaseMs: 1 });
  await queue.settle([sent(first!.seq)]);
  add(6, 'd-6');
  t.same((await claimIds()).sort(), ['d-2', 'd-3', 'd-6']);
});

t.test('the newest that were sent are kept, with their attempts', async (t) => {
  const { queue, add, claim, form, rows } = sceneOf(t, { sent: { deliveries: 5, notices: 1_000 } });
  for (let n = 1; n <= 120; n++) add(n, `d-${n}`);
  t.equal(await form('digest'), 120);
  for (let n = 1; n <= 8; n++) add(200 + n, `late-${n}`);
  await queue.settle((await claim()).map(({ seq }) => sent(seq)));
  while (queue.trim(1_000_000, 2) > 0 || rows('digests') > 0);
  const left = await queue.list({ channel: null, states: [], beforeSeq: null, limit: 100 });
  t.same(
    left.map(({ id }) => id),
    ['late-8', 'late-7', 'late-6', 'late-5', 'late-4'],
  );
  t.same([rows('deliveries'), rows('attempts'), rows('digests')], [5, 5, 0]);
});

t.test('what was given up is kept as long as other history', async (t) => {
  const { queue, add, claim, form, rows } = sceneOf(t);
  for (let n = 1; n <= 500; n++) add(n, `d-${n}`);
  await form('digest');
  const [digest] = await claim();
  await queue.settle([buried(digest!.seq, tenMs)]);
  t.equal(queue.trim(1_000_000, 100), 0);
  t.equal(rows('deliveries'), 501);
  for (let n = 0; n < 10; n++) queue.trim(0, 4_096);
  t.same([rows('deliveries'), rows('attempts'), rows('digests')], [0, 0, 0]);
  t.match(await queue.stats(), { buried: 0 });
});

t.test('of what is kept the notices are bounded too', async (t) => {
  const few = { deliveries: 1_000, notices: 250 };
  const scene = sceneOf(t, { sent: few, buried: few });
  const settleDigests = async (kind: string, settle: (seq: number) => Settlement) => {
    for (let n = 1; n <= 5; n++) {
      for (let m = 1; m <= 120; m++) scene.add(m, `${kind}-${n}-${m}`);
      await scene.form(`${kind}-${n}`);
      await scene.queue.settle((await scene.claim()).map(({ seq }) => settle(seq)));
    }
  };
  const left = async () => {
    while (scene.queue.trim(1_000, 1_000) > 0);
    return (await scene.queue.list({ channel: null, states: [], beforeSeq: null, limit: 100 })).map(({ id }) => id);
  };
  await settleDigests('sent', (seq) => sent(seq));
  t.same(await left(), ['sent-5', 'sent-4'], 'a hundred of each');
  t.equal(scene.rows('deliveries'), 2 * 101);
  await settleDigests('buried', (seq) => buried(seq, tenMs));
  t.same(await left(), ['buried-5', 'buried-4', 'sent-5', 'sent-4']);
  t.equal(scene.rows('deliveries'), 2 * 101 + 2 * 121);
  t.match(await scene.queue.redeliver('buried-4', tenMs), 'done');
  scene.restart();
  t.same(await left(), ['buried-4', 'buried-5', 'sent-5', 'sent-4'], 'counted anew');
  t.match(await scene.claim(), [{ id: 'buried-4', notices: { length: 120 } }]);
  t.equal(scene.rows('deliveries WHERE state = 0'), 1, 'a start reads nothing else');
});

t.test('what was being settled when the process ended is settled at the next start', async (t) => {
  for (const settle of [sent, (seq: number) => buried(seq, tenMs)]) {
    const scene = sceneOf(t);
    for (let n = 1; n <= 350; n++) scene.add(n, `d-${n}`);
    await scene.form('digest');
    const [digest] = await scene.claim();
    let turns = 0;
    scene.meanwhile = () => {
      turns += 1;
      if (turns === 2) throw new Error('the process ends');
    };
    await t.rejects(scene.queue.settle([settle(digest!.seq)]), /ends/);
    t.ok(scene.rows('deliveries WHERE state = 0') > 0);
    scene.meanwhile = () => {};
    scene.restart();
    t.equal(scene.rows('deliveries WHERE state = 0'), 0);
    t.equal(scene.rows('deliveries WHERE state = -1'), settle === sent ? 100 : 350);
    t.match(await scene.queue.stats(), { pending: 0 });
    t.same(await scene.claimIds(), []);
    t.match(await scene.queue.get('digest'), { noticeCount: 350, notices: { length: 100 } });
  }
});

t.test('a digest that cannot be stored leaves all as it was', async (t) => {
  const { queue, add, claimIds, form, path } = sceneOf(t);
  for (let n = 1; n <= 4; n++) add(n, `d-${n}`);
  const plain = new DatabaseSync(path);
  plain.exec("CREATE TRIGGER broken BEFORE INSERT ON digests BEGIN SELECT RAISE(ABORT, 'broken'); END");
  await t.rejects(form('digest', true), StoreError);
  t.match(await queue.waiting(tenMs), [{ fresh: 4 }]);
  plain.exec('DROP TRIGGER broken');
  plain.close();
  t.equal(await form('again', true), 4);
  t.same(await claimIds(), ['again']);
});

t.test('while a digest is formed and settled others have their turn', async (t) => {
  const scene = sceneOf(t);
  for (let n = 1; n <= 3_000; n++) scene.add(n, `d-${n}`);
  let turns = 0;
  scene.meanwhile = () => {
    turns += 1;
    scene.add(turns, `up-${turns}`, { type: 'up' });
    scene.add(10_000 + turns, `new-${turns}`, { type: 'up' });
  };
  t.equal(await scene.form('digest', true), 3_000 - (await merged()), 'but for what was over by then');
  t.ok(turns > 5);
  const [digest] = (await scene.claim()).filter(({ id }) => id === 'digest');
  const before = turns;
  await scene.queue.settle([sent(digest!.seq)]);
  t.ok(turns > before + 5);
  scene.meanwhile = () => {};
  const rest = new Set(await scene.claimIds());
  const { pending } = await scene.queue.stats();
  t.ok(rest.has(`up-${turns}`) && pending === 2 * turns);

  /** Downs that a recovery made one with it before they were bound. */
  async function merged(): Promise<number> {
    const ups = await scene.queue.list({ channel: null, states: ['pending'], beforeSeq: null, limit: 1_000 });
    return ups.filter(({ notices: [notice] }) => notice?.merged).length;
  }
});

t.test('after a restart', async (t) => {
  await t.test('a digest still waits, and what is behind it', async (t) => {
    const scene = sceneOf(t);
    for (let n = 1; n <= 3; n++) scene.add(n, `d-${n}`);
    await scene.form('digest', true);
    scene.add(2, 'up', { type: 'up' });
    scene.restart();
    t.match(await scene.queue.stats(), { pending: 2 });
    const [digest, ...more] = await scene.claim();
    t.same([digest!.notices.length, more.length], [3, 0]);
    await scene.queue.settle([sent(digest!.seq)]);
    scene.restart();
    t.match(await scene.claim(), [{ id: 'up', toldInDigest: true, endedDigests: [] }]);
    t.equal((await scene.queue.stats()).pending, 1, 'what was sent with it does not come back');
  });

  await t.test('what may have been attempted keeps to its own id', async (t) => {
    const scene = sceneOf(t);
    for (let n = 1; n <= 4; n++) scene.add(n, `d-${n}`);
    await scene.queue.claim({ nowMs: tenMs, limit: 1, leaseMs: minuteMs });
    scene.restart();
    t.equal(await scene.form('digest'), 3);
    t.same((await scene.claimIds()).sort(), ['d-1', 'digest']);
  });
});

t.test('what waits of a monitor survives its removal, in order', async (t) => {
  const store = new SqliteStore(t.testdir());
  t.teardown(() => store.close());
  const [monitor] = await create(store, fresh({ name: 'm' }));
  const [committed] = await store.commit([change(monitor!, { deliveries: [delivery('down')] })]);
  const { version } = committed as Extract<typeof committed, { ok: true }>;
  const claimed = await store.deliveries.claim({ nowMs: tenMs, limit: 9, leaseMs: minuteMs });
  const removal = change({ ...monitor!, version }, { deliveries: [delivery('closed', { type: 'closed' })] });
  await store.commit([{ ...removal, remove: true }]);
  t.match(await store.deliveries.stats(), { pending: 2 });
  await store.deliveries.settle([sent(claimed[0]!.seq)]);
  t.match(await store.deliveries.claim({ nowMs: tenMs, limit: 9, leaseMs: minuteMs }), [{ id: 'closed' }]);
});
