import t from 'tap';
import type { Attempt, Verdict } from '../../server/notify/notifier.ts';
import { type Settlement, UnstorableError } from '../../server/outbox/delivery-queue.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';
import { hang, hourMs, laneOf, ok, refused, ScriptedNotifier, sceneOf } from './outbox-scene.ts';

const few = { digest: { above: 5, windowMs: 60_000 } };

/** What was sent, message by message, as the number of notices in it and the seconds since `startMs`. */
function messages(attempts: readonly (Attempt & { atMs: number })[], startMs: number): [notices: number, s: number][] {
  return attempts.map(({ notices, atMs }) => [notices.length, (atMs - startMs) / 1_000]);
}

t.test('10,000 at once are one digest; a lone one is told at once', async (t) => {
  const { clock, queue, notifier, outbox, make, log } = sceneOf(t, { lane: few });
  await outbox.start();
  const startMs = clock.wallMs();
  make(1, 'lone');
  outbox.poke();
  await clock.advance(1);
  t.same(notifier.ids, ['lone']);
  await clock.advance(999);

  for (let n = 0; n < 10_000; n++) make(2 + n, `d-${n}`);
  outbox.poke();
  await clock.advance(10 * 60_000);
  t.same(messages(notifier.attempts, startMs), [
    [1, 0],
    [10_000, 2],
  ]);
  t.match(notifier.attempts[1], { id: 'digest 1', attempt: 1, notices: [{ name: 'm2' }, { name: 'm3' }] });
  t.equal((await queue.stats()).pending, 0);
  t.same(log, ['alert delivered', 'alert delivered'], 'one line for all of them');
});

t.test('a storm: one by one up to the bound, then a digest a minute', async (t) => {
  const { clock, notifier, outbox, make } = sceneOf(t, { lane: few });
  await outbox.start();
  const startMs = clock.wallMs();
  for (let n = 0; n < 90; n++) {
    make(1 + n, `d-${n}`);
    outbox.poke();
    await clock.advance(2_000);
  }
  await clock.advance(120_000);
  const sent = messages(notifier.attempts, startMs);
  t.same(
    sent.slice(0, 6),
    [
      [1, 0],
      [1, 2],
      [1, 4],
      [1, 6],
      [1, 8],
      [1, 11],
    ],
    'the sixth stands for a digest',
  );
  t.equal(
    sent.reduce((sum, [notices]) => sum + notices, 0),
    90,
  );
  t.same(sent.slice(6), [
    [30, 71],
    [30, 131],
    [24, 191],
  ]);
});

t.test('what collects for a digest is not lost by a restart, nor does it collect anew', async (t) => {
  const { clock, queue, notifier, outbox, make, restart } = sceneOf(t, { lane: few });
  for (let n = 1; n <= 10; n++) make(n, `a-${n}`);
  await outbox.start();
  await clock.advance(1_000);
  for (let n = 1; n <= 10; n++) make(n, `b-${n}`);
  outbox.poke();
  await clock.advance(10_000);
  t.equal(notifier.attempts.length, 1, 'the second ten wait for the window to end');
  await outbox.stop(0);
  await restart().start();
  await settle(20);
  t.same(
    notifier.attempts.map(({ notices }) => notices.length),
    [10, 10],
  );
  t.equal((await queue.stats()).pending, 0);
});

t.test('while fresh ones collect, those that were tried go on', async (t) => {
  const { clock, notifier, outbox, make } = sceneOf(t, { lane: few });
  notifier.answer = ({ id, attempt }) => (id === 'd-1' && attempt < 4 ? refused : ok);
  make(1, 'd-1');
  await outbox.start();
  await clock.advance(1_000);
  for (let n = 2; n <= 10; n++) make(n, `d-${n}`);
  outbox.poke();
  await clock.advance(1_000);
  for (let n = 11; n <= 20; n++) make(n, `d-${n}`);
  outbox.poke();
  await clock.advance(10_000);
  t.same(
    notifier.attempts.map(({ id, attempt }) => [id, attempt]),
    [
      ['d-1', 1],
      ['d-1', 2],
      ['digest 1', 1],
      ['d-1', 3],
      ['d-1', 4],
    ],
  );
});

t.test('a batched lane: whatever waits goes as one, however little', async (t) => {
  const { clock, notifier, outbox, make } = sceneOf(t, { lane: { ...few, isBatched: true } });
  await outbox.start();
  const startMs = clock.wallMs();
  for (const size of [1, 2, 3]) {
    for (let n = 0; n < size; n++) make(10 * size + n, `${size}-${n}`);
    outbox.poke();
    await clock.advance(2_000);
  }
  t.same(messages(notifier.attempts, startMs), [
    [1, 1],
    [2, 3],
    [3, 5],
  ]);
});

