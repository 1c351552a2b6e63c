import { type AlertView, alertViewOf } from './alerting/alert-view.ts';
import type { Clock } from './clock.ts';
import type { AlertRules } from './engine/domain/alerting/alert-rules.ts';
import { formatDuration } from './engine/domain/duration.ts';
import { maintenanceOver } from './engine/domain/excuse.ts';
import type { Monitor } from './engine/domain/monitor.ts';
import { phaseAt } from './engine/domain/phase.ts';
import type { NextOccurrence } from './engine/domain/schedule.ts';
import { alertText, causeText, scheduleText } from './monitor-text.ts';
import type { MonitorView, ViewAlert, ViewBeat, ViewDay, ViewFact } from './page/monitor-view.ts';
import { renderMonitor } from './page/render-monitor.ts';
import type { StoredBeat, StoredDay, StoredIncident } from './store/history-types.ts';
import type { Store } from './store/store.ts';

const dayMs = 86_400_000;
const daysShown = 90;
const incidentsShown = 20;
const beatsShown = 50;
const spans = [7, 30, 90] as const;

/** Makes the HTML of the page of one monitor from what is stored now; null when no monitor has the name. */
export function monitorPage(options: {
  store: Store;
  clock: Clock;
  nextOccurrence: NextOccurrence;
  rules: () => AlertRules;
}): (name: string) => Promise<string | null> {
  const { store, clock, nextOccurrence, rules } = options;
  return async (name) => {
    const [loaded] = await store.load([{ name }]);
    const monitor = loaded?.monitor;
    if (!monitor) return null;
    const nowMs = clock.wallMs();
    const { id: monitorId } = monitor;
    const toDay = Math.floor(nowMs / dayMs);
    const [days, incidents, beats, ...uptimes] = await Promise.all([
      store.listDays({ monitorId, fromDay: toDay - daysShown + 1, toDay, nowMs }),
      store.listIncidents({ monitorId, beforeSeq: null, limit: incidentsShown }),
      store.listBeats({ monitorId, beforeId: null, limit: beatsShown }),
      ...spans.map((days) => store.listUptimes({ ids: [monitorId], days, nowMs })),
    ]);
    const maintenance = maintenanceOver(monitor, { fromMs: nowMs, toMs: nowMs }, { nextOccurrence });
    return renderMonitor({
      nowMs,
      name,
      status: phaseAt(monitor, nowMs),
      description: monitor.config.description,
      tags: monitor.config.tags,
      facts: factsOf(monitor),
      remark: remarkOf(monitor, { maintenanceUntilMs: maintenance?.toMs ?? null }),
      alert: viewAlert(alertViewOf(monitor, { rules: rules(), nowMs, queue: store.deliveries })),
      uptimes: spans.map((days, index) => ({ days, ratio: ratioOf(uptimes[index]!) })),
      days: everyDay(days, toDay),
      runs: monitor.progress.runs,
      incidents: incidents.map(viewIncident),
      beats: beats.map(viewBeat),
    } satisfies MonitorView);
  };
}

function factsOf(monitor: Monitor): ViewFact[] {
  const { config, lastBeatMs, dueMs, deadlineMs, graceMs, createdMs } = monitor;
  const limit = (label: string, ms: number | null) =>
    ms === null ? [] : [{ label, value: { text: formatDuration(ms) } }];
  const moment = (label: string, atMs: number | null) => (atMs === null ? [] : [{ label, value: { atMs } }]);
  return [
    { label: 'Schedule', value: { text: scheduleText(monitor) } },
    { label: 'Grace', value: { text: formatDuration(graceMs) } },
    ...limit('Longest run', config.maxRunMs),
    ...limit('Shortest run', config.minRunMs),
    ...limit('Shortest time between runs', config.minIntervalMs),
    ...(config.failuresToAlert > 1
      ? [{ label: 'Down after', value: { text: `${config.failuresToAlert} failures` } }]
      : []),
    ...(config.beatsToRecover > 1 ? [{ label: 'Up after', value: { text: `${config.beatsToRecover} beats` } }] : []),
    ...moment('Last beat', lastBeatMs),
    ...moment('Next beat due', dueMs),
    ...moment('Deadline', deadlineMs),
    ...(config.severity === 'critical' ? [] : [{ label: 'Severity', value: { text: config.severity } }]),
    ...(config.dependsOn.length > 0 ? [{ label: 'Depends on', value: { text: config.dependsOn.join(', ') } }] : []),
    ...moment('Known since', createdMs),
  ];
}

function remarkOf(monitor: Monitor, { maintenanceUntilMs }: { maintenanceUntilMs: number | null }): string {
  const { incident, hold, progress, status } = monitor;
  const { pause, held } = progress;
  const until = (ms: number) => `${new Date(ms).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
  if (pause) {
    if (pause.untilMs !== null)
      return `Paused until ${until(pause.untilMs)}${pause.untilPing ? ', or the next ping' : ''}.`;
    return pause.untilPing ? 'Paused until the next ping.' : 'Paused.';
  }
  if (incident) {
    const why = `Down since ${until(incident.startedMs)}: ${causeText(incident)}.`;
    return held === null ? why : `${why} The alert waits because of ${held.by}.`;
  }
  if (maintenanceUntilMs !== null) return `In maintenance until ${until(maintenanceUntilMs)}.`;
  if (hold && status !== 'down')
    return `The server was not listening: it waits for a beat until ${until(hold.untilMs)}.`;
  if (progress.failures > 0) return `Missed or failed ${progress.failures} in a row so far.`;
  return '';
}

function viewAlert(alert: AlertView | null): ViewAlert | null {
  if (alert === null) return null;
  const { told, nextMs, ack } = alert;
  return { state: alertText(alert), told, nextMs, acknowledged: ack };
}

function ratioOf(uptime: Float64Array): number | null {
  const [upMs = 0, downMs = 0] = uptime;
  return upMs + downMs === 0 ? null : upMs / (upMs + downMs);
}

/** One for each day that is shown: the store leaves out those of which it knows nothing. */
function everyDay(known: readonly StoredDay[], toDay: number): ViewDay[] {
  const byDay = new Map(known.map((day) => [day.day, day]));
  return Array.from({ length: daysShown }, (_, index) => {
    const day = toDay - daysShown + 1 + index;
    const { upMs = 0, downMs = 0, unknownMs = 0, beats = 0, failures = 0 } = byDay.get(day) ?? {};
    return { date: new Date(day * dayMs).toISOString().slice(0, 10), upMs, downMs, unknownMs, beats, failures };
  });
}

function viewIncident(incident: StoredIncident) {
  const { startedMs, endedMs, heldBy } = incident;
  return { startedMs, endedMs, heldBy, cause: causeText(incident) };
}

function viewBeat(beat: StoredBeat): ViewBeat {
  const { atMs, status, durationMs, exitCode, run, message, body, address, userAgent } = beat;
  const text = body === null ? '' : Buffer.from(body).toString('utf8');
  return { atMs, status, durationMs, exitCode, run, message, body: text, address, userAgent };
}
