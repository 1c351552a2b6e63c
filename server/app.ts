import { join } from 'node:path';
import { Code, ConnectError } from '@connectrpc/connect';
import type { FastifyBaseLogger } from 'fastify';
import { AlertService } from '../gen/ts/tocsin/v1/alert_pb.ts';
import { ChannelService } from '../gen/ts/tocsin/v1/channel_pb.ts';
import { HeartbeatService } from '../gen/ts/tocsin/v1/heartbeat_pb.ts';
import { MonitorService } from '../gen/ts/tocsin/v1/monitor_pb.ts';
import { ChannelBook } from './alerting/channel-book.ts';
import type { ChannelSettings } from './alerting/channel-settings.ts';
import type { EnvLookup } from './alerting/env-references.ts';
import { RuleBook } from './alerting/rule-book.ts';
import { badgeRoutes } from './badge/badge-routes.ts';
import { BadgeSignatures, loadOrCreateBadgeKey } from './badge/badge-signatures.ts';
import type { Clock } from './clock.ts';
import type { Config } from './config/settings.ts';
import { DocumentReader } from './document/document-reader.ts';
import { Engine } from './engine/engine.ts';
import { healthchecksRoutes } from './healthchecks/healthchecks-routes.ts';
import { pingKeyCheck } from './healthchecks/ping-key.ts';
import { listenerServerFactory } from './listener/listener-server.ts';
import { ManagedMonitors } from './managed-monitors.ts';
import { metricsText } from './metrics.ts';
import { monitorPage } from './monitor-page.ts';
import { alertNotifier } from './notify/alert-notifier.ts';
import type { NotifierPorts } from './notify/channel-kind.ts';
import { channelKinds } from './notify/channel-registry.ts';
import { Egress } from './notify/egress.ts';
import { EgressRules } from './notify/egress-rules.ts';
import { loadOrCreateWebhookSecret } from './notify/webhook/webhook-secret.ts';
import { Outbox } from './outbox/outbox.ts';
import { CronOccurrences } from './schedule/cron-occurrences.ts';
import { stuckPart } from './self-watch.ts';
import { alertService } from './service/alert-service.ts';
import { channelService } from './service/channel-service.ts';
import { heartbeatService } from './service/heartbeat-service.ts';
import { monitorService } from './service/monitor-service.ts';
import { RequestValidator } from './service/request-validator.ts';
import { bindService } from './service/service-handlers.ts';
import { ChangeFeed } from './service/watch/change-feed.ts';
import { ServingHealth } from './serving-health.ts';
import { startPage } from './start-page.ts';
import { SqliteStore } from './store/sqlite/sqlite-store.ts';
import { Teardown } from './teardown.ts';
import { Authenticator } from './transport/authenticator.ts';
import { CallMetrics } from './transport/call-metrics.ts';
import { createHttpApp } from './transport/create-http-app.ts';
import { Watchdog } from './watchdog.ts';

/** Ports and settings of one server. */
export type AppOptions = {
  config: Config;
  clock: Clock;
  logger: FastifyBaseLogger;
  /** Uniform in [0, 1): jitter. */
  random: () => number;
  /** Unique ids for incidents and deliveries. */
  newId: () => string;
  /** What secrets of channels may refer to. */
  lookUpEnv: EnvLookup;
  /** How programs of channels are run. */
  programs: NotifierPorts['programs'];
};

export type App = {
  /** Where it listens, such as "http://127.0.0.1:4000". */
  url: string;
  /** Applies the document of monitors again; without one it does nothing. Never rejects. */
  reloadMonitors(): Promise<void>;
  /** Ends it: what was received is answered and stored. Bounded in time; never rejects. */
  stop(): Promise<void>;
};

