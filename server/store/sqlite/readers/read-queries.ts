/**
 * What readers may be asked: a name and SQL with positional parameters. Each answers with ids only, and reads a bounded
 * part of an index.
 */
export const readQueries = {
  /** Monitors with a name > ?, up to ? of them. */
  idsByName: "SELECT id FROM monitors WHERE kind = 'ping' AND name > ? ORDER BY name LIMIT ?",
  /** The same of those that are down. */
  idsOfDown: "SELECT id FROM monitors WHERE kind = 'ping' AND status = 'down' AND name > ? ORDER BY name LIMIT ?",
} as const;

export type ReadQuery = keyof typeof readQueries;