t.test('a keyed lane', async (t) => {
  await t.test('only what opens is grouped; recoveries go at once, each by itself', async (t) => {
    const { clock, notifier, outbox, make } = sceneOf(t, { lane: { ...few, isKeyed: true } });
    await outbox.start();
    const startMs = clock.wallMs();
    for (let n = 1; n <= 7; n++) make(n, `down-${n}`, { type: n === 7 ? 'flapping' : 'down' });
    for (let n = 11; n <= 18; n++) make(n, `up-${n}`, { type: 'up' });
    outbox.poke();
    await clock.advance(5_000);
    const ups = notifier.attempts.filter(({ notices: [{ type }] }) => type === 'up');
    t.same(messages(ups, startMs), Array(8).fill([1, 0]));
    t.same(messages(notifier.attempts.slice(8), startMs), [[7, 1]]);
  });

  await t.test('of a monitor that a digest told of, only the recovery that ends the digest is sent', async (t) => {
    const { clock, queue, notifier, outbox, make } = sceneOf(t, { lane: { ...few, isKeyed: true } });
    for (let n = 1; n <= 6; n++) make(n, `down-${n}`);
    await outbox.start();
    await clock.advance(2_000);
    t.same(notifier.ids, ['digest 1']);
    for (let n = 1; n <= 6; n++) {
      make(n, `up-${n}`, { type: 'up' });
      outbox.poke();
      await clock.advance(1_000);
    }
    t.same(notifier.ids, ['digest 1', 'up-6']);
    t.same(notifier.attempts[1]!.endedDigests, ['digest 1']);
    t.same(
      queue.sent,
      ['digest 1', 'up-1', 'up-2', 'up-3', 'up-4', 'up-5', 'up-6'],
      'the others are settled all the same',
    );
    t.match(await queue.get('up-1'), { state: 'sent', attempts: [] }, 'without an attempt');
    t.equal(outbox.state('default').sent, 2);
  });

  await t.test('what opens again is sent though a digest told of it, and so is its end', async (t) => {
    const { clock, notifier, outbox, make } = sceneOf(t, { lane: { ...few, isKeyed: true } });
    for (let n = 1; n <= 6; n++) make(n, `down-${n}`);
    await outbox.start();
    await clock.advance(100_000);
    make(1, 'flapping-1', { type: 'flapping' });
    make(2, 'again-2');
    outbox.poke();
    await clock.advance(100_000);
    for (let n = 1; n <= 3; n++) make(n, `up-${n}`, { type: 'up' });
    outbox.poke();
    await clock.advance(1_000);
    t.same(notifier.ids, ['digest 1', 'flapping-1', 'again-2', 'up-1', 'up-2']);
  });
});

t.test('200 channels that hang, each with 32 attempts, do not delay the one that works', async (t) => {
  const clock = new FakeClock();
  const hanging = new ScriptedNotifier(clock);
  hanging.answer = hang;
  const { clock: its, queue, outbox, make, lanes } = sceneOf(t);
  for (let c = 0; c < 200; c++) {
    lanes.set(`c-${c}`, laneOf(hanging, { concurrency: 32 }));
    for (let n = 0; n < 40; n++) make(1 + n, `c-${c}-${n}`, { channel: `c-${c}` });
  }
  await outbox.start();
  await its.advance(2_000);
  t.ok(hanging.underWay >= 1_024 && hanging.underWay <= 1_024 + 200 * 4, `${hanging.underWay} under way`);
  for (let n = 0; n < 20; n++) make(1 + n, `d-${n}`);
  outbox.poke();
  await its.advance(1_000);
  t.equal(queue.sent.length, 20);
});

t.test('a notifier that never ends an attempt, whatever it is told, is not waited for', async (t) => {
  const { clock, queue, notifier, outbox, make } = sceneOf(t, { lane: { concurrency: 1 } });
  const signals: AbortSignal[] = [];
  notifier.answer = (_, signal) => (signals.push(signal) === 1 ? new Promise(() => {}) : ok);
  make(1, 'd-1');
  await outbox.start();
  await clock.advance(49_000);
  t.equal(signals[0]!.aborted, false);
  await clock.advance(60_000);
  t.equal(signals[0]!.aborted, true);
  t.same(queue.sent, ['d-1']);
  t.match((await queue.get('d-1'))!.attempts, [{ outcome: 'retryable', reason: 'timeout' }, { outcome: 'ok' }]);
});

