import { Code } from '@connectrpc/connect';
import type { MonitorService } from '../../gen/ts/tocsin/v1/monitor_pb.ts';
import type { Clock } from '../clock.ts';
import { type Store, StoreError } from '../store/store.ts';
import { callError, quoteInput } from './call-error.ts';
import { monitorMessage } from './monitor-message.ts';
import { readPageToken, writePageToken } from './page-token.ts';
import type { ServiceHandlers } from './service-handlers.ts';

const pageSizeDefault = 100;

/** MonitorService: reads, straight from the store. */
export function monitorService({
  store,
  clock,
}: {
  store: Store;
  clock: Clock;
}): ServiceHandlers<typeof MonitorService> {
  return {
    async getMonitor({ name }) {
      const [loaded] = await store.load([{ name }]);
      if (!loaded?.monitor) {
        const message = `name: no monitor is called ${quoteInput(name)}`;
        throw callError({ code: Code.NotFound, message, field: 'name' });
      }
      return { monitor: monitorMessage(loaded.monitor, clock.wallMs()) };
    },

    async listMonitors({ pageSize, pageToken }) {
      const afterName = readPageToken(pageToken);
      if (afterName === null) {
        const message = 'page_token: must be the next_page_token of an earlier answer, or empty for the first page';
        throw callError({ code: Code.InvalidArgument, message, field: 'page_token' });
      }
      const size = pageSize === 0 ? pageSizeDefault : pageSize;
      // One more than asked for tells whether there is a next page.
      const found = await store.list({ afterName, limit: size + 1 }).catch((error) => {
        throw readError(error);
      });
      const page = found.slice(0, size);
      const nextPageToken = found.length > size ? writePageToken(page.at(-1)!.name) : '';
      return { monitors: page.map((monitor) => monitorMessage(monitor, clock.wallMs())), nextPageToken };
    },
  };
}

/** What a caller is told when the store cannot be read. */
function readError(error: unknown): unknown {
  if (!(error instanceof StoreError)) return error;
  if (error.reason === 'busy') {
    return callError({ code: Code.ResourceExhausted, message: 'too many lists are being read; try again' });
  }
  return callError({ code: Code.Unavailable, message: 'the store cannot be read now; try again' });
}
