import { createHmac } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import type { Notice } from '../../../server/engine/domain/notice.ts';
import { alertNotifier } from '../../../server/notify/alert-notifier.ts';
import { noticeText } from '../../../server/notify/notice-text.ts';
import type { Attempt } from '../../../server/notify/notifier.ts';
import { webhookKind } from '../../../server/notify/webhook/webhook-kind.ts';
import { webhookPayload } from '../../../server/notify/webhook/webhook-payload.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { downNotice, listen, notifierContract } from '../notifier-contract.ts';
import { portsForTests } from '../ports-for-tests.ts';

const key = Buffer.from('0123456789abcdef0123456789abcdef');
const signingSecret = `whsec_${key.toString('base64')}`;
const nowMs = Date.UTC(2026, 2, 14, 3, 11);

notifierContract(t, {
  name: 'templates',
  secrets: [
    signingSecret,
    'T0KEN-IN-PATH',
    'T0KEN-BESIDE-',
    'T0KEN IN QUERY',
    'T0KEN%20IN%20QUERY',
    'T0KEN-OF-BEARER',
    'T0KEN-BEFORE',
    'alice',
    'p@ss',
    'p%40ss',
  ],
  make: ({ origin, clock, timeoutMs }) =>
    notifierOf(
      {
        url: `${origin.replace('//', '//alice:p%40ss@')}/T0KEN-IN-PATH/T0KEN-BESIDE-{{name}}?key=T0KEN%20IN%20QUERY`,
        headers: { authorization: 'Bearer T0KEN-OF-BEARER', 'x-key': 'T0KEN-BEFORE {{id}}' },
        body: '{"text": "{{text}}", "all": [{{name}}, {{tags}}, {{down_since}}, {{recovered_at}}]}',
        signingSecret,
      },
      portsForTests(clock, { timeoutMs }),
    ),
});

function notifierOf(settings: object, ports = portsForTests(new FakeClock(nowMs))) {
  return webhookKind.notifier(webhookKind.settings.parse(settings), ports);
}

type Received = { method: string; url: string; headers: IncomingHttpHeaders; text: string };

/** Sends notices with settings (without URL: of `rest`) to a receiver; returns what arrived. */
async function deliver(t: Test, options: { notices: Notice[]; settings?: object; rest?: string }): Promise<Received> {
  const { notices, settings = {}, rest = '/hook' } = options;
  const received: Received[] = [];
  const origin = await listen(t, async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const { method = '', url = '', headers } = request;
    received.push({ method, url, headers, text: Buffer.concat(chunks).toString('utf8') });
    response.end('thanks');
  });
  const notifier = notifierOf({ url: `${origin}${rest}`, signingSecret, ...settings });
  const verdict = await notifier.send(attemptOf(notices), new AbortController().signal);
  t.match(verdict, { kind: 'ok', answer: 'thanks' });
  t.equal(received.length, 1);
  return received[0]!;
}

function attemptOf(notices: readonly Notice[]): Attempt {
  return { id: 'msg_1', notices: notices as [Notice, ...Notice[]], attempt: 1, endedDigests: [] };
}

t.test('without a template: the signed JSON of PING_ALERT_URI', async (t) => {
  const notice = downNotice(nowMs);
  for (const method of ['', 'POST', 'PUT', 'PATCH', 'DELETE']) {
    const received = await deliver(t, { notices: [notice], settings: { method } });
    t.equal(received.method, method || 'POST');
    t.same(JSON.parse(received.text), webhookPayload(notice));
    t.match(received.headers, { 'content-type': 'application/json', 'user-agent': 'tocsin', 'webhook-id': 'msg_1' });
    verify(t, received);
  }
});

t.test('GET has no body and no signature', async (t) => {
  const settings = { method: 'GET' };
  const rest = '/a/{{name}}?status={{status}}&since={{down_since}}&up={{recovered_at}}#part';
  const { method, url, headers, text } = await deliver(t, {
    notices: [downNotice(nowMs, { name: 'a b/c?d&e#f%41é' })],
    settings,
    rest,
  });
  t.match(
    { method, url, text },
    {
      method: 'GET',
      url: '/a/a%20b%2Fc%3Fd%26e%23f%2541%C3%A9?status=down&since=1773457859&up=',
      text: '',
    },
  );
  t.equal(headers['webhook-id'], 'msg_1');
  t.equal(headers['webhook-signature'], undefined);
});

