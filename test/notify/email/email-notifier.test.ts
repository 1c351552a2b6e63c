import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import t, { type Test } from 'tap';
import type { Notice } from '../../../server/engine/domain/notice.ts';
import { type EmailSettings, emailKind } from '../../../server/notify/email/email-kind.ts';
import { EmailNotifier } from '../../../server/notify/email/email-notifier.ts';
import type { Verdict } from '../../../server/notify/notifier.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { SmtpReceiver, type SmtpScript } from '../../support/smtp-receiver.ts';
import { testCertificate } from '../../support/test-certificate.ts';
import { downNotice } from '../notifier-contract.ts';
import { portsForTests } from '../ports-for-tests.ts';

const password = 'S3CRET-pass';
const clock = new FakeClock(1_800_000_000_000);
const trusted = getCACertificates();

type Options = {
  settings?: Partial<EmailSettings>;
  timeoutMs?: number;
  signal?: AbortSignal;
  addresses?: string[];
  id?: string;
};

/** One attempt through the server at `port`, which is said to be "mail.test"; what holds for every verdict is checked. */
async function send(t: Test, port: number, notices: [Notice, ...Notice[]], options: Options = {}): Promise<Verdict> {
  const { settings = {}, timeoutMs = 20_000, signal = new AbortController().signal, id = 'msg_1' } = options;
  const { addresses = ['127.0.0.1'] } = options;
  const all = { host: 'mail.test', port, from: 'Tocsin <tocsin@example.org>', to: ['ops@example.org'], tls: 'none' };
  const ports = {
    ...portsForTests(clock),
    addressesOf: async () => addresses.map((address) => ({ address, family: 4 as const })),
  };
  const notifier = new EmailNotifier({ settings: emailKind.settings.parse({ ...all, ...settings }), ports, timeoutMs });
  const verdict = await notifier.send({ id, notices, attempt: 1, endedDigests: [] }, signal);
  const shown = JSON.stringify(verdict);
  for (const secret of [password, btoa(password), btoa(`\0alice\0${password}`)]) t.notOk(shown.includes(secret), shown);
  t.ok(verdict.detail !== '' && verdict.detail.length <= 300, verdict.detail);
  t.ok((verdict.answer ?? '').length <= 500);
  return verdict;
}

const down = downNotice(clock.wallMs(), { severity: 'error', tags: ['db'] });
const credentials = { username: 'alice', password };

function header(raw: string, name: string): string | undefined {
  const unfolded = raw.slice(0, raw.indexOf('\r\n\r\n')).replace(/\r\n[ \t]/g, ' ');
  return new RegExp(`^${name}: (.*)$`, 'im').exec(unfolded)?.[1];
}

t.test('a mail: for people in text and HTML, for programs in its headers', async (t) => {
  const receiver = await SmtpReceiver.start(t);
  const to = ['ops@example.org', '"Night shift" <night@example.org>'];
  const verdict = await send(t, receiver.port, [down], { settings: { to } });
  t.match(verdict, { kind: 'ok', detail: 'taken for all 2 recipients', answer: '250 2.0.0 queued as 1' });
  const [mail] = receiver.mails;
  t.match(mail, { from: 'MAIL FROM:<tocsin@example.org>', to: ['ops@example.org', 'night@example.org'] });
  const { raw } = mail!;
  t.equal(header(raw, 'subject'), 'backup is DOWN');
  t.equal(header(raw, 'from'), 'Tocsin <tocsin@example.org>');
  t.match(header(raw, 'to'), /Night shift/);
  t.equal(header(raw, 'auto-submitted'), 'auto-generated');
  t.equal(header(raw, 'message-id'), '<msg_1@example.org>');
  t.equal(new Date(header(raw, 'date')!).getTime(), clock.wallMs());
  t.match(raw, /Content-Type: text\/plain[\s\S]*backup is DOWN[\s\S]*Severity: error[\s\S]*Content-Type: text\/html/);
  t.notMatch(raw, /x-mailer/i);
});

