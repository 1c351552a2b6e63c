import { closeSync, mkdirSync, openSync } from 'node:fs';
import { StoreError } from './store.ts';

/**
 * Creates what is missing, for its owner's eyes only; SQLite gives its other files the mode of the database. What exists
 * is not even opened: closing it again would drop the lock that this process may hold on it.
 *
 * @throws StoreError `io`.
 */
export function createDataFiles(directory: string, paths: string[]): void {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    for (const path of paths) createFile(path);
  } catch (cause) {
    const text = `the data directory ${directory} cannot be used (${(cause as Error).message})`;
    throw new StoreError('io', text, { cause });
  }
}

function createFile(path: string): void {
  try {
    closeSync(openSync(path, 'wx', 0o600));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}
