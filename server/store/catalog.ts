/** What people set up beside monitors. */
export type CatalogKind = 'channel' | 'route' | 'silence';

export type CatalogEntry = {
  /** Unique within its kind. Of a silence its id. */
  name: string;
  /** JSON of whatever its room makes of it; it may hold secrets. */
  spec: string;
  createdMs: number;
  updatedMs: number;
};

/** Keeps what is set up beside monitors: little, read whole at start. */
export interface Catalog {
  /** All of a kind, sorted by name. */
  list(kind: CatalogKind): Promise<CatalogEntry[]>;
  /** Adds or replaces; durable when it resolves. */
  put(kind: CatalogKind, entry: CatalogEntry): Promise<void>;
  /** Durable when it resolves; nothing happens when there is none. */
  remove(kind: CatalogKind, name: string): Promise<void>;
}
