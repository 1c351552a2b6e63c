import t from 'tap';
import { StoreError } from '../../server/store/store.ts';
import { deliveryQueueContract } from '../store/delivery-queue-contract.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';
import { MemoryDeliveryQueue } from '../support/memory-delivery-queue.ts';
import { hang, hourMs, laneOf, ok, refused, ScriptedNotifier, sceneOf } from './outbox-scene.ts';

t.test('the queue in memory is a queue', async (t) => {
  deliveryQueueContract(t, () => {
    const queue = new MemoryDeliveryQueue();
    return { queue, add: queue.add.bind(queue) };
  });
});

t.test('sends what is there at the start, and what a poke announces, at once', async (t) => {
  const { clock, queue, notifier, outbox, add, log, details } = sceneOf(t);
  add(1, 'before');
  await outbox.start();
  await settle(10);
  t.same(queue.sent, ['before']);
  add(2, 'after');
  outbox.poke();
  await settle(10);
  t.same(queue.sent, ['before', 'after'], 'no time had to pass');
  t.match(notifier.attempts[0], { id: 'before', attempt: 1, notices: [{ name: 'm1' }] });
  await clock.advance(hourMs);
  t.equal(notifier.attempts.length, 2, 'once each');
  t.same(log, ['alert delivered', 'alert delivered'], 'a line each');
  t.same(details, [
    { delivery: 'before', channel: 'default', monitor: 'm1', type: 'down', attempt: 1, detail: 'HTTP 200' },
    { delivery: 'after', channel: 'default', monitor: 'm2', type: 'down', attempt: 1, detail: 'HTTP 200' },
  ]);
});

t.test('finds by itself what nobody announced', async (t) => {
  const { clock, queue, outbox, add } = sceneOf(t);
  await outbox.start();
  await clock.advance(1_000);
  add(1, 'unannounced');
  await clock.advance(30_000);
  t.same(queue.sent, ['unannounced']);
});

t.test('a receiver that fails is tried again with growing delays, under the same id', async (t) => {
  for (const random of [0, 1 - 2 ** -53]) {
    const { clock, queue, notifier, outbox, add, log, details } = sceneOf(t, { random: () => random });
    notifier.answer = ({ attempt }) => (attempt <= 6 ? refused : ok);
    add(1, 'd-1');
    await outbox.start();
    await clock.advance(10 * 60_000);
    const delays = notifier.attempts.slice(1).map(({ atMs }, n) => atMs - notifier.attempts[n]!.atMs);
    t.equal(delays.length, 6);
    for (const [n, delayMs] of delays.entries()) {
      const leastMs = 1_000 * 2 ** n;
      if (random === 0) t.equal(delayMs, leastMs);
      else t.ok(delayMs > 1.99 * leastMs && delayMs <= 2 * leastMs, `${delayMs} ms after failure ${n + 1}`);
    }
    t.same(new Set(notifier.ids), new Set(['d-1']));
    t.same(
      notifier.attempts.map(({ attempt }) => attempt),
      [1, 2, 3, 4, 5, 6, 7],
    );
    t.same(queue.sent, ['d-1']);
    t.same(log, [...Array(6).fill('alert not delivered yet'), 'alert delivered']);
    t.match(details.at(-1), { delivery: 'd-1', attempt: 7 });
  }
});

t.test('Retry-After is waited for', async (t) => {
  const { clock, notifier, outbox, add } = sceneOf(t);
  notifier.answer = ({ attempt }) =>
    attempt > 1 ? ok : { kind: 'retryable', reason: 'http_status', detail: 'HTTP 429', retryAfterMs: 120_000 };
  add(1, 'd-1');
  await outbox.start();
  await clock.advance(119_999);
  t.equal(notifier.attempts.length, 1);
  await clock.advance(1);
  t.equal(notifier.attempts.length, 2);
});

t.test('an up never overtakes its down; other monitors do not wait for either', async (t) => {
  const { clock, queue, notifier, outbox, add } = sceneOf(t);
  let away = true;
  notifier.answer = ({ notices: [notice] }) => (away && notice.name === 'm1' ? refused : ok);
  for (const id of ['1 down', '1 up', '1 down again']) add(1, id);
  for (const id of ['2 down', '2 up']) add(2, id);
  await outbox.start();
  await clock.advance(60_000);
  t.same(queue.sent, ['2 down', '2 up']);
  t.same(new Set(notifier.ids.filter((id) => id.startsWith('1'))), new Set(['1 down']));
  away = false;
  await clock.advance(120_000);
  t.same(queue.sent.slice(2), ['1 down', '1 up', '1 down again']);
});

