import type { Catalog, CatalogEntry, CatalogKind } from '../catalog.ts';
import type { Database } from './database.ts';

/** The catalog in SQLite. */
export class SqliteCatalog implements Catalog {
  readonly #db: Database;
  readonly #statements: ReturnType<typeof prepareStatements>;

  constructor(db: Database) {
    this.#db = db;
    this.#statements = prepareStatements(db);
  }

  async list(kind: CatalogKind): Promise<CatalogEntry[]> {
    const rows = this.#db.run(() => this.#statements.list.all(kind)) as unknown as Row[];
    return rows.map(({ name, spec, created_ms: createdMs, updated_ms: updatedMs }) => ({
      name,
      spec,
      createdMs,
      updatedMs,
    }));
  }

  async put(kind: CatalogKind, { name, spec, createdMs, updatedMs }: CatalogEntry): Promise<void> {
    await this.#db.gate;
    this.#db.transaction(() => this.#statements.put.run(kind, name, spec, createdMs, updatedMs));
  }

  async remove(kind: CatalogKind, name: string): Promise<void> {
    await this.#db.gate;
    this.#db.transaction(() => this.#statements.remove.run(kind, name));
  }
}

type Row = { name: string; spec: string; created_ms: number; updated_ms: number };

function prepareStatements(db: Database) {
  return {
    list: db.prepare('SELECT name, spec, created_ms, updated_ms FROM catalog WHERE kind = ? ORDER BY name'),
    put: db.prepare(
      `INSERT INTO catalog (kind, name, spec, created_ms, updated_ms) VALUES (?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET spec = excluded.spec, updated_ms = excluded.updated_ms`,
    ),
    remove: db.prepare('DELETE FROM catalog WHERE kind = ? AND name = ?'),
  };
}
