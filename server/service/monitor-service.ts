import type { MonitorService } from '../../gen/ts/tocsin/v1/monitor_pb.ts';
import type { Clock } from '../clock.ts';
import type { DocumentReader } from '../document/document-reader.ts';
import type { Monitor } from '../engine/domain/monitor.ts';
import type { NextOccurrence } from '../engine/domain/schedule.ts';
import type { Engine } from '../engine/engine.ts';
import type { Store } from '../store/store.ts';
import { changeMonitors } from './change-monitors.ts';
import { documentCalls } from './document-calls.ts';
import { listHistory } from './list-history.ts';
import { listMonitors } from './list-monitors.ts';
import { listUptimes } from './list-uptimes.ts';
import { monitorMessage } from './monitor-message.ts';
import { monitorNamed } from './monitor-named.ts';
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
  return {
    ...changeMonitors({ engine, clock, checks, nextOccurrence }),
    ...documentCalls({ store, engine, documents, validator, checks }),
    listMonitors: listMonitors({ store, clock, nextOccurrence }),
    ...listHistory({ store, clock }),
    listUptimes: listUptimes({ store, clock }),
    watchMonitors: watchMonitors({ feed, store, clock, nextOccurrence }),

    async getMonitor({ name }) {
      return { monitor: message(await monitorNamed(store, name)) };
    },
  };
}
