import type { Timestamp } from '@bufbuild/protobuf/wkt';
import type { MaintenanceWindow as WindowMessage } from '../../gen/ts/tocsin/v1/monitor_pb.ts';
import { parseDuration } from '../engine/domain/duration.ts';
import type { MaintenanceWindow } from '../engine/domain/maintenance.ts';
import { type CronChecks, readCron } from './read-schedule.ts';
import { timestampHint, timestampMs } from './timestamp-ms.ts';

/** What is wrong with one field: `problem` reads on after its name. */
export type FieldProblem = {
  field: string;
  problem: string /** What was given; '' when nothing was. */;
  value: string;
};

export type ReadWindow = { ok: true; window: MaintenanceWindow } | ({ ok: false } & FieldProblem);

const minuteMs = 60_000;
const dayMs = 24 * 60 * minuteMs;
const onceMaxMs = 366 * dayMs;
const recurringMs = { minMs: minuteMs, maxMs: 31 * dayMs };

/** A window either from `start` to `end`, or, with all else, from each occurrence of `cron` for `duration`. */
export function readMaintenance(message: WindowMessage, checks: CronChecks): ReadWindow {
  const { start, end, cron, duration, timeZone } = message;
  const isOnce = start !== undefined || end !== undefined;
  const recurring = (['cron', 'duration', 'timeZone'] as const).find((each) => message[each] !== '');
  if (!isOnce && recurring === undefined) {
    return problem('start', 'must be given with an end, or a cron with a duration instead of both', '');
  }
  if (isOnce && recurring !== undefined) {
    const field = recurring === 'timeZone' ? 'time_zone' : recurring;
    return problem(field, 'must not be given with a start or an end', message[recurring]);
  }
  if (isOnce) return readOnce(start, end);
  if (cron === '') return problem('cron', 'must be given with a duration', '');
  const schedule = readCron({ cron, timeZone }, checks);
  if (!schedule.ok) return schedule;
  const length = parseDuration(duration, recurringMs);
  if (!length.ok) return problem('duration', length.problem, duration);
  return { ok: true, window: { kind: 'recurring', cron: schedule.cron, durationMs: length.ms } };
}

function readOnce(start: Timestamp | undefined, end: Timestamp | undefined): ReadWindow {
  if (start === undefined) return problem('start', 'must be given with an end', '');
  if (end === undefined) return problem('end', 'must be given with a start', '');
  const fromMs = timestampMs(start);
  if (fromMs === null) return problem('start', timestampHint, '');
  const toMs = timestampMs(end);
  if (toMs === null) return problem('end', timestampHint, '');
  if (toMs <= fromMs || toMs - fromMs > onceMaxMs) {
    return problem('end', 'must be after the start, at most 366D', new Date(toMs).toISOString());
  }
  return { ok: true, window: { kind: 'once', fromMs, toMs } };
}

function problem(field: string, text: string, value: string): ReadWindow & { ok: false } {
  return { ok: false, field, problem: text, value };
}
