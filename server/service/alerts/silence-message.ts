import type { MessageInitShape } from '@bufbuild/protobuf';
import type { ConnectError } from '@connectrpc/connect';
import type { Silence as Message, SilenceSchema } from '../../../gen/ts/tocsin/v1/alert_pb.ts';
import type { KeptSilence, SilenceContent } from '../../alerting/stored-rules.ts';
import { maxDurationMs, parseDuration } from '../../engine/domain/duration.ts';
import { textProblem } from '../item-problem.ts';
import { timestampOf } from '../monitor-message.ts';
import { problemError } from '../problem-error.ts';
import type { FieldProblem } from '../read-maintenance.ts';
import { timestampHint, timestampMs } from '../timestamp-ms.ts';
import { matcherMessage, readMatcher, setsNothing } from './matcher-message.ts';

const minuteMs = 60_000;

export type ReadSilence = { ok: true; content: SilenceContent } | { ok: false; error: ConnectError };

/** As `readRoute`, of a silence that is to begin at `nowMs` unless it says otherwise. */
export function readSilence(message: Message, { nowMs, prefix }: { nowMs: number; prefix: string }): ReadSilence {
  const { comment, createdBy } = message;
  const wrong = (problem: FieldProblem): ReadSilence => ({ ok: false, error: problemError(problem, prefix) });
  const matcher = readMatcher(message.match);
  if (!matcher.ok) return wrong(matcher.problem);
  const { match } = matcher;
  if (setsNothing(match)) {
    const problem = 'must say tags, a name_pattern or severities; to silence all, say the name_pattern *';
    return wrong({ field: 'match', problem, value: '' });
  }
  const span = readSpan(message, nowMs);
  if (!span.ok) return wrong(span.problem);
  for (const [field, text] of [['comment', comment] as const, ['created_by', createdBy] as const]) {
    const problem = textProblem(text);
    if (problem !== null) return wrong({ field, problem, value: text });
  }
  return { ok: true, content: { match, fromMs: span.fromMs, untilMs: span.untilMs, comment, createdBy } };
}

/** A silence as the wire has it. */
export function silenceMessage(silence: KeptSilence): MessageInitShape<typeof SilenceSchema> {
  const { id, match, fromMs, untilMs, comment, createdBy, createdMs } = silence;
  return {
    id,
    match: matcherMessage(match),
    start: timestampOf(fromMs),
    until: timestampOf(untilMs),
    comment,
    createdBy,
    createdAt: timestampOf(createdMs),
  };
}

type ReadSpan = { ok: true; fromMs: number; untilMs: number } | { ok: false; problem: FieldProblem };

function readSpan({ start, until, duration }: Message, nowMs: number): ReadSpan {
  const fromMs = start ? timestampMs(start) : nowMs;
  if (fromMs === null) return wrong('start', timestampHint);
  if (fromMs > nowMs + maxDurationMs) return wrong('start', 'must be at most 366D ahead', isoOf(fromMs));
  if (until && duration !== '') return wrong('duration', 'must not be given with until', duration);
  if (until) {
    const untilMs = timestampMs(until);
    if (untilMs === null) return wrong('until', timestampHint);
    const isInRange = untilMs > nowMs && untilMs > fromMs && untilMs - fromMs <= maxDurationMs;
    if (isInRange) return { ok: true, fromMs, untilMs };
    return wrong('until', 'must be in the future, after the start and at most 366D after it', isoOf(untilMs));
  }
  if (duration === '') return wrong('until', 'must be given, or a duration');
  const parsed = parseDuration(duration, { minMs: minuteMs, maxMs: maxDurationMs });
  if (!parsed.ok) return wrong('duration', parsed.problem, duration);
  const untilMs = fromMs + parsed.ms;
  if (untilMs > nowMs) return { ok: true, fromMs, untilMs };
  return wrong('duration', `must reach into the future from the start, which is ${isoOf(fromMs)}`, duration);
}

function wrong(field: string, problem: string, value = ''): ReadSpan & { ok: false } {
  return { ok: false, problem: { field, problem, value } };
}

function isoOf(ms: number): string {
  return new Date(ms).toISOString();
}
