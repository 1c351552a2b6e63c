import type { AlertService } from '../../gen/ts/tocsin/v1/alert_pb.ts';
import type { RuleBook } from '../alerting/rule-book.ts';
import type { Clock } from '../clock.ts';
import type { Engine } from '../engine/engine.ts';
import type { DeliveryLog } from '../outbox/delivery-log.ts';
import type { DeliveryQueue } from '../outbox/delivery-queue.ts';
import type { Store } from '../store/store.ts';
import { alertCalls } from './alerts/alert-calls.ts';
import { deliveryCalls } from './alerts/delivery-calls.ts';
import { ruleCalls } from './alerts/rule-calls.ts';
import type { ServiceHandlers } from './service-handlers.ts';

export type AlertServiceOptions = {
  store: Pick<Store, 'find' | 'load'>;
  deliveries: DeliveryLog & Pick<DeliveryQueue, 'isPending'>;
  engine: Pick<Engine, 'acknowledge'>;
  ruleBook: RuleBook;
  clock: Clock;
  /** Called when a delivery waits that did not. */
  onDeliveries: () => void;
};

/** AlertService: who hears of which alert and when, and what became of it. */
export function alertService(options: AlertServiceOptions): ServiceHandlers<typeof AlertService> {
  return { ...ruleCalls(options), ...alertCalls(options), ...deliveryCalls(options) };
}
