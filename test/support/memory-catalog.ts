import type { Catalog, CatalogEntry, CatalogKind } from '../../server/store/catalog.ts';
import { StoreError } from '../../server/store/store.ts';

/** A catalog in memory. `failing`: it cannot be written. */
export class MemoryCatalog implements Catalog {
  failing = false;
  readonly #entries = new Map<string, CatalogEntry>();

  async list(kind: CatalogKind): Promise<CatalogEntry[]> {
    const ofKind = [...this.#entries].filter(([key]) => key.startsWith(`${kind} `)).map(([, entry]) => entry);
    return ofKind.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  async put(kind: CatalogKind, entry: CatalogEntry): Promise<void> {
    await this.#write();
    const before = this.#entries.get(`${kind} ${entry.name}`);
    this.#entries.set(`${kind} ${entry.name}`, { ...entry, createdMs: before?.createdMs ?? entry.createdMs });
  }

  async remove(kind: CatalogKind, name: string): Promise<void> {
    await this.#write();
    this.#entries.delete(`${kind} ${name}`);
  }

  async #write(): Promise<void> {
    await Promise.resolve();
    if (this.failing) throw new StoreError('full', 'the disk is full');
  }
}
