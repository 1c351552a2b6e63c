import { backOffMs, slowBackOffMs } from './back-off.ts';
import { type Beat, beatJson } from './beat.ts';
import { BeatQueue, type QueuedBeat } from './beat-queue.ts';
import type { BeatSink, TocsinStats } from './beat-sink.ts';
import type { Clock, Timer } from './clock.ts';
import type { Endpoint } from './endpoint.ts';
import type { ErrorReporter } from './error-reporter.ts';
import type { FetchLike } from './fetch-like.ts';
import { type BatchOutcome, type ItemOutcome, sendBatch } from './send-batch.ts';
import { TocsinError, type TocsinErrorDetails, type TocsinErrorKind } from './tocsin-error.ts';

const QUEUE_CAPACITY = 1_000;
const BATCH_ITEMS_MAX = 200;
/** Far under what a server or a proxy takes. */
const BATCH_BYTES_MAX = 262_144;
const BEAT_AGE_MS_MAX = 24 * 3_600_000;
/** A beat that waited longer than this before its first attempt says when it happened. */
const UNSTAMPED_AGE_MS_MAX = 1_000;

export type BeatSenderOptions = {
  endpoint: Endpoint;
  fetch: FetchLike;
  clock: Clock;
  random: () => number;
  report: ErrorReporter;
};

type Waiter = { awaited: Set<QueuedBeat>; lost: boolean; finish(answered: boolean): void };

/**
 * Sends beats in the background: one request at a time with everything that may go, until each beat has an answer, is
 * too old, or has to make room. Nothing here throws or waits on the caller's stack.
 */
export class BeatSender implements BeatSink {
  readonly #options: BeatSenderOptions;
  readonly #clock: Clock;
  readonly #queue = new BeatQueue(QUEUE_CAPACITY);
  readonly #waiters = new Set<Waiter>();
  readonly #counts = { delivered: 0, rejected: 0, dropped: 0 };
  #wakePending = false;
  #closing: Promise<boolean> | undefined;
  #closed = false;
  /** The attempt in flight. */
  #attempt: AbortController | undefined;
  #timer: Timer | undefined;
  /** Whole requests that failed since the last answer, and until when (monotonic) nothing is sent. */
  #failures = 0;
  #pausedUntilMs = 0;
  #batchLimit = BATCH_ITEMS_MAX;
  #overflowed = 0;
  #saidLast = '';

  constructor(options: BeatSenderOptions) {
    this.#options = options;
    this.#clock = options.clock;
  }

  stats(): TocsinStats {
    return { queued: this.#queue.size, ...this.#counts };
  }

  add(beat: Beat): void {
    if (this.#closing) {
      this.#counts.dropped += 1;
      this.#report('closed', 'a beat came after close()', { dropped: 1, monitor: beat.monitor.name });
      return;
    }
    const dropped = this.#queue.add(beat);
    if (dropped) this.#overflow(dropped);
    this.#wakeSoon();
  }

  flush(timeoutMs: number): Promise<boolean> {
    if (this.#queue.size === 0) return Promise.resolve(true);
    // Whoever waits shall not wait for a back-off that began before.
    this.#pausedUntilMs = 0;
    this.#queue.clearDelays();
    this.#wakeSoon();
    return new Promise((resolve) => {
      const finish = (answered: boolean) => {
        limit.cancel();
        this.#waiters.delete(waiter);
        resolve(answered);
      };
      const waiter: Waiter = { awaited: new Set(this.#queue.all()), lost: false, finish };
      // Keeps the process alive: Node ends one whose top-level `await` nothing else holds open.
      const limit = this.#clock.after(timeoutMs, () => finish(false), { keepAlive: true });
      this.#waiters.add(waiter);
    });
  }

  close(timeoutMs: number): Promise<boolean> {
    this.#closing ??= this.flush(timeoutMs).then((answered) => {
      this.#closed = true;
      this.#timer?.cancel();
      this.#attempt?.abort(new Error('closed'));
      this.#giveUp([...this.#queue.all()], 'closed', 'beats were still waiting at close()');
      return answered;
    });
    return this.#closing;
  }

  /** In a later turn of the event loop: the job goes on first, and the beats of one turn share a request. */
  #wakeSoon(): void {
    if (this.#wakePending || this.#attempt) return;
    this.#wakePending = true;
    this.#clock.afterIo(() => {
      this.#wakePending = false;
      this.#wake();
    });
  }