t.test('an attempt again is the same message; down and up are one conversation', async (t) => {
  const receiver = await SmtpReceiver.start(t);
  const up = { ...down, type: 'up' as const, recoveredMs: clock.wallMs() };
  for (const [id, notice] of [
    ['msg_1', down],
    ['msg_1', down],
    ['msg_2', up],
  ] as const) {
    await send(t, receiver.port, [notice], { id });
  }
  await send(t, receiver.port, [down, { ...down, name: 'other', incidentId: 'i-2' }], { id: 'msg_3' });
  const of = (name: string) => receiver.mails.map(({ raw }) => header(raw, name));
  t.same(
    of('message-id'),
    ['msg_1', 'msg_1', 'msg_2', 'msg_3'].map((id) => `<${id}@example.org>`),
  );
  const conversation = '<incident-i-1@example.org>';
  t.same(of('references'), [conversation, conversation, conversation, undefined]);
  t.same(of('subject').slice(2), ['backup is UP again', '2 monitors are DOWN']);
});

t.test('names and messages neither make headers, nor markup, nor the end of the mail', async (t) => {
  const receiver = await SmtpReceiver.start(t);
  const name = 'x\r\nBcc: evil@example.org\r\n\r\n<script>ü\u{1f514}';
  const message = 'a\r\n.\r\nMAIL FROM:<evil@example.org>\r\n<img src=x>';
  const notice = downNotice(clock.wallMs(), { name, message, reason: 'failed', incidentId: 'i\r\nBcc: e@x.org' });
  t.match(await send(t, receiver.port, [notice], { id: 'm\r\nBcc: e@x.org' }), { kind: 'ok' });
  t.equal(receiver.mails.length, 1);
  const [mail] = receiver.mails;
  t.same(mail!.to, ['ops@example.org']);
  t.notMatch(mail!.raw, /^bcc:/im);
  const html = mail!.raw.slice(mail!.raw.indexOf('text/html'));
  t.match(html, /&lt;script&gt;/);
  t.notMatch(html, /<script|<img/);
  t.equal(receiver.lines.filter((line) => line.startsWith('MAIL')).length, 1);
});

t.test('a digest names some and counts the rest', async (t) => {
  const receiver = await SmtpReceiver.start(t);
  const notices = Array.from({ length: 10_000 }, (_, index) =>
    downNotice(clock.wallMs(), { name: `job-${index}`, incidentId: `i-${index}` }),
  ) as [Notice, ...Notice[]];
  t.match(await send(t, receiver.port, notices), { kind: 'ok' });
  const { raw } = receiver.mails[0]!;
  t.equal(header(raw, 'subject'), '10,000 monitors are DOWN');
  t.match(raw, /and 9,980 more/);
  t.ok(raw.length < 20_000, `${raw.length} bytes`);
});

t.test('encryption: what is asked for, or no mail', async (t) => {
  setDefaultCACertificates([...trusted, testCertificate.cert]);
  t.teardown(() => setDefaultCACertificates(trusted));
  const both = await SmtpReceiver.start(t);
  const implicit = await SmtpReceiver.start(t, {}, { implicit: true });
  const without = await SmtpReceiver.start(t, { EHLO: '250 AUTH PLAIN', STARTTLS: '502 5.5.1 what?' });
  const ok = { kind: 'ok' };
  const tlsFailure = { kind: 'retryable', reason: 'tls' };
  const table: [
    what: string,
    to: SmtpReceiver,
    settings: Partial<EmailSettings>,
    expected: object,
    isSecure?: boolean,
  ][] = [
    ['starttls', both, { tls: 'starttls' }, ok, true],
    ['implicit', implicit, { tls: 'implicit' }, ok, true],
    ['opportunistic, offered', both, { tls: 'opportunistic' }, ok, true],
    ['opportunistic, not offered', without, { tls: 'opportunistic' }, ok, false],
    ['none, though offered', both, { tls: 'none' }, ok, false],
    ['starttls, not offered', without, { tls: 'starttls' }, tlsFailure],
    ['implicit, on a port that does not speak TLS', both, { tls: 'implicit' }, tlsFailure],
    ['starttls, a certificate for another host', both, { tls: 'starttls', host: 'other.test' }, tlsFailure],
    ['implicit, a certificate for another host', implicit, { tls: 'implicit', host: 'other.test' }, tlsFailure],
    [
      'implicit, a certificate that is not for the address',
      implicit,
      { tls: 'implicit', host: '127.0.0.1' },
      tlsFailure,
    ],
    ['opportunistic, a certificate for another host', both, { tls: 'opportunistic', host: 'other.test' }, ok, true],
  ];
  for (const [what, to, settings, expected, isSecure] of table) {
    const verdict = await send(t, to.port, [down], { settings: { ...settings, ...credentials } });
    t.match(verdict, expected, what);
    const mail = to.mails.pop();
    t.equal(mail?.isSecure, isSecure, what);
    if (mail) t.equal(mail.credentials, `\0alice\0${password}`, what);
    t.same(to.mails, []);
  }
  setDefaultCACertificates(trusted);
  t.match(await send(t, both.port, [down], { settings: { tls: 'starttls' } }), {
    ...tlsFailure,
    detail: /self-signed/,
  });
});

