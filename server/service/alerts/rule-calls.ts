import { Code } from '@connectrpc/connect';
import type { AlertService } from '../../../gen/ts/tocsin/v1/alert_pb.ts';
import type { RuleBook } from '../../alerting/rule-book.ts';
import type { Clock } from '../../clock.ts';
import { callError, quoteInput } from '../call-error.ts';
import { refusalError } from '../refusal-error.ts';
import type { ServiceHandlers } from '../service-handlers.ts';
import { writing } from '../write-error.ts';
import { readRoute, routeMessage } from './route-message.ts';
import { readSilence, silenceMessage } from './silence-message.ts';

type RuleCalls = Pick<
  ServiceHandlers<typeof AlertService>,
  'listRoutes' | 'getRoute' | 'upsertRoute' | 'deleteRoute' | 'listSilences' | 'createSilence' | 'expireSilence'
>;

/** Routes and silences: who hears of alerts, and who does not. */
export function ruleCalls({ ruleBook, clock }: { ruleBook: RuleBook; clock: Clock }): RuleCalls {
  return {
    async listRoutes() {
      return { routes: ruleBook.routes().map(routeMessage) };
    },

    async getRoute({ name }) {
      const route = ruleBook.route(name);
      if (route) return { route: routeMessage(route) };
      throw notFound('name', `no route is called ${quoteInput(name)}`);
    },

    async upsertRoute({ route: wanted }) {
      const prefix = 'route.';
      const channels = new Set(ruleBook.rules().channels.keys());
      // The proto's rules let no request pass without one.
      const read = readRoute(wanted!, { channels, prefix });
      if (!read.ok) throw read.error;
      const etag = wanted!.etag === '' ? null : wanted!.etag;
      const put = await writing(ruleBook.putRoute(read.content, { etag }));
      if (!put.ok) throw refusalError(put.refusal, prefix);
      return { route: routeMessage(put.route), created: put.created };
    },

    async deleteRoute({ name, etag }) {
      const refusal = await writing(ruleBook.removeRoute(name, { etag: etag === '' ? null : etag }));
      if (refusal) throw refusalError(refusal);
      return { name };
    },

    async listSilences() {
      return { silences: ruleBook.silences().map(silenceMessage) };
    },

    async createSilence({ silence: wanted }) {
      const read = readSilence(wanted!, { nowMs: clock.wallMs(), prefix: 'silence.' });
      if (!read.ok) throw read.error;
      const added = await writing(ruleBook.addSilence(read.content));
      if (!added.ok) throw refusalError(added.refusal);
      return { silence: silenceMessage(added.silence) };
    },

    async expireSilence({ id }) {
      const silence = await writing(ruleBook.endSilence(id));
      if (silence) return { silence: silenceMessage(silence) };
      throw notFound('id', `there is no silence ${quoteInput(id)}`);
    },
  };
}

function notFound(field: string, what: string) {
  return callError({ code: Code.NotFound, message: `${field}: ${what}`, field });
}
