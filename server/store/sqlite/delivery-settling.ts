import type { Clock } from '../../clock.ts';
import { type Settlement, UnstorableError } from '../../outbox/delivery-queue.ts';
import { StoreError } from '../store.ts';
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

/** Something was told of an incident that digests told of. */
type Told = { isOver: boolean; numbers: number[]; incidentId: string };
type Known = {
  settlement: Settlement;
  item: PendingDelivery;
  /** A notice that was sent. */
  told: Told | null;
  /** Number of a digest that was given up. */
  untold: number | null;
};

/** SQLite's primary result codes of a value that a table does not take: too big, a broken constraint, another type. */
const refusals = [18, 19, 20];

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
    const known = settlements.flatMap((settlement): Known | [] => {
      const item = pending.head(settlement.seq);
      return item ? { settlement, item, told: null, untold: null } : [];
    });
    if (known.length === 0) return;
    try {
      db.transaction(() => {
        for (const each of known) this.#writeAll(each);
      });
    } catch (error) {
      throw isOfMedium(error) ? error : new UnstorableError('a settlement cannot be stored', { cause: error });
    }
    for (const { settlement, item, ...each } of known) {
      if (item.gone) continue;
      if (settlement.kind === 'retry') {
        pending.retry(item, settlement.nextAttemptMs);
        continue;
      }
      if (each.told?.isOver) told.ended(each.told.numbers, each.told.incidentId);
      else if (each.told) told.toldAlone(each.told.numbers, each.told.incidentId);
      if (each.untold !== null) told.forget(each.untold);
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

  #writeAll(each: Known): void {
    const { settlement, item } = each;
    const { statements } = this.#ports;
    this.#write(settlement);
    if (settlement.kind === 'sent') each.told = this.#writeTold(item, { isAttempted: settlement.attempt !== null });
    if (settlement.kind !== 'buried' || !item.members) return;
    // It told nobody; and if somebody sends it again, what is over by then must not keep it open.
    const row = statements.digest.get(item.seq) as { number: number } | undefined;
    if (!row || !this.#ports.told.has(row.number)) return;
    each.untold = row.number;
    statements.forgetIncidents.run(row.number);
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

  #writeTold({ seq, channel, members }: PendingDelivery, { isAttempted }: { isAttempted: boolean }): Told | null {
    const { statements, told } = this.#ports;
    if (members || !told.concerns(channel)) return null;
    const { type, incidentId } = noticeOf((statements.notice.get(seq) as { notice: string }).notice);
    const isOver = type === 'up' || type === 'closed';
    if (!isOver && !isAttempted) return null;
    const numbers = told.numbersOf(channel, incidentId);
    if (isOver) for (const number of numbers) statements.endIncident.run(incidentId, number);
    return { isOver, numbers, incidentId };
  }
}

function keptNotices(kind: 'sent' | 'buried', notices: number): number {
  return kind === 'sent' ? Math.min(notices, shownMembers) : notices;
}

function isOfMedium(error: unknown): boolean {
  if (!(error instanceof StoreError)) return false;
  const code = (error.cause as { errcode?: number } | undefined)?.errcode ?? 0;
  return !refusals.includes(code & 0xff);
}
