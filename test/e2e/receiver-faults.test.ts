import t, { type Test } from 'tap';
import { AlertReceiver, type ReceivedAlert } from '../support/alert-receiver.ts';
import { RunningServer, temporaryDirectory } from '../support/running-server.ts';

const send = (url: string, name: string, status: 'ok' | 'fail') =>
  fetch(`${url}/ping?${new URLSearchParams({ name, frequency: '1h', status })}`).then((response) => response.json());

/** Flips `names` down and up, `rounds` times. */
async function flip(url: string, names: string[], rounds: number): Promise<void> {
  for (let round = 0; round < rounds; round++) {
    await Promise.all(names.map((name) => send(url, name, 'fail')));
    await Promise.all(names.map((name) => send(url, name, 'ok')));
  }
}

/** What the receiver accepted about one monitor, in order and each id once. */
function story(receiver: AlertReceiver, name: string): string[] {
  const ids = new Set<string>();
  return receiver.accepted
    .filter(({ body, headers }) => {
      const id = String(headers['webhook-id']);
      const fresh = body?.data.name === name && !ids.has(id);
      ids.add(id);
      return fresh;
    })
    .map(({ body }) => `${body!.type} ${body!.data.incident_id}`);
}

/** How many recoveries are among these alerts. */
const ups = (alerts: string[]): number => alerts.filter((alert) => alert.startsWith('monitor.up ')).length;

/** What was over before it was tried is told by its recovery alone. */
function checkStory(t: Test, alerts: string[], rounds: number): void {
  const incidents = [...new Set(alerts.map((alert) => alert.split(' ')[1]))];
  t.equal(incidents.length, rounds, 'every incident was told');
  const told = incidents.flatMap((incident) => {
    const types = alerts.flatMap((alert) => (alert.endsWith(` ${incident}`) ? alert.split(' ')[0] : []));
    if (types.length > 1) t.same(types, ['monitor.down', 'monitor.up'], 'down before up');
    else t.same(types, ['monitor.up'], 'the recovery of each');
    return types.map((type) => `${type} ${incident}`);
  });
  t.same(told, alerts, 'one incident after the other');
}

t.test('a receiver that fails, drops and hangs, then works: every alert arrives in order', async (t) => {
  const receiver = await new AlertReceiver().listen();
  t.teardown(() => receiver.close());
  const server = await RunningServer.start({
    TOCSIN_DATA_DIR: await temporaryDirectory(t),
    PING_ALERT_URI: receiver.url,
    TOCSIN_DIGEST_ABOVE: '1000',
  });
  t.teardown(() => server.kill('SIGTERM'));
  const tried = new Map<string, number>();
  receiver.answer = ({ headers }: ReceivedAlert) => {
    const id = String(headers['webhook-id']);
    const attempt = (tried.get(id) ?? 0) + 1;
    tried.set(id, attempt);
    if (attempt > 1) return 200;
    return ([500, 'drop', 429, 'hang', 404, 301] as const)[tried.size % 6]!;
  };
  const names = ['a', 'b', 'c', 'd', 'e'];
  await flip(server.url, names, 2);
  await receiver.until(() => names.every((name) => ups(story(receiver, name)) === 2), 120_000);
  for (const name of names) checkStory(t, story(receiver, name), 2);
  const attempts = receiver.attempts.filter(
    ({ headers }) => headers['webhook-id'] === receiver.attempts[0]!.headers['webhook-id'],
  );
  t.equal(new Set(attempts.map(({ text }) => text)).size, 1, 'every attempt says the same');
});

t.test('a receiver that is away, while the server is killed: every alert arrives after both are back', async (t) => {
  const receiver = await new AlertReceiver().listen();
  const { port, url } = receiver;
  await receiver.close();
  const env = { TOCSIN_DATA_DIR: await temporaryDirectory(t), PING_ALERT_URI: url, TOCSIN_DIGEST_ABOVE: '1000' };
  const names = ['a', 'b', 'c'];
  const first = await RunningServer.start(env);
  await flip(first.url, names, 1);
  await first.kill('SIGKILL');
  const second = await RunningServer.start(env);
  t.teardown(() => second.kill('SIGTERM'));
  await flip(second.url, names, 1);
  const waiting = (await (await fetch(`${second.url}/healthz`)).json()) as { alerts: { pending: number } };
  t.ok(waiting.alerts.pending >= names.length * 2, 'health shows what waits');

  const back = await new AlertReceiver().listen(port);
  t.teardown(() => back.close());
  await back.until(() => names.every((name) => ups(story(back, name)) === 2), 120_000);
  for (const name of names) checkStory(t, story(back, name), 2);
});

t.test('one alert that hangs delays no other monitor', async (t) => {
  const receiver = await new AlertReceiver().listen();
  t.teardown(() => receiver.close());
  const server = await RunningServer.start({
    TOCSIN_DATA_DIR: await temporaryDirectory(t),
    PING_ALERT_URI: receiver.url,
    TOCSIN_DIGEST_ABOVE: '1000',
  });
  t.teardown(() => server.kill('SIGKILL'));
  receiver.answer = ({ body }) => (body?.data.name === 'hangs' ? 'hang' : 200);
  await send(server.url, 'hangs', 'fail');
  await receiver.until(() => receiver.attempts.length === 1);
  await send(server.url, 'works', 'fail');
  await receiver.until(() => receiver.accepted.length === 1);
  t.same(
    receiver.attempts.map(({ body }) => body!.data.name),
    ['hangs', 'works'],
    'before the one that hangs is given up and tried again',
  );
});

t.test('a receiver that asks to wait holds up no other channel, and is asked again', async (t) => {
  const [busy, other] = [await new AlertReceiver().listen(), await new AlertReceiver().listen()];
  t.teardown(() => Promise.all([busy.close(), other.close()]));
  const server = await RunningServer.start({
    TOCSIN_DATA_DIR: await temporaryDirectory(t),
    PING_ALERT_URI: busy.url,
  });
  t.teardown(() => server.kill('SIGTERM'));
  await fetch(`${server.url}/channels/other`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ webhook: { url: other.url } }),
  });
  busy.answer = () => (busy.attempts.length === 0 ? { status: 429, headers: { 'retry-after': '1' } } : 200);
  await send(server.url, 'first', 'fail');
  await busy.until(() => busy.attempts.length === 1);
  const named = await fetch(`${server.url}/ping?name=second&frequency=1h&status=fail&channels=other`);
  t.equal(named.status, 200);
  await other.until(() => other.accepted.length === 1);
  await busy.until(() => busy.accepted.length === 1);
  t.equal(busy.attempts[0]!.headers['webhook-id'], busy.attempts[1]!.headers['webhook-id']);
});
