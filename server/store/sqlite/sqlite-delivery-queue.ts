import { noticeDefaults } from '../../engine/domain/notice.ts';
import type {
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
import { PendingDeliveries } from './pending-deliveries.ts';
import type { PendingDelivery } from './pending-delivery.ts';

/** Rows read at once at start. */
const pageRows = 5_000;

/** What memory must follow once the caller's transaction is durable. */
type Follow =
  | { kind: 'add'; made: Pick<PendingDelivery, 'seq' | 'monitorId' | 'channel' | 'createdMs' | 'claimMs'> }
  | { kind: 'forget'; monitorId: number };

/**
 * Deliveries in SQLite, their order and their leases in memory: this is the single writer, so a claim writes nothing, a
 * flip pays for one row at the end of a table, and leases end with the process.
 */
export class SqliteDeliveryQueue implements DeliveryQueue {
  readonly #db: Database;
  readonly #statements: ReturnType<typeof prepareStatements>;
  readonly #pending = new PendingDeliveries();
  #staged: Follow[] = [];
  /** Of the newest. Never given twice in one process: what was removed may still be under way. */
  #seq = 0;
  #buried = 0;

  constructor(db: Database) {
    this.#db = db;
    this.#statements = prepareStatements(db);
    db.run(() => this.#read());
  }

  /** Appends one. The caller holds the transaction, and calls `follow` or `rollBack` after it. */
  add(monitorId: number, delivery: NewDelivery): void {
    const { id, channel, notice, onlyIfIdle } = delivery;
    if (onlyIfIdle && this.#isBusy(monitorId, channel)) return;
    const { atMs } = notice;
    this.#seq += 1;
    this.#statements.insert.run(this.#seq, id, monitorId, channel, atMs, atMs, JSON.stringify(notice));
    this.#staged.push({ kind: 'add', made: { seq: this.#seq, monitorId, channel, createdMs: atMs, claimMs: atMs } });
  }

  /** Forgets what waits for a monitor that is removed. The caller holds the transaction, as for `add`. */
  forget(monitorId: number): void {
    for (const { seq } of this.#pending.ofMonitor(monitorId)) this.#statements.remove.run(seq);
    this.#staged.push({ kind: 'forget', monitorId });
  }

  /** What was staged is durable. */
  follow(): void {
    for (const step of this.#staged) {
      if (step.kind === 'add') this.#pending.add(step.made, { failed: false });
      else this.#pending.removeMonitor(step.monitorId);
    }
    this.#staged = [];
  }

  /** What was staged is not. */
  rollBack(): void {
    this.#staged = [];
  }

  async claim(options: ClaimOptions): Promise<ClaimedDelivery[]> {
    const leased = this.#pending.lease(options);
    try {
      return this.#db.run(() => leased.map((item) => this.#claimed(item))).sort((a, b) => a.seq - b.seq);
    } catch (error) {
      for (const item of leased) this.#pending.release(item);
      throw error;
    }
  }

  async settle(settlements: Settlement[]): Promise<void> {
    await this.#db.gate;
    const known = settlements.filter(({ seq }) => this.#pending.head(seq));
    if (known.length === 0) return;
    this.#db.transaction(() => {
      for (const settlement of known) this.#write(settlement);
    });
    for (const settlement of known) this.#followSettled(settlement);
  }

  async releaseLeases(): Promise<void> {
    this.#pending.releaseAll();
  }

  async shiftClaims(deltaMs: number): Promise<void> {
    await this.#db.gate;
    this.#db.transaction(() => this.#statements.shift.run(deltaMs, deltaMs));
    this.#pending.shift(deltaMs);
  }

  async nextClaimMs(isOpen: (channel: string, kind: WaitingKind) => boolean = () => true): Promise<number | null> {
    return this.#pending.nextClaimMs(isOpen);
  }

  async stats(): Promise<DeliveryStats> {
    const { size, failing } = this.#pending;
    const lastFailed = this.#pending.lastFailed();
    const { error } = this.#statements;
    return {
      pending: size,
      failing,
      oldestCreatedMs: this.#pending.oldest()?.createdMs ?? null,
      lastError: lastFailed ? this.#db.run(() => error.get(lastFailed.seq) as { error: string }).error : '',
      buried: this.#buried,
      channels: new Map(),
    };
  }

  async waiting(_nowMs: number): Promise<FreshDeliveries[]> {
    return [];
  }

  async formDigest(_options: DigestOptions): Promise<number> {
    return 0;
  }

  /** Deletes up to `limit` of those given up that are not among the newest `keep` of all; returns how many. */
  trimBuried(keep: number, limit: number): number {
    if (this.#buried === 0) return 0;
    const { changes } = this.#db.run(() => this.#statements.trimBuried.run(this.#seq - keep, limit));
    this.#buried -= Number(changes);
    return Number(changes);
  }

  #read(): void {
    const { pendingFrom, bounds } = this.#statements;
    const { seq, buried } = bounds.get() as { seq: number; buried: number };
    this.#seq = seq;
    this.#buried = buried;
    type Cells = [
      seq: number,
      monitorId: number,
      channel: string,
      createdMs: number,
      claimMs: number,
      attempts: number,
    ];
    for (let from = 0, rows: Cells[]; ; from = rows.at(-1)![0]) {
      rows = pendingFrom.all(from, pageRows) as unknown as Cells[];
      for (const [seq, monitorId, channel, createdMs, claimMs, attempts] of rows) {
        this.#pending.add({ seq, monitorId, channel, createdMs, claimMs }, { failed: attempts > 0 });
      }
      if (rows.length < pageRows) break;
    }
  }

  #isBusy(monitorId: number, channel: string): boolean {
    if (this.#pending.has(monitorId, channel)) return true;
    return this.#staged.some(
      (step) => step.kind === 'add' && step.made.monitorId === monitorId && step.made.channel === channel,
    );
  }

  #claimed({ seq, monitorId, channel, createdMs }: PendingDelivery): ClaimedDelivery {
    const row = this.#statements.claimed.get(seq) as { id: string; notice: string; attempts: number };
    const { id, notice, attempts } = row;
    const notices: ClaimedDelivery['notices'] = [{ ...noticeDefaults, ...JSON.parse(notice) }];
    return { seq, id, monitorId, channel, notices, createdMs, attempts, toldInDigest: false, endedDigests: [] };
  }

  #write(settlement: Settlement): void {
    const { retry, bury, remove } = this.#statements;
    const { seq } = settlement;
    if (settlement.kind === 'sent') remove.run(seq);
    else if (settlement.kind === 'retry') retry.run(settlement.nextAttemptMs, settlement.error, seq);
    else bury.run(settlement.atMs, settlement.error, seq);
  }

  #followSettled(settlement: Settlement): void {
    const item = this.#pending.head(settlement.seq);
    if (!item) return;
    if (settlement.kind === 'retry') {
      this.#pending.retry(item, settlement.nextAttemptMs);
      return;
    }
    this.#pending.removeHead(item);
    if (settlement.kind === 'buried') this.#buried += 1;
  }
}

