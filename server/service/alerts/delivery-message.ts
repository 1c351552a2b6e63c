import type { MessageInitShape } from '@bufbuild/protobuf';
import {
  type DeliveredNoticeSchema,
  type DeliveryAttemptSchema,
  type DeliverySchema,
  DeliveryState,
} from '../../../gen/ts/tocsin/v1/alert_pb.ts';
import type { Notice } from '../../engine/domain/notice.ts';
import { noticeText } from '../../notify/notice-text.ts';
import type { AttemptRecord, DeliveryRecord } from '../../outbox/delivery-log.ts';
import { timestampOf } from '../monitor-message.ts';

export const deliveryStates: Record<DeliveryRecord['state'], DeliveryState> = {
  pending: DeliveryState.PENDING,
  sent: DeliveryState.SENT,
  buried: DeliveryState.BURIED,
};

/** A delivery as the wire has it. */
export function deliveryMessage(delivery: DeliveryRecord): MessageInitShape<typeof DeliverySchema> {
  const { id, channel, state, createdMs, settledMs, nextAttemptMs, noticeCount, attemptCount } = delivery;
  return {
    id,
    channel,
    state: deliveryStates[state],
    createdAt: timestampOf(createdMs),
    settledAt: timestampOf(settledMs),
    nextAttemptAt: timestampOf(nextAttemptMs),
    noticeCount,
    notices: delivery.notices.map(noticeMessage),
    attemptCount,
    attempts: delivery.attempts.map(attemptMessage),
  };
}

function noticeMessage(notice: Notice): MessageInitShape<typeof DeliveredNoticeSchema> {
  const { type, name, incidentId, atMs } = notice;
  return { type, name, incidentId, text: noticeText(notice), at: timestampOf(atMs) };
}

function attemptMessage(attempt: AttemptRecord): MessageInitShape<typeof DeliveryAttemptSchema> {
  const { number, atMs, latencyMs, outcome, reason, detail, httpStatus, answer } = attempt;
  return {
    number,
    at: timestampOf(atMs),
    latencySeconds: latencyMs / 1_000,
    outcome,
    reason,
    detail,
    httpStatus,
    answer,
  };
}
