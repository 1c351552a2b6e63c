import { toJson } from '@bufbuild/protobuf';
import { Code, type ConnectError } from '@connectrpc/connect';
import { type Channel, ChannelSchema } from '../../gen/ts/tocsin/v1/channel_pb.ts';
import type { ChannelChange } from '../alerting/changed-spec.ts';
import type { ChannelSettings } from '../alerting/channel-settings.ts';
import { plainChannel } from '../alerting/channel-spec.ts';
import { parseDuration } from '../engine/domain/duration.ts';
import { callError, quoteInput } from './call-error.ts';
import { textProblem } from './item-problem.ts';
import { problemError } from './problem-error.ts';
import type { FieldProblem } from './read-maintenance.ts';

export type ReadChannel = { ok: true; change: ChannelChange } | { ok: false; error: ConnectError };

/** How a Channel message is meant. */
export type ChannelReading = {
  mode: ChannelChange['mode'];
  /** Paths of an `update`. */
  mask?: readonly string[];
  /** Before the names of fields in errors. */
  prefix: string;
};

type Patch = ChannelChange['patch'];

const digestWindow = { minMs: 10_000, maxMs: 3_600_000 };

/** The kinds of channels of the contract, by name. */
export const kindFields = new Map(
  ChannelSchema.oneofs.flatMap(({ fields }) => fields).map((field) => [field.name, field] as const),
);

const settable: ReadonlySet<string> = new Set([
  ...['description', 'concurrency', 'digest_above', 'digest_window'],
  ...kindFields.keys(),
]);
/** Fields that say which channel is meant or under which condition, or that are output only. In a mask they set nothing. */
const notSettable: ReadonlySet<string> = new Set(
  ChannelSchema.fields.map(({ name }) => name).filter((name) => !settable.has(name)),
);

/**
 * What somebody wants a channel to be, or what is wrong with it: INVALID_ARGUMENT. The message has passed the rules of the
 * proto; what a kind has against its settings is for the ChannelBook to say.
 */
export function readChannel(channel: Channel, { mode, mask = [], prefix }: ChannelReading): ReadChannel {
  const fields = mode === 'update' ? new Set(mask.filter((path) => !notSettable.has(path))) : settable;
  const others = [...fields].filter((path) => !settable.has(path));
  if (fields.size === 0 || others.length > 0) return { ok: false, error: wrongMask(others) };
  if (mode !== 'update' && /^\.+$/.test(channel.name)) {
    const problem = { field: 'name', problem: 'must hold more than dots', value: channel.name };
    return { ok: false, error: problemError(problem, prefix) };
  }
  const patch: Patch = {};
  const problem = readPlain(channel, patch, fields) ?? readKind(channel, patch, fields);
  if (problem) return { ok: false, error: problemError(problem, prefix) };
  const etag = channel.etag === '' ? null : channel.etag;
  return { ok: true, change: { name: channel.name, mode, patch, etag } };
}

function readPlain(channel: Channel, patch: Patch, fields: ReadonlySet<string>): FieldProblem | null {
  const { description, concurrency, digestAbove, digestWindow: window } = channel;
  if (fields.has('description')) {
    const problem = textProblem(description);
    if (problem !== null) return { field: 'description', problem, value: description };
    patch.description = description;
  }
  if (fields.has('concurrency')) patch.concurrency = concurrency || plainChannel.concurrency;
  if (fields.has('digest_above')) patch.digestAbove = digestAbove || plainChannel.digest.above;
  if (fields.has('digest_window')) {
    const { windowMs } = plainChannel.digest;
    const parsed = window === '' ? { ok: true as const, ms: windowMs } : parseDuration(window, digestWindow);
    if (!parsed.ok) return { field: 'digest_window', problem: parsed.problem, value: window };
    patch.digestWindowMs = parsed.ms;
  }
  return null;
}

function readKind({ kind }: Channel, patch: Patch, fields: ReadonlySet<string>): FieldProblem | null {
  const named = [...kindFields.keys()].filter((name) => fields.has(name));
  if (named.length === 0) return null;
  if (kind.case === undefined || !named.includes(kind.case)) {
    const [first] = named;
    if (named.length === 1) return { field: first!, problem: 'must be given, as update_mask names it', value: '' };
    return { field: 'kind', problem: `one of ${[...kindFields.keys()].join(', ')} must be set`, value: '' };
  }
  const settings = toJson(kindFields.get(kind.case)!.message!, kind.value) as ChannelSettings;
  patch.kind = { name: kind.case, settings };
  return null;
}

function wrongMask(others: readonly string[]): ConnectError {
  const got = others.length > 0 ? `; got ${others.slice(0, 20).map(quoteInput).join(', ')}` : '';
  const message = `update_mask: must name one or more of ${[...settable].join(', ')}, and nothing else${got}`;
  return callError({ code: Code.InvalidArgument, message, field: 'update_mask' });
}
