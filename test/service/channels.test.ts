import { readFileSync } from 'node:fs';
import t from 'tap';
import { ChannelOrigin } from '../../gen/ts/tocsin/v1/channel_pb.ts';
import { channelKinds } from '../../server/notify/channel-registry.ts';
import { AlertReceiver } from '../support/alert-receiver.ts';
import { temporaryDirectory } from '../support/running-server.ts';
import { failureOf, serviceUnderTest } from './service-under-test.ts';

// ChannelService of a whole server, over Connect and REST.

const webhook = (url: string, more: object = {}) => ({ kind: { case: 'webhook' as const, value: { url, ...more } } });

t.test('the channel of the settings is there, and is not for calls to change', async (t) => {
  const { channels } = await serviceUnderTest(t, { PING_ALERT_URI: 'http://user:secret@127.0.0.1:1/token-1234' });
  const { channels: list } = await channels.listChannels({});
  t.match(list, [
    {
      name: 'default',
      origin: ChannelOrigin.SETTINGS,
      kind: { case: 'webhook', value: { url: 'http://127.0.0.1:1/***', method: 'POST' } },
      concurrency: 8,
      digestAbove: 5,
      digestWindow: '1m',
    },
  ]);
  const calls = [
    channels.createChannel({ channel: { name: 'default', ...webhook('http://a.example') } }),
    channels.upsertChannel({ channel: { name: 'default', ...webhook('http://a.example') } }),
    channels.updateChannel({ channel: { name: 'default', concurrency: 2 }, updateMask: { paths: ['concurrency'] } }),
  ];
  for (const call of calls) {
    t.match(await failureOf(call), {
      code: 'FailedPrecondition',
      field: 'channel.name',
      message: /^channel\.name: .*PING_ALERT_URI/,
    });
  }
  t.match(await failureOf(channels.deleteChannel({ name: 'default' })), { code: 'FailedPrecondition', field: 'name' });
});

t.test('without PING_ALERT_URI the default channel is the log', async (t) => {
  const { rest } = await serviceUnderTest(t);
  t.match((await rest('GET', '/channels/default')).body, { name: 'default', origin: 'settings', log: {}, slack: null });
});

t.test('make, read, change and remove', async (t) => {
  const { channels, clock } = await serviceUnderTest(t);
  const url = 'https://hooks.example/T000/very-secret';
  const { channel: made } = await channels.createChannel({
    channel: { name: 'ops', description: 'the night watch', digestWindow: '5m', ...webhook(url, { method: 'GET' }) },
  });
  const shown = { case: 'webhook', value: { url: 'https://hooks.example/***', method: 'GET' } };
  t.match(made, { name: 'ops', origin: ChannelOrigin.API, kind: shown, digestWindow: '5m', concurrency: 8 });
  t.match((await channels.getChannel({ name: 'ops' })).channel, made!);
  t.match(
    (await channels.listChannels({})).channels.map(({ name }) => name),
    ['default', 'ops'],
  );
  t.match(await failureOf(channels.createChannel({ channel: { name: 'ops', ...webhook(url) } })), {
    code: 'AlreadyExists',
    field: 'channel.name',
  });

  await clock.advance(1_000);
  const { channel: same } = await channels.upsertChannel({ channel: made! });
  t.same(same, made, 'sent back as it was read, nothing changes');

  const { channel: updated } = await channels.updateChannel({
    channel: { name: 'ops', concurrency: 3, etag: made!.etag },
    updateMask: { paths: ['concurrency'] },
  });
  t.match(updated, { concurrency: 3, description: 'the night watch', digestWindow: '5m', kind: shown });
  t.not(updated!.etag, made!.etag);
  t.not(updated!.updatedAt!.seconds, made!.updatedAt!.seconds);
  t.same(updated!.createdAt, made!.createdAt);
  const stale = channels.upsertChannel({ channel: { ...made!, concurrency: 4 } });
  t.match(await failureOf(stale), { code: 'Aborted', field: 'channel.etag' });
  t.match(await failureOf(channels.deleteChannel({ name: 'ops', etag: made!.etag })), { code: 'Aborted' });

  const { channel: plain, created } = await channels.upsertChannel({ channel: { name: 'ops', ...webhook(url) } });
  t.match(plain, { concurrency: 8, description: '', digestWindow: '1m' }, 'what is left out gets its default');
  t.equal(created, false);
  t.match(await channels.deleteChannel({ name: 'ops' }), { name: 'ops' });
  for (const call of [channels.getChannel({ name: 'ops' }), channels.deleteChannel({ name: 'ops' })]) {
    t.match(await failureOf(call), { code: 'NotFound', field: 'name', message: 'name: no channel is called "ops"' });
  }
});

