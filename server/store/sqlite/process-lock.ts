import { DatabaseSync } from 'node:sqlite';
import { StoreError } from '../store.ts';

/**
 * One server per data directory. Node has no flock and pid files go stale; an exclusive transaction on a file of its
 * own is a lock that the kernel drops with the process, also on kill -9. Nothing else may open that file: with POSIX
 * locks, closing any descriptor of it in this process releases the lock.
 *
 * @throws StoreError `locked` when another process holds it.
 */
export function lockDirectory(path: string, directory: string): { release(): void } {
  const db = new DatabaseSync(path, { timeout: 0 });
  try {
    db.exec('BEGIN EXCLUSIVE');
  } catch (cause) {
    db.close();
    if (((cause as { errcode?: number }).errcode ?? 0) % 256 !== 5) throw cause;
    const text = `another Tocsin server is using the data directory ${directory}: stop it, or set TOCSIN_DATA_DIR`;
    throw new StoreError('locked', text, { cause });
  }
  return { release: () => db.close() };
}
