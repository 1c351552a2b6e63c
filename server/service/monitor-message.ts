import type { MessageInitShape } from '@bufbuild/protobuf';
import { IncidentReason, type MonitorSchema, MonitorStatus } from '../../gen/ts/tocsin/v1/monitor_pb.ts';
import { formatDuration } from '../engine/domain/duration.ts';
import type { Monitor } from '../engine/domain/monitor.ts';
import { type Phase, phaseAt } from '../engine/domain/phase.ts';

const statuses: Record<Phase, MonitorStatus> = {
  new: MonitorStatus.NEW,
  up: MonitorStatus.UP,
  late: MonitorStatus.LATE,
  down: MonitorStatus.DOWN,
};

const reasons = { missed: IncidentReason.MISSED, failed: IncidentReason.FAILED } as const;

/** The status as the wire has it, at `nowMs`. */
export function statusOf(monitor: Monitor, nowMs: number): MonitorStatus {
  return statuses[phaseAt(monitor, nowMs)];
}

/** A stored time as the wire has it; unset for null. */
export function timestampOf(ms: number | null): { seconds: bigint; nanos: number } | undefined {
  if (ms === null) return undefined;
  const seconds = Math.floor(ms / 1000);
  return { seconds: BigInt(seconds), nanos: (ms - seconds * 1000) * 1_000_000 };
}

/** A monitor as the wire has it, at `nowMs`. */
export function monitorMessage(monitor: Monitor, nowMs: number): MessageInitShape<typeof MonitorSchema> {
  const { incident } = monitor;
  return {
    name: monitor.name,
    status: statusOf(monitor, nowMs),
    frequency: formatDuration(monitor.frequencyMs),
    grace: formatDuration(monitor.graceMs),
    createdAt: timestampOf(monitor.createdMs),
    lastBeatAt: timestampOf(monitor.lastBeatMs),
    dueAt: timestampOf(monitor.dueMs),
    deadline: timestampOf(monitor.deadlineMs),
    heldUntil: timestampOf(monitor.hold?.untilMs ?? null),
    incident: incident
      ? { id: incident.id, startedAt: timestampOf(incident.startedMs), reason: reasons[incident.reason] }
      : undefined,
  };
}