t.test('what the old receiver of a channel says after it was changed holds nothing up', async (t) => {
  const { clock, notifier, outbox, make } = sceneOf(t);
  const answers: ((verdict: Verdict) => void)[] = [];
  notifier.answer = ({ attempt }) => (attempt === 1 ? new Promise((resolve) => answers.push(resolve)) : ok);
  for (let n = 1; n <= 6; n++) make(n, `d-${n}`);
  await outbox.start();
  await clock.advance(1_000);
  await outbox.tryNow('default');
  for (const answer of answers)
    answer({ kind: 'retryable', reason: 'http_status', detail: 'HTTP 429', retryAfterMs: 3_600_000 });
  await clock.advance(1_000);
  t.match(outbox.state('default'), { circuit: 'closed', retryAtMs: null });
  t.equal(outbox.state('default').failed.get('http_status'), 6);
});

t.test('an outcome that cannot be stored holds up no other', async (t) => {
  const { clock, queue, notifier, outbox, make, log } = sceneOf(t);
  const settle = queue.settle.bind(queue);
  let isAnyRefused = false;
  const ids = new Map<number, string>();
  const claim = queue.claim.bind(queue);
  queue.claim = async (options) => {
    const claimed = await claim(options);
    for (const { seq, id } of claimed) ids.set(seq, id);
    return claimed;
  };
  const isBad = ({ seq, attempt }: Settlement): boolean =>
    (ids.get(seq) === 'no-record' && attempt !== null) || (ids.get(seq) === 'never' && !isAnyRefused);
  queue.settle = async (settlements) => {
    if (settlements.some(isBad)) throw new UnstorableError('a settlement cannot be stored');
    await settle(settlements);
  };
  for (const [n, id] of ['a', 'no-record', 'never', 'b'].entries()) make(1 + n, id);
  await outbox.start();
  await clock.advance(1_000);
  t.same([...queue.sent].sort(), ['a', 'b', 'no-record'], 'that it was sent is known, if not how');
  make(9, 'later');
  outbox.poke();
  await clock.advance(1_000);
  t.equal(queue.sent.at(-1), 'later');
  t.equal(outbox.problem(), '');
  t.ok(log.includes('what became of an alert cannot be stored as it is'));
  isAnyRefused = true;
  await clock.advance(61_000);
  t.equal(queue.sent.at(-1), 'never', 'when its lease is over');
  t.equal(notifier.ids.filter((id) => id === 'never').length, 2);
});

t.test('each attempt is recorded as it was', async (t) => {
  const { clock, queue, notifier, outbox, add } = sceneOf(t);
  const startMs = clock.wallMs();
  const answers: Verdict[] = [
    { kind: 'retryable', reason: 'http_status', detail: 'HTTP 500', httpStatus: 500, answer: 'oh no' },
    refused,
    { kind: 'ok', detail: 'HTTP 204', httpStatus: 204 },
  ];
  notifier.answer = ({ attempt }) =>
    new Promise((resolve) => {
      clock.after(attempt * 100, () => resolve(answers[attempt - 1]!));
    });
  add(1, 'd-1');
  await outbox.start();
  await clock.advance(60_000);
  const { attempts, state } = (await queue.get('d-1'))!;
  t.equal(state, 'sent');
  const none = { reason: '', detail: 'HTTP 204', httpStatus: 0, answer: '' };
  t.same(attempts, [
    {
      ...none,
      number: 1,
      atMs: startMs,
      latencyMs: 100,
      outcome: 'retryable',
      reason: 'http_status',
      detail: 'HTTP 500',
      httpStatus: 500,
      answer: 'oh no',
    },
    {
      ...none,
      number: 2,
      atMs: startMs + 1_100,
      latencyMs: 200,
      outcome: 'retryable',
      reason: 'network',
      detail: 'connection refused',
    },
    { ...none, number: 3, atMs: startMs + 3_300, latencyMs: 300, outcome: 'ok', httpStatus: 204 },
  ]);
});

t.test('how long an attempt took is whole ms, which a store takes, though clocks tell parts of them', async (t) => {
  const { clock, queue, outbox, add } = sceneOf(t);
  let partMs = 0;
  const monotonicMs = clock.monotonicMs.bind(clock);
  clock.monotonicMs = () => {
    partMs += 0.3;
    return monotonicMs() + partMs;
  };
  add(1, 'd-1');
  await outbox.start();
  await clock.advance(1_000);
  const { attempts } = (await queue.get('d-1'))!;
  t.match(attempts, [{ number: 1 }]);
  t.ok(attempts.every(({ latencyMs }) => Number.isInteger(latencyMs)));
});