t.test('given up: at once when the receiver wants no more, otherwise after 72 h', async (t) => {
  const { clock, queue, notifier, outbox, add, log } = sceneOf(t, { random: () => 0.5 });
  notifier.answer = ({ notices: [notice] }) =>
    notice.name === 'm1' ? { kind: 'permanent', reason: 'http_status', detail: 'HTTP 410', httpStatus: 410 } : refused;
  add(1, 'gone');
  add(1, 'gone too');
  add(2, 'never answers');
  await outbox.start();
  await clock.advance(1_000);
  t.same(queue.buried, [
    { id: 'gone', error: 'http_status: HTTP 410' },
    { id: 'gone too', error: 'http_status: HTTP 410' },
  ]);
  await clock.advance(72 * hourMs - 2_000);
  t.equal(queue.buried.length, 2, 'not before 72 h');
  await clock.advance(hourMs);
  t.same(queue.buried[2], { id: 'never answers', error: 'network: connection refused' });
  t.equal((await queue.stats()).pending, 0);
  t.equal(log.filter((line) => line === 'alert not delivered: given up').length, 3);
});

t.test('a channel that hangs holds up nobody else', async (t) => {
  const clock = new FakeClock();
  const hanging = new ScriptedNotifier(clock);
  hanging.answer = hang;
  // Hardly more than the channel may have: what waits for it must not take the rest.
  const scene = sceneOf(t, { limits: { held: 12 }, others: { hanging } });
  for (let n = 0; n < 100; n++) scene.add(1 + n, `h-${n}`, 'hanging');
  for (let n = 0; n < 50; n++) scene.add(1 + n, `d-${n}`);
  await scene.outbox.start();
  await settle(200);
  t.equal(hanging.underWay, 8, 'as many as a channel may have');
  t.equal(scene.queue.leased, 8, 'the others stay in the queue');
  t.equal(scene.queue.sent.length, 50, 'the other channel is through, in no time');
  t.equal(scene.notifier.underWayMax <= 8, true);
});

t.test('a retry is on time while another channel hangs', async (t) => {
  const clock = new FakeClock();
  const hanging = new ScriptedNotifier(clock);
  hanging.answer = hang;
  const { clock: its, notifier, outbox, add } = sceneOf(t, { others: { hanging } });
  for (let n = 0; n < 100; n++) add(1 + n, `h-${n}`, 'hanging');
  notifier.answer = ({ attempt }) => (attempt === 1 ? { ...refused, retryAfterMs: 1_500 } : ok);
  add(1, 'd-1');
  const startMs = its.wallMs();
  await outbox.start();
  await its.advance(1_500);
  t.same(
    notifier.attempts.map(({ atMs }) => atMs - startMs),
    [0, 1_500],
  );
});

t.test('what is under way is bounded over all channels too', async (t) => {
  const clock = new FakeClock();
  const other = new ScriptedNotifier(clock);
  other.answer = hang;
  const { queue, notifier, outbox, add } = sceneOf(t, { limits: { held: 12 }, others: { other } });
  notifier.answer = hang;
  for (let n = 0; n < 100; n++) add(1 + n, `d-${n}`, n % 2 === 0 ? 'default' : 'other');
  await outbox.start();
  await settle(60);
  t.equal(queue.leased, 12);
  t.equal(notifier.underWay + other.underWay, 12);
  t.ok(notifier.underWay <= 8 && other.underWay <= 8);
});

t.test('what waits behind a hanging attempt is neither lost nor sent twice when its lease ends', async (t) => {
  const { clock, queue, notifier, outbox, add } = sceneOf(t, {
    lane: { concurrency: 1 },
  });
  let release = (): void => {};
  notifier.answer = ({ id }) =>
    id === 'd-0'
      ? new Promise((resolve) => {
          release = () => resolve(ok);
        })
      : ok;
  for (let n = 0; n < 5; n++) add(1 + n, `d-${n}`);
  await outbox.start();
  clock.suspend(10 * 60_000);
  await clock.advance(40_000);
  t.same(notifier.ids, ['d-0'], 'its lease was over long ago; it is still this one attempt');
  release();
  await clock.advance(10 * 60_000);
  t.same(notifier.ids.toSorted(), ['d-0', 'd-1', 'd-2', 'd-3', 'd-4']);
  t.same(queue.sent.toSorted(), ['d-0', 'd-1', 'd-2', 'd-3', 'd-4']);
});

t.test('a queue that always says something is due does not make it spin', async (t) => {
  const { clock, queue, outbox } = sceneOf(t);
  let calls = 0;
  queue.fail = (operation) => {
    if (operation === 'waiting') calls++;
  };
  queue.nextClaimMs = async () => 0;
  await outbox.start();
  await clock.advance(10_000);
  t.ok(calls >= 9 && calls <= 12, `${calls} claims in 10 s`);
});

