import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import t, { type Test } from 'tap';
import type { Notice } from '../../server/engine/domain/notice.ts';
import { emailKind } from '../../server/notify/email/email-kind.ts';
import { EmailNotifier } from '../../server/notify/email/email-notifier.ts';
import type { Verdict } from '../../server/notify/notifier.ts';
import { SystemClock } from '../../server/system-clock.ts';
import { downNotice } from '../notify/notifier-contract.ts';
import { portsForTests } from '../notify/ports-for-tests.ts';
import { RunningServer, temporaryDirectory } from '../support/running-server.ts';
import { testCertificate } from '../support/test-certificate.ts';

// A real SMTP server. scripts/alert-receivers.sh installs it; .ci/run calls that.
const python = join(import.meta.dirname, '../../node_modules/.cache/alert-receivers/python/bin/python');
const isInstalled = existsSync(join(python, '../aiosmtpd'));
const skip = isInstalled ? false : 'there is no aiosmtpd: scripts/alert-receivers.sh installs it';
const program = join(import.meta.dirname, '../support/smtp-server.py');

type Server = { port: number; mails: () => Promise<string[]> };

/** A server that wants STARTTLS, and, given a user, authentication. */
async function start(t: Test, { user = '', password = '' } = {}): Promise<Server> {
  const folder = await temporaryDirectory(t);
  const paths = ['mail', 'cert.pem', 'key.pem'].map((name) => join(folder, name)) as [string, string, string];
  await writeFile(paths[1], testCertificate.cert);
  await writeFile(paths[2], testCertificate.key);
  const child = spawn(python, [program, ...paths, user, password], { stdio: ['ignore', 'pipe', 'pipe'] });
  t.teardown(() => child.kill('SIGKILL'));
  const port = await new Promise<number>((resolve, reject) => {
    let errors = '';
    child.stderr.on('data', (chunk) => {
      errors += chunk;
    });
    createInterface(child.stdout).on('line', (line) => resolve(Number(line)));
    child.once('exit', (code) => reject(new Error(`the SMTP server ended with ${code}: ${errors}`)));
  });
  const mails = async () => {
    const fresh = join(paths[0], 'new');
    const names = await readdir(fresh).catch(() => []);
    return Promise.all(names.map((name) => readFile(join(fresh, name), 'utf8')));
  };
  return { port, mails };
}

function send(settings: object, ...notices: [Notice, ...Notice[]]): Promise<Verdict> {
  const all = { host: 'mail.test', from: 'Tocsin <tocsin@example.org>', to: ['ops@example.org'], ...settings };
  const ports = {
    ...portsForTests(new SystemClock()),
    addressesOf: async () => [{ address: '127.0.0.1', family: 4 as const }],
  };
  const notifier = new EmailNotifier({ settings: emailKind.settings.parse(all), ports });
  return notifier.send({ id: 'msg_1', notices, attempt: 1, endedDigests: [] }, new AbortController().signal);
}

t.test('a real SMTP server', { skip }, async (t) => {
  const trusted = getCACertificates();
  setDefaultCACertificates([...trusted, testCertificate.cert]);
  t.teardown(() => setDefaultCACertificates(trusted));
  const down = downNotice(Date.now(), { name: 'büro "1"' });

  await t.test('stores a mail that came over STARTTLS, for those whom it knows', async (t) => {
    const { port, mails } = await start(t);
    const to = ['ops@example.org', 'unknown@example.org'];
    t.match(await send({ port, to }, down), { kind: 'ok', detail: /1 of 2 recipients; 550 5\.1\.1 no such user/ });
    const [mail, ...others] = await mails();
    t.equal(others.length, 0);
    t.match(mail, /^X-RcptTo: ops@example\.org$/m);
    t.match(mail, /^Subject: =\?UTF-8\?Q\?b=C3=BCro_=221=22_is_DOWN\?=$/m);
    t.match(mail, /^Message-ID: <msg_1@example\.org>$/m);
    t.match(mail, /^Auto-Submitted: auto-generated$/m);
    t.match(await send({ port, to: ['unknown@example.org'] }, down), { kind: 'permanent', reason: 'receiver' });
    t.match(await send({ port, tls: 'none' }, down), { kind: 'retryable', detail: /Must issue a STARTTLS/i });
    t.match(await send({ port, tls: 'implicit' }, down), { kind: 'retryable', reason: 'tls' });
    t.equal((await mails()).length, 1);
  });

  await t.test('wants to know who sends', async (t) => {
    const { port, mails } = await start(t, { user: 'alice', password: 'S3CRET' });
    t.match(await send({ port }, down), { kind: 'retryable', reason: 'receiver', detail: /530 5\.7\.0/ });
    const wrong = await send({ port, username: 'alice', password: 'WR0NG' }, down);
    t.match(wrong, { kind: 'retryable', reason: 'receiver', detail: /^username and password were not accepted: 535/ });
    t.notMatch(JSON.stringify(wrong), /WR0NG/);
    t.match(await send({ port, username: 'alice', password: 'S3CRET' }, down), { kind: 'ok' });
    t.equal((await mails()).length, 1);
  });

  await t.test('a digest of 10,000', async (t) => {
    const { port, mails } = await start(t);
    const notices = Array.from({ length: 10_000 }, (_, index) => downNotice(Date.now(), { name: `job-${index}` }));
    t.match(await send({ port }, ...(notices as [Notice, ...Notice[]])), { kind: 'ok' });
    t.match((await mails())[0], /^Subject: 10,000 monitors are DOWN$/m);
  });

  await t.test('through the whole server: down and up are one conversation', async (t) => {
    const { port, mails } = await start(t, { user: 'alice', password: 'S3CRET' });
    const server = await RunningServer.start({ TOCSIN_DATA_DIR: await temporaryDirectory(t), SMTP_PASSWORD: 'S3CRET' });
    t.teardown(() => server.kill('SIGTERM'));
    const call = async (method: string, path: string, body: object) => {
      const headers = { 'content-type': 'application/json' };
      const response = await fetch(`${server.url}${path}`, { method, headers, body: JSON.stringify(body) });
      const text = await response.text();
      t.ok(response.ok, text);
      t.notMatch(text, /S3CRET/);
      return JSON.parse(text) as Record<string, unknown>;
    };
    const account = { host: '127.0.0.1', port, username: 'alice', password: `\${env:SMTP_PASSWORD}` };
    const people = { from: 'tocsin@example.org', to: ['ops@example.org'] };
    await call('PUT', '/channels/mail', { email: { ...account, ...people } });
    // The certificate is not for this address.
    t.match(await call('POST', '/channels/test', { name: 'mail' }), { ok: false, reason: 'tls' });
    await call('PUT', '/channels/mail', { email: { ...account, ...people, tls: 'opportunistic' } });
    t.match(await call('POST', '/channels/test', { name: 'mail' }), { ok: true });
    const ping = { name: 'nightly', frequency: '1h', channels: ['mail'] };
    await call('POST', '/ping', { ...ping, status: 'fail' });
    while ((await mails()).length < 2) await new Promise((resolve) => setTimeout(resolve, 30));
    await call('POST', '/ping', ping);
    while ((await mails()).length < 3) await new Promise((resolve) => setTimeout(resolve, 30));
    const conversations = (await mails()).flatMap((mail) => /^References: (.*)$/m.exec(mail)?.[1] ?? []);
    t.equal(conversations.length, 2);
    t.equal(new Set(conversations).size, 1);
  });
});
