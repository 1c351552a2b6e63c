import { posix } from 'node:path';
import { type Token, tokensOf } from './source-tokens.ts';

/** Data flows this way; each room knows only the rooms after it. */
const flow = [
  'listener',
  'healthchecks',
  'badge',
  'transport',
  'codec',
  'service',
  'alerting',
  'engine',
  'store',
  'outbox',
  'notify',
];

/** These import nothing from outside themselves: no room, no `node:*`, no package. */
const closed = ['domain', 'wheel', 'clock'];

/** What anyone may import. */
const free = ['clock', 'domain'];

/** Rooms beside the flow, and which rooms may import them. `top` is main.ts, app.ts and what they are split into. */
const importers: Record<string, string[]> = {
  top: ['top'],
  'system-clock': ['top'],
  'secret-file': ['top', 'badge', 'notify'],
  config: ['top'],
  page: ['top', 'listener'],
  wheel: ['engine'],
  document: ['top', 'service'],
  schedule: ['top', 'service', 'store'],
  gen: ['top', 'transport', 'service'],
};

/** Breaches of the import directions of the design in one file under server/ or sdk/, one line each. */
export function importBreaches(path: string, source: string): string[] {
  const room = roomOf(path);
  if (room === undefined) return [`${path}: this room is not in the picture; add it to test/house/import-rules.ts`];
  return importsOf(tokensOf(source)).flatMap((specifier) => {
    const problem = importProblem({ path, room, specifier });
    return problem === null ? [] : [`${path}: imports ${specifier}: ${problem}`];
  });
}

function importProblem({ path, room, specifier }: { path: string; room: string; specifier: string }): string | null {
  if (!specifier.startsWith('.')) return closed.includes(room) ? `${room} imports nothing from outside itself` : null;
  const target = roomOf(posix.join(posix.dirname(path), specifier));
  if (target === undefined) return 'it lies outside server/, sdk/ and gen/';
  if (target === room) return null;
  if (closed.includes(room)) return `${room} imports nothing from outside itself`;
  if (free.includes(target)) return room === 'sdk' ? 'the SDK does not import the server' : null;
  const allowed = importers[target];
  if (room === 'sdk') return target === 'gen' ? null : 'the SDK does not import the server';
  if (allowed) return allowed.includes(room) ? null : `${target} is only for ${allowed.join(', ')}`;
  if (room === 'top') return null;
  if (!flow.includes(room) || !flow.includes(target)) return `${room} does not import ${target}`;
  return flow.indexOf(room) < flow.indexOf(target) ? null : `${target} comes before ${room}`;
}

/** Uses of the clock, of timers, of chance and of the process where they are not allowed, one line each. */
export function callBreaches(path: string, source: string): string[] {
  const tokens = tokensOf(source);
  const found = new Set(tokens.flatMap((_, index) => bannedAt(tokens, index) ?? []));
  for (const specifier of importsOf(tokens)) {
    if (/^(node:)?(timers(\/promises)?|perf_hooks|process)$/.test(specifier)) found.add(specifier);
  }
  return [...found].filter((use) => !permitted(path, use)).map((use) => `${path}: uses ${use}`);
}

function permitted(path: string, use: string): boolean {
  switch (path) {
    case 'server/system-clock.ts':
      return !['process', 'node:process', 'Math.random'].includes(use);
    case 'server/main.ts':
      return ['process', 'node:process', 'Math.random'].includes(use);
    default:
      // An attempt to deliver is bounded in real time, whatever the clock of the engine says.
      return path.startsWith('server/notify/') && use === 'AbortSignal.timeout';
  }
}

const bannedMembers = ['Date.now', 'performance.now', 'Math.random', 'AbortSignal.timeout'];
const bannedGlobals = ['setTimeout', 'setInterval', 'setImmediate', 'process'];

/** The banned use that begins at a token, if one does. */
function bannedAt(tokens: readonly Token[], index: number): string | undefined {
  const { kind, value } = tokens[index]!;
  if (kind !== 'word') return undefined;
  const next = (offset: number) => tokens[index + offset]?.value ?? '';
  const isMember = ['.', '?.'].includes(next(-1)) && !['globalThis', 'global'].includes(next(-2));
  if (isMember) return undefined;
  const member = `${value}.${next(2)}`;
  if (['.', '?.'].includes(next(1)) && bannedMembers.includes(member)) return member;
  // `new Date(x)` converts and is fine; without an argument it reads the clock.
  if (value === 'Date' && next(-1) === 'new' && (next(1) !== '(' || next(2) === ')')) return 'new Date()';
  if (value === 'Date' && next(-1) !== 'new' && next(1) === '(') return 'Date()';
  const isKeyOrMethod = next(1) === ':' || (value === 'process' && next(1) === '(');
  return bannedGlobals.includes(value) && !isKeyOrMethod ? value : undefined;
}

/** The specifiers of all imports and re-exports, types included. */
function importsOf(tokens: readonly Token[]): string[] {
  return tokens.flatMap(({ kind, value }, index) => {
    if (kind !== 'string') return [];
    const before = tokens[index - 1]?.value;
    const isCall = before === '(' && ['import', 'require', 'resolve'].includes(tokens[index - 2]?.value ?? '');
    return isCall || before === 'import' || before === 'from' ? [value] : [];
  });
}

/** The room that a path belongs to; undefined when the picture has none there. */
function roomOf(path: string): string | undefined {
  const [area, folder = '', inner = ''] = path.split('/');
  if (area === 'sdk' || area === 'gen') return area;
  if (area !== 'server') return undefined;
  if (folder === 'clock.ts' || folder === 'system-clock.ts' || folder === 'secret-file.ts')
    return folder.replace('.ts', '');
  if (folder.endsWith('.ts')) return 'top';
  if (folder === 'engine' && closed.includes(inner)) return inner;
  if (folder === 'transport' && inner === 'codec') return inner;
  return flow.includes(folder) ||
    folder === 'config' ||
    folder === 'page' ||
    folder === 'schedule' ||
    folder === 'document'
    ? folder
    : undefined;
}
