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
import { listMonitors } from './list-monitors.ts';
import { monitorMessage } from './monitor-message.ts';
import type { BeatChecks } from './read-beat.ts';
import type { RequestValidator } from './request-validator.ts';
import type { ServiceHandlers } from './service-handlers.ts';
import type { ChangeFeed } from './watch/change-feed.ts';
import { watchMonitors } from './watch/watch-monitors.ts';

export type MonitorServiceOptions = {
  store: Store;
  engine: Engine;
  feed: ChangeFeed;
  clock: Clock;
  documents: Pick<DocumentReader, 'read'>;
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
    listMonitors: listMonitors({ store, clock, nextOccurrence }),
    watchMonitors: watchMonitors({ feed, store, clock, nextOccurrence }),

    async getMonitor({ name }) {
      const [loaded] = await store.load([{ name }]);
      if (!loaded?.monitor) {
        const text = `name: no monitor is called ${quoteInput(name)}`;
        throw callError({ code: Code.NotFound, message: text, field: 'name' });
      }
      return { monitor: message(loaded.monitor) };
    },
  };
}
