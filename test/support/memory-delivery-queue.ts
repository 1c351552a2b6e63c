import type {
  ClaimedDelivery,
  ClaimOptions,
  DeliveryQueue,
  DeliveryStats,
  NewDelivery,
  Settlement,
  WaitingKind,
} from '../../server/outbox/delivery-queue.ts';

type Row = ClaimedDelivery & {
  /** Not claimable before; of a leased one, the end of its lease. */
  claimMs: number;
  leased: boolean;
  error: string;
  /** Order of the last failed attempt. */
  failedAt: number;
};

/**
 * A queue in memory, as the interface describes it. `fail` makes calls reject, and `sent` and `buried` keep what became
 * of the deliveries, in order.
 */
export class MemoryDeliveryQueue implements DeliveryQueue {
  readonly sent: string[] = [];
  readonly buried: { id: string; error: string }[] = [];
  /** Sizes of the batches that were settled. */
  readonly settled: number[] = [];
  /** Called before each operation; throws what the operation is to reject with. */
  fail: (operation: 'claim' | 'settle' | 'releaseLeases' | 'nextClaimMs') => void = () => {};
  /** In the order of their seq. */
  readonly #rows = new Map<number, Row>();
  /** The queues by monitor and channel. */
  readonly #queues = new Map<string, Row[]>();
  #seq = 0;
  #failures = 0;

  /** Deliveries that are claimed and not settled. */
  get leased(): number {
    return [...this.#rows.values()].filter(({ leased }) => leased).length;
  }

  add(monitorId: number, delivery: NewDelivery, createdMs: number): void {
    const { id, channel, notice, onlyIfIdle } = delivery;
    const queue = this.#queueOf({ monitorId, channel });
    if (onlyIfIdle && queue.length > 0) return;
    const row: Row = {
      seq: ++this.#seq,
      id,
      monitorId,
      channel,
      notice: structuredClone(notice),
      createdMs,
      attempts: 0,
      claimMs: createdMs,
      leased: false,
      error: '',
      failedAt: 0,
    };
    queue.push(row);
    this.#rows.set(row.seq, row);
  }

  async claim({ nowMs, limit, channelLimit = () => limit, leaseMs }: ClaimOptions): Promise<ClaimedDelivery[]> {
    this.fail('claim');
    const claimed: ClaimedDelivery[] = [];
    const room = new Map<string, number>();
    for (const row of this.#heads().sort((a, b) => a.claimMs - b.claimMs || a.seq - b.seq)) {
      const left = room.get(row.channel) ?? channelLimit(row.channel, 'tried');
      if (row.claimMs > nowMs || left <= 0 || claimed.length === limit) continue;
      room.set(row.channel, left - 1);
      row.claimMs = nowMs + leaseMs;
      row.leased = true;
      const { seq, id, monitorId, channel, notice, createdMs, attempts } = row;
      claimed.push({ seq, id, monitorId, channel, notice: structuredClone(notice), createdMs, attempts });
    }
    return claimed.sort((a, b) => a.seq - b.seq);
  }

  async settle(settlements: Settlement[]): Promise<void> {
    this.fail('settle');
    this.settled.push(settlements.length);
    for (const settlement of settlements) {
      const row = this.#rows.get(settlement.seq);
      if (!row) continue;
      if (settlement.kind === 'retry') {
        row.claimMs = settlement.nextAttemptMs;
        row.leased = false;
        row.attempts++;
        row.error = settlement.error;
        row.failedAt = ++this.#failures;
        continue;
      }
      this.#rows.delete(row.seq);
      const queue = this.#queueOf(row);
      queue.splice(queue.indexOf(row), 1);
      if (settlement.kind === 'sent') this.sent.push(row.id);
      else this.buried.push({ id: row.id, error: settlement.error });
    }
  }

  async releaseLeases(): Promise<void> {
    this.fail('releaseLeases');
    for (const row of this.#rows.values()) {
      if (!row.leased) continue;
      row.leased = false;
      row.claimMs = row.createdMs;
    }
  }

  async shiftClaims(deltaMs: number): Promise<void> {
    for (const row of this.#rows.values()) {
      row.claimMs += deltaMs;
      row.createdMs += deltaMs;
    }
  }

  async nextClaimMs(isOpen: (channel: string, kind: WaitingKind) => boolean = () => true): Promise<number | null> {
    this.fail('nextClaimMs');
    const open = this.#heads().filter(({ channel }) => isOpen(channel, 'tried'));
    const times = open.map(({ claimMs }) => claimMs);
    return times.length === 0 ? null : Math.min(...times);
  }

  async stats(): Promise<DeliveryStats> {
    const rows = [...this.#rows.values()];
    const failing = rows.filter(({ attempts }) => attempts > 0).sort((a, b) => b.failedAt - a.failedAt);
    return {
      pending: rows.length,
      oldestCreatedMs: rows[0]?.createdMs ?? null,
      failing: failing.length,
      lastError: failing[0]?.error ?? '',
      buried: this.buried.length,
    };
  }

  #queueOf({ monitorId, channel }: { monitorId: number; channel: string }): Row[] {
    const key = `${monitorId} ${channel}`;
    const queue = this.#queues.get(key) ?? [];
    this.#queues.set(key, queue);
    return queue;
  }

  #heads(): Row[] {
    return [...this.#queues.values()].flatMap(([head]) => head ?? []);
  }
}
