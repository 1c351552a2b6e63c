import { realpath, stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** The program as it may be run: its path without symbolic links; or why not. */
export type FoundProgram = { ok: true; path: string } | { ok: false; problem: string };

/** Looks a program up in a folder. A link must not lead out of it. Never rejects. */
export async function findProgram(folder: string, name: string): Promise<FoundProgram> {
  try {
    const root = await realpath(folder);
    const path = await realpath(join(root, name));
    if (dirname(path) !== root) return { ok: false, problem: 'the program lies outside TOCSIN_EXEC_DIR' };
    const found = await stat(path);
    return found.isFile() ? { ok: true, path } : { ok: false, problem: 'the program is not a file' };
  } catch {
    return { ok: false, problem: 'there is no such program in TOCSIN_EXEC_DIR' };
  }
}
