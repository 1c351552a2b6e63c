import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import t from 'tap';
import { AlertReceiver, verifySignature } from '../support/alert-receiver.ts';
import { RunningServer, temporaryDirectory } from '../support/running-server.ts';

const run = promisify(execFile);
const curl = (args: string[]) => run('curl', args, { encoding: 'utf8' });
const secret = `whsec_${Buffer.alloc(32, 7).toString('base64')}`;

t.test('ping with curl, stop, and the alert comes; ping again, and the recovery comes', async (t) => {
  const receiver = await new AlertReceiver().listen();
  t.teardown(() => receiver.close());
  const server = await RunningServer.start({
    TOCSIN_DATA_DIR: await temporaryDirectory(t),
    PING_ALERT_URI: receiver.url,
    TOCSIN_WEBHOOK_SECRET: secret,
  });
  t.teardown(() => server.kill('SIGTERM'));

  const { stdout } = await curl(['-sS', `${server.url}/ping?name=backup%20db&frequency=1s`]);
  const answer = JSON.parse(stdout) as { accepted_at: string; due_at: string; deadline: string };
  t.match(answer, { name: 'backup db', status: 'up', accepted: 'applied' });
  t.equal(Date.parse(answer.deadline) - Date.parse(answer.accepted_at), 1_000);

  await receiver.until(() => receiver.accepted.length >= 1);
  const receivedMs = Date.now();
  const [down] = receiver.accepted;
  verifySignature(down!, secret);
  t.ok(receivedMs >= Date.parse(answer.deadline), 'not before the deadline');
  t.match(down!.body, {
    type: 'monitor.down',
    data: { name: 'backup db', status: 'down', frequency: '1s', incident_id: String },
  });
  t.equal(down!.body!.data.last_ping, Math.floor(Date.parse(answer.accepted_at) / 1000));
  const { stdout: shown } = await curl(['-sS', `${server.url}/monitors/backup%20db`]);
  t.match(JSON.parse(shown), { name: 'backup db', status: 'down', incident: { reason: 'missed' } });

  await curl(['-sS', '-X', 'POST', '-d', 'name=backup db', '-d', 'frequency=1h', `${server.url}/ping`]);
  await receiver.until(() => receiver.accepted.length >= 2);
  const up = receiver.accepted[1]!;
  verifySignature(up, secret);
  t.match(up.body, { type: 'monitor.up', data: { name: 'backup db', status: 'up' } });
  t.equal(up.body!.data.incident_id, down!.body!.data.incident_id);
  t.not(up.headers['webhook-id'], down!.headers['webhook-id']);

  const { stdout: removed } = await curl(['-sS', '-X', 'DELETE', `${server.url}/ping/backup%20db`]);
  t.match(JSON.parse(removed), { name: 'backup db' });
  const { stdout: gone } = await curl(['-sS', '-w', '\n%{http_code}', `${server.url}/ping/remove?name=backup%20db`]);
  t.match(gone, /not_found.*\n404$/s);
});

t.test('PING_ALERT_METHOD=GET sends the plain form, encoded, for downs only', async (t) => {
  const receiver = await new AlertReceiver().listen();
  t.teardown(() => receiver.close());
  const server = await RunningServer.start({
    TOCSIN_DATA_DIR: await temporaryDirectory(t),
    PING_ALERT_URI: `${receiver.url}?team=ops`,
    PING_ALERT_METHOD: 'GET',
  });
  t.teardown(() => server.kill('SIGTERM'));
  const names = ['a&b=c d+é', 'second'];
  for (const name of names) {
    await fetch(`${server.url}/ping?${new URLSearchParams({ name, frequency: '1h', status: 'fail' })}`);
    await fetch(`${server.url}/ping?${new URLSearchParams({ name, frequency: '1h' })}`);
  }
  await receiver.until(() => receiver.accepted.length >= 2);
  const queries = receiver.accepted.map(({ url }) => new URL(url, receiver.url).searchParams);
  t.same(queries.map((query) => query.get('name')).sort(), names.toSorted());
  for (const query of queries) {
    t.equal(query.get('team'), 'ops');
    t.match(query.get('last_ping'), /^\d{10}$/);
  }
  t.ok(receiver.accepted.every(({ method }) => method === 'GET'));
});
