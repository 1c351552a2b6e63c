import type { Clock } from '../../clock.ts';
import { mergedNotice } from '../../engine/domain/make-notice.ts';
import type { Notice } from '../../engine/domain/notice.ts';
import type { DeliveryLog, DeliveryRecord } from '../../outbox/delivery-log.ts';
import type {
  ChannelStats,
  ClaimedDelivery,
  ClaimOptions,
  DeliveryQueue,
  DeliveryStats,
  DigestOptions,
  FreshDeliveries,
  NewDelivery,
  Settlement,
  WaitingKind,
} from '../../outbox/delivery-queue.ts';
import type { Database } from './database.ts';
import { DeliveryDigests, noticeOf } from './delivery-digests.ts';
import { DeliveryRecords } from './delivery-records.ts';
import { DeliverySettling, type Kept } from './delivery-settling.ts';
import { type DeliveryStatements, prepareDeliveryStatements } from './delivery-statements.ts';
import { PendingDeliveries } from './pending-deliveries.ts';
import { type PendingDelivery, pendingDelivery } from './pending-delivery.ts';
import { readPending } from './read-pending.ts';
import { Slices } from './slices.ts';
import { ToldIncidents } from './told-incidents.ts';

export type DeliveryLimits = {
  /** Notices that wait in one channel; what comes beyond it is given up at once. */
  pendingMax: number;
  /** What is kept after it was sent, and after it was given up: the newest deliveries. */
  sent: Kept;
  buried: Kept;
  /** Incidents that digests told of and that are open, remembered for `toldInDigest`. */
  toldMax: number;
};

const defaultLimits: DeliveryLimits = {
  pendingMax: 100_000,
  sent: { deliveries: 10_000, notices: 100_000 },
  buried: { deliveries: 10_000, notices: 200_000 },
  toldMax: 100_000,
};
/** Notices parsed in one slice: some 2 ms. */
const sliceNotices = 300;

/** What memory must follow once the caller's transaction is durable. */
type Staged = {
  /** In order. */
  added: Set<PendingDelivery>;
  /** The same by monitor and channel: a batch may be thousands, and each notice asks what is before it. */
  queues: Map<string, PendingDelivery[]>;
  dropped: Set<PendingDelivery>;
  buried: number;
  room: Map<string, number>;
};

/**
 * Deliveries in SQLite, their order and their leases in memory: this is the single writer, so a flip pays for one row at the
 * end of a table, and leases end with the process. What is claimed for the first time is marked: it may have been attempted.
 */
export class SqliteDeliveryQueue implements DeliveryQueue, DeliveryLog {
  readonly #db: Database;
  readonly #statements: DeliveryStatements;
  readonly #pending = new PendingDeliveries();
  readonly #told: ToldIncidents;
  readonly #digests: DeliveryDigests;
  readonly #records: DeliveryRecords;
  readonly #settling: DeliverySettling;
  readonly #limits: DeliveryLimits;
  readonly #afterIo: Clock['afterIo'];
  #staged: Staged = nothingStaged();
  /** Of the newest. Never given twice in one process: what was removed may still be under way. */
  #seq = 0;