t.test('channels are there after a restart, and monitors may name them', async (t) => {
  const dataDir = await temporaryDirectory(t);
  const first = await serviceUnderTest(t, { TOCSIN_DATA_DIR: dataDir });
  t.equal((await first.rest('PUT', '/monitors/a', { frequency: '1h', channels: ['ops'] })).status, 400);
  const made = await first.rest('PUT', '/channels/ops', { webhook: { url: 'https://hooks.example/T/very-secret' } });
  t.match(made, { status: 200, body: { created: true } });
  t.equal((await first.rest('PUT', '/monitors/a', { frequency: '1h', channels: ['ops'] })).status, 200);
  await first.stop();
  const second = await serviceUnderTest(t, { TOCSIN_DATA_DIR: dataDir });
  t.strictSame((await second.rest('GET', '/channels/ops')).body, (made.body as { channel: object }).channel);
});

t.test('a channel whose variable is gone does not stop the start: it waits, and says why', async (t) => {
  const receiver = await new AlertReceiver().listen();
  t.teardown(() => receiver.close());
  const dataDir = await temporaryDirectory(t);
  const first = await serviceUnderTest(t, { TOCSIN_DATA_DIR: dataDir, HOOK_TOKEN: 'token-of-the-hook' });
  const body = { webhook: { url: `${receiver.url}/\${env:HOOK_TOKEN}` } };
  t.equal((await first.rest('PUT', '/channels/ops', body)).status, 200);
  t.match((await first.rest('POST', '/channels/test', { name: 'ops' })).body, { ok: true, http_status: 200 });
  t.match(receiver.attempts[0]?.url, /token-of-the-hook/);
  await first.stop();
  const second = await serviceUnderTest(t, { TOCSIN_DATA_DIR: dataDir });
  t.match((await second.rest('POST', '/channels/test', { name: 'ops' })).body, {
    ok: false,
    reason: 'secret',
    detail: /webhook\.url.*HOOK_TOKEN.*not set/,
    advice: /variable/,
  });
  t.match((await second.rest('PATCH', '/channels/ops', { concurrency: 2 })).body, { field: 'webhook.url' });
});

t.test('a test says what happened', async (t) => {
  const receiver = await new AlertReceiver().listen();
  t.teardown(() => receiver.close());
  const { rest } = await serviceUnderTest(t);
  await rest('PUT', '/channels/test', { webhook: { url: receiver.url } });
  t.match((await rest('POST', '/channels/test', { name: 'test' })).body, { ok: true, reason: '', advice: '' });
  t.match(receiver.attempts, [{ body: { type: 'test' } }]);
  receiver.answer = () => 404;
  t.match((await rest('POST', '/channels/test', { name: 'test' })).body, {
    ok: false,
    reason: 'http_status',
    http_status: 404,
    detail: /HTTP 404/,
    advice: /the channel/,
  });
  receiver.answer = () => 410;
  t.match((await rest('POST', '/channels/test', { name: 'test' })).body, { advice: /would be given up at once/ });
  t.match((await rest('GET', '/channels/test')).body, { name: 'test' });
  t.match((await rest('DELETE', '/channels/test')).body, { name: 'test' });
  t.match(await rest('POST', '/channels/test', { name: 'test' }), { status: 404, body: { field: 'name' } });
});