t.test('a channel that hangs for minutes delays no other', async (t) => {
  const clock = new FakeClock();
  const hanging = new ScriptedNotifier(clock);
  hanging.answer = hang;
  const { clock: its, notifier, outbox, make } = sceneOf(t, { others: { hanging } });
  await outbox.start();
  for (let n = 1; n <= 100; n++) make(n, `h-${n}`, { channel: 'hanging' });
  const startMs = its.wallMs();
  for (let n = 1; n <= 30; n++) {
    make(n, `d-${n}`);
    outbox.poke();
    await its.advance(20_000);
  }
  t.same(
    messages(notifier.attempts, startMs),
    Array.from({ length: 30 }, (_, n) => [1, 20 * n]),
  );
  t.equal(hanging.underWayMax, 8);
});

t.test('a channel whose receiver is away', async (t) => {
  await t.test('is tried by one at a time; what comes meanwhile collects, and goes when it is back', async (t) => {
    const { clock, queue, notifier, outbox, make, log, details } = sceneOf(t, { lane: few });
    await outbox.start();
    let away = true;
    notifier.answer = () => (away ? refused : ok);
    for (let n = 1; n <= 5; n++) make(n, `d-${n}`);
    outbox.poke();
    await clock.advance(0);
    t.equal(notifier.attempts.length, 5);
    t.match(outbox.state('default'), { circuit: 'open', retryAtMs: clock.wallMs() + 30_000, lastSentMs: null });
    t.equal(outbox.state('default').lastError, 'network: connection refused');
    const awayMs = clock.wallMs();
    for (let n = 1; n <= 120; n++) {
      make(100 + n, `later ${n}`);
      outbox.poke();
      await clock.advance(60_000);
    }
    const probes = notifier.attempts.slice(5);
    t.ok(probes.length >= 23 && probes.length <= 30, `${probes.length} attempts in two hours`);
    t.same(
      probes.slice(0, 5).map(({ atMs }) => (atMs - awayMs) / 1_000),
      [30, 90, 210, 450, 750],
    );
    t.equal(notifier.underWayMax, 5);
    const { pending } = await queue.stats();
    away = false;
    await clock.advance(5 * 60_000);
    t.equal((await queue.stats()).pending, 0, `${pending} waited, and all are gone five minutes later`);
    t.ok(notifier.attempts.length - 5 - probes.length <= 12, 'in a few messages');
    const told = new Set(notifier.attempts.flatMap(({ notices }) => notices.map(({ name }) => name)));
    t.equal(told.size, 125, 'nobody was forgotten');
    t.match(outbox.state('default'), { circuit: 'closed', retryAtMs: null, lastError: 'network: connection refused' });
    t.same(
      details.filter((_, n) => log[n]!.startsWith('a channel')).map((its) => ({ ...its, retryAtMs: 0 })),
      [
        { channel: 'default', retryAtMs: 0 },
        { channel: 'default', retryAtMs: 0 },
      ],
    );
    t.same(
      log.filter((line) => line.startsWith('a channel')),
      ['a channel fails: it gets a pause', 'a channel works again'],
    );
  });

  await t.test('is tried at once when somebody saw that it works', async (t) => {
    const { clock, queue, notifier, outbox, make } = sceneOf(t);
    await outbox.start();
    let away = true;
    notifier.answer = () => (away ? refused : ok);
    for (let n = 1; n <= 5; n++) make(n, `d-${n}`);
    outbox.poke();
    await clock.advance(10 * 60_000);
    t.equal(outbox.state('default').circuit, 'open');
    away = false;
    await outbox.tryNow('default');
    await clock.advance(0);
    t.equal((await queue.stats()).pending, 0);
    t.equal(outbox.state('default').circuit, 'closed');
  });

  await t.test('delays no other, and one that it alone does not like delays nothing', async (t) => {
    const other = new ScriptedNotifier(new FakeClock());
    const { clock, notifier, outbox, make } = sceneOf(t, { others: { other } });
    notifier.answer = ({ notices: [{ name }] }) => (name === 'm1' ? refused : ok);
    other.answer = () => refused;
    await outbox.start();
    for (let n = 1; n <= 20; n++) make(n, `o-${n}`, { channel: 'other' });
    make(1, 'disliked');
    outbox.poke();
    await clock.advance(hourMs);
    const startMs = clock.wallMs();
    make(2, 'd-2');
    outbox.poke();
    await clock.advance(1_000);
    t.equal(notifier.attempts.at(-1)!.id, 'd-2');
    t.equal(notifier.attempts.at(-1)!.atMs, startMs);
    t.equal(outbox.state('default').circuit, 'closed');
    t.equal(outbox.state('other').circuit, 'open');
  });

  await t.test('what it asks to wait holds for all that waits', async (t) => {
    const { clock, notifier, outbox, make } = sceneOf(t, { lane: few });
    notifier.answer = ({ id, attempt }) =>
      id === 'd-1' && attempt === 1
        ? { kind: 'retryable', reason: 'http_status', detail: 'HTTP 429', httpStatus: 429, retryAfterMs: 600_000 }
        : ok;
    make(1, 'd-1');
    await outbox.start();
    await clock.advance(0);
    const startMs = clock.wallMs();
    t.match(outbox.state('default'), { circuit: 'open', retryAtMs: startMs + 600_000 });
    make(2, 'd-2');
    outbox.poke();
    await clock.advance(599_999);
    t.equal(notifier.attempts.length, 1);
    await clock.advance(1);
    t.same(
      notifier.attempts.slice(1).map(({ id, atMs }) => [id, atMs - startMs]),
      [
        ['d-1', 600_000],
        ['d-2', 600_000],
      ],
    );
  });

  await t.test('for 72 h: what is as old is given up, tried or not, and says so; nothing waits for ever', async (t) => {
    const { clock, queue, notifier, outbox, make } = sceneOf(t, { lane: few, random: () => 0.5 });
    notifier.answer = () => refused;
    await outbox.start();
    for (let n = 1; n <= 5; n++) make(n, `d-${n}`);
    outbox.poke();
    await clock.advance(60_000);
    for (let n = 1; n <= 50; n++) make(1_000 + n, `later ${n}`);
    outbox.poke();
    await clock.advance(72 * hourMs - 60_000);
    t.equal(queue.buried.length, 0, 'not before 72 h');
    await clock.advance(2 * hourMs);
    const { pending } = await queue.stats();
    t.equal(pending, 0);
    t.same(await queue.list({ channel: null, states: ['pending'], beforeSeq: null, limit: 10 }), []);

    // One that nobody ever tried: others were tried all the time.
    for (let n = 1; n <= 5; n++) make(n, `again ${n}`);
    outbox.poke();
    await clock.advance(10_000);
    t.ok((await queue.stats()).pending > 0, 'what is new gets its time');
    t.equal(outbox.problem(), '', 'and none of it is a fault of the outbox');
  });
});

