/** What a handler may know about the call it serves, whatever protocol carried it. */
export interface CallContext {
  /**
   * Aborted when nobody waits for the answer any more: the caller left or its deadline passed. For streams also when
   * the server shuts down; requests then end as if the caller had closed its side, and the handler has a bounded time to
   * answer what it took and return. `reason` is a ConnectError.
   */
  readonly signal: AbortSignal;
  /** Wall clock when the request was received (for a stream: when it was opened), Unix ms. */
  readonly receivedMs: number;
  /** Address of the peer of the connection; '' when it is gone. */
  readonly remoteAddress: string;
  /** '' when the caller sent none. */
  readonly userAgent: string;
  /** A request header, by its name in any case; several of one name are joined by ", ". */
  header(name: string): string | null;
}
