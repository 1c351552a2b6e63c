import { constants, type ServerHttp2Stream } from 'node:http2';
import type { Clock } from '../../clock.ts';

/**
 * Cancels streams whose request has not come in full in time. One timer for all, since all have equally long: one each
 * would show on the path of every call.
 */
export class StreamTimeLimit {
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  /** In the order in which they began: the first is the first to be late. */
  readonly #beganMs = new Map<ServerHttp2Stream, number>();
  #armed = false;

  constructor(options: { clock: Clock; timeoutMs: number }) {
    this.#clock = options.clock;
    this.#timeoutMs = options.timeoutMs;
  }

  begin(stream: ServerHttp2Stream): void {
    this.#beganMs.set(stream, this.#clock.monotonicMs());
    if (!this.#armed) this.#arm(this.#timeoutMs);
  }

  /** The request has come in full, or the stream is gone. */
  end(stream: ServerHttp2Stream): void {
    this.#beganMs.delete(stream);
  }

  #arm(delayMs: number): void {
    this.#armed = true;
    this.#clock.after(delayMs, () => this.#cancelLate());
  }

  #cancelLate(): void {
    this.#armed = false;
    const nowMs = this.#clock.monotonicMs();
    for (const [stream, beganMs] of this.#beganMs) {
      const leftMs = beganMs + this.#timeoutMs - nowMs;
      if (leftMs > 0) {
        this.#arm(Math.ceil(leftMs));
        return;
      }
      this.#beganMs.delete(stream);
      stream.close(constants.NGHTTP2_CANCEL);
    }
  }
}
