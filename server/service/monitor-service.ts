import { Code } from '@connectrpc/connect';
import type { MonitorService } from '../../gen/ts/tocsin/v1/monitor_pb.ts';
import type { Clock } from '../clock.ts';
import type { DocumentReader } from '../document/document-reader.ts';
import type { Monitor } from '../engine/domain/monitor.ts';
import type { NextOccurrence } from '../engine/domain/schedule.ts';
import type { Engine } from '../engine/engine.ts';
import type { Store } from '../store/store.ts';
import { callError, quoteInput } from './call-error.ts';
import { changeMonitors } from './change-monitors.ts';
import { documentCalls } from './document-calls.ts';
import { monitorMessage } from './monitor-message.ts';
import { readPageToken, writePageToken } from './page-token.ts';
import type { BeatChecks } from './read-beat.ts';
import { readError } from './read-error.ts';
import type { RequestValidator } from './request-validator.ts';
import type { ServiceHandlers } from './service-handlers.ts';
import type { ChangeFeed } from './watch/change-feed.ts';
import { watchMonitors } from './watch/watch-monitors.ts';

const pageSizeDefault = 100;

export type MonitorServiceOptions = {
  store: Store;
  engine: Engine;
  feed: ChangeFeed;
  clock: Clock;
  documents: DocumentReader;
  validator: RequestValidator;
  checks: BeatChecks;
  nextOccurrence: NextOccurrence;
};

/** MonitorService: reads straight from the store, changes through the engine. */
export function monitorService({
  store,
  engine,
  feed,
  clock,
  documents,
  validator,
  checks,
  nextOccurrence,
}: MonitorServiceOptions): ServiceHandlers<typeof MonitorService> {
  const message = (monitor: Monitor) => monitorMessage(monitor, { nowMs: clock.wallMs(), nextOccurrence });
  const missing = (): never => {
    throw callError({ code: Code.Unimplemented, message: 'this server does not do that yet' });
  };
  return {
    ...changeMonitors({ engine, clock, checks, nextOccurrence }),
    ...documentCalls({ store, engine, documents, validator, checks }),
    listBeats: missing,
    listIncidents: missing,
    listDays: missing,
    listUptimes: missing,
    watchMonitors: watchMonitors({ feed, store, clock, nextOccurrence }),

    async getMonitor({ name }) {
      const [loaded] = await store.load([{ name }]);
      if (!loaded?.monitor) {
        const text = `name: no monitor is called ${quoteInput(name)}`;
        throw callError({ code: Code.NotFound, message: text, field: 'name' });
      }
      return { monitor: message(loaded.monitor) };
    },

    async listMonitors({ pageSize, pageToken }) {
      const afterName = readPageToken(pageToken);
      if (afterName === null) {
        const text = 'page_token: must be the next_page_token of an earlier answer, or empty for the first page';
        throw callError({ code: Code.InvalidArgument, message: text, field: 'page_token' });
      }
      const size = pageSize === 0 ? pageSizeDefault : pageSize;
      // One more than asked for tells whether there is a next page.
      const found = await store.list({ afterName, limit: size + 1 }).catch((error) => {
        throw readError(error);
      });
      const page = found.slice(0, size);
      const nextPageToken = found.length > size ? writePageToken(page.at(-1)!.name) : '';
      return { monitors: page.map(message), nextPageToken };
    },
  };
}