  /** `afterIo`: as of a `Clock`; without it, long work is not interrupted. */
  constructor(
    db: Database,
    { limits, afterIo = (run) => run() }: { limits?: Partial<DeliveryLimits>; afterIo?: Clock['afterIo'] } = {},
  ) {
    this.#db = db;
    this.#afterIo = afterIo;
    this.#limits = { ...defaultLimits, ...limits };
    this.#statements = prepareDeliveryStatements(db);
    this.#told = new ToldIncidents(this.#statements);
    const nextSeq = () => ++this.#seq;
    const { toldMax } = this.#limits;
    const ports = { db, statements: this.#statements, pending: this.#pending, told: this.#told, afterIo };
    this.#digests = new DeliveryDigests({ ...ports, nextSeq, toldMax });
    this.#records = new DeliveryRecords({ ...ports, digests: this.#digests });
    const found = db.run(() => readPending({ ...ports, digests: this.#digests }));
    this.#seq = found.seq;
    const kept = {
      sent: { deliveries: found.sent, notices: found.sentNotices },
      buried: { deliveries: found.buried, notices: found.buriedNotices },
    };
    this.#settling = new DeliverySettling({ ...ports, digests: this.#digests, limits: this.#limits, kept });
  }

  /** Appends one. The caller holds the transaction, and calls `follow` or `rollBack` after it. */
  add(monitorId: number, { id, channel, notice, onlyIfIdle }: NewDelivery): void {
    if (onlyIfIdle && this.#isBusy(monitorId, channel)) return;
    const told = this.#merged(monitorId, channel, notice);
    if (!told) return;
    const { atMs } = notice;
    this.#seq += 1;
    const values = [this.#seq, id, monitorId, channel, atMs, atMs, JSON.stringify(told)] as const;
    const { pendingMax } = this.#limits;
    const room = this.#staged.room.get(channel) ?? pendingMax - this.#pending.channel(channel).notices;
    if (room <= 0) {
      this.#statements.insertBuried.run(
        ...values,
        atMs,
        `not taken: ${pendingMax} deliveries of this channel wait already`,
      );
      this.#staged.buried += 1;
      return;
    }
    this.#staged.room.set(channel, room - 1);
    this.#statements.insert.run(...values);
    const made = {
      seq: this.#seq,
      id,
      monitorId,
      channel,
      createdMs: atMs,
      claimMs: atMs,
      kind: freshKind(notice.type),
    };
    const item = pendingDelivery(made);
    this.#staged.added.add(item);
    this.#staged.queues.set(queueKey(monitorId, channel), [...this.#stagedOf(monitorId, channel), item]);
  }

  /** What was staged is durable. */
  follow(): void {
    const { added, dropped, buried } = this.#staged;
    if (added.size === 0 && dropped.size === 0 && buried === 0) return;
    for (const item of dropped) this.#pending.remove(item);
    for (const item of added) this.#pending.add(item, { failed: false });
    this.#settling.noteBuried(buried);
    this.#staged = nothingStaged();
  }

  /** What was staged is not. */
  rollBack(): void {
    this.#staged = nothingStaged();
  }

  async claim(options: ClaimOptions): Promise<ClaimedDelivery[]> {
    await this.#db.gate;
    const leased = this.#pending.lease(options);
    try {
      const fresh = leased.filter(({ kind }) => kind !== 'tried');
      if (fresh.length > 0) {
        this.#db.transaction(() => {
          for (const { item } of fresh) this.#statements.markClaimed.run(item.seq);
        });
      }
      const slices = new Slices(this.#afterIo, sliceNotices);
      const claimed: ClaimedDelivery[] = [];
      for (const { item } of leased.toSorted((a, b) => a.item.seq - b.item.seq)) {
        claimed.push(await this.#claimed(item));
        if (slices.isFull()) await slices.pause();
      }
      return claimed;
    } catch (error) {
      for (const { item, kind } of leased) this.#pending.release(item, kind);
      throw error;
    }
  }

  async settle(settlements: Settlement[]): Promise<void> {
    await this.#db.gate;
    await this.#settling.settle(settlements);
  }

  async releaseLeases(): Promise<void> {
    this.#pending.releaseAll();
  }

  async shiftClaims(deltaMs: number): Promise<void> {
    await this.#db.gate;
    this.#db.transaction(() => this.#statements.shift.run(deltaMs, deltaMs));
    this.#pending.shift(deltaMs);
  }

  async hasten(channel: string, nowMs: number): Promise<void> {
    this.#pending.channel(channel).hasten(nowMs);
  }

  async nextClaimMs(isOpen: (channel: string, kind: WaitingKind) => boolean = () => true): Promise<number | null> {
    return this.#pending.nextClaimMs(isOpen);
  }

  isPending(monitorId: number, channel: string): boolean {
    return this.#pending.channels.get(channel)?.head(monitorId) !== undefined;
  }

  async waiting(nowMs: number): Promise<FreshDeliveries[]> {
    return this.#pending.waiting(nowMs);
  }

  async formDigest(options: DigestOptions): Promise<number> {
    return this.#digests.form(options);
  }

  async stats(): Promise<DeliveryStats> {
    const channels = new Map<string, ChannelStats>();
    let [pending, failing, oldestCreatedMs] = [0, 0, Number.POSITIVE_INFINITY];
    for (const [name, channel] of this.#pending.channels) {
      if (channel.pending === 0) continue;
      const stats = channel.stats((item) => this.#errorOf(item));
      channels.set(name, stats);
      pending += stats.pending;
      failing += stats.failing;
      oldestCreatedMs = Math.min(oldestCreatedMs, stats.oldestCreatedMs ?? oldestCreatedMs);
    }
    const lastFailed = this.#pending.lastFailed();
    return {
      pending,
      failing,
      oldestCreatedMs: pending === 0 ? null : oldestCreatedMs,
      lastError: lastFailed ? this.#errorOf(lastFailed) : '',
      buried: this.#settling.buried,
      channels,
    };
  }

  list(options: Parameters<DeliveryLog['list']>[0]): Promise<DeliveryRecord[]> {
    return this.#records.list(options);
  }

  get(id: string): Promise<DeliveryRecord | undefined> {
    return this.#records.get(id);
  }

  async redeliver(id: string, nowMs: number): Promise<'done' | 'not_buried' | undefined> {
    await this.#db.gate;
    if (this.#pending.byId(id)) return 'not_buried';
    const found = this.#records.settled(id);
    if (found?.state !== 2) return found && 'not_buried';
    this.#seq += 1;
    this.#settling.redeliver({ id, from: found.seq, to: this.#seq, nowMs });
    return 'done';
  }

  /** Deletes the oldest beyond what is kept (of those given up, at most `keep`), up to `limit` rows; returns how many. */
  trim(keep: number, limit: number): number {
    return this.#settling.trim(keep, limit);
  }

  #isBusy(monitorId: number, channel: string): boolean {
    const { dropped } = this.#staged;
    for (let item = this.#pending.channels.get(channel)?.head(monitorId) ?? null; item; item = item.next) {
      if (!dropped.has(item)) return true;
    }
    return this.#stagedOf(monitorId, channel).length > 0;
  }

  #stagedOf(monitorId: number, channel: string): readonly PendingDelivery[] {
    return this.#staged.queues.get(queueKey(monitorId, channel)) ?? [];
  }

  /** What is to be told, now that downs of its incident which were not attempted yet are dropped; null: nothing. */
  #merged(monitorId: number, channel: string, notice: Notice): Notice | null {
    if (notice.type !== 'up' && notice.type !== 'closed') return notice;
    const { added, queues, dropped, room } = this.#staged;
    const before: PendingDelivery[] = [];
    for (let item = this.#pending.channels.get(channel)?.head(monitorId) ?? null; item; item = item.next) {
      if (!dropped.has(item)) before.push(item);
    }
    const staged = this.#stagedOf(monitorId, channel);
    before.push(...staged);
    let first: Notice | undefined;
    for (const item of before) {
      if (item.kind !== 'down' || item.digest) continue;
      const down = this.#noticeOf(item.seq);
      if (down.incidentId !== notice.incidentId) continue;
      if (down.repeat === 0) first ??= down;
      this.#statements.remove.run(item.seq);
      if (!added.delete(item)) dropped.add(item);
      const left = room.get(channel);
      room.set(channel, (left ?? this.#limits.pendingMax - this.#pending.channel(channel).notices) + 1);
    }
    if (staged.length > 0) {
      const left = staged.filter((item) => added.has(item));
      queues.set(queueKey(monitorId, channel), left);
    }
    if (!first) return notice;
    return notice.type === 'up' ? mergedNotice(first, notice) : null;
  }

  #noticeOf(seq: number): Notice {
    return noticeOf((this.#statements.notice.get(seq) as { notice: string }).notice);
  }

  #errorOf({ seq }: PendingDelivery): string {
    return this.#db.run(() => this.#statements.error.get(seq) as { error: string }).error;
  }

  async #claimed({ seq, id, monitorId, channel, createdMs, members }: PendingDelivery): Promise<ClaimedDelivery> {
    const { claimed } = this.#statements;
    const row = this.#db.run(() => claimed.get(seq)) as { notice: string; attempts: number };
    const { attempts } = row;
    const notices = members ? await this.#digests.notices(seq) : [noticeOf(row.notice)];
    const told = members
      ? { toldInDigest: false, endedDigests: [] }
      : this.#db.run(() => this.#told.claimed(channel, notices[0]!));
    return { seq, id, monitorId, channel, notices: notices as [Notice, ...Notice[]], createdMs, attempts, ...told };
  }
}

function nothingStaged(): Staged {
  return { added: new Set(), queues: new Map(), dropped: new Set(), buried: 0, room: new Map() };
}

function queueKey(monitorId: number, channel: string): string {
  return `${monitorId} ${channel}`;
}

function freshKind(type: Notice['type']): WaitingKind {
  return type === 'down' || type === 'flapping' ? 'down' : 'other';
}
