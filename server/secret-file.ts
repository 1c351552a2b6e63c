import { randomUUID } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * The text of the file at `path`. A file that is missing is made of `make()`, readable by its owner only; two processes that
 * start at once agree on one.
 *
 * @throws Error when the file cannot be read or made.
 */
export function loadOrCreateSecretFile(path: string, make: () => string): string {
  return (readIfExists(path) ?? create(path, make)).trim();
}

function create(path: string, make: () => string): string {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const temporary = `${path}.${randomUUID()}`;
  try {
    const secret = make();
    writeFileSync(temporary, `${secret}\n`, { mode: 0o600, flag: 'wx', flush: true });
    // Unlike a rename, a link never replaces a file that somebody else made meanwhile.
    linkSync(temporary, path);
    return secret;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return readFileSync(path, 'utf8');
  } finally {
    unlinkIfExists(temporary);
  }
}

function readIfExists(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

function unlinkIfExists(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // It was not made.
  }
}
