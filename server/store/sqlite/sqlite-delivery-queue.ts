import type {
  ClaimedDelivery,
  DeliveryQueue,
  DeliveryStats,
  NewDelivery,
  Settlement,
} from '../../outbox/delivery-queue.ts';
import type { Database } from './database.ts';

type ClaimedRow = {
  seq: number;
  id: string;
  monitor_id: number;
  channel: string;
  notice: string;
  created_ms: number;
  attempts: number;
};

/**
 * Deliveries in SQLite. Only the head of each (monitor, channel) queue has a `claim_ms`; settling it hands the turn to
 * the next. So claiming and waiting are one index look-up however long the queues are.
 */
export class SqliteDeliveryQueue implements DeliveryQueue {
  readonly #db: Database;
  readonly #statements: ReturnType<typeof prepareStatements>;

  constructor(db: Database) {
    this.#db = db;
    this.#statements = prepareStatements(db);
  }

  /** Appends one; the caller holds the transaction. */
  add(monitorId: number, delivery: NewDelivery): void {
    const { id, channel, notice, onlyIfIdle } = delivery;
    const busy = this.#statements.head.get(monitorId, channel) !== undefined;
    if (busy && onlyIfIdle) return;
    const claimMs = busy ? null : notice.atMs;
    this.#statements.insert.run(id, monitorId, channel, JSON.stringify(notice), notice.atMs, claimMs);
  }

  /** Forgets what waits for a monitor that is removed; the caller holds the transaction. */
  forget(monitorId: number): void {
    this.#statements.forget.run(monitorId);
  }

  async claim({
    nowMs,
    limit,
    leaseMs,
  }: {
    nowMs: number;
    limit: number;
    leaseMs: number;
  }): Promise<ClaimedDelivery[]> {
    const rows = this.#db.transaction(
      () => this.#statements.claim.all(nowMs + leaseMs, nowMs, limit) as unknown as ClaimedRow[],
    );
    return rows
      .map(({ monitor_id, created_ms, notice, ...row }) => ({
        ...row,
        monitorId: monitor_id,
        createdMs: created_ms,
        notice: JSON.parse(notice),
      }))
      .sort((a, b) => a.seq - b.seq);
  }

  async settle(settlements: Settlement[]): Promise<void> {
    const { retry, bury, remove, promoteNext } = this.#statements;
    this.#db.transaction(() => {
      for (const settlement of settlements) {
        const { seq } = settlement;
        switch (settlement.kind) {
          case 'retry':
            retry.run(settlement.nextAttemptMs, settlement.error, seq);
            break;
          case 'buried':
            promoteNext.run(seq, seq);
            bury.run(settlement.atMs, settlement.error, seq);
            break;
          case 'sent':
            promoteNext.run(seq, seq);
            remove.run(seq);
            break;
        }
      }
    });
  }

  async releaseLeases(): Promise<void> {
    this.#db.transaction(() => this.#statements.release.run());
  }

  async shiftClaims(deltaMs: number): Promise<void> {
    this.#db.transaction(() => this.#statements.shift.run(deltaMs, deltaMs));
  }

  async nextClaimMs(): Promise<number | null> {
    return this.#db.run(() => (this.#statements.nextClaim.get() as { at: number | null }).at);
  }

  async stats(): Promise<DeliveryStats> {
    return this.#db.run(() => {
      const { stats, oldest, lastError, buried } = this.#statements;
      const { pending, failing } = stats.get() as { pending: number; failing: number };
      return {
        pending,
        failing,
        oldestCreatedMs: (oldest.get() as { created_ms: number } | undefined)?.created_ms ?? null,
        lastError: (lastError.get() as { error: string } | undefined)?.error ?? '',
        buried: (buried.get() as { n: number }).n,
      };
    });
  }
}

function prepareStatements(db: Database) {
  return {
    head: db.prepare('SELECT 1 FROM deliveries WHERE monitor_id = ? AND channel = ? AND buried_ms IS NULL LIMIT 1'),
    insert: db.prepare(
      'INSERT INTO deliveries (id, monitor_id, channel, notice, created_ms, claim_ms) VALUES (?, ?, ?, ?, ?, ?)',
    ),
    claim: db.prepare(
      `UPDATE deliveries SET claim_ms = ?, leased = 1
       WHERE seq IN (SELECT seq FROM deliveries WHERE claim_ms <= ? ORDER BY claim_ms, seq LIMIT ?)
       RETURNING seq, id, monitor_id, channel, notice, created_ms, attempts`,
    ),
    retry: db.prepare(
      `UPDATE deliveries SET claim_ms = ?, leased = 0, attempts = attempts + 1, error = ?
       WHERE seq = ? AND buried_ms IS NULL`,
    ),
    bury: db.prepare(
      `UPDATE deliveries SET claim_ms = NULL, leased = 0, attempts = attempts + 1, buried_ms = ?, error = ?
       WHERE seq = ? AND buried_ms IS NULL`,
    ),
    forget: db.prepare('DELETE FROM deliveries WHERE monitor_id = ? AND buried_ms IS NULL'),
    remove: db.prepare('DELETE FROM deliveries WHERE seq = ? AND buried_ms IS NULL'),
    // The successor becomes claimable from the time it was made.
    promoteNext: db.prepare(
      `UPDATE deliveries SET claim_ms = created_ms WHERE seq = (
         SELECT later.seq FROM deliveries AS done JOIN deliveries AS later
           ON later.monitor_id = done.monitor_id AND later.channel = done.channel AND later.buried_ms IS NULL
         WHERE done.seq = ? AND done.buried_ms IS NULL AND later.seq > ? ORDER BY later.seq LIMIT 1)`,
    ),
    release: db.prepare('UPDATE deliveries SET leased = 0, claim_ms = created_ms WHERE leased = 1'),
    // The time it was made moves too: who waits behind another becomes claimable from then on, and its age counts on.
    shift: db.prepare(
      'UPDATE deliveries SET claim_ms = claim_ms + ?, created_ms = created_ms + ? WHERE buried_ms IS NULL',
    ),
    nextClaim: db.prepare('SELECT min(claim_ms) AS at FROM deliveries WHERE claim_ms IS NOT NULL'),
    stats: db.prepare(
      'SELECT count(*) AS pending, count(*) FILTER (WHERE attempts > 0) AS failing FROM deliveries WHERE buried_ms IS NULL',
    ),
    oldest: db.prepare('SELECT created_ms FROM deliveries WHERE buried_ms IS NULL ORDER BY seq LIMIT 1'),
    lastError: db.prepare(
      "SELECT error FROM deliveries WHERE buried_ms IS NULL AND error <> '' ORDER BY claim_ms DESC LIMIT 1",
    ),
    buried: db.prepare('SELECT count(*) AS n FROM deliveries WHERE buried_ms IS NOT NULL'),
  };
}