/** The channel of `PING_ALERT_URI`. */
const defaultChannel = 'default';
/** A flip is some 25 µs of work: a mass outage must neither stop pings nor wait for them long. */
const engineLimits = { queueMax: 100_000, batchMax: 1_000, dueMax: 500, dueTurnMs: 6 };
/** Closed incidents that are kept. */
const incidentsMax = 1_000_000;
/** Longest share of one shutdown step, ms. */
const stopStepMs = 12_000;
/** Until an alert that is being sent at shutdown is cut off (and sent again after the start), ms. */
const stopOutboxMs = 5_000;

/**
 * Builds every room of the server, in the order in which data flows back, and starts it. A start that fails undoes what
 * was done.
 *
 * @throws StoreError when the data directory cannot be used; ManagedMonitorsError when the document of monitors is wrong;
 * Error when the port cannot be had.
 */
export async function startApp({
  config,
  clock,
  logger,
  random,
  newId,
  lookUpEnv,
  programs,
}: AppOptions): Promise<App> {
  const teardown = new Teardown({ clock, logger });
  try {
    const store = new SqliteStore(config.dataDir, {
      durability: config.durability,
      history: {
        beatsPerMonitor: config.beatsPerMonitor,
        beatsMaxAgeMs: config.beatsMaxAgeMs,
        bytesMax: config.historyBytes,
      },
      nameSeed: Math.floor(random() * 2 ** 32),
      afterIo: (run) => clock.afterIo(run),
      onHistoryProblem: (problem) => logger.error({ problem }, 'the history of beats does not grow'),
    });
    teardown.add('store', () => store.close());

    const egress = new Egress({
      clock,
      rules: new EgressRules({ allow: config.egressAllow ?? [], deny: config.egressDeny ?? [] }),
    });
    const ports: NotifierPorts = {
      clock,
      logger,
      http: egress.http,
      addressesOf: egress.addressesOf,
      signingSecret: loadOrCreateWebhookSecret({
        configured: config.webhookSecret,
        path: join(config.dataDir, 'webhook-secret'),
      }),
      execDir: config.execDir,
      programs,
    };
    const notifier = alertNotifier({ uri: config.alertUri, method: config.alertMethod, ports });
    const channels = await ChannelBook.open({
      catalog: store.catalog,
      clock,
      logger,
      kinds: channelKinds,
      lookUp: lookUpEnv,
      ports,
      defaultChannel: { name: defaultChannel, ...settingsOfDefault(config), notifier, digestAbove: config.digestAbove },
      routeNaming: (channel) => rules.routeNaming(channel),
      monitorNaming: (channel) => store.monitorNaming(channel),
      onChange: (channel) => {
        engine.lookAgain();
        // That the store fails, the outbox says by itself.
        outbox.tryNow(channel).catch(() => {});
      },
    });
    const outbox = new Outbox({ queue: store.deliveries, clock, random, newId, lanes: channels, logger });
    teardown.add('outbox', () => outbox.stop(stopOutboxMs));

    const flapDowns = config.flapDowns === 0 ? null : config.flapDowns;
    const rules = await RuleBook.open({
      catalog: store.catalog,
      clock,
      newId,
      channels: () => channels.forRules(),
      settings: { defaultChannel, reminderMs: config.alertRepeatMs, flapDowns },
      onChange: () => engine.lookAgain(),
    });
    const cron = new CronOccurrences();
    const feed = new ChangeFeed({ id: newId() });
    const engine = new Engine({
      store,
      clock,
      policy: {
        blindHoldMaxMs: config.blindHoldMaxMs,
        defaultGraceMs: config.defaultGraceMs,
      },
      limits: { ...engineLimits, monitorsMax: config.maxMonitors, historyMax: incidentsMax },
      newId,
      nextOccurrence: cron.next,
      logger,
      rules: () => rules.rules(),
      onDeliveries: () => outbox.poke(),
      changes: feed,
    });
    teardown.add('engine', () => engine.stop());

    const health = new ServingHealth({
      clock,
      showErrors: config.token === null,
      engine,
      outbox,
      deliveries: store.deliveries,
    });
    const calls = new CallMetrics();
    const shutdown = new AbortController();
    const validator = new RequestValidator();
    const checks = {
      channels: channels.names,
      expressionProblem: (expression: string) => cron.expressionProblem(expression),
      timeZoneProblem: (timeZone: string) => cron.timeZoneProblem(timeZone),
    };
    const documents = new DocumentReader({ clock, itemsMax: config.maxMonitors });
    const managed =
      config.monitorsFile === null
        ? null
        : new ManagedMonitors({ path: config.monitorsFile, store, engine, documents, validator, checks, logger });
    const plan = await managed?.plan();
    const app = createHttpApp({
      services: [
        bindService(HeartbeatService, heartbeatService({ engine, clock, validator, checks }), {
          forPages: ['ping', 'pingBatch', 'pingStream'],
        }),
        bindService(
          MonitorService,
          monitorService({ store, engine, feed, clock, documents, validator, checks, nextOccurrence: cron.next }),
        ),
        bindService(ChannelService, channelService({ channels, outbox, deliveries: store.deliveries, clock, newId })),
        bindService(
          AlertService,
          alertService({
            store,
            deliveries: store.deliveries,
            engine,
            ruleBook: rules,
            clock,
            onDeliveries: () => outbox.poke(),
          }),
        ),
      ],
      validator,
      token: config.token ?? undefined,
      clock,
      logger,
      maxBodyBytes: config.maxBodyBytes,
      health,
      metrics: calls,
      metricsText: metricsText({ clock, calls, engine, deliveries: store.deliveries, outbox, feed }),
      shutdownSignal: shutdown.signal,
      pages: {
        start: startPage({ store, clock, config, channels, rules, outbox }),
        monitor: monitorPage({ store, clock, nextOccurrence: cron.next, rules: () => rules.rules() }),
      },
      routes: [
        healthchecksRoutes({
          engine,
          store,
          clock,
          metrics: calls,
          isPingKey: pingKeyCheck(config.pingKey, { isOpen: config.token === null }),
          newId,
        }),
        badgeRoutes({
          store,
          clock,
          authenticator: new Authenticator(config.token ?? undefined),
          signatures: new BadgeSignatures(loadOrCreateBadgeKey(join(config.dataDir, 'badge-key'))),
        }),
      ],
      healthz: () => health.report(),
      serverFactory: listenerServerFactory({ clock }),
    });
    await app.ready();
    const watchdog =
      config.watchdogUrl === null
        ? null
        : new Watchdog({
            url: config.watchdogUrl,
            everyMs: config.watchdogEveryMs,
            clock,
            http: egress.http,
            stuck: () => stuckPart({ engine, outbox }),
            logger,
          });
    teardown.add('http', async () => {
      health.close();
      shutdown.abort(new ConnectError('the server is shutting down; try again', Code.Unavailable));
      await app.close();
    });

    // The port first: an engine that starts says "I was listening", and a start that fails must not. Beats wait for it.
    const url = await app.listen({
      host: config.host,
      port: config.port,
      listenTextResolver: (address) => `bound to ${address}`,
    });
    // The first that the engine does: a ping may be for a monitor of the document.
    const applied = plan && managed?.apply(plan);
    await outbox.start();
    await engine.start();
    // The settings may say otherwise than they did when alerts were raised that are open still.
    engine.lookAgain();
    await applied;
    health.open();
    watchdog?.start();
    teardown.add('watchdog', () => watchdog?.stop());
    logger.info({ url, dataDir: config.dataDir }, 'listening');
    if (config.alertUri === null) logger.warn('PING_ALERT_URI is not set: alerts go to this log');
    const reloadMonitors = async () => managed?.reload();
    return { url, reloadMonitors, stop: () => teardown.run(stopStepMs) };
  } catch (error) {
    await teardown.run(stopStepMs);
    throw error;
  }
}

/** The default channel as its kind has it. */
function settingsOfDefault({ alertUri, alertMethod }: Config): { kind: string; settings: ChannelSettings } {
  if (alertUri === null) return { kind: 'log', settings: {} };
  return { kind: 'webhook', settings: { url: alertUri, method: alertMethod } };
}