t.test('attempts that end together are settled together', async (t) => {
  const { queue, notifier, outbox, add } = sceneOf(t);
  let release = (): void => {};
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  notifier.answer = async ({ notices: [notice] }) => {
    await released;
    // In one turn of the event loop, but not in one go.
    for (let n = 0; n < 10 * Number(notice.name.slice(1)); n++) await null;
    return ok;
  };
  for (let n = 0; n < 8; n++) add(1 + n, `d-${n}`);
  await outbox.start();
  await settle(10);
  t.equal(notifier.underWay, 8);
  release();
  await settle(10);
  t.same(queue.settled, [8]);
});

t.test('a queue that fails: nothing is lost, nothing sent twice, and it is left alone for a second', async (t) => {
  const { clock, queue, notifier, outbox, add, log } = sceneOf(t);
  await outbox.start();
  let calls = 0;
  queue.fail = () => {
    calls++;
    throw new StoreError('full', 'the disk is full');
  };
  add(1, 'd-1');
  outbox.poke();
  for (let n = 0; n < 100; n++) {
    outbox.poke();
    await clock.advance(100);
  }
  t.ok(calls >= 9 && calls <= 12, `${calls} calls in 10 s, in spite of 100 pokes`);
  t.equal(notifier.attempts.length, 0);
  queue.fail = () => {};
  await clock.advance(2_000);
  t.same(queue.sent, ['d-1']);

  // It can be claimed and sent, but not settled: for ten minutes, ten leases long.
  queue.fail = (operation) => {
    if (operation === 'settle') throw new StoreError('io', 'the disk is away');
  };
  add(2, 'd-2');
  outbox.poke();
  await clock.advance(600_000);
  queue.fail = () => {};
  await clock.advance(2_000);
  t.same(notifier.ids, ['d-1', 'd-2'], 'each was sent once');
  t.same(queue.sent, ['d-1', 'd-2']);
  t.same(
    log.filter((line) => line.includes('queue')),
    Array(2).fill(['the queue of alerts fails', 'the queue of alerts works again']).flat(),
    'one line each, not one a second',
  );
});

t.test('a start over a queue that cannot be written fails', async (t) => {
  const { queue, outbox } = sceneOf(t);
  queue.fail = () => {
    throw new StoreError('io', 'the disk is away');
  };
  await t.rejects(outbox.start(), StoreError);
});

t.test('killed with leases outstanding: the next start sends them at once, with the same ids', async (t) => {
  const { clock, queue, notifier, outbox, add, restart } = sceneOf(t);
  notifier.answer = hang;
  for (let n = 0; n < 20; n++) add(1 + n, `d-${n}`);
  await outbox.start();
  await settle(10);
  t.equal(notifier.underWay, 8);
  // Killed: the first outbox is simply never heard of again.
  const after = new ScriptedNotifier(clock);
  await restart(after).start();
  await settle(60);
  t.same(
    queue.sent.toSorted(),
    Array.from({ length: 20 }, (_, n) => `d-${n}`).toSorted(),
    'without waiting for a lease to end',
  );
  t.same(
    after.attempts.filter(({ attempt }) => attempt !== 1),
    [],
    'an attempt that was interrupted does not count as failed',
  );
});

