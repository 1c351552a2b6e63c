import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { untraced } from './untraced.ts';

const run = promisify(execFile);
const root = fileURLToPath(new URL('../..', import.meta.url));

export type PackedSdk = {
  /** An otherwise empty ESM project in which `@tocsin/sdk` is installed. */
  dir: string;
  /** What the package holds, by its paths. */
  files: string[];
  remove(): Promise<void>;
};

/** Packs the SDK as for publishing and installs the package into a project of its own. Reaches no network. */
export async function packSdk(): Promise<PackedSdk> {
  const base = await mkdtemp(join(tmpdir(), 'tocsin-sdk-'));
  const remove = () => rm(base, { recursive: true, force: true });
  try {
    // Built from a copy: tests that run at the same time would clear each other's dist.
    const isSource = (path: string) => !/[\\/](dist|node_modules)$/.test(path);
    await cp(join(root, 'sdk'), join(base, 'sdk'), { recursive: true, filter: isSource });
    await cp(join(root, 'tsconfig.json'), join(base, 'tsconfig.json'));
    await symlink(join(root, 'node_modules'), join(base, 'node_modules'), 'dir');
    const packed = await npm(base, ['pack', './sdk', '--json', '--pack-destination', base]);
    const [{ filename, files }] = JSON.parse(packed) as [{ filename: string; files: { path: string }[] }];

    const dir = join(base, 'project');
    await mkdir(dir);
    await writeFile(join(dir, 'package.json'), JSON.stringify({ name: 'project', private: true, type: 'module' }));
    await npm(dir, ['install', join(base, filename)]);
    return { dir, files: files.map(({ path }) => path).sort(), remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

async function npm(cwd: string, args: string[]): Promise<string> {
  // The settings of the npm that runs the tests would be taken for this one's.
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^npm_/i.test(name)));
  const quiet = ['--offline', '--no-audit', '--no-fund', '--no-update-notifier', '--loglevel=error'];
  const { stdout } = await run(...untraced('npm', [...args, ...quiet]), { cwd, env });
  return stdout;
}
