import type { Clock } from '../../clock.ts';
import { type Notice, noticeDefaults } from '../../engine/domain/notice.ts';
import type { DigestOptions } from '../../outbox/delivery-queue.ts';
import type { Database } from './database.ts';
import { type DeliveryStatements, shownMembers } from './delivery-statements.ts';
import type { PendingDeliveries } from './pending-deliveries.ts';
import { type PendingDelivery, pendingDelivery } from './pending-delivery.ts';
import { Slices } from './slices.ts';
import type { ToldIncidents } from './told-incidents.ts';

/** Rows of 5 to 15 µs each. */
const sliceRows = 100;
/** Steps in memory, of a µs or two. */
const sliceSteps = 500;

type Ports = {
  db: Database;
  statements: DeliveryStatements;
  pending: PendingDeliveries;
  told: ToldIncidents;
  afterIo: Clock['afterIo'];
  nextSeq: () => number;
  /** Incidents that digests told of, in all. */
  toldMax: number;
};

/**
 * Deliveries that go as one. A digest is one row that names its members; these stay as they are, and only memory takes them out
 * of their queues. So it is there from one transaction on, as a whole, and until then nothing has changed.
 */
export class DeliveryDigests {
  readonly #ports: Ports;
  /** The digest that is shrunk, and the members that it has yet. */
  #shrinking: { seq: number; left: number[] } | null = null;

  constructor(ports: Ports) {
    this.#ports = ports;
  }

  async form(options: DigestOptions): Promise<number> {
    const { db, statements, pending, told, afterIo, nextSeq } = this.#ports;
    const { channel: name, id, keepMembers } = options;
    const channel = pending.channel(name);
    const { down, other } = channel.heaps;
    let heads = down.size + (options.onlyDowns ? 0 : other.size);
    const number = nextSeq();
    const made = { seq: 0, id, monitorId: 0, channel: name, createdMs: 0, claimMs: 0, kind: 'tried' as const };
    const members: PendingDelivery[] = [];
    const digest = pendingDelivery(made, members);
    const slices = new Slices(afterIo, sliceSteps);
    for (; heads > 0; heads--) {
      const head = this.#oldestFresh(options);
      if (!head) break;
      const isWanted = ({ kind }: PendingDelivery) => kind === 'down' || (kind === 'other' && !options.onlyDowns);
      for (let item: PendingDelivery | null = head; item && isWanted(item); item = item.next) {
        channel.bind(item, digest);
        members.push(item);
      }
      if (slices.isFull()) await slices.pause();
    }
    let open = 0;
    try {
      if (members.length < 2) {
        for (const member of members) channel.unbind(member);
        return 0;
      }
      members.sort((a, b) => a.seq - b.seq);
      if (keepMembers) open = await this.#tell(number, members);
      const createdMs = members.reduce((least, member) => Math.min(least, member.createdMs), options.nowMs);
      const seqs = bytesOf(members.map(({ seq }) => seq));
      await db.gate;
      digest.seq = nextSeq();
      db.transaction(() => {
        statements.insertDigest.run(digest.seq, id, name, createdMs, createdMs, members.length);
        statements.addDigest.run(number, digest.seq, id, name, seqs);
      });
      digest.createdMs = digest.claimMs = createdMs;
    } catch (error) {
      for (const member of members) channel.unbind(member);
      throw error;
    }
    pending.add(digest, { failed: false });
    told.open(number, { id, channel: name, open });
    return members.length;
  }

  /** What a digest says, oldest first; the first `limit`. */
  async notices(seq: number, limit = Number.POSITIVE_INFINITY): Promise<Notice[]> {
    const { db, statements, afterIo } = this.#ports;
    const seqs = this.#membersOf(seq)?.seqs ?? [];
    const slices = new Slices(afterIo, sliceRows);
    const notices: Notice[] = [];
    for (const member of seqs.slice(0, limit)) {
      const row = db.run(() => statements.notice.get(member)) as { notice: string } | undefined;
      if (row) notices.push(noticeOf(row.notice));
      if (slices.isFull()) await slices.pause();
    }
    return notices;
  }