t.test('what servers say', async (t) => {
  const retryable = { kind: 'retryable', reason: 'receiver' };
  const protocol = { kind: 'retryable', reason: 'protocol' };
  const network = { kind: 'retryable', reason: 'network' };
  const unknown = '550 5.1.1 no such user';
  const first = (answer: string) => (line: string) => (line.includes('ops@') ? answer : '250 2.1.5 ok');
  const table: [what: string, script: SmtpScript, expected: object][] = [
    ['busy', { '': '421 4.3.2 come back later' }, { kind: 'retryable', answer: '421 4.3.2 come back later' }],
    ['no service', { '': '554 5.7.1 you are blocked' }, { kind: 'retryable', detail: /554 5\.7\.1 you are blocked/ }],
    ['not SMTP', { '': 'HTTP/1.1 400 Bad Request' }, protocol],
    ['garbage', { '': '\u0000\u0001\u0002' }, protocol],
    ['an answer without end', { '': () => `220-${'x'.repeat(200_000)}` }, protocol],
    ['closes at once', { '': 'destroy' }, network],
    ['closes after EHLO', { EHLO: 'destroy', HELO: 'destroy' }, network],
    ['closes after MAIL', { MAIL: 'destroy' }, network],
    ['closes after the mail', { '.': 'destroy' }, network],
    ['the sender is refused', { MAIL: '550 5.7.1 sender not allowed' }, { ...retryable, detail: /sender not allowed/ }],
    ['greylisted', { RCPT: '451 4.7.1 greylisted' }, { ...retryable, answer: '451 4.7.1 greylisted' }],
    ['relaying', { RCPT: '554 5.7.1 relay access denied' }, { ...retryable, detail: /relay access denied/ }],
    ['no such user', { RCPT: unknown }, { kind: 'permanent', reason: 'receiver', detail: /no such user/ }],
    [
      'of two one is unknown, one deferred',
      { RCPT: (line) => (line.includes('ops@') ? unknown : '450 wait') },
      retryable,
    ],
    ['of two one is unknown', { RCPT: first(unknown) }, { kind: 'ok', detail: /1 of 2 recipients.*no such user/ }],
    ['the data is refused', { DATA: '503 5.5.1 no' }, retryable],
    ['spam', { '.': '554 5.6.0 looks like spam' }, { ...retryable, detail: /the mail was refused: 554 5\.6\.0 looks/ }],
    ['full', { '.': '452 4.3.1 out of space' }, retryable],
    ['an answer in lines', { '.': '554-line one\r\n554 line two' }, { ...retryable, answer: /line one.*line two/ }],
  ];
  for (const [what, script, expected] of table) {
    const to = /two/.test(what) ? ['ops@example.org', 'b@example.org'] : ['ops@example.org'];
    const receiver = await SmtpReceiver.start(t, script);
    t.match(await send(t, receiver.port, [down], { settings: { to } }), expected, what);
  }
});

t.test('a password that is not accepted, by a server that says what it got', async (t) => {
  const echo = (line: string) =>
    `535 5.7.8 ${line} ${atob(line.split(' ')[2] ?? '')} ${password}`.replaceAll('\0', ' ');
  const receiver = await SmtpReceiver.start(t, { AUTH: echo });
  const verdict = await send(t, receiver.port, [down], { settings: credentials });
  t.match(verdict, { kind: 'retryable', reason: 'receiver', detail: /^username and password were not accepted: 535/ });
  t.same(receiver.mails, []);
});

t.test('no server where mail may not go', async (t) => {
  for (const host of ['169.254.169.254', 'fd00:ec2::254']) {
    const settings = emailKind.settings.parse({ host, from: 'a@example.org', to: ['b@example.org'] });
    const notifier = new EmailNotifier({ settings, ports: portsForTests(clock) });
    const attempt = { id: 'msg_1', notices: [down] as [Notice], attempt: 1, endedDigests: [] };
    const verdict = await notifier.send(attempt, new AbortController().signal);
    t.match(verdict, { kind: 'retryable', reason: 'refused_address' }, host);
  }
});