t.test('a body as each content type has it, signed', async (t) => {
  const notice = downNotice(nowMs, { name: 'a"b\\c\n<d>&é', tags: ['x', '"y"'], exitCode: 3 });
  const table: [settings: object, contentType: string, expected: string][] = [
    [
      {
        body: '{"a": "<{{name}}>", "b": {{name}}, "tags": {{tags}}, "line": "{{ tags }}", "n": [{{exit_code}},{{due_at}}]}',
      },
      'application/json',
      '{"a": "<a\\"b\\\\c\\n<d>&é>", "b": "a\\"b\\\\c\\n<d>&é", "tags": ["x","\\"y\\""], "line": "x, \\"y\\"", ' +
        '"n": [3,1773457799]}',
    ],
    [{ body: '{{name}} is {{status}}' }, 'text/plain; charset=utf-8', 'a"b\\c\n<d>&é is down'],
    [{ body: '<p>{{name}}</p>', contentType: 'text/html' }, 'text/html', '<p>a&quot;b\\c\n&lt;d&gt;&amp;é</p>'],
    [
      { body: 'n={{name}}&c={{count}}', contentType: 'application/x-www-form-urlencoded' },
      'application/x-www-form-urlencoded',
      'n=a%22b%5Cc%0A%3Cd%3E%26%C3%A9&c=1',
    ],
    [
      { body: '"{{severity}}"', contentType: 'application/vnd.api+json; charset=utf-8' },
      'application/vnd.api+json; charset=utf-8',
      '"critical"',
    ],
  ];
  for (const [settings, contentType, expected] of table) {
    const received = await deliver(t, { notices: [notice], settings });
    t.equal(received.text, expected);
    t.equal(received.headers['content-type'], contentType);
    verify(t, received);
  }
});

t.test('a recovery has a body of its own, if one is set', async (t) => {
  const up = downNotice(nowMs, { type: 'up', recoveredMs: nowMs });
  const settings = { body: '{{title}}', recoveryBody: '{"over": "{{name}}"}' };
  t.equal((await deliver(t, { notices: [up], settings })).text, '{"over": "backup"}');
  t.equal((await deliver(t, { notices: [{ ...up, type: 'closed' }], settings })).text, '{"over": "backup"}');
  t.equal((await deliver(t, { notices: [downNotice(nowMs)], settings })).text, 'backup is DOWN');
  t.equal((await deliver(t, { notices: [up], settings: { body: '{{title}}' } })).text, 'backup is UP again');
  const onlyRecovery = { recoveryBody: 'over' };
  t.match(JSON.parse((await deliver(t, { notices: [downNotice(nowMs)], settings: onlyRecovery })).text), {
    type: 'monitor.down',
  });
});

t.test("headers of one's own", async (t) => {
  const { headers } = await deliver(t, {
    notices: [downNotice(nowMs, { name: 'büro\r\nx-evil: 1\u0000' })],
    settings: {
      headers: { 'X-Title': '{{name}} ({{severity}})', 'User-Agent': 'mine', authorization: 'Bearer abc' },
      body: 'x',
    },
  });
  t.equal(Buffer.from(`${headers['x-title']}`, 'latin1').toString('utf8'), 'büro x-evil: 1 (critical)');
  t.match(headers, { 'user-agent': 'mine', authorization: 'Bearer abc' });
  t.equal(headers['x-evil'], undefined);
});

t.test('a digest: how many are what, and each of them, as it is now', async (t) => {
  const notices = [
    downNotice(nowMs - 2_000, { name: 'a' }),
    downNotice(nowMs - 1_000, { name: 'b', incidentId: 'i-2', severity: 'warning' }),
    downNotice(nowMs, { name: 'a', type: 'up', recoveredMs: nowMs, merged: true }),
  ];
  const { text } = await deliver(t, { notices });
  t.same(JSON.parse(text), {
    type: 'monitors.digest',
    timestamp: '2026-03-14T03:11:00.000Z',
    text: JSON.parse(text).text,
    data: {
      counts: { down: 1, up: 1, closed: 0, flapping: 0, test: 0 },
      severity: 'warning',
      monitors: [
        {
          name: 'a',
          status: 'up',
          severity: 'critical',
          incident_id: 'i-1',
          reason: 'missed',
          down_since: 1_773_457_859,
          recovered_at: 1_773_457_860,
          repeat: 0,
          merged: true,
        },
        {
          name: 'b',
          status: 'down',
          severity: 'warning',
          incident_id: 'i-2',
          reason: 'missed',
          down_since: 1_773_457_858,
          recovered_at: null,
          repeat: 0,
          merged: false,
        },
      ],
      omitted: 0,
    },
  });
  t.ok(JSON.parse(text).text.includes(noticeText(notices[1]!)));
  const many = Array.from({ length: 12_000 }, (_, index) => downNotice(nowMs, { name: `m${index}` }));
  const { data } = JSON.parse((await deliver(t, { notices: many })).text);
  t.match(data, { counts: { down: 12_000 }, omitted: 2_000 });
  t.equal(data.monitors.length, 10_000);

  const body = '{{count}}/{{status}}/{{incident_id}}/{{id}}/{{name}}/{{title}}/{{tags}}/{{down_since}}/{{reason}}';
  const templated = await deliver(t, { notices, settings: { body } });
  t.equal(templated.text, '2/down/msg_1/msg_1/a, b/1 monitor is DOWN, 1 UP again//1773457858/');
  const short = await deliver(t, { notices: many, settings: { body: '{{name}}' } });
  t.match(short.text, /^m0, m1, .*, m19 and 11980 more$/);
});

