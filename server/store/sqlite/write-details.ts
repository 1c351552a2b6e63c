import type { Change } from '../store.ts';
import type { Statements } from './statements.ts';

type Step = {
  change: Change;
  id: number;
  kind: 'insert' | 'update' | 'remove' | 'move' | 'same';
  /** The configuration is not what it was. */
  reconfigured: boolean;
};

/** Writes what belongs to a change besides the row of its monitor and its deliveries. Within a transaction. */
export function writeDetails(statements: Statements, { change, id, kind, reconfigured }: Step): void {
  for (const { id: incidentId, reason, startedMs, endedMs, message, exitCode, heldBy } of change.incidents) {
    const mayBeOpen = endedMs !== null || heldBy !== '';
    const updated = mayBeOpen && Number(statements.updateIncident.run(endedMs, heldBy, id, incidentId).changes) === 1;
    if (!updated) statements.addIncident.run(incidentId, id, reason, startedMs, endedMs, message, exitCode, heldBy);
  }
  for (const { fromMs, toMs } of change.pauses) {
    if (toMs === null) statements.addPause.run(id, fromMs);
    else statements.endPause.run(toMs, id);
  }
  if (kind === 'remove') statements.removePauses.run(id);
  if (!reconfigured && kind !== 'remove') return;
  statements.removeTags.run(id);
  if (kind === 'remove') return;
  const { config, name } = change.monitor;
  for (const tag of config.tags) statements.addTag.run(tag, name, id);
}
