import type { MessageInitShape } from '@bufbuild/protobuf';
import { type AlertSchema, AlertState, type PlannedStepSchema } from '../../../gen/ts/tocsin/v1/alert_pb.ts';
import type { AlertView } from '../../alerting/alert-view.ts';
import type { PlannedChannel } from '../../engine/domain/alerting/plan.ts';
import { formatDuration } from '../../engine/domain/duration.ts';
import type { Monitor, OpenIncident } from '../../engine/domain/monitor.ts';
import { incidentReasons, timestampOf } from '../monitor-message.ts';

const states: Record<AlertView['state'], AlertState> = {
  told: AlertState.TOLD,
  waiting: AlertState.WAITING,
  acknowledged: AlertState.ACKNOWLEDGED,
  silenced: AlertState.SILENCED,
  held: AlertState.HELD,
  flapping: AlertState.FLAPPING,
};

/** The alert of a monitor as the wire has it. */
export function alertMessage(
  { name, config }: Pick<Monitor, 'name' | 'config'>,
  { incident, view }: { incident: OpenIncident; view: AlertView },
): MessageInitShape<typeof AlertSchema> {
  const { state, told, nextMs, ack, silences, heldBy } = view;
  return {
    incidentId: incident.id,
    name,
    severity: config.severity,
    tags: [...config.tags],
    state: states[state],
    downSince: timestampOf(incident.startedMs),
    reason: incidentReasons[incident.reason],
    message: incident.message,
    exitCode: incident.exitCode ?? undefined,
    told: told.map(({ atMs, channel, reminders, pending }) => {
      return { channel, toldAt: timestampOf(atMs), reminders, pending };
    }),
    nextAt: timestampOf(nextMs),
    acknowledgement: ack ? { at: timestampOf(ack.atMs), by: ack.by, note: ack.note } : undefined,
    silences: [...silences],
    heldBy,
  };
}

/** When a channel would hear of an alert, as the wire has it. */
export function plannedStepMessage(planned: PlannedChannel): MessageInitShape<typeof PlannedStepSchema> {
  const { channel, afterMs, reminderMs, recovery } = planned;
  const reminder = reminderMs === null ? '' : formatDuration(reminderMs);
  return { channel, after: formatDuration(afterMs), reminder, recovery };
}
