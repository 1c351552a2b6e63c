import type { LaneAnswer, LaneRequest } from './lane-request.ts';

/**
 * Serves requests of one kind without the framework: the short way for the many that need nothing special. Returns false,
 * having touched nothing, for every request that it does not fully handle; the common way then serves it.
 */
export type HttpLane = (request: LaneRequest) => boolean;

/** Writes the answers of lanes. */
export class LaneWriter {
  #closing = false;

  /** From now on HTTP/1.1 connections are asked to end with the answer. */
  close(): void {
    this.#closing = true;
  }

  write(request: LaneRequest, answer: LaneAnswer): void {
    request.answer(answer, this.#closing);
  }
}
