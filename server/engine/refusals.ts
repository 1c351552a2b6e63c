import { StoreError } from '../store/store.ts';
import type { Outcome, Refusal } from './command.ts';

/** The answer to a command that was not carried out because of the server, not because of a field. */
function refuse(code: Refusal['code'], message: string): Outcome {
  return { ok: false, refusal: { code, field: '', message } };
}

export const shuttingDown = refuse('unavailable', 'the server is shutting down; try again');
export const tooMany = refuse('resource_exhausted', 'the server has too many beats waiting; try again');

export const contested = refuse('unavailable', 'the monitor is being changed by others all the time; try again');
export const cannotRead = refuse('unavailable', 'the server cannot read its store; try again');

export function noIncident(incidentId: string | null): Outcome {
  const message = `incident_id: no incident ${JSON.stringify(incidentId)} is open`;
  return { ok: false, refusal: { code: 'not_found', field: 'incident_id', message } };
}

/** Because of what the store said. */
export function notRecorded(error: unknown): Outcome {
  const reason = error instanceof StoreError && error.reason === 'full' ? 'its disk is full' : 'its store cannot write';
  return refuse('unavailable', `the server could not record this, ${reason}; nothing changed, try again`);
}