t.test('stop', async (t) => {
  await t.test('waits for attempts under way, and claims nothing more', async (t) => {
    const { clock, queue, notifier, outbox, add } = sceneOf(t);
    let release = (): void => {};
    notifier.answer = () =>
      new Promise((resolve) => {
        release = () => resolve(ok);
      });
    add(1, 'under way');
    await outbox.start();
    await settle(10);
    let stopped = false;
    const stop = outbox.stop(5_000).then(() => {
      stopped = true;
    });
    add(2, 'too late');
    outbox.poke();
    await clock.advance(4_000);
    t.equal(stopped, false);
    release();
    await settle(10);
    await stop;
    t.same(queue.sent, ['under way']);
    t.same(notifier.ids, ['under way']);
    t.equal(queue.leased, 0, 'the other is free for the next start');
  });

  await t.test('starts nothing that a claim still brings', async (t) => {
    const { queue, notifier, outbox, add } = sceneOf(t);
    add(1, 'd-1');
    let open = (): void => {};
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    const claim = queue.claim.bind(queue);
    queue.claim = async (options) => {
      const claimed = await claim(options);
      await gate;
      return claimed;
    };
    await outbox.start();
    await settle(10);
    const stop = outbox.stop(5_000);
    open();
    await stop;
    t.same(notifier.ids, []);
    t.equal((await queue.stats()).pending, 1);
  });

  await t.test('cuts off what hangs, and leaves it due for the next start', async (t) => {
    const { clock, queue, notifier, outbox, add, restart } = sceneOf(t, { lane: { concurrency: 2 } });
    notifier.answer = hang;
    for (let n = 0; n < 5; n++) add(1 + n, `d-${n}`);
    await outbox.start();
    await settle(10);
    t.equal(notifier.underWay, 2);
    const stop = outbox.stop(5_000);
    await clock.advance(4_999);
    t.equal(notifier.underWay, 2, 'not before its time');
    await clock.advance(1);
    await stop;
    t.equal(notifier.underWay, 0);
    t.same(await queue.stats().then(({ pending, failing }) => ({ pending, failing })), { pending: 5, failing: 2 });
    notifier.answer = () => ok;
    await restart().start();
    await settle(60);
    t.equal(queue.sent.length, 5, 'sent at once after the start');
  });

  await t.test('ends although a notifier ignores its signal and the queue fails', async (t) => {
    const { clock, queue, notifier, outbox, add } = sceneOf(t);
    notifier.answer = () => new Promise(() => {});
    add(1, 'd-1');
    await outbox.start();
    await settle(10);
    queue.fail = () => {
      throw new StoreError('io', 'the disk is away');
    };
    const stop = outbox.stop(5_000);
    await clock.advance(7_100);
    await stop;
    t.same(queue.sent, []);
    t.equal((await queue.stats()).pending, 1, 'still there');
  });

  await t.test('does nothing before the start', async (t) => {
    const { queue, outbox, add } = sceneOf(t);
    add(1, 'd-1');
    await outbox.stop(5_000);
    t.same(queue.sent, []);
    t.equal((await queue.stats()).pending, 1);
  });
});

t.test('a notifier that throws is a failure like others', async (t) => {
  const { clock, queue, notifier, outbox, add } = sceneOf(t);
  notifier.answer = ({ attempt }) => {
    if (attempt === 1) throw new Error('a bug with https://secret.example in it');
    return ok;
  };
  add(1, 'd-1');
  await outbox.start();
  await settle(10);
  t.match(await queue.stats(), { pending: 1, failing: 1, lastError: 'internal: the notifier failed' });
  await clock.advance(5_000);
  t.same(queue.sent, ['d-1']);
});

t.test('what waits for a channel that is gone is given up, says why, and can be sent again', async (t) => {
  const { clock, queue, notifier, outbox, add, lanes } = sceneOf(t);
  for (let n = 1; n <= 100; n++) add(n, `d-${n}`, 'pager');
  await outbox.start();
  await settle(10);
  t.equal((await queue.stats()).pending, 0);
  t.equal(queue.buried.length, 100);
  t.match(await queue.get('d-7'), { state: 'buried', attempts: [{ outcome: 'permanent', reason: 'no_channel' }] });
  t.match((await queue.get('d-7'))!.attempts[0]!.detail, /"pager"/);
  lanes.set('pager', laneOf(notifier));
  await queue.redeliver('d-7', clock.wallMs());
  outbox.poke();
  await settle(10);
  t.same(queue.sent, ['d-7']);
});

t.test('10,000 deliveries drain in order, never more than eight at once', async (t) => {
  const { clock, queue, notifier, outbox, add } = sceneOf(t);
  notifier.answer = ({ id, attempt }) => (attempt === 1 && Number(id) % 11 === 7 ? refused : ok);
  const monitors = 500;
  for (let n = 0; n < 10_000; n++) add(1 + (n % monitors), `${n}`);
  await outbox.start();
  for (let turn = 0; turn < 1_000 && queue.sent.length < 10_000; turn++) {
    await settle(20);
    await clock.advance(1_000);
  }
  t.equal(queue.sent.length, 10_000);
  t.equal(notifier.attempts.length, 10_909);
  t.ok(notifier.underWayMax <= 8);
  const lastOf = new Map<number, number>();
  for (const id of queue.sent) {
    const monitor = Number(id) % monitors;
    if (Number(id) < (lastOf.get(monitor) ?? -1)) t.fail(`${id} came too early`);
    lastOf.set(monitor, Number(id));
  }
});

t.test('the wall clock jumps ahead: what waited for a retry is sent soon', async (t) => {
  const { clock, queue, notifier, outbox, add } = sceneOf(t);
  notifier.answer = ({ attempt }) => (attempt <= 10 ? refused : ok);
  add(1, 'd-1');
  await outbox.start();
  while (notifier.attempts.length < 10) await clock.advance(10_000);
  clock.jumpWall(hourMs);
  await clock.advance(30_000);
  t.same(queue.sent, ['d-1']);
});
