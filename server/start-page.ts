import type { ChannelBook } from './alerting/channel-book.ts';
import type { KeptChannel } from './alerting/channel-spec.ts';
import type { RuleBook } from './alerting/rule-book.ts';
import type { Clock } from './clock.ts';
import type { Config } from './config/settings.ts';
import type { Monitor } from './engine/domain/monitor.ts';
import { phaseAt } from './engine/domain/phase.ts';
import { causeText, scheduleText } from './monitor-text.ts';
import type { DeliveryQueue, DeliveryStats } from './outbox/delivery-queue.ts';
import type { Outbox } from './outbox/outbox.ts';
import { hasTrouble } from './page/channel-table.ts';
import type { FailingAlerts, PageChannel, PageMonitor } from './page/page-view.ts';
import { renderPage } from './page/render-page.ts';
import type { Store } from './store/store.ts';

/** Monitors on the page. What is down comes first, so that a long list hides nothing that matters. */
const shownMax = 500;
const channelsShownMax = 50;

/** Makes the HTML of `GET /` from what is stored now. */
export function startPage({
  store,
  clock,
  config,
  channels,
  rules,
  outbox,
}: {
  store: Pick<Store, 'find'> & { deliveries: Pick<DeliveryQueue, 'stats'> };
  clock: Clock;
  config: Pick<Config, 'token' | 'alertUri'>;
  channels: Pick<ChannelBook, 'channels'>;
  rules: Pick<RuleBook, 'rules'>;
  outbox: Pick<Outbox, 'state'>;
}) {
  return async (baseUrl: string): Promise<string> => {
    const nowMs = clock.wallMs();
    const query = { order: 'name', after: null, limit: shownMax } as const;
    const first = await store.find(query);
    const more = first.next !== null;
    const down = more ? await store.find({ ...query, phases: { anyOf: ['down'], atMs: nowMs } }) : { monitors: [] };
    const others = more ? first.monitors.filter(({ status }) => status !== 'down') : first.monitors;
    const monitors = [...down.monitors, ...others].slice(0, shownMax).map((monitor) => pageMonitor(monitor, nowMs));
    const alerts = await store.deliveries.stats();
    return renderPage({
      baseUrl,
      nowMs,
      monitors,
      more,
      tokenRequired: config.token !== null,
      alertTarget: config.alertUri === null ? 'log' : 'webhook',
      routes: rules.rules().routes.length,
      channels: pageChannels(channels.channels(), { alerts, outbox }),
      failingAlerts: failingAlerts(alerts, nowMs),
    });
  };
}

function failingAlerts({ failing, oldestCreatedMs, lastError }: DeliveryStats, nowMs: number): FailingAlerts | null {
  if (failing === 0) return null;
  // The error's class is for machines: "network: connection refused".
  return { count: failing, oldestMs: oldestCreatedMs ?? nowMs, error: lastError.replace(/^[a-z_]+: /, '') };
}

/** Those with trouble, and as many more as there is room for. */
function pageChannels(
  channels: readonly KeptChannel[],
  { alerts, outbox }: { alerts: DeliveryStats; outbox: Pick<Outbox, 'state'> },
): PageChannel[] {
  const all = channels.map(({ name, spec }): PageChannel => {
    const { pending = 0, failing = 0 } = alerts.channels.get(name) ?? {};
    const { lastSentMs, lastError, retryAtMs } = outbox.state(name);
    return { name, kind: spec.kind, pending, failing, lastSentMs, lastError, retryMs: retryAtMs };
  });
  return all.sort((a, b) => Number(hasTrouble(b)) - Number(hasTrouble(a))).slice(0, channelsShownMax);
}

function pageMonitor(monitor: Monitor, nowMs: number): PageMonitor {
  const { name, lastBeatMs, dueMs, deadlineMs, hold, graceMs } = monitor;
  const incident = monitor.incident && { startedMs: monitor.incident.startedMs, cause: causeText(monitor.incident) };
  const status = phaseAt(monitor, nowMs);
  const heldUntilMs = hold?.untilMs ?? null;
  const schedule = scheduleText(monitor).replace(/^every /, '');
  return { name, status, lastBeatMs, dueMs, deadlineMs, heldUntilMs, incident, schedule, graceMs };
}
