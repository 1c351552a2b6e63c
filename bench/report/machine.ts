import { execFileSync } from 'node:child_process';
import { readFileSync, statfsSync } from 'node:fs';
import { arch, availableParallelism, cpus, platform, release, totalmem } from 'node:os';

/** Where and with what the figures were measured. */
export type Machine = {
  cores: number;
  cpu: string;
  memoryGb: number;
  system: string;
  /** What the data directories were on. */
  dataOn: string;
  node: string;
  sqlite: string;
  fastify: string;
  connect: string;
  connectFastify: string;
  grpcJs: string;
  /** The product's version and commit. */
  tocsin: string;
};

const tmpfsType = 0x01021994;
const project = new URL('../../', import.meta.url);

/** @param directory where the benchmarks keep their data. */
export function describeMachine(directory: string): Machine {
  return {
    cores: availableParallelism(),
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    memoryGb: Math.round(totalmem() / 2 ** 30),
    system: `${platform()} ${release()} ${arch()}`,
    dataOn: statfsSync(directory).type === tmpfsType ? 'memory (tmpfs)' : 'disk',
    node: process.versions.node,
    sqlite: process.versions.sqlite ?? 'unknown',
    fastify: installed('fastify'),
    connect: installed('@connectrpc/connect'),
    connectFastify: installed('@connectrpc/connect-fastify'),
    grpcJs: installed('@grpc/grpc-js'),
    tocsin: [versionIn('package.json'), commit()].filter(Boolean).join(' '),
  };
}

function installed(name: string): string {
  return versionIn(`node_modules/${name}/package.json`);
}

function versionIn(path: string): string {
  return (JSON.parse(readFileSync(new URL(path, project), 'utf8')) as { version: string }).version;
}

/** Empty outside a git checkout; "+" when the checkout has changes besides the benchmarks' own results. */
function commit(): string {
  const git = (...args: string[]) =>
    execFileSync('git', args, { cwd: project, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim();
  try {
    const changed = git('status', '--porcelain', '--', 'server', 'gen', 'package.json');
    return git('rev-parse', '--short', 'HEAD') + (changed === '' ? '' : '+');
  } catch {
    return '';
  }
}
