/**
 * What readers may be asked: a name and SQL with positional parameters. Each answers with ids and names, and reads a bounded
 * part of an index.
 */
export const readQueries = {
  /** Monitors with a name > ?, up to ? of them. */
  idsByName: "SELECT id, name FROM monitors WHERE kind = 'ping' AND name > ? ORDER BY name LIMIT ?",
  /** The same of those that are down. */
  idsOfDown: "SELECT id, name FROM monitors WHERE kind = 'ping' AND status = 'down' AND name > ? ORDER BY name LIMIT ?",
} as const;

export type ReadQuery = keyof typeof readQueries;

/** A monitor as a reader found it. */
export type FoundMonitor = [id: number, name: string];
