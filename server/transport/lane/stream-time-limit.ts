import { constants, type ServerHttp2Stream } from 'node:http2';
import type { Clock } from '../../clock.ts';

/** A stream that is watched. */
export type TimedStream = {
  readonly stream: ServerHttp2Stream;
  readonly beganMs: number;
  /** Those that began just before and after it. Itself: it is not watched any more. */
  previous: TimedStream | null;
  next: TimedStream | null;
};

/**
 * Cancels streams whose request has not come in full in time. One timer for all, and a linked list in the order in which
 * they began, since all have equally long: a timer or a map's entry for each would show on the path of every call.
 */
export class StreamTimeLimit {
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  #first: TimedStream | null = null;
  #last: TimedStream | null = null;
  #armed = false;

  constructor(options: { clock: Clock; timeoutMs: number }) {
    this.#clock = options.clock;
    this.#timeoutMs = options.timeoutMs;
  }

  begin(stream: ServerHttp2Stream): TimedStream {
    const timed: TimedStream = { stream, beganMs: this.#clock.monotonicMs(), previous: this.#last, next: null };
    if (this.#last === null) this.#first = timed;
    else this.#last.next = timed;
    this.#last = timed;
    if (!this.#armed) this.#arm(this.#timeoutMs);
    return timed;
  }

  /** The request has come in full, or the stream is gone. May be called again. */
  end(timed: TimedStream): void {
    const { previous, next } = timed;
    if (next === timed) return;
    if (previous === null) this.#first = next;
    else previous.next = next;
    if (next === null) this.#last = previous;
    else next.previous = previous;
    timed.previous = timed;
    timed.next = timed;
  }

  #arm(delayMs: number): void {
    this.#armed = true;
    this.#clock.after(delayMs, () => this.#cancelLate());
  }

  #cancelLate(): void {
    this.#armed = false;
    const nowMs = this.#clock.monotonicMs();
    for (let first = this.#first; first !== null; first = this.#first) {
      const leftMs = first.beganMs + this.#timeoutMs - nowMs;
      if (leftMs > 0) {
        this.#arm(Math.ceil(leftMs));
        return;
      }
      this.end(first);
      first.stream.close(constants.NGHTTP2_CANCEL);
    }
  }
}