t.test('how a channel is doing: what waits, what failed, and what went out', async (t) => {
  const receiver = await new AlertReceiver().listen();
  t.teardown(() => receiver.close());
  receiver.answer = () => 503;
  const { rest, clock } = await serviceUnderTest(t);
  await rest('PUT', '/channels/ops', { webhook: { url: receiver.url } });
  await rest('PUT', '/monitors/job', { frequency: '1h', channels: ['ops'] });
  t.match((await rest('GET', '/channels/ops')).body, {
    state: { circuit: 'closed', retry_at: null, pending: 0, failing: 0, last_sent_at: null, last_error: '' },
  });
  const until = async (holds: (state: Record<string, unknown>) => boolean) => {
    for (let turn = 0; turn < 200; turn++) {
      const { body } = await rest('GET', '/channels/ops');
      const { state } = body as { state: Record<string, unknown> };
      if (holds(state)) return state;
      await clock.advance(1_000);
    }
    throw new Error('it never came to that');
  };
  await rest('POST', '/ping', { name: 'job', status: 'fail' });
  t.match(await until(({ last_failed_at: at }) => at !== null), { last_sent_at: null, last_error: /HTTP 503/ });
  receiver.answer = () => 200;
  t.match(await until(({ last_sent_at: at }) => at !== null), { pending: 0, failing: 0, circuit: 'closed' });
});

t.test('bad input is refused, naming the field, in the same words everywhere', async (t) => {
  const { channels, rest } = await serviceUnderTest(t, { HOME_TOWN: 'x' });
  const rows: [field: string, message: RegExp, body: Record<string, unknown>][] = [
    ['webhook.url', /^must be .*http/, { webhook: { url: 'ftp://hooks.example' } }],
    ['webhook.url', /^is required/, { webhook: {} }],
    ['webhook.url', /^must not hold a NUL/, { webhook: { url: 'http://a.example/\0' } }],
    ['webhook.url', /NOT_THERE.*not set.*NOT_THERE_FILE/, { webhook: { url: `http://a.example/\${env:NOT_THERE}` } }],
    ['webhook.url', /^must not refer to TOCSIN_TOKEN/, { webhook: { url: `http://a.example/\${env:TOCSIN_TOKEN}` } }],
    ['webhook.url', /^must not refer to ping_x/, { webhook: { url: `http://a.example/\${env:ping_x}` } }],
    ['webhook.url', /^must refer to a variable as/, { webhook: { url: `http://a.example/\${env:}` } }],
    ['webhook.url', /^is masked/, { webhook: { url: 'http://a.example/***' } }],
    ['webhook.method', /^must be GET/, { webhook: { url: 'http://a.example', method: 'HEAD' } }],
    ['webhook.signing_secret', /^must be whsec_/, { webhook: { url: 'http://a.example', signing_secret: 'x' } }],
    ['kind', /^one of webhook, slack.*must be set/, {}],
    ['digest_window', /^must be .*10s/, { log: {}, digest_window: '5s' }],
    ['concurrency', /^must be a whole number from 0 to 32; got 33/, { log: {}, concurrency: 33 }],
  ];
  for (const [field, message, body] of rows) {
    const told = await rest('PUT', '/channels/a', body);
    t.match(told, { status: 400, body: { code: 'invalid_argument', field } }, JSON.stringify(told.body));
    const { message: text } = told.body as { message: string };
    t.match(text.slice(`${field}: `.length), message);
    const { webhook, log, concurrency, digest_window: digestWindow } = body as Record<string, never>;
    const { signing_secret: signingSecret, ...rest_ } = (webhook ?? {}) as Record<string, string>;
    const kind = webhook
      ? { case: 'webhook' as const, value: { ...rest_, ...(signingSecret ? { signingSecret } : {}) } }
      : log
        ? { case: 'log' as const, value: {} }
        : { case: undefined };
    const call = channels.upsertChannel({
      channel: { name: 'a', kind, ...(concurrency ? { concurrency } : {}), ...(digestWindow ? { digestWindow } : {}) },
    });
    t.match(await failureOf(call), {
      code: 'InvalidArgument',
      field: `channel.${field}`,
      message: `channel.${text}`,
    });
  }
  t.match(await rest('PUT', '/channels/a', { log: {}, slack: { url: 'http://a.example' } }), {
    status: 400,
    body: { field: 'slack', message: 'slack: cannot be given together with log' },
  });
  t.match(await rest('PUT', '/channels/a%20b', { log: {} }), { status: 400, body: { field: 'name' } });
  const email = { host: 'mail.example', from: 'a@example.org', to: [] };
  t.match(await rest('PUT', '/channels/a', { email }), {
    body: { field: 'email.to', message: /^email.to: must be an array of 1 to 50 items; got/ },
  });
  t.match(await rest('PATCH', '/channels/a?update_mask=webhook', {}), {
    status: 400,
    body: { field: 'webhook', message: /^webhook: must be given/ },
  });
  for (const dots of ['..', '.']) {
    t.match(await rest('POST', '/channels', { name: dots, log: {} }), {
      status: 400,
      body: { field: 'name', message: /more than dots/ },
    });
  }
  t.match(await rest('PATCH', '/channels/a', { name: 'a' }), { status: 400, body: { field: 'update_mask' } });
});

