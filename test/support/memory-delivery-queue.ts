import { mergedNotice } from '../../server/engine/domain/make-notice.ts';
import type { Notice } from '../../server/engine/domain/notice.ts';
import type { DeliveryLog, DeliveryRecord } from '../../server/outbox/delivery-log.ts';
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
} from '../../server/outbox/delivery-queue.ts';
import { isDown, kindOf, type Row, recordOf, statsOf, tooManyText } from './memory-delivery.ts';

type Operation = 'claim' | 'settle' | 'releaseLeases' | 'nextClaimMs' | 'formDigest' | 'waiting';

/** Incidents that a digest told of. */
type Told = { channel: string; incidents: Set<string>; over: Set<string>; alone: Set<string> };

/**
 * A queue in memory, as the interface describes it. `fail` makes calls reject, and `sent` and `buried` keep what became
 * of the deliveries, in order.
 */
export class MemoryDeliveryQueue implements DeliveryQueue, DeliveryLog {
  readonly sent: string[] = [];
  readonly buried: { id: string; error: string }[] = [];
  /** Sizes of the batches that were settled. */
  readonly settled: number[] = [];
  /** Called before each operation; throws what the operation is to reject with. */
  fail: (operation: Operation) => void = () => {};
  /** All that there ever was, by seq, in that order. */
  readonly #rows = new Map<number, Row>();
  /** What is pending of each monitor and channel, the oldest first. */
  readonly #queues = new Map<string, Row[]>();
  /** By id of the digest. */
  readonly #told = new Map<string, Told>();
  /** Notices that are pending, by channel. */
  readonly #counts = new Map<string, number>();
  readonly #pendingMax: number;
  #seq = 0;
  #failures = 0;

  constructor({ pendingMax = 100_000 }: { pendingMax?: number } = {}) {
    this.#pendingMax = pendingMax;
  }

  /** Deliveries that are claimed and not settled. */
  get leased(): number {
    return this.#pending().filter(({ leased }) => leased).length;
  }