t.test('the plain GET form of a digest names the first and counts the others', async (t) => {
  const urls: (string | undefined)[] = [];
  const origin = await listen(t, (request, response) => {
    urls.push(request.url);
    response.end();
  });
  const notifier = alertNotifier({ uri: `${origin}/hook`, method: 'GET', ports: portsForTests(new FakeClock(nowMs)) });
  const up = { type: 'up', recoveredMs: nowMs } as const;
  const lastBeatMs = 1_773_457_200_000;
  const signal = new AbortController().signal;
  const digest = [
    downNotice(nowMs, { name: 'z', ...up }),
    ...['a', 'b', 'a', 'c'].map((name) => downNotice(nowMs, { name, lastBeatMs })),
  ];
  t.match(await notifier.send(attemptOf(digest), signal), { kind: 'ok' });
  t.match(await notifier.send(attemptOf([downNotice(nowMs, up), downNotice(nowMs, { name: 'b', ...up })]), signal), {
    kind: 'ok',
    detail: /nothing sent/,
  });
  t.same(urls, ['/hook?name=a%20and%202%20more&last_ping=1773457200']);
});

t.test('braces in PING_ALERT_URI are no placeholders', async (t) => {
  let url: string | undefined;
  const origin = await listen(t, (request, response) => {
    url = request.url;
    response.end();
  });
  const ports = portsForTests(new FakeClock(nowMs));
  const notifier = alertNotifier({ uri: `${origin}/hook?{{name}}={{`, method: 'POST', ports });
  t.match(await notifier.send(attemptOf([downNotice(nowMs)]), new AbortController().signal), { kind: 'ok' });
  t.equal(url, '/hook?{{name}}={{');
});

