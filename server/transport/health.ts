/** What health checks ask: whether the server takes calls. */
export interface Health {
  serving(): boolean;
  /** Calls `listener` after every change; the result takes it off again. */
  onChange(listener: () => void): () => void;
}
