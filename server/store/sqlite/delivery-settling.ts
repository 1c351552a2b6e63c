import type { Clock } from '../../clock.ts';
import type { Settlement } from '../../outbox/delivery-queue.ts';
import type { Database } from './database.ts';
import { type DeliveryDigests, noticeOf } from './delivery-digests.ts';
import type { DeliveryStatements } from './delivery-statements.ts';
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
  sentMax: number;
  /** How many there are. */
  sent: number;
  buried: number;
};

/** The end of an incident was told. */
type Ended = { numbers: number[]; incidentId: string };

/** Rows of deliveries deleted at once: some 10 µs each. */
const trimRowsMax = 400;

/** What becomes of deliveries that were attempted, and how long they are kept. */
export class DeliverySettling {
  readonly #ports: Ports;
  #sent: number;
  #buried: number;

  constructor(ports: Ports) {
    this.#ports = ports;
    this.#sent = ports.sent;
    this.#buried = ports.buried;
  }

  get buried(): number {
    return this.#buried;
  }

  noteBuried(count: number): void {
    this.#buried += count;
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
      if (settlement.kind === 'sent') this.#sent += 1;
      else this.#buried += 1;
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
    this.#buried -= 1;
  }

  /** Deletes up to `limit` of those given up with a seq up to `upToSeq`, and of those sent beyond the bound; returns how many. */
  trim(upToSeq: number, limit: number): number {
    const { sentMax } = this.#ports;
    const most = Math.min(limit, trimRowsMax);
    const sent = this.#remove(1, Number.MAX_SAFE_INTEGER, Math.min(most, this.#sent - sentMax));
    this.#sent -= sent;
    const buried = this.#buried === 0 ? 0 : this.#remove(2, upToSeq, most - sent);
    this.#buried -= buried;
    return sent + buried;
  }

  #remove(state: number, upToSeq: number, limit: number): number {
    if (limit <= 0) return 0;
    const { db, statements, digests } = this.#ports;
    const rows = db.run(() => statements.oldestSettled.all(state, upToSeq, limit)) as {
      seq: number;
      notices: number;
    }[];
    // A digest that was given up has all that it told of yet: that goes first, on its own.
    const [first] = rows;
    if (first && first.notices > 1 && digests.shrink(first.seq, 0, limit) > 0) return 0;
    const end = rows.findIndex(({ notices }, at) => at > 0 && notices > 1);
    const removed = end < 0 ? rows : rows.slice(0, end);
    if (removed.length === 0) return 0;
    db.transaction(() => {
      for (const { seq, notices } of removed) {
        statements.remove.run(seq);
        statements.removeAttempts.run(seq);
        if (notices > 1) this.#removeDigest(seq);
      }
    });
    return removed.length;
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