function prepareStatements(db: Database) {
  const pendingFrom = db.prepare(
    `SELECT seq, monitor_id, channel, created_ms, next_attempt_ms, attempts FROM deliveries
     WHERE seq > ? AND buried_ms IS NULL ORDER BY seq LIMIT ?`,
  );
  pendingFrom.setReturnArrays(true);
  return {
    bounds: db.prepare(
      `SELECT coalesce((SELECT max(seq) FROM deliveries), 0) AS seq,
         (SELECT count(*) FROM deliveries WHERE buried_ms IS NOT NULL) AS buried`,
    ),
    pendingFrom,
    insert: db.prepare(
      `INSERT INTO deliveries (seq, id, monitor_id, channel, created_ms, next_attempt_ms, notice)
       VALUES (?, ?, ?, ?, ?, ?, ?)`,
    ),
    claimed: db.prepare('SELECT id, notice, attempts FROM deliveries WHERE seq = ?'),
    retry: db.prepare(
      `UPDATE deliveries SET next_attempt_ms = ?, attempts = attempts + 1, error = ?
       WHERE seq = ? AND buried_ms IS NULL`,
    ),
    bury: db.prepare(
      `UPDATE deliveries SET attempts = attempts + 1, buried_ms = ?, error = ? WHERE seq = ? AND buried_ms IS NULL`,
    ),
    remove: db.prepare('DELETE FROM deliveries WHERE seq = ? AND buried_ms IS NULL'),
    // The time it was made moves too: its age counts on.
    shift: db.prepare(
      `UPDATE deliveries SET next_attempt_ms = next_attempt_ms + ?, created_ms = created_ms + ?
       WHERE buried_ms IS NULL`,
    ),
    error: db.prepare('SELECT error FROM deliveries WHERE seq = ?'),
    trimBuried: db.prepare(
      `DELETE FROM deliveries WHERE seq IN (SELECT seq FROM deliveries INDEXED BY deliveries_buried
         WHERE seq <= ? AND buried_ms IS NOT NULL ORDER BY seq LIMIT ?)`,
    ),
  };
}
