import type { Clock } from '../../clock.ts';
import type { Settlement } from '../../outbox/delivery-queue.ts';
import type { Database } from './database.ts';
import { type DeliveryDigests, noticeOf } from './delivery-digests.ts';
import { type DeliveryStatements, shownMembers } from './delivery-statements.ts';
import type { PendingDeliveries } from './pending-deliveries.ts';
import { type PendingDelivery, pendingDelivery } from './pending-delivery.ts';
import type { ToldIncidents } from './told-incidents.ts';

type Ports = {
  db: Database;
  statements: DeliveryStatements;
  pending: PendingDeliveries;
  told: ToldIncidents;
  digests: DeliveryDigests;
  afterIo: Clock['afterIo'];
  limits: Record<'sent' | 'buried', Kept>;
  /** What there is. */
  kept: Record<'sent' | 'buried', Kept>;
};

/** Deliveries that are settled, and the notices that are kept of them. */
export type Kept = { deliveries: number; notices: number };

/** The end of an incident was told. */
type Ended = { numbers: number[]; incidentId: string };

/** Rows of deliveries deleted at once: some 10 µs each. */
const trimRowsMax = 400;

/** What becomes of deliveries that were attempted, and how long they are kept. */
export class DeliverySettling {
  readonly #ports: Ports;
  readonly #kept: Ports['kept'];

  constructor(ports: Ports) {
    this.#ports = ports;
    this.#kept = ports.kept;
  }

  get buried(): number {
    return this.#kept.buried.deliveries;
  }

  noteBuried(count: number): void {
    this.#kept.buried.deliveries += count;
    this.#kept.buried.notices += count;
  }

  async settle(settlements: readonly Settlement[]): Promise<void> {
    const { db, pending, told, digests } = this.#ports;
    const known = settlements.flatMap((settlement) => {
      const item = pending.head(settlement.seq);
      return item ? { settlement, item, ended: null as Ended | null } : [];
    });
    if (known.length === 0) return;
    db.transaction(() => {
      for (const each of known) {
        this.#write(each.settlement);
        if (each.settlement.kind !== 'retry') each.ended = this.#writeEnded(each.item);
      }
    });
    for (const { settlement, item, ended } of known) {
      if (item.gone) continue;
      if (settlement.kind === 'retry') {
        pending.retry(item, settlement.nextAttemptMs);
        continue;
      }
      if (ended) told.ended(ended.numbers, ended.incidentId);
      pending.remove(item);
      this.#count(settlement.kind, item);
    }
    for (const { settlement, item } of known) {
      if (item.members && settlement.kind !== 'retry') {
        await digests.settled(item, { isSent: settlement.kind === 'sent' });
      }
    }
  }

  /** One that was given up is pending again, as the newest. */
  redeliver({ id, from, to, nowMs }: { id: string; from: number; to: number; nowMs: number }): void {
    const { db, statements, pending } = this.#ports;
    type Row = { channel: string; notices: number };
    const { channel, notices } = db.run(() => statements.record.get(from)) as Row;
    const { monitorId } = db.run(() => statements.monitorOf.get(from)) as { monitorId: number };
    db.transaction(() => {
      statements.redeliver.run(to, nowMs, from);
      statements.moveAttempts.run(to, from);
      if (notices > 1) statements.moveDigest.run(to, from);
    });
    const made = { seq: to, id, monitorId, channel, createdMs: nowMs, claimMs: nowMs, kind: 'tried' as const };
    pending.add(pendingDelivery(made, notices > 1 ? [] : null), { failed: true });
    this.#kept.buried.deliveries -= 1;
    this.#kept.buried.notices -= notices;
  }

  /** Deletes the oldest beyond the limits (of those given up, at most `keep` are left), up to `limit` rows; returns how many. */
  trim(keep: number, limit: number): number {
    const { sent, buried } = this.#ports.limits;
    const most = Math.min(limit, trimRowsMax);
    const trimmed = this.#trimmed('sent', sent, most);
    const left = { ...buried, deliveries: Math.min(keep, buried.deliveries) };
    return trimmed + this.#trimmed('buried', left, most - trimmed);
  }

  #trimmed(kind: 'sent' | 'buried', max: Kept, limit: number): number {
    const { db, statements, digests } = this.#ports;
    const kept = this.#kept[kind];
    const isTooMuch = () => kept.deliveries > max.deliveries || kept.notices > max.notices;
    if (limit <= 0 || !isTooMuch()) return 0;
    const state = kind === 'sent' ? 1 : 2;
    const rows = db.run(() => statements.oldestSettled.all(state, limit)) as { seq: number; notices: number }[];
    // What a digest told of goes first, on its own.
    const [first] = rows;
    const members = first && first.notices > 1 ? digests.shrink(first.seq, limit) : 0;
    if (members > 0) return members;
    const removed: typeof rows = [];
    for (const row of rows) {
      if (!isTooMuch() || (removed.length > 0 && row.notices > 1)) break;
      removed.push(row);
      kept.deliveries -= 1;
      kept.notices -= keptNotices(kind, row.notices);
    }
    db.transaction(() => {
      for (const { seq, notices } of removed) {
        statements.remove.run(seq);
        statements.removeAttempts.run(seq);
        if (notices > 1) this.#removeDigest(seq);
      }
    });
    return removed.length;
  }

  #count(kind: 'sent' | 'buried', { seq, members }: PendingDelivery): void {
    const { db, statements } = this.#ports;
    const told = members ? (db.run(() => statements.noticesOf.get(seq)) as { notices: number }).notices : 1;
    this.#kept[kind].deliveries += 1;
    this.#kept[kind].notices += keptNotices(kind, told);
  }

  /** Not while incidents are open that it told of: a recovery ends it. */
  #removeDigest(seq: number): void {
    const { statements, told } = this.#ports;
    const row = statements.digest.get(seq) as { number: number } | undefined;
    if (row && !told.has(row.number)) statements.removeDigest.run(row.number);
  }

  #write({ seq, attempt, ...settlement }: Settlement): void {
    const { retry, end, addAttempt, trimAttempts } = this.#ports.statements;
    const failures = attempt && settlement.kind !== 'sent' ? 1 : 0;
    if (settlement.kind === 'retry') retry.run(settlement.nextAttemptMs, settlement.error, failures, seq);
    else if (settlement.kind === 'sent') end.run(1, settlement.atMs, '', 0, seq);
    else end.run(2, settlement.atMs, settlement.error, failures, seq);
    if (!attempt) return;
    const { atMs, latencyMs, outcome, reason, detail, httpStatus, answer } = attempt;
    addAttempt.run(seq, atMs, Math.round(latencyMs), outcome, reason, detail, httpStatus, answer);
    trimAttempts.run(seq);
  }

  #writeEnded({ seq, channel, members }: PendingDelivery): Ended | null {
    const { statements, told } = this.#ports;
    if (members || !told.concerns(channel)) return null;
    const { type, incidentId } = noticeOf((statements.notice.get(seq) as { notice: string }).notice);
    if (type !== 'up' && type !== 'closed') return null;
    const numbers = told.numbersOf(channel, incidentId);
    for (const number of numbers) statements.endIncident.run(incidentId, number);
    return { numbers, incidentId };
  }
}

function keptNotices(kind: 'sent' | 'buried', notices: number): number {
  return kind === 'sent' ? Math.min(notices, shownMembers) : notices;
}
