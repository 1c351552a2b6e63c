import type { IncidentReason, Monitor } from '../../engine/domain/monitor.ts';
import { type MonitorConfig, plainConfig } from '../../engine/domain/monitor-config.ts';
import { noProgress, type Progress } from '../../engine/domain/progress.ts';

/** A row of `monitors`, without `kind`. */
export type MonitorRow = {
  id: number;
  version: number;
  name: string;
  status: Monitor['status'];
  frequency_ms: number;
  grace_ms: number;
  created_ms: number;
  last_beat_ms: number | null;
  due_ms: number | null;
  deadline_ms: number | null;
  hold_until_ms: number | null;
  hold_blind_from_ms: number | null;
  hold_blind_to_ms: number | null;
  incident_id: string | null;
  incident_started_ms: number | null;
  incident_reason: IncidentReason | null;
  incident_message: string | null;
  incident_exit_code: number | null;
  journal_id: number;
  first_beat_ms: number | null;
  /** JSON; null: `plainConfig`. */
  config: string | null;
  /** JSON; null: `noProgress`. */
  progress: string | null;
};

/** The columns that a change of state writes, in the order of `monitorValues`. */
export const monitorColumns = [
  'version',
  'status',
  'frequency_ms',
  'grace_ms',
  'created_ms',
  'last_beat_ms',
  'due_ms',
  'deadline_ms',
  'hold_until_ms',
  'hold_blind_from_ms',
  'hold_blind_to_ms',
  'incident_id',
  'incident_started_ms',
  'incident_reason',
  'incident_message',
  'incident_exit_code',
  'journal_id',
  'first_beat_ms',
  'config',
  'progress',
] as const;

/** `version` stands for that of the monitor. `journalId`: the beat up to which the state is known. */
export function monitorValues(monitor: Monitor, version: number, journalId: number): (string | number | null)[] {
  const { hold, incident } = monitor;
  return [
    version,
    monitor.status,
    monitor.frequencyMs,
    monitor.graceMs,
    monitor.createdMs,
    monitor.lastBeatMs,
    monitor.dueMs,
    monitor.deadlineMs,
    hold?.untilMs ?? null,
    hold?.blind.fromMs ?? null,
    hold?.blind.toMs ?? null,
    incident?.id ?? null,
    incident?.startedMs ?? null,
    incident?.reason ?? null,
    incident?.message ?? null,
    incident?.exitCode ?? null,
    journalId,
    monitor.firstBeatMs,
    monitor.config === plainConfig ? null : JSON.stringify(monitor.config),
    monitor.progress === noProgress ? null : JSON.stringify(monitor.progress),
  ];
}

export function monitorFromRow(row: MonitorRow): Monitor {
  const { hold_until_ms, hold_blind_from_ms, hold_blind_to_ms, incident_id, incident_started_ms, incident_reason } =
    row;
  return {
    id: row.id,
    version: row.version,
    name: row.name,
    status: row.status,
    frequencyMs: row.frequency_ms,
    graceMs: row.grace_ms,
    config: configFrom(row.config),
    createdMs: row.created_ms,
    firstBeatMs: row.first_beat_ms,
    lastBeatMs: row.last_beat_ms,
    dueMs: row.due_ms,
    deadlineMs: row.deadline_ms,
    hold:
      hold_until_ms === null
        ? null
        : { untilMs: hold_until_ms, blind: { fromMs: hold_blind_from_ms!, toMs: hold_blind_to_ms! } },
    incident:
      incident_id === null
        ? null
        : {
            id: incident_id,
            startedMs: incident_started_ms!,
            reason: incident_reason!,
            message: row.incident_message ?? '',
            exitCode: row.incident_exit_code,
          },
    progress: progressFrom(row.progress),
  };
}

/** What an older version did not write is as it is of a plain monitor. */
function configFrom(json: string | null): MonitorConfig {
  return json === null ? plainConfig : { ...plainConfig, ...(JSON.parse(json) as Partial<MonitorConfig>) };
}

function progressFrom(json: string | null): Progress {
  return json === null ? noProgress : { ...noProgress, ...(JSON.parse(json) as Partial<Progress>) };
}

/** The columns that every monitor has, as an array. */
export type MonitorCells = [
  id: number,
  name: string,
  version: number,
  status: Monitor['status'],
  frequencyMs: number,
  graceMs: number,
  createdMs: number,
  lastBeatMs: number | null,
  dueMs: number | null,
  deadlineMs: number | null,
  journalId: number,
  firstBeatMs: number | null,
];

/** A monitor without configuration, progress, incident and hold. */
export function monitorFromCells(cells: MonitorCells): Monitor {
  const [id, name, version, status, frequencyMs, graceMs, createdMs, lastBeatMs, dueMs, deadlineMs, , firstBeatMs] =
    cells;
  return {
    id,
    version,
    name,
    status,
    frequencyMs,
    graceMs,
    config: plainConfig,
    createdMs,
    firstBeatMs,
    lastBeatMs,
    dueMs,
    deadlineMs,
    hold: null,
    incident: null,
    progress: noProgress,
  };
}