t.test('settings that are wrong are refused, by field, with what is valid and without the value', async (t) => {
  const url = 'https://hooks.example/a';
  const longHeaders = Object.fromEntries(Array.from({ length: 21 }, (_, index) => [`x-${index}`, 'a']));
  const table: [settings: object, path: string, message: RegExp][] = [
    [{}, 'url', /must be/],
    [{ url: '' }, 'url', /https?:\/\//],
    [{ url: 'ftp://hooks.example/hunter2' }, 'url', /https?:\/\//],
    [{ url: 'https://hooks.example/hunter2 b' }, 'url', /without spaces/],
    [{ url: 'https:///hunter2' }, 'url', /https?:\/\//],
    [{ url: 'https://{{name}}/hunter2' }, 'url', /path and query/],
    [{ url: 'https://hunter2.{{name}}' }, 'url', /path and query/],
    [{ url: 'https://hooks.example:{{name}}/hunter2' }, 'url', /path and query/],
    [{ url: 'https://hooks.example\\{{name}}/hunter2' }, 'url', /path and query/],
    [{ url: '{{name}}' }, 'url', /path and query/],
    [{ url: 'https://hooks.example/{{hunter2}}' }, 'url', /\{\{name\}\}.*\{\{status\}\}/],
    [{ url: 'https://hooks.example/{{name' }, 'url', /without \}\}.*\{\{name\}\}/],
    [{ url, method: 'hunter2' }, 'method', /GET, POST, PUT, PATCH or DELETE/],
    [{ url, body: '{{hunter2}}' }, 'body', /\{\{name\}\}, \{\{status\}\}/],
    [{ url, body: '{{name}} {{' }, 'body', /without \}\}/],
    [{ url, body: '{"a": "{{name}}"' }, 'body', /valid JSON/],
    [{ url, body: '{"a": {{name}}{{text}}}' }, 'body', /valid JSON/],
    [{ url, body: '{{name}} x', contentType: 'application/json' }, 'body', /valid JSON/],
    [{ url, body: '{hunter2}' }, 'body', /application\/json/],
    [{ url, recoveryBody: '[{{text}}' }, 'recoveryBody', /valid JSON/],
    [{ url, recoveryBody: '{{Name}}' }, 'recoveryBody', /\{\{name\}\}/],
    [{ url, method: 'GET', body: 'x' }, 'body', /empty with GET/],
    [{ url, method: 'GET', recoveryBody: 'x' }, 'recoveryBody', /empty with GET/],
    [{ url, body: 'x'.repeat(10_001) }, 'body', /10000 bytes/],
    [{ url, contentType: 'hunter2' }, 'contentType', /application\/json/],
    [{ url, contentType: 'text/plain\r\nx: hunter2' }, 'contentType', /application\/json/],
    [{ url, headers: { 'x y': 'hunter2' } }, 'headers.x y', /letters, digits/],
    [{ url, headers: { 'Content-Length': 'hunter2' } }, 'headers.Content-Length', /content-length/],
    [{ url, headers: { 'webhook-id': 'hunter2' } }, 'headers.webhook-id', /webhook-id/],
    [{ url, headers: { a: 'hunter2\r\nb: c' } }, 'headers.a', /line breaks/],
    [{ url, headers: { a: '{{hunter2}}' } }, 'headers.a', /\{\{name\}\}/],
    [{ url, headers: { a: 'x', A: 'y' } }, 'headers', /once/],
    [{ url, headers: longHeaders }, 'headers', /at most 20/],
    [{ url, signingSecret: 'whsec_hunter2' }, 'signingSecret', /base64 of 24 to 64/],
    [{ url, colour: 'red' }, '', /./],
  ];
  for (const [settings, path, message] of table) {
    const { success, error } = webhookKind.settings.safeParse(settings);
    t.equal(success, false, JSON.stringify(settings));
    const issue = error?.issues.find((issue) => issue.path.join('.') === path);
    const { message: said } = (issue?.code === 'invalid_key' ? issue.issues[0] : issue) ?? {};
    t.match(said, message, `${JSON.stringify(settings).slice(0, 120)}: ${JSON.stringify(error?.issues)}`);
    t.notMatch(JSON.stringify(error?.issues), /hunter2/);
  }
  const right = { url: `${url}/{{name}}/x?y={{ status }}`, body: '{"a":{"b":{{count}}}}', headers: { 'X-A': '' } };
  t.match(webhookKind.settings.parse(right), { ...right, method: 'POST', recoveryBody: '', signingSecret: '' });
});

t.test('whatever a monitor is called and says: bodies, paths and headers keep their form', async () => {
  const requests: { url: string; headers: Record<string, string>; body: string | null }[] = [];
  const ports = { ...portsForTests(new FakeClock(nowMs)) };
  ports.http = async (request) => {
    requests.push(request);
    return { kind: 'ok', detail: 'x' };
  };
  const notifier = notifierOf(
    {
      url: 'https://hooks.example/a/{{name}}/{{message}}/z?q={{name}}',
      headers: { 'x-a': 'b {{name}} {{message}}' },
      body: '{"name": "{{name}}", "all": [{{name}}, {{message}}, "{{name}}{{message}}"]}',
    },
    ports,
  );
  const awkward = fc.constantFrom('.', '..', '"', '\\', '\r\n', '%2e', '/', '?', '#', '{{name}}', '\ud800', '@', '');
  const text = fc.oneof(
    awkward,
    fc.string({ unit: 'binary' }),
    fc.array(awkward).map((texts) => texts.join('')),
  );
  await fc.assert(
    fc.asyncProperty(text, text, async (name, message) => {
      requests.length = 0;
      await notifier.send(attemptOf([downNotice(nowMs, { name, message })]), new AbortController().signal);
      const [{ url, headers, body }] = requests as [(typeof requests)[number]];
      const { host, pathname, searchParams } = new URL(url);
      const isUrlKept =
        host === 'hooks.example' &&
        pathname.split('/').length === 5 &&
        pathname.startsWith('/a/') &&
        pathname.endsWith('/z') &&
        (/^\.+$/.test(name) || searchParams.get('q') === name.toWellFormed());
      const parsed = JSON.parse(body ?? '');
      return (
        isUrlKept &&
        parsed.name === name &&
        parsed.all.length === 3 &&
        parsed.all[1] === message &&
        parsed.all[2] === `${name}${message}` &&
        !/\p{Cc}/u.test(headers['x-a'] ?? '')
      );
    }),
    { numRuns: 500 },
  );
});

/** By hand, as docs/alerts.md tells receivers. */
function verify(t: Test, { headers, text }: Received): void {
  const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${text}`;
  t.equal(headers['webhook-signature'], `v1,${createHmac('sha256', key).update(signed).digest('base64')}`);
}
