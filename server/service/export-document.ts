import type { DocumentFormat } from '../document/write-document.ts';
import { writeEnd, writeMonitors } from '../document/write-document.ts';
import type { FoundMonitors, MonitorPlace } from '../store/monitor-query.ts';
import type { Store } from '../store/store.ts';

/** Monitors that are read and written in one go: some 2 ms. */
const pageSize = 200;

/**
 * Every monitor as one document, sorted by name. What changes meanwhile may be in it as it was or as it is.
 *
 * @throws StoreError when the store cannot be read; the reason of `signal` when that is aborted.
 */
export async function exportDocument(
  store: Pick<Store, 'find'>,
  { format, signal }: { format: DocumentFormat; signal: AbortSignal },
): Promise<Uint8Array> {
  const parts: Buffer[] = [];
  let after: MonitorPlace | null = null;
  let isEmpty = true;
  do {
    const page: FoundMonitors = await store.find({ order: 'name', after, limit: pageSize });
    signal.throwIfAborted();
    parts.push(Buffer.from(writeMonitors(page.monitors, { format, isFirst: isEmpty })));
    if (page.monitors.length > 0) isEmpty = false;
    after = page.next;
  } while (after !== null);
  parts.push(Buffer.from(writeEnd({ format, isEmpty })));
  return Buffer.concat(parts);
}
