import { raiseAlert } from './alerting/tell.ts';
import { alertMs } from './blind-time.ts';
import type { Decision, DecisionContext } from './decision.ts';
import { onlyState } from './decision.ts';
import { isInMaintenance } from './excuse.ts';
import type { Monitor } from './monitor.ts';
import { type HeldAlert, progressOf } from './progress.ts';
import { cadenceMs } from './schedule.ts';

/**
 * An alert waits so long for what its monitor depends on to be heard from or to go down, ms: what fails together falls due
 * within moments, in any order.
 */
const verdictWaitMs = 60_000;
/** The longest time that a monitor gets to come back after what it depends on has, ms. */
const recoveryWaitMaxMs = 60 * 60_000;

/** What holds the alert of a monitor that went down at `atMs` (Unix ms); null when nothing does. */
export function holderOf(monitor: Monitor, atMs: number, context: DecisionContext): HeldAlert | null {
  const { dependsOn } = monitor.config;
  if (dependsOn.length === 0) return null;
  const parents = dependsOn.flatMap((name) => context.monitorNamed(name) ?? []);
  const down = parents.find(({ status }) => status === 'down');
  if (down) return { by: down.name, why: 'down', untilMs: null, sayMs: null };
  const untilMs = atMs + verdictWaitMs;
  const open = parents.find((parent) => mayGoDown(parent, { atMs, untilMs }, context));
  return open && untilMs > context.nowMs ? { by: open.name, why: 'verdict', untilMs, sayMs: null } : null;
}

/** It has not been heard from since, and its own deadline is near. */
function mayGoDown(parent: Monitor, range: { atMs: number; untilMs: number }, context: DecisionContext): boolean {
  if ((parent.lastBeatMs ?? 0) > range.atMs) return false;
  const flipMs = alertMs(parent, context);
  return flipMs !== null && flipMs <= range.untilMs;
}

/** The monitor that history names as the one because of which an alert was held. */
export function namesHolder(held: HeldAlert | null): string {
  return held === null || held.why === 'verdict' ? '' : held.by;
}

/** Looks at a held alert again: it stays held, or is said. Null when nothing changes. */
export function reviewHeld(monitor: Monitor, context: DecisionContext): Decision | null {
  const { incident, progress } = monitor;
  const { held } = progress;
  if (held === null || incident === null) return null;
  const sayMs = held.sayMs ?? null;
  // A parent that goes down again and again would otherwise put it off for ever.
  if (sayMs !== null && sayMs <= context.nowMs) {
    return isInMaintenance(monitor, context) ? null : sayHeld(monitor, held, context);
  }
  const holder = holderOf(monitor, incident.startedMs, context);
  if (holder?.why === 'down') {
    if (held.why === 'down' && held.by === holder.by) return null;
    const next = { ...monitor, progress: progressOf(progress, { held: { ...holder, sayMs } }) };
    return { ...onlyState(next), incidents: [{ ...incident, endedMs: null, heldBy: holder.by }] };
  }
  if (held.why === 'down') {
    const periodMs = cadenceMs(monitor, monitor.dueMs ?? context.nowMs, context.nextOccurrence);
    const untilMs = sayMs ?? context.nowMs + Math.min(periodMs + monitor.graceMs, recoveryWaitMaxMs);
    const recovery: HeldAlert = { by: held.by, why: 'recovery', untilMs, sayMs: untilMs };
    return onlyState({ ...monitor, progress: progressOf(progress, { held: recovery }) });
  }
  const isOver = held.untilMs === null || held.untilMs <= context.nowMs || (held.why === 'verdict' && holder === null);
  return isOver && !isInMaintenance(monitor, context) ? sayHeld(monitor, held, context) : null;
}

function sayHeld(monitor: Monitor, held: HeldAlert, context: DecisionContext): Decision {
  const said: Monitor = { ...monitor, progress: progressOf(monitor.progress, { held: null }) };
  return raiseAlert(said, { blind: monitor.hold?.blind ?? null, heldBy: namesHolder(held) }, context);
}
