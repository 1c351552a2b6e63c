import type { Clock } from '../../clock.ts';
import type { AttemptRecord, DeliveryLog, DeliveryRecord } from '../../outbox/delivery-log.ts';
import type { Database } from './database.ts';
import { type DeliveryDigests, noticeOf } from './delivery-digests.ts';
import { type DeliveryStatements, shownMembers } from './delivery-statements.ts';
import type { PendingDeliveries } from './pending-deliveries.ts';
import { Slices } from './slices.ts';

/** By their number in the table. */
const states: readonly DeliveryRecord['state'][] = ['pending', 'sent', 'buried'];
const sliceRecords = 50;

type Ports = {
  db: Database;
  statements: DeliveryStatements;
  pending: PendingDeliveries;
  digests: DeliveryDigests;
  afterIo: Clock['afterIo'];
};

/** Reads deliveries for people, in slices: memory knows which are pending, indexes which are settled. */
export class DeliveryRecords {
  readonly #ports: Ports;

  constructor(ports: Ports) {
    this.#ports = ports;
  }

  async list(options: Parameters<DeliveryLog['list']>[0]): Promise<DeliveryRecord[]> {
    const { db, pending, afterIo } = this.#ports;
    const { channel, limit } = options;
    const wanted = options.states.length === 0 ? states : options.states;
    const beforeSeq = options.beforeSeq ?? Number.MAX_SAFE_INTEGER;
    const seqs = wanted.includes('pending') ? pending.newest({ channel, beforeSeq, limit }).map(({ seq }) => seq) : [];
    for (const state of [1, 2]) {
      if (wanted.includes(states[state]!))
        seqs.push(...db.run(() => this.#settled(state, { channel, beforeSeq, limit })));
    }
    const records: DeliveryRecord[] = [];
    const slices = new Slices(afterIo, sliceRecords);
    for (const seq of seqs.sort((a, b) => b - a).slice(0, limit)) {
      const record = await this.#record(seq);
      if (record) records.push(record);
      if (slices.isFull(1 + (record?.notices.length ?? 0) / 4)) await slices.pause();
    }
    return records;
  }

  async get(id: string): Promise<DeliveryRecord | undefined> {
    const seq = this.#ports.pending.byId(id)?.seq ?? this.settled(id)?.seq;
    return seq === undefined ? undefined : this.#record(seq);
  }

  /** One that was sent or given up. */
  settled(id: string): { seq: number; state: number } | undefined {
    const { db, statements } = this.#ports;
    return db.run(() => statements.settledById.get(id)) as { seq: number; state: number } | undefined;
  }

  #settled(
    state: number,
    { channel, beforeSeq, limit }: { channel: string | null; beforeSeq: number; limit: number },
  ): number[] {
    const { newestSettled, newestSettledOf } = this.#ports.statements;
    const found =
      channel === null
        ? newestSettled.all(state, beforeSeq, limit)
        : newestSettledOf.all(channel, state, beforeSeq, limit);
    return (found as { seq: number }[]).map(({ seq }) => seq);
  }

  /** Undefined when it is gone by now. */
  async #record(seq: number): Promise<DeliveryRecord | undefined> {
    const { db, statements, digests } = this.#ports;
    type Row = Pick<DeliveryRecord, 'id' | 'channel' | 'createdMs' | 'settledMs'> & {
      state: number;
      nextAttemptMs: number;
      notices: number;
      error: string;
      notice: string;
    };
    const row = db.run(() => statements.record.get(seq)) as Row | undefined;
    if (!row) return undefined;
    const attempts = db.run(() => statements.attempts.all(seq)) as AttemptRecord[];
    const { id, channel, createdMs, settledMs, nextAttemptMs, notices: noticeCount, notice, error } = row;
    const state = states[row.state]!;
    const attemptCount = attempts.at(-1)?.number ?? 0;
    return {
      seq,
      id,
      channel,
      state,
      createdMs,
      settledMs,
      nextAttemptMs: state === 'pending' ? nextAttemptMs : null,
      noticeCount,
      notices: noticeCount === 1 ? [noticeOf(notice)] : await digests.notices(seq, shownMembers),
      attemptCount,
      attempts:
        attemptCount === 0 && settledMs !== null && state === 'buried'
          ? [notMade(settledMs, error)]
          : attempts.map((each) => ({ ...each })),
    };
  }
}

/** In place of attempts where there was none: why there will be none. */
function notMade(atMs: number, detail: string): AttemptRecord {
  return { number: 0, atMs, latencyMs: 0, outcome: 'permanent', reason: 'internal', detail, httpStatus: 0, answer: '' };
}
