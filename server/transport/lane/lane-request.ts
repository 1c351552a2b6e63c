/** What a lane answers. */
export type LaneAnswer = { status: number; headers: Record<string, string>; body: string | Uint8Array };

/**
 * One HTTP request with the way back to its caller, whoever carries it: the listener's own HTTP/1.1 connection, or a
 * request and a response of Node. Nothing of it is touched until a lane takes it.
 */
export interface LaneRequest {
  readonly method: string;
  /** The target as it was sent, such as "/ping?name=a". */
  readonly target: string;
  /** Address of the peer of the connection; '' when it is gone. */
  readonly remoteAddress: string;
  /** A header, by its name in lower case; several of one name are joined by ", ". */
  header(name: string): string | undefined;
  /**
   * Collects the body: `done` gets it, or null as soon as it is over `maxBytes`. `done` is never called when the caller
   * leaves before the end, or takes too long. Call it once, and before the lane has said that it takes the request.
   */
  readBody(maxBytes: number, done: (body: Buffer | null) => void): void;
  /** Calls `run` when the caller leaves before it has its answer; at once when it has left already. */
  onLeave(run: () => void): void;
  /** Sends the answer, `content-length` added. `last`: the connection is asked to end with it. Without effect after one. */
  answer(answer: LaneAnswer, last: boolean): void;
}
