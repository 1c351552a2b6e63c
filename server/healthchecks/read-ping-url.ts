import { decodePercent, decodeTarget } from '../transport/request-text.ts';

/** What a ping of the Healthchecks protocol signals. */
export type PingSignal =
  | { kind: 'success' | 'start' | 'fail' | 'log' }
  /** How a command ended, 0 to 255. */
  | { kind: 'exit'; exitCode: number };

/** Which monitor a URL means. */
export type PingTarget =
  /** By its ping id, a UUID in lower case. */
  | { by: 'id'; pingId: string }
  /** By its name. */
  | { by: 'name'; pingKey: string; name: string };

export type PingUrl = {
  target: PingTarget;
  signal: PingSignal;
  /** Id of the run, a UUID in lower case; '' when there is none. */
  run: string;
  /** The monitor is to be made if there is none. */
  create: boolean;
};

export type ReadPingUrl = { ok: true; url: PingUrl } | { ok: false; problem: 'path' | 'run' };

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const pingKey = /^[A-Za-z0-9_-]{1,128}$/;
const signals = ['start', 'fail', 'log'] as const;

/**
 * Reads what follows `prefix` ("/hc/") in a request target: `<uuid>[/<signal>]` or `<ping key>/<name>[/<signal>]`, where the
 * signal is "start", "fail", "log" or an exit code, and a query with `rid` (run id) and `create=1`. Names are
 * percent-encoded, slashes in them too. As in the original (hc/api/urls.py), a path that can be read as the first is.
 */
export function readPingUrl(target: string, prefix: string): ReadPingUrl {
  const queryAt = target.indexOf('?');
  const path = queryAt < 0 ? target : target.slice(0, queryAt);
  const segments = path.slice(prefix.length).split('/');
  // "/hc/<uuid>/" is fine with the original.
  if (segments.length > 1 && segments.at(-1) === '') segments.pop();
  const found = readById(segments) ?? readByName(segments);
  if (found === null) return { ok: false, problem: 'path' };
  if (queryAt < 0) return { ok: true, url: { ...found, run: '', create: false } };
  const query = new URLSearchParams(target.slice(queryAt + 1));
  const run = query.get('rid');
  if (run !== null && !uuid.test(run)) return { ok: false, problem: 'run' };
  return { ok: true, url: { ...found, run: run?.toLowerCase() ?? '', create: query.get('create') === '1' } };
}

type Found = Pick<PingUrl, 'target' | 'signal'>;

function readById([id = '', signalText, ...more]: string[]): Found | null {
  const signal = readSignal(signalText);
  if (signal === null || more.length > 0 || !uuid.test(id)) return null;
  return { target: { by: 'id', pingId: id.toLowerCase() }, signal };
}

function readByName([key = '', nameText = '', signalText, ...more]: string[]): Found | null {
  const signal = readSignal(signalText);
  if (signal === null || more.length > 0 || nameText === '' || !pingKey.test(key)) return null;
  // An exit code that is none, rather than a name.
  if (uuid.test(key) && signalText === undefined && /^[0-9]+$/.test(nameText)) return null;
  const bytes = decodeTarget(nameText);
  const name = bytes.ok ? decodePercent(bytes.text, false) : bytes;
  return name.ok ? { target: { by: 'name', pingKey: key, name: name.text }, signal } : null;
}

function readSignal(text: string | undefined): PingSignal | null {
  if (text === undefined) return { kind: 'success' };
  const known = signals.find((signal) => signal === text);
  if (known !== undefined) return { kind: known };
  const exitCode = /^[0-9]{1,8}$/.test(text) ? Number(text) : Infinity;
  return exitCode <= 255 ? { kind: 'exit', exitCode } : null;
}
