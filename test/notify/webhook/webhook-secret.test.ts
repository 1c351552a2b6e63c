import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import t from 'tap';
import { isWebhookSecret, loadOrCreateWebhookSecret } from '../../../server/notify/webhook/webhook-secret.ts';

const secretOf = (bytes: number): string => `whsec_${Buffer.alloc(bytes, 0xa5).toString('base64')}`;

t.test('what a secret looks like', async (t) => {
  const table: [text: string, valid: boolean][] = [
    [secretOf(24), true],
    [secretOf(25), true],
    [secretOf(64), true],
    [secretOf(23), false],
    [secretOf(65), false],
    [secretOf(24).slice('whsec_'.length), false],
    [secretOf(25).replace(/=+$/, ''), false],
    [`${secretOf(24)} `, false],
    ['whsec_', false],
    [`whsec_${'-_'.repeat(16)}`, false],
    ['', false],
  ];
  for (const [text, valid] of table) t.equal(isWebhookSecret(text), valid, text);
});

t.test('the configured one is taken, and nothing is written', async (t) => {
  const path = join(t.testdir(), 'webhook-secret');
  t.equal(loadOrCreateWebhookSecret({ configured: secretOf(32), path }), secretOf(32));
  t.equal(existsSync(path), false);
  const error = t.throws(() => loadOrCreateWebhookSecret({ configured: 'whsec_c2VjcmV0', path })) as Error;
  t.match(error.message, /TOCSIN_WEBHOOK_SECRET/);
  t.notMatch(error.message, /c2VjcmV0/);
});

t.test('otherwise it is made once, for its owner only', async (t) => {
  const root = t.testdir();
  const directory = join(root, 'data', 'new');
  const path = join(directory, 'webhook-secret');
  const secret = loadOrCreateWebhookSecret({ configured: null, path });
  t.ok(isWebhookSecret(secret));
  t.equal(readFileSync(path, 'utf8'), `${secret}\n`);
  t.equal(statSync(path).mode & 0o777, 0o600);
  t.equal(statSync(directory).mode & 0o777, 0o700);
  t.equal(loadOrCreateWebhookSecret({ configured: null, path }), secret, 'the same after a restart');
  t.same(readdirSync(directory), ['webhook-secret'], 'nothing else is left behind');
  const other = loadOrCreateWebhookSecret({ configured: null, path: join(root, 'webhook-secret') });
  t.not(other, secret);
});

t.test('a file that holds no secret is an error that does not show it', async (t) => {
  const root = t.testdir();
  const path = join(root, 'webhook-secret');
  for (const content of ['', 'whsec_c2VjcmV0', 'hunter2\n']) {
    writeFileSync(path, content);
    const error = t.throws(() => loadOrCreateWebhookSecret({ configured: null, path })) as Error;
    t.match(error.message, /webhook-secret/);
    t.notMatch(error.message, /c2VjcmV0|hunter2/);
    t.equal(readFileSync(path, 'utf8'), content, 'and is not overwritten');
  }
  const folder = join(root, 'folder');
  mkdirSync(folder);
  t.throws(() => loadOrCreateWebhookSecret({ configured: null, path: folder }), { code: 'EISDIR' });
  t.throws(() => loadOrCreateWebhookSecret({ configured: null, path: join(path, 'below-a-file') }));
});

t.test('several that start at once agree', async (t) => {
  const path = join(t.testdir(), 'webhook-secret');
  const module = new URL('../../../server/notify/webhook/webhook-secret.ts', import.meta.url).href;
  const source = `
    const { parentPort, workerData } = require('node:worker_threads');
    import(workerData.module).then(({ loadOrCreateWebhookSecret }) => {
      const turn = new Int32Array(workerData.turn);
      Atomics.add(turn, 0, 1);
      while (Atomics.load(turn, 0) < workerData.count);
      parentPort.postMessage(loadOrCreateWebhookSecret({ configured: null, path: workerData.path }));
    });`;
  const count = 2;
  const workerData = { module, path, count, turn: new SharedArrayBuffer(4) };
  const secrets = await Promise.all(
    Array.from({ length: count }, async () => {
      const worker = new Worker(source, { eval: true, workerData });
      const [secret] = await once(worker, 'message');
      await worker.terminate();
      return secret;
    }),
  );
  t.equal(new Set(secrets).size, 1);
  t.equal(readFileSync(path, 'utf8').trim(), secrets[0]);
});