t.test('no server, and one of several addresses', async (t) => {
  const receiver = await SmtpReceiver.start(t);
  const refused = await send(t, 1, [down]);
  t.match(refused, { kind: 'retryable', reason: 'network', detail: /connection refused/ });
  t.match(await send(t, receiver.port, [down], { addresses: ['127.0.0.2', '127.0.0.1'] }), { kind: 'ok' });
  t.equal(receiver.mails.length, 1);
  const settings = emailKind.settings.parse({ host: 'tocsin.invalid', from: 'a@example.org', to: ['b@example.org'] });
  const notifier = new EmailNotifier({ settings, ports: portsForTests(clock) });
  const attempt = { id: 'msg_1', notices: [down] as [Notice], attempt: 1, endedDigests: [] };
  t.match(await notifier.send(attempt, new AbortController().signal), { kind: 'retryable', reason: 'dns' });
});

t.test('servers that take too long are left', async (t) => {
  const drip = await SmtpReceiver.start(t, { EHLO: null });
  const dripping = setInterval(() => {
    for (const socket of drip.sockets) if (!socket.destroyed) socket.write('250-x\r\n');
  }, 30);
  t.teardown(() => clearInterval(dripping));
  const receivers = {
    'no greeting': await SmtpReceiver.start(t, { '': null }),
    'no answer to EHLO': await SmtpReceiver.start(t, { EHLO: null }),
    'no answer to the mail': await SmtpReceiver.start(t, { '.': null }),
    'answers in drips': drip,
  };
  for (const [what, receiver] of Object.entries(receivers)) {
    const verdict = await send(t, receiver.port, [down], { timeoutMs: 300 });
    t.match(verdict, { kind: 'retryable', reason: 'timeout' }, what);
    await closed(receiver);
  }
});

/** Until it has no connection any more. */
async function closed({ sockets }: SmtpReceiver): Promise<void> {
  while (!sockets.every((socket) => socket.destroyed)) await new Promise((resolve) => setTimeout(resolve, 5));
}

t.test('can be cut off: the connection is closed', async (t) => {
  const receiver = await SmtpReceiver.start(t, { EHLO: null, HELO: null });
  const abort = new AbortController();
  const pending = send(t, receiver.port, [down], { signal: abort.signal });
  while (receiver.lines.length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
  abort.abort();
  t.match(await pending, { kind: 'retryable', reason: 'aborted' });
  await closed(receiver);
  const never = await send(t, receiver.port, [down], { signal: AbortSignal.abort() });
  t.match(never, { kind: 'retryable', reason: 'aborted' });
  t.equal(receiver.sockets.length, 1);
});

t.test('settings that are wrong are refused, naming the field, without secrets', (t) => {
  const valid = { host: 'mail.example.org', from: 'Tocsin <t@example.org>', to: ['ops@example.org'] };
  t.match(emailKind.settings.parse(valid), { port: 0, tls: 'starttls', username: '', password: '' });
  const right: object[] = [
    { host: '127.0.0.1' },
    { host: '::1' },
    { host: 'localhost' },
    { tls: '' },
    credentials,
    { to: ['a.b+c@sub.example.org', 'jürgen@bücher.example', '"Smith, J." <s@example.org>'] },
  ];
  for (const fields of right)
    t.ok(emailKind.settings.safeParse({ ...valid, ...fields }).success, JSON.stringify(fields));
  const wrong: [field: string, fields: object][] = [
    ['host', { host: undefined }],
    ['host', { host: 'smtp://mail.example.org' }],
    ['host', { host: 'mail.example.org:25' }],
    ['port', { port: 65536 }],
    ['tls', { tls: 'ssl' }],
    ['password', { username: 'alice' }],
    ['username', { password }],
    ['from', { from: 'nobody' }],
    ['from', { from: 'a@example.org, b@example.org' }],
    ['from', { from: 'a@example.org\r\nBcc: b@example.org' }],
    ['to', { to: [] }],
    ['to', { to: Array.from({ length: 51 }, (_, index) => `a${index}@example.org`) }],
    ['to.1', { to: ['a@example.org', 'team: b@example.org;'] }],
    ['to.0', { to: ['a@@example.org'] }],
    ['to.0', { to: ['a@example..org'] }],
    ['to.0', { to: ['<>'] }],
    ['to.0', { to: ['a b@example.org'] }],
    ['', { more: 1 }],
  ];
  for (const [field, fields] of wrong) {
    const { error } = emailKind.settings.safeParse({ ...valid, ...fields });
    t.equal(error?.issues[0]?.path.join('.'), field, JSON.stringify(fields));
    t.notMatch(error?.message, password);
  }
  t.end();
});
