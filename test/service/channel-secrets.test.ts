import { once } from 'node:events';
import { chmodSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import { pino } from 'pino';
import t from 'tap';
import { ChannelSchema } from '../../gen/ts/tocsin/v1/channel_pb.ts';
import { type AnyChannelKind, channelKinds } from '../../server/notify/channel-registry.ts';
import { startAppOnFakeClock } from '../support/app-on-fake-clock.ts';
import { FakeClock } from '../support/fake-clock.ts';

// No answer, no error and no line of the log shows a secret of a channel, of whatever kind.

const kindsOfContract = ChannelSchema.oneofs[0]!.fields;

t.test('what the contract marks as secret is secret to its kind, and the other way round', async (t) => {
  for (const { name, message } of kindsOfContract) {
    const kind = (channelKinds as Record<string, AnyChannelKind>)[name];
    if (!t.ok(kind, `${name} is in the registry`)) continue;
    const marked = message!.fields.filter(({ proto }) => proto.options?.debugRedact).map(({ jsonName }) => jsonName);
    t.strictSame([...kind!.secrets].sort(), marked.sort(), name);
  }
});

/** Answers 400 with all that it was told. */
const echo = createServer(async (request, response) => {
  let text = `${request.method} ${request.url} ${JSON.stringify(request.headers)} `;
  for await (const chunk of request) text += chunk;
  response.writeHead(400).end(text);
}).listen(0, '127.0.0.1');
await once(echo, 'listening');
const { port } = echo.address() as AddressInfo;
const host = `127.0.0.1:${port}`;
t.teardown(() => echo.close());

/** Settings of each kind as REST has them, made of secrets. */
const samples: Record<string, (secret: () => string) => object> = {
  webhook: (secret) => ({
    url: `http://user:${secret()}@${host}/${secret()}?key=${secret()}`,
    headers: { 'x-key': secret(), authorization: `Bearer ${secret()}` },
    signing_secret: `whsec_${Buffer.from(secret().slice(0, 24)).toString('base64')}`,
  }),
  slack: (secret) => ({ url: `http://${host}/services/${secret()}` }),
  discord: (secret) => ({ url: `http://${host}/api/webhooks/1234567/${secret()}` }),
  teams: (secret) => ({ url: `http://${host}/workflows/${secret()}?sig=${secret()}` }),
  pagerduty: (secret) => ({ url: `http://${host}/v2/enqueue`, routing_key: secret() }),
  opsgenie: (secret) => ({ url: `http://${host}`, api_key: secret() }),
  telegram: (secret) => ({ url: `http://${host}`, bot_token: `123456:${secret()}`, chat_id: '-100' }),
  ntfy: (secret) => ({ url: `http://${host}`, topic: 'ops', token: secret() }),
  alertmanager: (secret) => ({ urls: [`http://user:${secret()}@${host}/a`, `http://user:${secret()}@${host}/b`] }),
  email: (secret) => ({
    host: '127.0.0.1',
    port: 1,
    tls: 'none',
    username: 'ops',
    password: secret(),
    from: 'tocsin@example.org',
    to: ['ops@example.org'],
  }),
  exec: (secret) => ({ program: 'show', environment: { TOKEN: secret() } }),
  log: () => ({}),
};

t.test('nothing shows a secret', async (t) => {
  const seen: string[] = [];
  const logger = pino({ level: 'trace' }, { write: (line: string) => seen.push(line) });
  const clock = new FakeClock(Date.UTC(2026, 4, 1, 12));
  const execDir = t.testdir({ programs: { show: '#!/bin/sh\nenv\nexit 1\n' } });
  chmodSync(`${execDir}/programs/show`, 0o755);
  const env = { TOCSIN_DATA_DIR: `${execDir}/data`, TOCSIN_EXEC_DIR: `${execDir}/programs` };
  const app = await startAppOnFakeClock(clock, env, logger);
  t.teardown(async () => {
    const stopped = app.stop();
    await clock.advance(1_000);
    await stopped;
  });
  const call = async (method: string, path: string, body?: unknown) => {
    const headers = { 'content-type': 'application/json' };
    const init = body === undefined ? {} : { body: JSON.stringify(body), headers };
    const response = await fetch(app.url + path, { method, ...init });
    const text = await response.text();
    seen.push(text, JSON.stringify([...response.headers]));
    return { status: response.status, body: JSON.parse(text) as Record<string, unknown> };
  };
  const arbitrary = fc.string({
    unit: fc.constantFrom(...'abcdefghijkmnpqrstuvwxyzABCDEFGHJKL23456789'),
    minLength: 32,
    maxLength: 32,
  });

  for (const [kind, sample] of Object.entries(samples)) {
    await fc.assert(
      fc.asyncProperty(fc.array(arbitrary, { minLength: 8, maxLength: 8 }), async (pool) => {
        seen.length = 0;
        const secrets: string[] = [];
        const next = () => {
          const secret = pool[secrets.length % pool.length]!;
          secrets.push(secret);
          return secret;
        };
        const settings = sample(next);
        const path = `/channels/${kind}`;
        const made = await call('PUT', path, { [kind]: settings });
        t.equal(made.status, 200, JSON.stringify(made.body));
        await call('POST', '/channels', { name: kind, [kind]: settings });
        await call('GET', path);
        await call('GET', '/channels');
        await call('GET', `/deliveries?channel=${kind}`);
        await call('PATCH', path, { [kind]: (made.body.channel as Record<string, unknown> | undefined)?.[kind] ?? {} });
        t.match(await call('POST', '/channels/test', { name: kind }), { body: { ok: kind === 'log' } });
        // Each field wrong in turn, and the others as they are.
        for (const [field, value] of Object.entries(settings)) {
          for (const wrong of [
            `${JSON.stringify(value)}\0`,
            { [field]: value },
            [value],
            `x y ${JSON.stringify(value)}`,
          ]) {
            await call('PUT', path, { [kind]: { ...settings, [field]: wrong } });
          }
        }
        await call('PUT', path, { [kind]: Object.values(settings)[0] ?? '' });
        await call('PUT', path, { [kind]: { ...settings, unknown: next() }, digest_window: 'x' });
        await call('DELETE', path);
        const everything = seen.join('\n');
        const forms = secrets.flatMap((secret) => [secret, Buffer.from(`user:${secret}`).toString('base64')]);
        for (const form of forms) if (everything.includes(form)) t.fail(`${kind}: ${around(everything, form)}`);
      }),
      { numRuns: 2 },
    );
  }
});

function around(text: string, part: string): string {
  const at = text.indexOf(part);
  return text.slice(Math.max(0, at - 200), at + 100);
}
