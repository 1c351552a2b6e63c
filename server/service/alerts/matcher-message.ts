import type { MessageInitShape } from '@bufbuild/protobuf';
import type { MonitorMatcher as Message, MonitorMatcherSchema } from '../../../gen/ts/tocsin/v1/alert_pb.ts';
import type { MonitorMatcher } from '../../engine/domain/alerting/alert-rules.ts';
import { patternProblem } from '../../engine/domain/alerting/match-monitor.ts';
import { severities } from '../../engine/domain/monitor-config.ts';
import { itemProblem, tagProblem, textProblem } from '../item-problem.ts';
import type { FieldProblem } from '../read-maintenance.ts';

/** Which monitors a message picks, unset: all; or what is wrong with it. The rules of the proto have passed it. */
export function readMatcher(
  message: Message | undefined,
): { ok: true; match: MonitorMatcher } | { ok: false; problem: FieldProblem } {
  const { tags = [], namePattern = '', severities: given = [] } = message ?? {};
  const tag = itemProblem('match.tags', tags, tagProblem);
  if (tag) return { ok: false, problem: tag };
  const problem = textProblem(namePattern) ?? patternProblem(namePattern);
  if (problem !== null) return { ok: false, problem: { field: 'match.name_pattern', problem, value: namePattern } };
  const anyOf = severities.filter((severity) => given.includes(severity));
  return { ok: true, match: { tags: [...tags], namePattern, severities: anyOf } };
}

export function setsNothing({ tags, namePattern, severities: anyOf }: MonitorMatcher): boolean {
  return tags.length === 0 && namePattern === '' && anyOf.length === 0;
}

/** Unset when it picks all. */
export function matcherMessage(match: MonitorMatcher): MessageInitShape<typeof MonitorMatcherSchema> | undefined {
  const { tags, namePattern, severities: anyOf } = match;
  return setsNothing(match) ? undefined : { tags: [...tags], namePattern, severities: [...anyOf] };
}
