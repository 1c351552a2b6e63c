/** Bounds of one listener. Node's own defaults do not reach a server that Fastify did not make, so all are set here. */
export type ListenerLimits = {
  /** Open connections; further ones are dropped. */
  maxConnections: number;
  /** Until a new connection has shown which protocol it speaks, ms. */
  decideTimeoutMs: number;
  /** HTTP/1.1: until all headers of a request have come, ms. */
  headersTimeoutMs: number;
  /**
   * HTTP/1.1: until a request has come in full, ms. No stream of the client's is cut by it: Connect's bidi streams need
   * HTTP/2, and answers may take as long as they like. It must grow before a client-streaming method is added.
   */
  requestTimeoutMs: number;
  /** HTTP/1.1 between two requests, HTTP/2 without an open stream: until an idle connection is closed, ms. */
  idleTimeoutMs: number;
  /** HTTP/2: streams that one connection may have open at once. */
  maxConcurrentStreams: number;
  /** HTTP/2: memory that one connection may use, MB. */
  maxSessionMemoryMb: number;
  /** All headers of a request together, bytes. */
  maxHeaderBytes: number;
  /** On close: until requests that are under way are cut off, ms. */
  drainMs: number;
};

export const defaultListenerLimits: ListenerLimits = {
  maxConnections: 20_000,
  decideTimeoutMs: 10_000,
  headersTimeoutMs: 15_000,
  requestTimeoutMs: 60_000,
  idleTimeoutMs: 75_000,
  maxConcurrentStreams: 250,
  maxSessionMemoryMb: 16,
  maxHeaderBytes: 16_384,
  drainMs: 10_000,
};
