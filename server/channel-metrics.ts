import { Counter, Gauge, type Registry } from 'prom-client';
import type { TrafficState } from './outbox/channel-traffic.ts';
import type { DeliveryStats } from './outbox/delivery-queue.ts';

type Sources = {
  registry: Registry;
  stats: () => Promise<DeliveryStats>;
  outbox: { states(): ReadonlyMap<string, TrafficState> };
};

type Sample<Label extends string> = readonly [labels: Record<Label, string>, value: number];

/** Registers how each channel is doing, by its name: of those that have something pending, or were sent something. */
export function registerChannelMetrics({ registry, stats, outbox }: Sources): void {
  const registers = [registry];
  const states = () => [...outbox.states()];

  const gauge = (name: string, help: string, read: () => Promise<Sample<'channel'>[]>) => {
    const collect = async (): Promise<void> => {
      const samples = await read();
      metric.reset();
      for (const [labels, value] of samples) metric.set(labels, value);
    };
    const metric = new Gauge({ name, help, labelNames: ['channel'], registers, collect });
  };
  gauge('tocsin_channel_pending', 'Alerts of the channel that wait, or are under way.', async () => {
    return [...(await stats()).channels].map(([channel, { pending }]) => [{ channel }, pending]);
  });
  gauge('tocsin_channel_failing', 'Those of them whose last attempt failed.', async () => {
    return [...(await stats()).channels].map(([channel, { failing }]) => [{ channel }, failing]);
  });
  gauge('tocsin_channel_circuit_open', '1 while the channel fails and is tried by one attempt at a time.', async () =>
    states().map(([channel, { circuit }]) => [{ channel }, Number(circuit !== 'closed')]),
  );

  const counter = <Label extends string>(definition: {
    name: string;
    help: string;
    labelNames: Label[];
    read: () => Sample<Label>[];
  }) => {
    const { name, help, labelNames, read } = definition;
    const collect = (): void => {
      metric.reset();
      for (const [labels, value] of read()) metric.inc(labels, value);
    };
    const metric = new Counter({ name, help, labelNames, registers, collect });
  };
  counter({
    name: 'tocsin_alerts_sent_total',
    help: 'Attempts after which the receiver said that it has the alert, or the digest.',
    labelNames: ['channel'],
    read: () => states().map(([channel, { sent }]) => [{ channel }, sent]),
  });
  counter({
    name: 'tocsin_alerts_failed_total',
    help: 'Attempts that failed, by their reason.',
    labelNames: ['channel', 'reason'],
    read: () =>
      states().flatMap(([channel, { failed }]) => [...failed].map(([reason, n]) => [{ channel, reason }, n] as const)),
  });
}