  add(monitorId: number, { id, channel, notice, onlyIfIdle }: NewDelivery, createdMs: number): void {
    const queue = this.#queueOf({ monitorId, channel });
    if (onlyIfIdle && queue.length > 0) return;
    let told = structuredClone(notice);
    if (notice.type === 'up' || notice.type === 'closed') {
      const isOf = ({ notices: [its] }: Row) => isDown(its) && its.incidentId === notice.incidentId;
      const gone = queue.filter((row) => !row.claimed && !row.boundTo && isOf(row));
      for (const row of gone) this.#drop(row);
      const first = gone.find(({ notices }) => notices[0].repeat === 0);
      if (first && notice.type === 'closed') return;
      if (first) told = mergedNotice(first.notices[0], told);
    }
    const row = this.#newRow({ id, monitorId, channel, notices: [told], createdMs });
    this.#rows.set(row.seq, row);
    this.#count(channel, 1);
    if (this.#counts.get(channel)! <= this.#pendingMax) queue.push(row);
    else this.#end(row, { state: 'buried', atMs: createdMs, error: tooManyText(this.#pendingMax) });
  }

  async claim({ nowMs, limit, channelLimit = () => limit, leaseMs }: ClaimOptions): Promise<ClaimedDelivery[]> {
    this.fail('claim');
    const claimed: Row[] = [];
    const room = new Map<string, number>();
    for (const row of this.#heads().sort((a, b) => a.claimMs - b.claimMs || a.seq - b.seq)) {
      const kind = kindOf(row);
      const lane = `${kind} ${row.channel}`;
      const left = room.get(lane) ?? channelLimit(row.channel, kind);
      if (row.claimMs > nowMs || left <= 0 || claimed.length === limit) continue;
      room.set(lane, left - 1);
      claimed.push(row);
    }
    for (const row of claimed) Object.assign(row, { claimMs: nowMs + leaseMs, leased: true, claimed: true });
    return claimed.sort((a, b) => a.seq - b.seq).map((row) => this.#claimed(row));
  }

  async settle(settlements: Settlement[]): Promise<void> {
    this.fail('settle');
    this.settled.push(settlements.length);
    for (const settlement of settlements) {
      const row = this.#rows.get(settlement.seq);
      if (!row || row.boundTo || this.#queueOf(row)[0] !== row) continue;
      const { attempt } = settlement;
      if (attempt)
        row.records.push({ ...attempt, latencyMs: Math.round(attempt.latencyMs), number: row.records.length + 1 });
      if (attempt && settlement.kind !== 'sent') row.attempts += 1;
      if (settlement.kind === 'retry') {
        const { nextAttemptMs: claimMs, error } = settlement;
        Object.assign(row, {
          claimMs,
          dueMs: claimMs,
          error,
          leased: false,
          claimed: true,
          failedAt: ++this.#failures,
        });
        continue;
      }
      const queue = this.#queueOf(row);
      queue.splice(queue.indexOf(row), 1);
      for (const member of row.members) this.#drop(member);
      if (settlement.kind === 'sent') this.#end(row, { state: 'sent', atMs: settlement.atMs, error: '' });
      else this.#end(row, { state: 'buried', atMs: settlement.atMs, error: settlement.error });
      const [{ type, incidentId }, more] = row.notices;
      if (more && settlement.kind === 'buried') this.#told.delete(row.id);
      if (more || settlement.kind === 'buried') continue;
      for (const told of this.#toldOf(row.channel, incidentId)) {
        if (type === 'up' || type === 'closed') told.incidents.delete(incidentId);
        else if (attempt) told.alone.add(incidentId);
      }
    }
  }

  async releaseLeases(): Promise<void> {
    this.fail('releaseLeases');
    for (const row of this.#pending()) {
      if (row.leased) Object.assign(row, { leased: false, claimMs: row.createdMs });
    }
  }

  async shiftClaims(deltaMs: number): Promise<void> {
    for (const row of this.#pending()) {
      row.claimMs += deltaMs;
      row.dueMs += deltaMs;
      row.createdMs += deltaMs;
    }
  }

  async hasten(channel: string, nowMs: number): Promise<void> {
    for (const row of this.#pending()) {
      if (row.channel === channel && row.attempts > 0 && !row.leased) row.claimMs = Math.min(row.claimMs, nowMs);
    }
  }

  async nextClaimMs(isOpen: (channel: string, kind: WaitingKind) => boolean = () => true): Promise<number | null> {
    this.fail('nextClaimMs');
    const open = this.#heads().filter((row) => isOpen(row.channel, kindOf(row)));
    const times = open.map(({ claimMs }) => claimMs);
    return times.length === 0 ? null : Math.min(...times);
  }

  isPending(monitorId: number, channel: string): boolean {
    return (this.#queues.get(`${monitorId} ${channel}`)?.length ?? 0) > 0;
  }

  async waiting(nowMs: number): Promise<FreshDeliveries[]> {
    this.fail('waiting');
    const channels = Map.groupBy(
      this.#heads().filter((row) => row.claimMs <= nowMs && kindOf(row) !== 'tried'),
      ({ channel }) => channel,
    );
    return [...channels].map(([channel, rows]) => ({
      channel,
      fresh: rows.length,
      downs: rows.filter((row) => kindOf(row) === 'down').length,
      oldestMs: Math.min(...rows.map(({ createdMs }) => createdMs)),
      newestMs: this.#pending().findLast((row) => row.channel === channel)!.createdMs,
    }));
  }

  async formDigest({ channel, id, nowMs, onlyDowns, keepMembers }: DigestOptions): Promise<number> {
    this.fail('formDigest');
    const members: Row[] = [];
    for (const queue of this.#queues.values()) {
      if (queue[0]?.channel !== channel || queue[0].claimMs > nowMs) continue;
      for (const row of queue) {
        if (kindOf(row) === 'tried' || (onlyDowns && kindOf(row) !== 'down')) break;
        members.push(row);
      }
    }
    if (members.length < 2) return 0;
    members.sort((a, b) => a.seq - b.seq);
    const notices = members.map((member) => member.notices[0]) as [Notice, ...Notice[]];
    const createdMs = Math.min(...members.map((member) => member.createdMs));
    const digest = this.#newRow({ id, monitorId: 0, channel, notices, createdMs });
    digest.members = members;
    for (const member of members) member.boundTo = digest;
    this.#queues.set(id, [digest]);
    this.#rows.set(digest.seq, digest);
    if (!keepMembers) return members.length;
    const incidents = new Set(notices.filter(isDown).map(({ incidentId }) => incidentId));
    this.#told.set(id, { channel, incidents, over: new Set(), alone: new Set() });
    return members.length;
  }

  async stats(): Promise<DeliveryStats> {
    const pending = this.#pending().filter(({ boundTo }) => !boundTo);
    const channels = Map.groupBy(pending, ({ channel }) => channel);
    return {
      ...statsOf(pending),
      buried: [...this.#rows.values()].filter(({ state }) => state === 'buried').length,
      channels: new Map([...channels].map(([channel, rows]) => [channel, statsOf(rows)])),
    };
  }

  async list({ channel, states, beforeSeq, limit }: Parameters<DeliveryLog['list']>[0]): Promise<DeliveryRecord[]> {
    return [...this.#rows.values()]
      .filter(({ boundTo, seq }) => !boundTo && seq < (beforeSeq ?? Number.POSITIVE_INFINITY))
      .filter((row) => channel === null || row.channel === channel)
      .filter(({ state }) => states.length === 0 || states.includes(state))
      .sort((a, b) => b.seq - a.seq)
      .slice(0, limit)
      .map(recordOf);
  }

  async get(id: string): Promise<DeliveryRecord | undefined> {
    const row = this.#byId(id);
    return row && recordOf(row);
  }

  async redeliver(id: string, nowMs: number): Promise<'done' | 'not_buried' | undefined> {
    const row = this.#byId(id);
    if (row?.state !== 'buried') return row && 'not_buried';
    this.#rows.delete(row.seq);
    Object.assign(row, { seq: ++this.#seq, state: 'pending', settledMs: null, failedAt: ++this.#failures });
    Object.assign(row, { createdMs: nowMs, claimMs: nowMs, dueMs: nowMs, claimed: true, members: [] });
    this.#rows.set(row.seq, row);
    this.#count(row.channel, row.notices.length > 1 ? 0 : 1);
    if (row.notices.length > 1) this.#queues.set(id, [row]);
    else this.#queueOf(row).push(row);
    return 'done';
  }

  /** As after a restart: what only memory knew is gone. */
  restart(): void {
    this.#failures = 0;
    for (const row of this.#pending()) {
      Object.assign(row, { leased: false, claimMs: row.dueMs });
      row.failedAt = row.error === '' ? 0 : ++this.#failures;
    }
    for (const { over } of this.#told.values()) over.clear();
  }

  #newRow(made: Pick<Row, 'id' | 'monitorId' | 'channel' | 'notices' | 'createdMs'>): Row {
    return {
      ...made,
      seq: ++this.#seq,
      attempts: 0,
      claimMs: made.createdMs,
      dueMs: made.createdMs,
      claimed: false,
      leased: false,
      error: '',
      failedAt: 0,
      state: 'pending',
      settledMs: null,
      records: [],
      members: [],
      boundTo: null,
    };
  }

  #claimed(row: Row): ClaimedDelivery {
    const { seq, id, monitorId, channel, createdMs, attempts } = row;
    const notices = structuredClone(row.notices);
    const [{ type, incidentId }, more] = notices;
    const told = more ? [] : this.#toldOf(channel, incidentId);
    const endedDigests: string[] = [];
    if (type === 'up' || type === 'closed') {
      for (const its of told) its.over.add(incidentId);
      for (const [digest, { incidents, over }] of this.#told) {
        if (told.includes(this.#told.get(digest)!) && incidents.isSubsetOf(over)) endedDigests.push(digest);
      }
    }
    const toldInDigest = told.length > 0 && !told.some(({ alone }) => alone.has(incidentId));
    return { seq, id, monitorId, channel, notices, createdMs, attempts, toldInDigest, endedDigests };
  }

  #toldOf(channel: string, incidentId: string): Told[] {
    return [...this.#told.values()].filter((told) => told.channel === channel && told.incidents.has(incidentId));
  }

  #end(row: Row, { state, atMs, error }: { state: 'sent' | 'buried'; atMs: number; error: string }): void {
    Object.assign(row, { state, settledMs: atMs, error, leased: false });
    if (row.notices.length === 1) this.#count(row.channel, -1);
    if (state === 'sent') this.sent.push(row.id);
    else this.buried.push({ id: row.id, error });
  }

  #drop(row: Row): void {
    const queue = this.#queueOf(row);
    queue.splice(queue.indexOf(row), 1);
    this.#rows.delete(row.seq);
    this.#count(row.channel, -1);
  }

  #count(channel: string, more: number): void {
    this.#counts.set(channel, (this.#counts.get(channel) ?? 0) + more);
  }

  #byId(id: string): Row | undefined {
    return [...this.#rows.values()].find((row) => row.id === id && !row.boundTo);
  }

  #queueOf({ monitorId, channel, id, notices }: Pick<Row, 'monitorId' | 'channel'> & Partial<Row>): Row[] {
    const key = notices && notices.length > 1 ? id! : `${monitorId} ${channel}`;
    const queue = this.#queues.get(key) ?? [];
    this.#queues.set(key, queue);
    return queue;
  }

  #pending(): Row[] {
    return [...this.#rows.values()].filter(({ state }) => state === 'pending');
  }

  /** What may be handed out. */
  #heads(): Row[] {
    return [...this.#queues.values()].flatMap(([head]) => (head && !head.boundTo ? head : []));
  }
}
