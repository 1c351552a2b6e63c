import t from 'tap';
import { buildLane } from '../../server/alerting/build-lane.ts';
import { plainChannel } from '../../server/alerting/channel-spec.ts';
import { channelKinds } from '../../server/notify/channel-registry.ts';
import { portsForTests } from '../notify/ports-for-tests.ts';
import { FakeClock } from '../support/fake-clock.ts';

t.test('what is wrong with settings: the field by its proto name, and what is valid', async (t) => {
  const ports = portsForTests(new FakeClock());
  const workshop = { kinds: channelKinds, lookUp: () => ({ ok: false, problem: 'is not set' }) as const, ports };
  const url = 'https://hooks.example/';
  const table: [kind: string, settings: Record<string, unknown>, field: string, problem: RegExp][] = [
    ['webhook', { url, recoveryBody: '{{nobody}}' }, 'webhook.recovery_body', /\{\{name\}\}/],
    ['webhook', { url, headers: { 'a b': 'c' } }, 'webhook.headers["a b"]', /letters, digits/],
    ['webhook', { url, headers: { a: '{{nobody}}' } }, 'webhook.headers["a"]', /\{\{name\}\}/],
    ['alertmanager', { urls: [url], labels: { 'a-b': 'c' } }, 'alertmanager.labels["a-b"]', /letters, digits and _/],
    ['webhook', { url, colour: 'red' }, 'webhook.colour', /is not supported/],
  ];
  for (const [kind, settings, field, problem] of table) {
    const built = buildLane({ ...plainChannel, kind, settings: settings as never }, workshop);
    t.match(built, { ok: false, field, problem }, JSON.stringify({ built, settings }));
  }
});