  /** A digest is settled: what waits for it has its turn; of one that was sent, what is not shown is deleted. */
  async settled(digest: PendingDelivery, { isSent }: { isSent: boolean }): Promise<void> {
    const { db, pending, afterIo } = this.#ports;
    const found = this.#membersOf(digest.seq);
    const settling = found && this.settling(found, { isSent });
    const slices = new Slices(afterIo, sliceSteps);
    for (const member of digest.members ?? []) {
      pending.remove(member);
      if (slices.isFull()) await slices.pause();
    }
    for (const _ of settling ?? []) {
      await slices.pause();
      await db.gate;
    }
  }

  /**
   * In steps: what a settled digest told of is never pending again, and of one that was sent, what is not shown is deleted. The
   * list of members is written once, at the end: until then a start begins this anew.
   */
  *settling({ number, seqs }: { number: number; seqs: number[] }, { isSent }: { isSent: boolean }): Generator<void> {
    const { db, statements } = this.#ports;
    const kept = isSent ? seqs.slice(0, shownMembers) : seqs;
    for (let from = 0; from < seqs.length; from += sliceRows) {
      db.transaction(() => {
        for (let at = from; at < Math.min(from + sliceRows, seqs.length); at++) {
          (at < kept.length ? statements.endMember : statements.remove).run(seqs[at]!);
        }
      });
      yield;
    }
    db.run(() => statements.endDigest.run(bytesOf(kept), number));
  }

  /** Deletes up to `limit` of the members of a settled digest; returns how many. */
  shrink(seq: number, limit: number): number {
    const { db, statements } = this.#ports;
    if (this.#shrinking?.seq !== seq) this.#shrinking = { seq, left: this.#membersOf(seq)?.seqs ?? [] };
    const { left } = this.#shrinking;
    const removed = left.splice(-limit);
    db.transaction(() => {
      for (const member of removed) statements.remove.run(member);
      if (left.length === 0) statements.emptyDigest.run(seq);
    });
    if (left.length === 0) this.#shrinking = null;
    return removed.length;
  }

  #membersOf(seq: number): { number: number; seqs: number[] } | undefined {
    const { db, statements } = this.#ports;
    const row = db.run(() => statements.digest.get(seq)) as { number: number; members: Uint8Array } | undefined;
    return row && { number: row.number, seqs: seqsOf(row.members) };
  }

  #oldestFresh({ channel, nowMs, onlyDowns }: DigestOptions): PendingDelivery | undefined {
    const { down, other } = this.#ports.pending.channel(channel).heaps;
    const heads = [down.first, onlyDowns ? undefined : other.first];
    return heads.find((head) => head !== undefined && head.claimMs <= nowMs);
  }

  /** Remembers the incidents of members that are downs; returns how many. */
  async #tell(number: number, members: readonly PendingDelivery[]): Promise<number> {
    const { db, statements, told, afterIo, toldMax } = this.#ports;
    while (told.size > 0 && told.size + members.length > toldMax) {
      const oldest = told.oldest!;
      db.run(() => statements.forgetIncidents.run(oldest));
      told.forget(oldest);
    }
    const downs = members.filter(({ kind }) => kind === 'down');
    const slices = new Slices(afterIo, 1);
    let open = 0;
    for (let from = 0; from < downs.length; from += sliceRows) {
      await this.#ports.db.gate;
      db.transaction(() => {
        for (const { seq } of downs.slice(from, from + sliceRows)) {
          open += Number(statements.tellIncident.run(number, seq).changes);
        }
      });
      await slices.pause();
    }
    return open;
  }
}

/** A stored notice, which an older version may have written. */
export function noticeOf(json: string): Notice {
  return { ...noticeDefaults, ...JSON.parse(json) };
}

export function seqsOf(members: Uint8Array): number[] {
  return [...new Float64Array(members.slice().buffer)];
}

function bytesOf(seqs: readonly number[]): Uint8Array {
  return new Uint8Array(Float64Array.from(seqs).buffer);
}