t.test('the outbox tells when it is stuck', async (t) => {
  await t.test('a queue that fails, or does not answer', async (t) => {
    const { clock, queue, outbox } = sceneOf(t);
    await outbox.start();
    queue.fail = () => {
      throw new Error('away');
    };
    await clock.advance(100_000);
    t.equal(outbox.problem(), 'the queue of alerts is not worked on');
    queue.fail = () => {};
    await clock.advance(2_000);
    t.equal(outbox.problem(), '');
    const claim = queue.claim.bind(queue);
    let answer = (): void => {};
    queue.claim = async (options) => {
      await new Promise<void>((resolve) => {
        answer = resolve;
      });
      return claim(options);
    };
    await clock.advance(100_000);
    t.equal(outbox.problem(), 'the queue of alerts is not worked on');
    queue.claim = claim;
    answer();
    await clock.advance(1_000);
    t.equal(outbox.problem(), '');
  });

  await t.test('alerts that are due and that no claim brings', async (t) => {
    const { clock, queue, outbox, make } = sceneOf(t);
    await outbox.start();
    const claim = queue.claim.bind(queue);
    queue.claim = async () => [];
    make(1, 'd-1');
    outbox.poke();
    await clock.advance(60_000);
    t.equal(outbox.problem(), '');
    await clock.advance(180_000);
    t.equal(outbox.problem(), 'alerts that are due stay behind');
    queue.claim = claim;
    await clock.advance(31_000);
    t.equal(outbox.problem(), '');
    t.same(queue.sent, ['d-1']);
  });

  await t.test('receivers that fail, and a pause that one asked for, are no fault of it', async (t) => {
    const { clock, notifier, outbox, make } = sceneOf(t);
    await outbox.start();
    notifier.answer = () => ({ kind: 'retryable', reason: 'http_status', detail: 'HTTP 429', retryAfterMs: 3_600_000 });
    for (let n = 1; n <= 50; n++) make(n, `d-${n}`);
    outbox.poke();
    for (let n = 0; n < 50; n++) {
      await clock.advance(60_000);
      if (outbox.problem() !== '') t.fail(outbox.problem());
    }
  });
});
