import type { MessageInitShape } from '@bufbuild/protobuf';
import type { ConnectError } from '@connectrpc/connect';
import type { Route as Message, RouteSchema } from '../../../gen/ts/tocsin/v1/alert_pb.ts';
import type { KeptRoute, RouteContent } from '../../alerting/stored-rules.ts';
import type { Route } from '../../engine/domain/alerting/alert-rules.ts';
import { formatDuration, parseDuration } from '../../engine/domain/duration.ts';
import { itemProblem, textProblem } from '../item-problem.ts';
import { timestampOf } from '../monitor-message.ts';
import { problemError } from '../problem-error.ts';
import type { FieldProblem } from '../read-maintenance.ts';
import { channelsHint } from '../read-schedule.ts';
import { matcherMessage, readMatcher } from './matcher-message.ts';

const minuteMs = 60_000;
const longestMs = 31 * 86_400_000;

export type ReadRoute = { ok: true; content: RouteContent } | { ok: false; error: ConnectError };

/**
 * What somebody wants a route to be, or what is wrong with it. The rules of the proto have passed it; fields that are output
 * only are not read. `channels`: those that exist. `prefix`: before the names of fields in errors.
 */
export function readRoute(
  message: Message,
  { channels, prefix }: { channels: ReadonlySet<string>; prefix: string },
): ReadRoute {
  const { name, description, noRecovery } = message;
  const wrong = (problem: FieldProblem): ReadRoute => ({ ok: false, error: problemError(problem, prefix) });
  if (/^\.+$/.test(name)) return wrong({ field: 'name', problem: 'must hold more than dots', value: name });
  const problem = textProblem(description);
  if (problem !== null) return wrong({ field: 'description', problem, value: description });
  const matcher = readMatcher(message.match);
  if (!matcher.ok) return wrong(matcher.problem);
  const steps = readSteps(message.steps, channels);
  if (!steps.ok) return wrong(steps.problem);
  const reminder = readReminder(message.reminder);
  if (!reminder.ok) return wrong(reminder.problem);
  const { match } = matcher;
  const content = { name, description, match, steps: steps.steps, reminderMs: reminder.ms, recovery: !noRecovery };
  return { ok: true, content };
}

/** A route as the wire has it. */
export function routeMessage({ content, etag, createdMs, updatedMs }: KeptRoute): MessageInitShape<typeof RouteSchema> {
  const { name, description, match, steps, reminderMs, recovery } = content;
  return {
    name,
    description,
    match: matcherMessage(match),
    steps: steps.map(({ afterMs, channels }) => ({ after: formatDuration(afterMs), channels: [...channels] })),
    reminder: reminderMs === 'default' ? '' : reminderMs === null ? 'off' : formatDuration(reminderMs),
    noRecovery: !recovery,
    etag,
    createdAt: timestampOf(createdMs),
    updatedAt: timestampOf(updatedMs),
  };
}

type ReadSteps = { ok: true; steps: Route['steps'] } | { ok: false; problem: FieldProblem };

function readSteps(messages: Message['steps'], known: ReadonlySet<string>): ReadSteps {
  const steps: { afterMs: number; channels: string[] }[] = [];
  const hint = channelsHint(known);
  for (const [index, { after, channels }] of messages.entries()) {
    const field = `steps[${index}].after`;
    const parsed = after === '' ? { ok: true as const, ms: 0 } : parseDuration(after, { maxMs: longestMs });
    if (!parsed.ok) return { ok: false, problem: { field, problem: parsed.problem, value: after } };
    const before = steps.at(-1);
    if (before && parsed.ms <= before.afterMs) {
      const problem = `must be later than that of the step before, which is ${formatDuration(before.afterMs)}`;
      return { ok: false, problem: { field, problem, value: after } };
    }
    const unknown = itemProblem(`steps[${index}].channels`, channels, (name) => (known.has(name) ? null : hint));
    if (unknown) return { ok: false, problem: unknown };
    steps.push({ afterMs: parsed.ms, channels: [...channels] });
  }
  return { ok: true, steps };
}

function readReminder(text: string): { ok: true; ms: Route['reminderMs'] } | { ok: false; problem: FieldProblem } {
  if (text === '') return { ok: true, ms: 'default' };
  if (text === 'off') return { ok: true, ms: null };
  const parsed = parseDuration(text, { minMs: minuteMs, maxMs: longestMs });
  if (parsed.ok) return parsed;
  const problem = parsed.problem.replace(/^must be /, 'must be off, or ');
  return { ok: false, problem: { field: 'reminder', problem, value: text } };
}