  #wake(): void {
    if (this.#attempt || this.#closed) return;
    this.#timer?.cancel();
    const old = this.#queue.all().filter(({ beat }) => this.#ageMs(beat) > BEAT_AGE_MS_MAX);
    this.#giveUp(old, 'expired', 'beats waited for more than 24 h');
    const nowMs = this.#clock.monotonicMs();
    const ready = this.#pausedUntilMs > nowMs ? [] : this.#queue.ready(nowMs, this.#batchLimit);
    if (ready.length > 0) {
      this.#send(ready).catch((cause) => this.#report('internal', 'a fault of the SDK', { dropped: 0, cause }));
      return;
    }
    const nextMs = this.#queue.nextReadyMs();
    if (nextMs === undefined) return;
    const delayMs = Math.ceil(Math.max(nextMs, this.#pausedUntilMs) - nowMs);
    this.#timer = this.#clock.after(Math.max(1, delayMs), () => this.#wake());
  }

  async #send(ready: QueuedBeat[]): Promise<void> {
    const { endpoint, fetch } = this.#options;
    const { batch, items } = this.#batchOf(ready);
    for (const entry of batch) {
      entry.inFlight = true;
      entry.attempts += 1;
    }
    const controller = new AbortController();
    this.#attempt = controller;
    const outcome = await sendBatch({ ...endpoint, items, fetch, clock: this.#clock, controller });
    this.#attempt = undefined;
    if (this.#closed) return;
    for (const entry of batch) entry.inFlight = false;
    this.#apply(batch, outcome);
    this.#wake();
  }

  /** As many of `ready` as fit into one request, and at least one. */
  #batchOf(ready: QueuedBeat[]): { batch: QueuedBeat[]; items: string[] } {
    const encoder = new TextEncoder();
    const items: string[] = [];
    let bytes = 0;
    for (const { beat, attempts } of ready) {
      const item = beatJson(beat, attempts > 0 || this.#ageMs(beat) > UNSTAMPED_AGE_MS_MAX);
      bytes += encoder.encode(item).length + 1;
      if (items.length > 0 && bytes > BATCH_BYTES_MAX) break;
      items.push(item);
    }
    return { batch: ready.slice(0, items.length), items };
  }

  #apply(batch: QueuedBeat[], outcome: BatchOutcome): void {
    if (outcome.kind === 'answered') {
      this.#applyItems(batch, outcome.items);
      return;
    }
    const { message, code } = outcome;
    if (outcome.kind === 'unacceptable' && batch.length === 1) {
      this.#reject(batch[0]!, code ?? 'invalid_argument', message);
      this.#settle(batch);
      return;
    }
    // The beat at fault, if it is one, is found by sending fewer at a time.
    const smaller = outcome.kind === 'unacceptable' || (outcome.kind === 'unavailable' && outcome.smaller);
    if (smaller) this.#batchLimit = Math.max(1, Math.floor(batch.length / 2));
    this.#failures += 1;
    const draw = this.#draw();
    const slow = outcome.kind === 'refused';
    this.#pausedUntilMs = this.#clock.monotonicMs() + (slow ? slowBackOffMs(draw) : backOffMs(this.#failures, draw));
    const cause = outcome.kind === 'unavailable' ? outcome.cause : undefined;
    this.#sayOnce(slow ? 'refused' : 'unavailable', `${this.#options.endpoint.url}: ${message}`, {
      dropped: 0,
      code,
      cause,
    });
  }

  #applyItems(batch: QueuedBeat[], items: ItemOutcome[]): void {
    this.#failures = 0;
    this.#pausedUntilMs = 0;
    this.#batchLimit = Math.min(BATCH_ITEMS_MAX, this.#batchLimit * 2);
    // One draw for all, so that beats which wait together stay in one request.
    const draw = this.#draw();
    const settled: QueuedBeat[] = [];
    let deliveredNow = 0;
    for (const [index, entry] of batch.entries()) {
      const item = items[index]!;
      if (item.kind === 'retry') {
        entry.failures += 1;
        entry.notBeforeMs = this.#clock.monotonicMs() + backOffMs(entry.failures, draw);
        const { monitor } = entry.beat;
        this.#sayOnce('unavailable', `${item.code}: ${item.message}`, {
          dropped: 0,
          code: item.code,
          monitor: monitor.name,
        });
        continue;
      }
      settled.push(entry);
      if (item.kind === 'done') deliveredNow += 1;
      else this.#reject(entry, item.code, item.message);
    }
    this.#counts.delivered += deliveredNow;
    if (deliveredNow === batch.length) this.#saidLast = '';
    this.#settle(settled);
  }

  #reject({ beat }: QueuedBeat, code: string, message: string): void {
    this.#counts.rejected += 1;
    const monitor = beat.monitor.name;
    this.#report('rejected', `monitor ${JSON.stringify(monitor)}: ${code}: ${message}`, { dropped: 1, code, monitor });
  }

  #overflow(dropped: QueuedBeat): void {
    this.#counts.dropped += 1;
    this.#settle([dropped], { lost: true });
    this.#overflowed += 1;
    // One report for all that happens in this turn: a loop of pings must not become a loop of reports.
    if (this.#overflowed > 1) return;
    queueMicrotask(() => {
      const count = this.#overflowed;
      this.#overflowed = 0;
      this.#report('overflow', `more than ${QUEUE_CAPACITY} beats wait`, { dropped: count });
    });
  }

  #giveUp(entries: QueuedBeat[], kind: TocsinErrorKind, message: string): void {
    if (entries.length === 0) return;
    this.#counts.dropped += entries.length;
    this.#report(kind, message, { dropped: entries.length });
    this.#settle(entries, { lost: true });
  }

  #settle(entries: QueuedBeat[], options?: { lost: boolean }): void {
    this.#queue.remove(new Set(entries));
    for (const waiter of [...this.#waiters]) {
      for (const entry of entries) {
        if (waiter.awaited.delete(entry) && options?.lost) waiter.lost = true;
      }
      if (waiter.awaited.size === 0) waiter.finish(!waiter.lost);
    }
  }

  /** An outage is one report, not one per attempt, unless its reason changes. */
  #sayOnce(kind: TocsinErrorKind, message: string, details: TocsinErrorDetails): void {
    if (this.#saidLast === `${kind} ${message}`) return;
    this.#saidLast = `${kind} ${message}`;
    this.#report(kind, message, details);
  }

  #report(kind: TocsinErrorKind, message: string, details: TocsinErrorDetails): void {
    this.#options.report(new TocsinError(kind, message, details));
  }

  #draw(): number {
    try {
      return this.#options.random();
    } catch {
      return 0.5;
    }
  }

  /** By whichever clock moved on further: the monotonic one may stand still in suspend, the other may be set back. */
  #ageMs(beat: Beat): number {
    return Math.max(this.#clock.monotonicMs() - beat.monotonicMs, this.#clock.wallMs() - beat.wallMs);
  }
}
