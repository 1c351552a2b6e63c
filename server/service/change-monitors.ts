import { Code } from '@connectrpc/connect';
import type { Monitor as MonitorMessage, MonitorService } from '../../gen/ts/tocsin/v1/monitor_pb.ts';
import type { Clock } from '../clock.ts';
import type { Monitor } from '../engine/domain/monitor.ts';
import type { NextOccurrence } from '../engine/domain/schedule.ts';
import type { Engine } from '../engine/engine.ts';
import { callError } from './call-error.ts';
import { monitorMessage } from './monitor-message.ts';
import type { BeatChecks } from './read-beat.ts';
import { type MonitorReading, readMonitor } from './read-monitor.ts';
import { refusalError } from './refusal-error.ts';
import type { ServiceHandlers } from './service-handlers.ts';
import { timestampHint, timestampMs } from './timestamp-ms.ts';

type Changes = Pick<
  ServiceHandlers<typeof MonitorService>,
  'createMonitor' | 'upsertMonitor' | 'updateMonitor' | 'deleteMonitor' | 'pauseMonitor' | 'resumeMonitor'
>;

export type ChangeMonitorsOptions = {
  engine: Engine;
  clock: Clock;
  checks: BeatChecks;
  nextOccurrence: NextOccurrence;
};

/** The name of the requests' field that holds a monitor; errors name its fields with it. */
const prefix = 'monitor.';

/** What changes one monitor: all of it goes through the engine. */
export function changeMonitors({ engine, clock, checks, nextOccurrence }: ChangeMonitorsOptions): Changes {
  const message = (monitor: Monitor) => monitorMessage(monitor, { nowMs: clock.wallMs(), nextOccurrence });

  const configure = async (
    wanted: MonitorMessage | undefined,
    reading: Pick<MonitorReading, 'mode'> & { mask?: readonly string[] },
  ) => {
    // The proto's rules let no request pass without one.
    const read = readMonitor(wanted!, { ...reading, checks, prefix });
    if (!read.ok) throw read.error;
    const outcome = await engine.configure(read.configuration);
    if (!outcome.ok) throw refusalError(outcome.refusal, prefix);
    return { monitor: message(outcome.monitor), created: outcome.created };
  };

  return {
    async createMonitor({ monitor }) {
      // One that is made has no etag yet, so it can be no condition.
      const { monitor: made } = await configure(monitor && { ...monitor, etag: '' }, { mode: 'create' });
      return { monitor: made };
    },

    upsertMonitor({ monitor }) {
      return configure(monitor, { mode: 'upsert' });
    },

    async updateMonitor({ monitor, updateMask }) {
      const { monitor: updated } = await configure(monitor, { mode: 'update', mask: updateMask?.paths ?? [] });
      return { monitor: updated };
    },

    async deleteMonitor({ name, etag }) {
      const outcome = await engine.remove(name, { etag: etag === '' ? null : etag });
      if (!outcome.ok) throw refusalError(outcome.refusal);
      return { name };
    },

    async pauseMonitor({ name, until, untilNextPing }) {
      const untilMs = until ? timestampMs(until) : null;
      if (until && untilMs === null) throw invalidUntil(timestampHint);
      if (untilMs !== null && untilMs <= clock.wallMs()) {
        throw invalidUntil('must be in the future, or left out for a pause that has no end');
      }
      const outcome = await engine.pause(name, { untilMs, untilPing: untilNextPing });
      if (!outcome.ok) throw refusalError(outcome.refusal);
      return { monitor: message(outcome.monitor) };
    },

    async resumeMonitor({ name }) {
      const outcome = await engine.resume(name);
      if (!outcome.ok) throw refusalError(outcome.refusal);
      return { monitor: message(outcome.monitor) };
    },
  };
}

function invalidUntil(problem: string) {
  return callError({ code: Code.InvalidArgument, message: `until: ${problem}`, field: 'until' });
}