t.test('what was read can be sent back over REST, and a PATCH of other fields keeps the kind', async (t) => {
  const { rest } = await serviceUnderTest(t);
  const { body } = await rest('POST', '/channels', { name: 'ops', webhook: { url: 'https://a.example/T/secret-1' } });
  t.match(body, { name: 'ops', webhook: { url: 'https://a.example/***' }, slack: null });
  t.strictSame((await rest('PUT', '/channels/ops', body)).body, { channel: body, created: false });
  t.strictSame((await rest('PATCH', '/channels/ops', body)).body, body);
  const { body: patched } = await rest('PATCH', '/channels/ops', { description: 'x' });
  t.match(patched, { description: 'x', webhook: { url: 'https://a.example/***' } });
  const { body: other } = await rest('PATCH', '/channels/ops', { log: {} });
  t.match(other, { webhook: null, log: {}, description: 'x' });
});

t.test('a stored secret does not follow to another host', async (t) => {
  const { rest } = await serviceUnderTest(t);
  const secret = `whsec_${Buffer.alloc(24).toString('base64')}`;
  const url = 'https://a.example/T/secret-1';
  await rest('PUT', '/channels/ops', { webhook: { url, signing_secret: secret } });
  const kept = { url: 'https://a.example/***', signing_secret: '***' };
  t.match(await rest('PATCH', '/channels/ops', { webhook: kept }), { status: 200, body: { webhook: kept } });
  const moved = { webhook: { url: 'https://b.example/T/secret-1', signing_secret: '***' } };
  t.match(await rest('PATCH', '/channels/ops', moved), { status: 400, body: { field: 'webhook.signing_secret' } });
  const masked = { webhook: { url: 'https://b.example/***', signing_secret: secret } };
  t.match(await rest('PUT', '/channels/ops', masked), { status: 400, body: { field: 'webhook.url' } });
  t.match(await rest('PUT', '/channels/other', { webhook: kept }), { status: 400, body: { field: 'webhook.url' } });
});

t.test('the examples of docs/channels.md, one for each kind, are accepted as they stand', async (t) => {
  const text = readFileSync(new URL('../../docs/channels.md', import.meta.url), 'utf8');
  const examples = [...text.matchAll(/```json\n(.*?)```/gs)].map(([, json]) => JSON.parse(json!) as object);
  t.strictSame(examples.map((example) => Object.keys(example)[0]).sort(), Object.keys(channelKinds).sort());
  const referred = [...text.matchAll(/\$\{env:(\w+)\}/g)].map(([, name]) => [name!, 'abcdefgh']);
  const { rest } = await serviceUnderTest(t, { TOCSIN_EXEC_DIR: t.testdir(), ...Object.fromEntries(referred) });
  for (const example of examples) {
    const [kind] = Object.keys(example);
    const { status, body } = await rest('PUT', `/channels/${kind}`, example);
    t.equal(status, 200, JSON.stringify(body));
  }
});

t.test('a channel that a monitor names is not removed: its pings would be refused', async (t) => {
  const { channels, rest } = await serviceUnderTest(t);
  await channels.createChannel({ channel: { name: 'night', ...webhook('http://127.0.0.1:1/x') } });
  await channels.createChannel({ channel: { name: 'day', ...webhook('http://127.0.0.1:1/x') } });
  const ping = '/ping?name=job&frequency=1h&channels=night,day';
  t.equal((await rest('GET', ping)).status, 200, 'names between commas');
  t.match(await failureOf(channels.deleteChannel({ name: 'night' })), {
    code: 'FailedPrecondition',
    field: 'name',
    message: /monitor "job" names this channel/,
  });
  t.equal((await rest('GET', '/ping?name=job&frequency=1h&channels=day')).status, 200);
  t.match(await channels.deleteChannel({ name: 'night' }), { name: 'night' });
});
