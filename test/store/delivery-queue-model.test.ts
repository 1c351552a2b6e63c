import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import t from 'tap';
import type { DeliveryQueue, Settlement, WaitingKind } from '../../server/outbox/delivery-queue.ts';
import { Database } from '../../server/store/sqlite/database.ts';
import { SqliteDeliveryQueue } from '../../server/store/sqlite/sqlite-delivery-queue.ts';
import { tenMs } from '../engine/cast.ts';
import { MemoryDeliveryQueue } from '../support/memory-delivery-queue.ts';
import { buried, retry, sent } from '../support/settlements.ts';
import { delivery } from './store-contract.ts';

const types = ['down', 'down', 'up', 'closed', 'flapping'] as const;
const limits = { pendingMax: 6 };
const room = fc.record({ down: fc.nat(2), other: fc.nat(2), tried: fc.nat(3) });
const channel = fc.constantFrom('x', 'y');
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('add' as const),
      monitor: fc.integer({ min: 1, max: 4 }),
      channel,
      type: fc.constantFrom(...types),
      incident: fc.nat(1),
      repeat: fc.nat(1),
      idle: fc.boolean(),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('claim' as const),
      limit: fc.integer({ min: 1, max: 6 }),
      x: room,
      y: room,
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('settle' as const),
      kind: fc.constantFrom('sent', 'sent', 'retry', 'buried'),
      pick: fc.nat(20),
      delayMs: fc.nat(30),
      attempted: fc.boolean(),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('digest' as const), channel, onlyDowns: fc.boolean(), keep: fc.boolean() }),
  },
  fc.record({ do: fc.constant('redeliver' as const), pick: fc.nat(20) }),
  fc.record({ do: fc.constant('wait' as const), ms: fc.integer({ min: 1, max: 20 }) }),
  fc.record({ do: fc.constant('release' as const) }),
  fc.record({ do: fc.constant('restart' as const) }),
  fc.record({ do: fc.constant('shift' as const), ms: fc.integer({ min: -50, max: 0 }) }),
);

const withoutSeq = <T extends { seq: number }>(all: T[]) => all.map(({ seq: _, ...rest }) => rest);

t.test('any history of a queue is that of the naive one', async (t) => {
  const directory = t.testdir();
  let run = 0;
  const property = fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 80, size: 'max' }), async (steps) => {
    run += 1;
    const db = new Database(`${directory}/${run}.db`);
    let queue = new SqliteDeliveryQueue(db, { limits });
    const model = new MemoryDeliveryQueue(limits);
    let nowMs = tenMs;
    /** What both have handed out: pairs of seqs, by id. */
    const seqs = new Map<string, [number, number]>();
    const ids: string[] = [];
    const same = (its: unknown, expected: unknown, what: string) => {
      if (isDeepStrictEqual(its, expected)) return;
      t.same(its, expected, what);
      throw new Error(what);
    };
    try {
      for (const [index, step] of steps.entries()) {
        const id = `d-${index}`;
        if (step.do === 'add') {
          const { type, monitor, incident, repeat, idle } = step;
          const fields = { atMs: nowMs, type, incidentId: `i-${monitor}-${incident}`, repeat, message: id };
          const made = { id, channel: step.channel, notice: delivery('', fields).notice, onlyIfIdle: idle };
          ids.push(id);
          queue.add(monitor, made);
          queue.follow();
          model.add(monitor, made, nowMs);
        } else if (step.do === 'claim') {
          const channelLimit = (c: string, kind: WaitingKind) => (c === 'x' ? step.x[kind] : step.y[kind]);
          const options = { nowMs, limit: step.limit, leaseMs: 25, channelLimit };
          const [its, expected] = [await queue.claim(options), await model.claim(options)];
          same(withoutSeq(its), withoutSeq(expected), 'claim');
          for (const [n, { id, seq }] of its.entries()) seqs.set(id, [seq, expected[n]!.seq]);
        } else if (step.do === 'settle') {
          const pair = [...seqs.values()][step.pick];
          if (!pair) continue;
          const outcome = (seq: number): Settlement => {
            const made =
              step.kind === 'retry'
                ? retry(seq, nowMs + step.delayMs, `e-${index}`)
                : step.kind === 'sent'
                  ? sent(seq, nowMs)
                  : buried(seq, nowMs, `e-${index}`);
            return step.attempted ? made : { ...made, attempt: null };
          };
          await queue.settle([outcome(pair[0])]);
          await model.settle([outcome(pair[1])]);
        } else if (step.do === 'digest') {
          const { onlyDowns, keep: keepMembers } = step;
          const options = { channel: step.channel, id, nowMs, onlyDowns, keepMembers };
          ids.push(id);
          same(await queue.formDigest(options), await model.formDigest(options), 'formDigest');
        } else if (step.do === 'redeliver') {
          const its = ids[step.pick];
          if (its) same(await queue.redeliver(its, nowMs), await model.redeliver(its, nowMs), 'redeliver');
        } else if (step.do === 'wait') {
          nowMs += step.ms;
        } else if (step.do === 'release') {
          await queue.releaseLeases();
          await model.releaseLeases();
        } else if (step.do === 'restart') {
          queue = new SqliteDeliveryQueue(db, { limits });
          model.restart();
        } else {
          nowMs += step.ms;
          await queue.shiftClaims(step.ms);
          await model.shiftClaims(step.ms);
        }
        same(await queue.stats(), await model.stats(), 'stats');
        const byChannel = (all: { channel: string }[]) => all.sort((a, b) => (a.channel < b.channel ? -1 : 1));
        // What was added last may be gone: each queue remembers that in its own way.
        const waiting = async (its: DeliveryQueue) =>
          byChannel((await its.waiting(nowMs)).map(({ newestMs: _, ...each }) => each));
        same(await waiting(queue), await waiting(model), 'waiting');
        same(await queue.nextClaimMs(), await model.nextClaimMs(), 'nextClaimMs');
      }
      for (const states of [[], ['pending'], ['sent'], ['buried', 'pending']] as const) {
        for (const its of [null, 'x']) {
          const options = { channel: its, states, beforeSeq: null, limit: 7 };
          const [found, expected] = [await queue.list(options), await model.list(options)];
          same(withoutSeq(found), withoutSeq(expected), 'list');
          if (found.length === 0) continue;
          const more = { ...options, limit: 100 };
          const rest = await queue.list({ ...more, beforeSeq: found.at(-1)!.seq });
          same(
            withoutSeq(rest),
            withoutSeq(await model.list({ ...more, beforeSeq: expected.at(-1)!.seq })),
            'the rest',
          );
        }
      }
      for (const id of ids) {
        const [its, expected] = [await queue.get(id), await model.get(id)];
        same(its && withoutSeq([its]), expected && withoutSeq([expected]), 'get');
      }
    } finally {
      await db.close();
    }
  });
  const { failed, counterexample, errorInstance } = await fc.check(property, { numRuns: 60 });
  t.equal(failed, false, `${errorInstance} ${JSON.stringify(counterexample)}`);
});
