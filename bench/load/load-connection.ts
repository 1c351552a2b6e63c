/** One connection of the load generator. It has at most as many calls under way as it was made for. */
export interface LoadConnection {
  /** Begins a call; `startedMs` is handed back with its answer. Sent at the latest with `flush`. */
  send(startedMs: number): void;
  flush(): void;
  close(): void;
}

/** What a connection tells; `problem` is null for a good answer. Times are those of `performance.now`. */
export type AnswerListener = (answer: {
  connection: LoadConnection;
  startedMs: number;
  nowMs: number;
  problem: string | null;
}) => void;

export type LoadConnectionEvents = {
  onAnswer: AnswerListener;
  /** The connection can no longer be used. Not called after `close`. */
  onBroken: (problem: string) => void;
};
