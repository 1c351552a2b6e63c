import type { Outcome, Refusal } from './command.ts';

/** The answer to a command that was not carried out because of the server, not because of a field. */
export function refuse(code: Refusal['code'], message: string): Outcome {
  return { ok: false, refusal: { code, field: '', message } };
}

export const shuttingDown = refuse('unavailable', 'the server is shutting down; try again');
export const tooMany = refuse('resource_exhausted', 'the server has too many beats waiting; try again');

export const cannotRead = refuse('unavailable', 'the server cannot read its store; try again');

export function noIncident(incidentId: string | null): Outcome {
  const message = `incident_id: no incident ${JSON.stringify(incidentId)} is open`;
  return { ok: false, refusal: { code: 'not_found', field: 'incident_id', message } };
}
