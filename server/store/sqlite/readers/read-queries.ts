import type { IncidentReason } from '../../../engine/domain/monitor.ts';
import type { StoredIncident } from '../../history-types.ts';

const everyMonitor = "SELECT id FROM monitors WHERE kind = 'ping'";
// The plus keeps the planner from the index by kind, which would sort.
const monitorsById = "SELECT id FROM monitors WHERE id >= ? AND id < ? AND +kind = 'ping'";
const nameBounds = 'AND name >= ? AND name < ? ORDER BY name';
const incidentColumns = 'seq, id, monitor_id, reason, started_ms, ended_ms, message, exit_code, held_by';

/**
 * What readers may be asked: a name and SQL with positional parameters. Each reads a bounded part of an index.
 */
export const readQueries = {
  /** Ids of monitors from name ? on and before name ?, up to ? of them. */
  allByName: `${everyMonitor} ${nameBounds} LIMIT ?`,
  allByNameDescending: `${everyMonitor} ${nameBounds} DESC LIMIT ?`,
  /** The same of those that are down. */
  downByName: `${everyMonitor} AND status = 'down' ${nameBounds} LIMIT ?`,
  downByNameDescending: `${everyMonitor} AND status = 'down' ${nameBounds} DESC LIMIT ?`,
  /** The same of those with the tag ?. */
  taggedByName: `SELECT monitor_id FROM monitor_tags WHERE tag = ? ${nameBounds} LIMIT ?`,
  taggedByNameDescending: `SELECT monitor_id FROM monitor_tags WHERE tag = ? ${nameBounds} DESC LIMIT ?`,
  /** Ids of monitors from id ? on and before id ?, up to ? of them. */
  byId: `${monitorsById} ORDER BY id LIMIT ?`,
  byIdDescending: `${monitorsById} ORDER BY id DESC LIMIT ?`,
  /** Incidents with a seq < ?, up to ? of them. */
  incidents: `SELECT ${incidentColumns} FROM incidents WHERE seq < ? ORDER BY seq DESC LIMIT ?`,
  /** The same of the monitor ?. */
  incidentsOf: `SELECT ${incidentColumns} FROM incidents WHERE monitor_id = ? AND seq < ? ORDER BY seq DESC LIMIT ?`,
} as const;

export type ReadQuery = keyof typeof readQueries;

export type IncidentsQuery = 'incidents' | 'incidentsOf';

/** Those that find monitors. */
export type MonitorsQuery = Exclude<ReadQuery, IncidentsQuery>;

/** An incident as a reader found it. */
export type FoundIncident = [
  seq: number,
  id: string,
  monitorId: number,
  reason: IncidentReason,
  startedMs: number,
  endedMs: number | null,
  message: string,
  exitCode: number | null,
  heldBy: string,
];

export function storedIncident(found: FoundIncident): StoredIncident {
  const [seq, id, monitorId, reason, startedMs, endedMs, message, exitCode, heldBy] = found;
  return { seq, id, monitorId, reason, startedMs, endedMs, message, exitCode, heldBy };
}
