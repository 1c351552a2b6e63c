import type { MessageInitShape } from '@bufbuild/protobuf';
import {
  type BeatSchema,
  IncidentReason,
  type IncidentSchema,
  type MaintenanceWindowSchema,
  MonitorOrigin,
  type MonitorSchema,
  MonitorStatus,
} from '../../gen/ts/tocsin/v1/monitor_pb.ts';
import { formatDuration } from '../engine/domain/duration.ts';
import { maintenanceOver } from '../engine/domain/excuse.ts';
import { namesHolder } from '../engine/domain/held-alert.ts';
import type { MaintenanceWindow } from '../engine/domain/maintenance.ts';
import type { IncidentRecord, Monitor, IncidentReason as Reason } from '../engine/domain/monitor.ts';
import type { MonitorConfig } from '../engine/domain/monitor-config.ts';
import { etagOf } from '../engine/domain/monitor-spec.ts';
import { type Phase, phaseAt } from '../engine/domain/phase.ts';
import type { NextOccurrence } from '../engine/domain/schedule.ts';

const statuses: Record<Phase, MonitorStatus> = {
  new: MonitorStatus.NEW,
  up: MonitorStatus.UP,
  late: MonitorStatus.LATE,
  down: MonitorStatus.DOWN,
  paused: MonitorStatus.PAUSED,
};

export const incidentReasons: Record<Reason, IncidentReason> = {
  missed: IncidentReason.MISSED,
  failed: IncidentReason.FAILED,
  overran: IncidentReason.OVERRAN,
  too_short: IncidentReason.TOO_SHORT,
  too_often: IncidentReason.TOO_OFTEN,
};

const origins: Record<MonitorConfig['origin'], MonitorOrigin> = {
  ping: MonitorOrigin.PING,
  api: MonitorOrigin.API,
  file: MonitorOrigin.FILE,
};

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
export function monitorMessage(
  monitor: Monitor,
  at: { nowMs: number; nextOccurrence: NextOccurrence },
): MessageInitShape<typeof MonitorSchema> {
  const { incident, config, progress } = monitor;
  const { cron, maxRunMs, minRunMs, minIntervalMs } = config;
  const { pause, runs, held } = progress;
  return {
    name: monitor.name,
    status: statusOf(monitor, at.nowMs),
    frequency: cron ? '' : formatDuration(monitor.frequencyMs),
    grace: formatDuration(monitor.graceMs),
    createdAt: timestampOf(monitor.createdMs),
    lastBeatAt: timestampOf(monitor.lastBeatMs),
    dueAt: timestampOf(monitor.dueMs),
    deadline: timestampOf(monitor.deadlineMs),
    heldUntil: timestampOf(monitor.hold?.untilMs ?? null),
    incident: incident ? incidentMessage({ ...incident, endedMs: null, heldBy: namesHolder(held) }) : undefined,
    description: config.description,
    cron: cron?.expression ?? '',
    timeZone: cron?.timeZone ?? '',
    maxRun: maxRunMs === null ? '' : formatDuration(maxRunMs),
    minRun: minRunMs === null ? '' : formatDuration(minRunMs),
    minInterval: minIntervalMs === null ? '' : formatDuration(minIntervalMs),
    failuresToAlert: config.failuresToAlert,
    beatsToRecover: config.beatsToRecover,
    tags: [...config.tags],
    channels: [...config.channels],
    dependsOn: [...config.dependsOn],
    maintenance: config.maintenance.map(windowMessage),
    pingId: config.pingId,
    severity: config.severity,
    etag: etagOf(monitor),
    origin: origins[config.origin],
    pause: pause
      ? { startedAt: timestampOf(pause.sinceMs), until: timestampOf(pause.untilMs), untilNextPing: pause.untilPing }
      : undefined,
    runs: runs.map(({ id, startedMs, limitMs }) => ({
      run: id,
      startedAt: timestampOf(startedMs),
      limitAt: timestampOf(limitMs),
    })),
    failures: progress.failures,
    maintenanceUntil: timestampOf(maintenanceOver(monitor, { fromMs: at.nowMs, toMs: at.nowMs }, at)?.toMs ?? null),
  };
}

/** An incident as the wire has it; outside of its monitor, with the name of that and beats. */
export function incidentMessage(
  incident: IncidentRecord,
  shown: { name: string; beats: MessageInitShape<typeof BeatSchema>[] } = { name: '', beats: [] },
): MessageInitShape<typeof IncidentSchema> {
  const { id, startedMs, reason, endedMs, message, exitCode, heldBy } = incident;
  return {
    id,
    startedAt: timestampOf(startedMs),
    reason: incidentReasons[reason],
    endedAt: timestampOf(endedMs),
    message,
    exitCode: exitCode ?? undefined,
    heldBy,
    ...shown,
  };
}

function windowMessage(window: MaintenanceWindow): MessageInitShape<typeof MaintenanceWindowSchema> {
  if (window.kind === 'once') return { start: timestampOf(window.fromMs), end: timestampOf(window.toMs) };
  const { expression, timeZone } = window.cron;
  return { cron: expression, timeZone, duration: formatDuration(window.durationMs) };
}
