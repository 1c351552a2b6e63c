import { DatabaseSync } from 'node:sqlite';
import { StoreError } from '../store.ts';

const sqliteBusy = 5;

/**
 * One server per data directory. Node has no flock and pid files go stale; an exclusive transaction on a file of its
 * own is a lock that the kernel drops with the process, also on kill -9. Nothing else may open that file: with POSIX
 * locks, closing any descriptor of it in this process releases the lock.
 *
 * @throws StoreError `locked` when another process holds it, `io` when the file cannot be used.
 */
export function lockDirectory(path: string, directory: string): { release(): void } {
  let db: DatabaseSync | undefined;
  try {
    db = new DatabaseSync(path, { timeout: 0 });
    db.exec('BEGIN EXCLUSIVE');
    return { release: () => void (db?.isOpen && db.close()) };
  } catch (cause) {
    db?.close();
    const { errcode = 0, message } = cause as { errcode?: number; message: string };
    if ((errcode & 0xff) !== sqliteBusy) throw new StoreError('io', `${path} cannot be used (${message})`, { cause });
    const text = `another Tocsin server is using the data directory ${directory}: stop it, or set TOCSIN_DATA_DIR`;
    throw new StoreError('locked', text, { cause });
  }
}
