import type { MessageInitShape } from '@bufbuild/protobuf';
import type { MonitorService, UptimeSchema } from '../../gen/ts/tocsin/v1/monitor_pb.ts';
import type { Clock } from '../clock.ts';
import type { UptimeDays } from '../store/history-types.ts';
import type { Store } from '../store/store.ts';
import { checkPrefix } from './list-monitors.ts';
import { statusOf } from './monitor-message.ts';
import { readPageToken, writePageToken } from './page-token.ts';
import { reading } from './read-error.ts';
import type { MethodHandler } from './service-handlers.ts';

const pageSizeDefault = 1_000;
const daysDefault = 90;

export type ListUptimesOptions = { store: Pick<Store, 'find' | 'listUptimes'>; clock: Clock };

/** ListUptimes: how monitors spent the last days. What is long to compute is computed by readers. */
export function listUptimes({
  store,
  clock,
}: ListUptimesOptions): MethodHandler<typeof MonitorService.method.listUptimes> {
  return async ({ days, pageSize, pageToken, tag, namePrefix }) => {
    checkPrefix(namePrefix);
    const scope = ['uptimes', tag, namePrefix];
    const after = readPageToken(scope, pageToken);
    const limit = pageSize || pageSizeDefault;
    const { monitors, next } = await reading(store.find({ order: 'name', after, limit, tag, namePrefix }));
    const nowMs = clock.wallMs();
    const ids = monitors.map(({ id }) => id);
    // The proto's rules let only these pass.
    const asked = { ids, days: (days || daysDefault) as UptimeDays, nowMs };
    const spent = ids.length === 0 ? new Float64Array(0) : await reading(store.listUptimes(asked));
    const uptimes = monitors.map((monitor, index): MessageInitShape<typeof UptimeSchema> => {
      const upMs = spent[3 * index]!;
      const downMs = spent[3 * index + 1]!;
      return {
        name: monitor.name,
        status: statusOf(monitor, nowMs),
        upSeconds: upMs / 1000,
        downSeconds: downMs / 1000,
        unknownSeconds: spent[3 * index + 2]! / 1000,
        ratio: upMs + downMs === 0 ? undefined : upMs / (upMs + downMs),
      };
    });
    return { uptimes, nextPageToken: writePageToken(scope, next) };
  };
}
