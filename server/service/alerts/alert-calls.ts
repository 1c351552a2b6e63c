import type { AlertService } from '../../../gen/ts/tocsin/v1/alert_pb.ts';
import { alertViewOf } from '../../alerting/alert-view.ts';
import type { RuleBook } from '../../alerting/rule-book.ts';
import type { Clock } from '../../clock.ts';
import { planFor, routesOf, silencesOf, subjectOf } from '../../engine/domain/alerting/plan.ts';
import type { Monitor } from '../../engine/domain/monitor.ts';
import { plainConfig } from '../../engine/domain/monitor-config.ts';
import type { Engine } from '../../engine/engine.ts';
import type { DeliveryQueue } from '../../outbox/delivery-queue.ts';
import type { Store } from '../../store/store.ts';
import { textProblem } from '../item-problem.ts';
import { readPageToken, writePageToken } from '../page-token.ts';
import { problemError } from '../problem-error.ts';
import { reading } from '../read-error.ts';
import { refusalError } from '../refusal-error.ts';
import type { ServiceHandlers } from '../service-handlers.ts';
import { alertMessage, plannedStepMessage } from './alert-message.ts';

const pageSizeDefault = 100;
/** Alerts made in one turn: with 1,000 silences, which are matched with each, some 0.4 ms each. */
const sliceAlerts = 10;

type AlertCalls = Pick<
  ServiceHandlers<typeof AlertService>,
  'testRoutes' | 'listAlerts' | 'acknowledgeAlert' | 'unacknowledgeAlert'
>;

export type AlertCallsOptions = {
  store: Pick<Store, 'find' | 'load'>;
  engine: Pick<Engine, 'acknowledge'>;
  ruleBook: Pick<RuleBook, 'rules'>;
  deliveries: Pick<DeliveryQueue, 'isPending'>;
  clock: Clock;
};

/** Alerts that are open, and who would hear of one. */
export function alertCalls({ store, engine, ruleBook, deliveries: queue, clock }: AlertCallsOptions): AlertCalls {
  const messages = async (monitors: readonly Monitor[]) => {
    const now = { rules: ruleBook.rules(), nowMs: clock.wallMs(), queue };
    const made: ReturnType<typeof alertMessage>[] = [];
    for (const [index, monitor] of monitors.entries()) {
      if (index > 0 && index % sliceAlerts === 0) await new Promise<void>((resolve) => clock.afterIo(resolve));
      const { incident } = monitor;
      const view = alertViewOf(monitor, now);
      if (incident && view) made.push(alertMessage(monitor, { incident, view }));
    }
    return made;
  };

  const acknowledge = async (
    { incidentId, name }: { incidentId: string; name: string },
    by: { by: string; note: string } | null,
  ) => {
    if ((incidentId === '') === (name === '')) {
      const problem = name === '' ? 'must be given, or an incident_id' : 'must not be given with an incident_id';
      throw problemError({ field: 'name', problem, value: name });
    }
    const outcome = await engine.acknowledge(name === '' ? { incidentId } : { name }, by);
    if (!outcome.ok) throw refusalError(outcome.refusal);
    const [alert] = await messages([outcome.monitor]);
    return { alert };
  };

  return {
    async testRoutes({ name }) {
      const [loaded] = await reading(store.load([{ name }]));
      const subject = subjectOf(loaded?.monitor ?? { name, config: plainConfig });
      const rules = ruleBook.rules();
      return {
        steps: planFor(subject, rules).map(plannedStepMessage),
        routes: routesOf(subject, rules).map((route) => route.name),
        silences: silencesOf(subject, rules, clock.wallMs()).map(({ id }) => id),
      };
    },

    async listAlerts({ pageSize, pageToken, tag, name }) {
      const scope = ['alerts', tag, name];
      const after = readPageToken(scope, pageToken);
      if (name !== '') {
        const [loaded] = await reading(store.load([{ name }]));
        const isAsked = loaded?.monitor && (tag === '' || loaded.monitor.config.tags.includes(tag));
        return { alerts: isAsked ? await messages([loaded.monitor!]) : [], nextPageToken: '' };
      }
      const phases = { anyOf: ['down' as const], atMs: clock.wallMs() };
      const limit = pageSize || pageSizeDefault;
      const found = await reading(store.find({ order: 'name', after, limit, tag, phases }));
      return { alerts: await messages(found.monitors), nextPageToken: writePageToken(scope, found.next) };
    },

    acknowledgeAlert({ incidentId, name, by, note }) {
      for (const [field, value] of Object.entries({ by, note })) {
        const problem = textProblem(value);
        if (problem !== null) throw problemError({ field, problem, value });
      }
      return acknowledge({ incidentId, name }, { by, note });
    },

    unacknowledgeAlert({ incidentId, name }) {
      return acknowledge({ incidentId, name }, null);
    },
  };
}
