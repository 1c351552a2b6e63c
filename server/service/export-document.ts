import type { DocumentFormat } from '../document/write-document.ts';
import { writeEnd, writeMonitors } from '../document/write-document.ts';
import type { Store } from '../store/store.ts';

/** Monitors that are read and written in one go: some 2 ms. */
const pageSize = 200;

/**
 * Every monitor as one document, sorted by name. What changes meanwhile may be in it as it was or as it is.
 *
 * @throws StoreError when the store cannot be read; the reason of `signal` when that is aborted.
 */
export async function exportDocument(
  store: Pick<Store, 'list'>,
  { format, signal }: { format: DocumentFormat; signal: AbortSignal },
): Promise<Uint8Array> {
  const parts: Buffer[] = [];
  for (let afterName = '', isFirst = true; ; isFirst = false) {
    const page = await store.list({ afterName, limit: pageSize });
    signal.throwIfAborted();
    parts.push(Buffer.from(writeMonitors(page, { format, isFirst })));
    if (page.length < pageSize) {
      parts.push(Buffer.from(writeEnd({ format, isEmpty: isFirst && page.length === 0 })));
      return Buffer.concat(parts);
    }
    afterName = page.at(-1)!.name;
  }
}
