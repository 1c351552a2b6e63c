import type { NotifierPorts } from '../notify/channel-kind.ts';
import type { AnyChannelKind } from '../notify/channel-registry.ts';
import type { Notifier } from '../notify/notifier.ts';
import type { Lane } from '../outbox/lanes.ts';
import { fieldAt, resolveSettings, type SettingProblem } from './channel-settings.ts';
import type { ChannelSpec } from './channel-spec.ts';
import type { EnvLookup } from './env-references.ts';

/** What channels are made of. */
export type Workshop = {
  kinds: Readonly<Record<string, AnyChannelKind>>;
  lookUp: EnvLookup;
  ports: NotifierPorts;
};

export type BuiltLane = { ok: true; lane: Lane } | ({ ok: false } & SettingProblem);

/**
 * Makes the lane of a channel, or says what is wrong with its settings: `field` by its proto name, with that of its kind before
 * it, such as "slack.url". Secrets are not in `problem`.
 */
export function buildLane(spec: ChannelSpec, { kinds, lookUp, ports }: Workshop): BuiltLane {
  const kind = Object.hasOwn(kinds, spec.kind) ? kinds[spec.kind] : undefined;
  if (!kind) return { ok: false, field: spec.kind, problem: 'is a kind of channel that this server does not have' };
  if (spec.kind === 'exec' && ports.execDir === null) {
    return { ok: false, field: 'exec', problem: 'programs are off: the server must be started with TOCSIN_EXEC_DIR' };
  }
  const resolved = resolveSettings(spec.settings, kind.secrets, lookUp);
  if (!resolved.ok) return { ...resolved, field: `${spec.kind}.${resolved.field}` };
  const parsed = kind.settings.safeParse(resolved.settings);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    if (issue?.code === 'unrecognized_keys') {
      return { ok: false, field: `${spec.kind}.${fieldAt([issue.keys[0]!])}`, problem: 'is not supported' };
    }
    // Of a key of a map, zod says what is wrong with it one level down.
    const { message = 'is not valid' } = (issue?.code === 'invalid_key' ? issue.issues[0] : issue) ?? {};
    const field = [spec.kind, fieldAt(issue?.path ?? [])].filter(Boolean).join('.');
    return { ok: false, field, problem: message };
  }
  return { ok: true, lane: laneOf(spec, { kind, notifier: kind.notifier(parsed.data, ports) }) };
}

/** The lane of a channel that cannot be built, until it can: nothing is sent, and nothing is lost. */
export function brokenLane(spec: ChannelSpec, { kinds }: Workshop, { field, problem }: SettingProblem): Lane {
  const detail = `the channel cannot be used: ${field}: ${problem}`.slice(0, 300);
  const notifier: Notifier = { send: async () => ({ kind: 'retryable', reason: 'secret', detail }) };
  return laneOf(spec, { kind: Object.hasOwn(kinds, spec.kind) ? kinds[spec.kind] : undefined, notifier });
}

export function laneOf(
  { concurrency, digest }: ChannelSpec,
  { kind, notifier }: { kind: AnyChannelKind | undefined; notifier: Notifier },
): Lane {
  const isBatched = (kind?.refreshMs ?? null) !== null;
  return { notifier, concurrency, digest, isBatched, isKeyed: kind?.isKeyed ?? false };
}
