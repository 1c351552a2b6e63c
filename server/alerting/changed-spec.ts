import type { Refusal } from '../engine/command.ts';
import { type ChannelSettings, keepSecrets } from './channel-settings.ts';
import { type ChannelSpec, type KeptChannel, plainChannel } from './channel-spec.ts';

/** Why a change is not made. */
export type ChannelRefusal = Omit<Refusal, 'code'> & { code: Refusal['code'] | 'failed_precondition' };

/** What somebody wants a channel to be. */
export type ChannelChange = {
  name: string;
  /** `create`, `upsert`: what the patch leaves out has its default. `update`: it stays. */
  mode: 'create' | 'upsert' | 'update';
  patch: {
    description?: string;
    /** All settings of one kind; secrets may be masked. */
    kind?: { name: string; settings: ChannelSettings };
    concurrency?: number;
    digestAbove?: number;
    digestWindowMs?: number;
  };
  /** Of the channel that is to be changed; null: whichever it is. */
  etag: string | null;
};

/** What a channel is to be after a change, or why it may not be changed. `secretsOf`: names of the secrets of a kind. */
export function changedSpec(
  before: KeptChannel | undefined,
  { name, mode, patch, etag }: ChannelChange,
  { secretsOf }: { secretsOf: (kind: string) => readonly string[] },
): { ok: true; spec: ChannelSpec } | { ok: false; refusal: ChannelRefusal } {
  const refusal = stateRefusal(before, { name, mode, etag });
  if (refusal) return { ok: false, refusal };
  const from = mode === 'update' && before ? before.spec : plainChannel;
  const { description = from.description, concurrency = from.concurrency, kind } = patch;
  const { digestAbove: above = from.digest.above, digestWindowMs: windowMs = from.digest.windowMs } = patch;
  const rest = { description, concurrency, digest: { above, windowMs } };
  if (!kind && mode === 'update' && before) {
    const { kind, settings } = before.spec;
    return { ok: true, spec: { ...rest, kind, settings } };
  }
  if (!kind) throw new Error('a channel without a kind');
  const stored = before?.spec.kind === kind.name ? before.spec.settings : null;
  const kept = keepSecrets(kind.settings, stored, secretsOf(kind.name));
  if (kept.ok) return { ok: true, spec: { ...rest, kind: kind.name, settings: kept.settings } };
  const field = `${kind.name}.${kept.field}`;
  return { ok: false, refusal: { code: 'invalid_argument', field, message: `${field}: ${kept.problem}` } };
}

/** Why a channel, as it is, may not be made or changed; null when it may. */
export function stateRefusal(
  channel: KeptChannel | undefined,
  { name, mode, etag }: Pick<ChannelChange, 'name' | 'mode' | 'etag'>,
): ChannelRefusal | null {
  const quoted = JSON.stringify(name);
  if (channel?.origin === 'settings') {
    const what = 'is set up by the settings of the server: change PING_ALERT_URI and PING_ALERT_METHOD';
    return { code: 'failed_precondition', field: 'name', message: `name: the channel ${quoted} ${what}` };
  }
  if (mode === 'create' && channel) {
    return { code: 'already_exists', field: 'name', message: `name: there is a channel called ${quoted} already` };
  }
  if (!channel && (mode === 'update' || etag !== null)) {
    return { code: 'not_found', field: 'name', message: `name: no channel is called ${quoted}` };
  }
  if (channel && etag !== null && etag !== channel.etag) {
    const message = `etag: the channel was changed since it was read, its etag is now ${channel.etag}; read it again`;
    return { code: 'aborted', field: 'etag', message };
  }
  return null;
}
