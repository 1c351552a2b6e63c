import { collectDefaultMetrics, Gauge, type Metric, Registry } from 'prom-client';
import { registerChannelMetrics } from './channel-metrics.ts';
import type { Clock } from './clock.ts';
import type { EngineHealth } from './engine/engine-options.ts';
import type { TrafficState } from './outbox/channel-traffic.ts';
import type { DeliveryStats } from './outbox/delivery-queue.ts';
import { type CallMetrics, callBucketsS } from './transport/call-metrics.ts';

type Options = {
  clock: Clock;
  calls: CallMetrics;
  engine: { health(): EngineHealth };
  deliveries: { stats(): Promise<DeliveryStats> };
  outbox: { problem(): string; states(): ReadonlyMap<string, TrafficState> };
  feed: { readonly watchers: number };
};

/** Makes the text of `GET /metrics`, in the format of Prometheus: calls, engine, alerts, and Node's own figures. */
export function metricsText(options: Options): { contentType: string; text: () => Promise<string> } {
  const { clock, calls, engine, feed, outbox } = options;
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  registry.registerMetric(callDurations(calls));

  // Asked for once a scrape: its metrics are collected together.
  let asked: Promise<DeliveryStats> | null = null;
  const stats = (): Promise<DeliveryStats> => {
    asked ??= options.deliveries.stats().finally(() => {
      asked = null;
    });
    return asked;
  };
  const gauge = (name: string, help: string, read: () => number | Promise<number>) => {
    new Gauge({
      name,
      help,
      registers: [registry],
      async collect() {
        this.set(await read());
      },
    });
  };
  gauge('tocsin_monitors', 'Monitors that are known.', () => engine.health().monitors);
  gauge('tocsin_monitors_awaited', 'Monitors of which something is awaited.', () => engine.health().armed);
  gauge('tocsin_engine_queue', 'Beats that wait for the next turn of the engine.', () => engine.health().queued);
  gauge('tocsin_store_failing', '1 while the store cannot write, else 0.', () =>
    Number(engine.health().storeError !== ''),
  );
  gauge('tocsin_watchers', 'Clients that watch monitors.', () => feed.watchers);
  gauge('tocsin_alerts_pending', 'Alerts that wait for their delivery, or for its next attempt.', async () => {
    return (await stats()).pending;
  });
  gauge('tocsin_alerts_failing', 'Pending alerts whose last attempt failed.', async () => (await stats()).failing);
  gauge('tocsin_alerts_given_up', 'Alerts that were given up, as far as they are kept.', async () => {
    return (await stats()).buried;
  });
  gauge('tocsin_alerts_oldest_pending_seconds', 'Age of the oldest pending alert; 0 when none is.', async () => {
    const { oldestCreatedMs } = await stats();
    return oldestCreatedMs === null ? 0 : Math.max(0, (clock.wallMs() - oldestCreatedMs) / 1000);
  });
  gauge('tocsin_alerts_stuck', '1 while alerts do not get on by a fault of this server, else 0.', () =>
    Number(outbox.problem() !== ''),
  );
  registerChannelMetrics({ registry, stats, outbox });
  return { contentType: registry.contentType, text: () => registry.metrics() };
}

/** What `CallMetrics` counted, as a histogram: prom-client's own would be felt by every ping. */
function callDurations(calls: CallMetrics): Metric {
  const name = 'tocsin_call_duration_seconds';
  const values = () =>
    calls.counts().flatMap(({ method, code, count, sumS, buckets }) => {
      const labels = { method, code };
      let below = 0;
      const bounded = callBucketsS.map((bound, index) => {
        below += buckets[index]!;
        return { metricName: `${name}_bucket`, labels: { ...labels, le: bound }, value: below };
      });
      return [
        ...bounded,
        { metricName: `${name}_bucket`, labels: { ...labels, le: '+Inf' }, value: count },
        { metricName: `${name}_sum`, labels, value: sumS },
        { metricName: `${name}_count`, labels, value: count },
      ];
    });
  const help = 'Calls by method and outcome, from the request in full to its result; streams until they end.';
  const histogram = { name, get: async () => ({ name, help, type: 'histogram', values: values(), aggregator: 'sum' }) };
  return histogram as unknown as Metric;
}
