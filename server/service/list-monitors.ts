import { Code } from '@connectrpc/connect';
import {
  type ListMonitorsRequest,
  MonitorOrder,
  type MonitorService,
  MonitorStatus,
} from '../../gen/ts/tocsin/v1/monitor_pb.ts';
import type { Clock } from '../clock.ts';
import type { Phase } from '../engine/domain/phase.ts';
import type { NextOccurrence } from '../engine/domain/schedule.ts';
import type { MonitorOrder as StoreOrder } from '../store/monitor-query.ts';
import type { Store } from '../store/store.ts';
import { callError } from './call-error.ts';
import { monitorMessage } from './monitor-message.ts';
import { readNumericPageToken, readPageToken, writePageToken } from './page-token.ts';
import { reading } from './read-error.ts';
import type { MethodHandler } from './service-handlers.ts';

const pageSizeDefault = 100;

const orders: Record<MonitorOrder, StoreOrder> = {
  [MonitorOrder.UNSPECIFIED]: 'name',
  [MonitorOrder.NAME]: 'name',
  [MonitorOrder.NAME_DESC]: 'name_desc',
  [MonitorOrder.CREATED]: 'created',
  [MonitorOrder.CREATED_DESC]: 'created_desc',
};

/** Null: no status to ask for. */
const phaseOf: Record<MonitorStatus, Phase | null> = {
  [MonitorStatus.UNSPECIFIED]: null,
  [MonitorStatus.NEW]: 'new',
  [MonitorStatus.UP]: 'up',
  [MonitorStatus.LATE]: 'late',
  [MonitorStatus.DOWN]: 'down',
  [MonitorStatus.PAUSED]: 'paused',
};

export type ListMonitorsOptions = { store: Pick<Store, 'find'>; clock: Clock; nextOccurrence: NextOccurrence };

/** ListMonitors: one page per call, of monitors as they are at the time of the answer. */
export function listMonitors({
  store,
  clock,
  nextOccurrence,
}: ListMonitorsOptions): MethodHandler<typeof MonitorService.method.listMonitors> {
  return async ({ pageSize, pageToken, statuses, tag, namePrefix, order: wantedOrder }) => {
    // The proto's rules let only defined values pass.
    const order = orders[wantedOrder]!;
    const anyOf = readStatuses(statuses);
    checkPrefix(namePrefix);
    const scope = ['monitors', order, anyOf.toSorted(), tag, namePrefix];
    const after = order.startsWith('name') ? readPageToken(scope, pageToken) : readNumericPageToken(scope, pageToken);
    const nowMs = clock.wallMs();
    const limit = pageSize || pageSizeDefault;
    const phases = anyOf.length === 0 ? null : { anyOf, atMs: nowMs };
    const found = await reading(store.find({ order, after, limit, tag, namePrefix, phases }));
    return {
      monitors: found.monitors.map((monitor) => monitorMessage(monitor, { nowMs, nextOccurrence })),
      nextPageToken: writePageToken(scope, found.next),
    };
  };
}

/** Throws INVALID_ARGUMENT for a prefix that no name can have. */
export function checkPrefix(namePrefix: string): void {
  if (namePrefix.isWellFormed()) return;
  const message = 'name_prefix: must be valid Unicode: it holds half of a surrogate pair';
  throw callError({ code: Code.InvalidArgument, message, field: 'name_prefix' });
}

function readStatuses(statuses: ListMonitorsRequest['statuses']): Phase[] {
  return [...new Set(statuses)].map((status) => {
    const phase = phaseOf[status];
    if (phase) return phase;
    const message = 'statuses: must be new, up, late, down or paused each; leave it out for all';
    throw callError({ code: Code.InvalidArgument, message, field: 'statuses' });
  });
}
