import t from 'tap';
import { ChannelBook, channelsMax } from '../../server/alerting/channel-book.ts';
import { envLookup } from '../../server/alerting/env-references.ts';
import { channelKinds } from '../../server/notify/channel-registry.ts';
import type { Catalog, CatalogEntry } from '../../server/store/catalog.ts';
import { StoreError } from '../../server/store/store.ts';
import { portsForTests } from '../notify/ports-for-tests.ts';
import { FakeClock } from '../support/fake-clock.ts';

/** A catalog in memory, of channels only. */
class MemoryCatalog implements Catalog {
  readonly entries = new Map<string, CatalogEntry>();
  failing = false;

  async list() {
    return [...this.entries.values()];
  }

  async put(_kind: string, entry: CatalogEntry) {
    if (this.failing) throw new StoreError('full', 'the disk is full');
    this.entries.set(entry.name, entry);
  }

  async remove(_kind: string, name: string) {
    this.entries.delete(name);
  }
}

async function open(options: { catalog?: MemoryCatalog; env?: Record<string, string>; route?: string } = {}) {
  const { catalog = new MemoryCatalog(), env = {}, route = '' } = options;
  const clock = new FakeClock();
  const errors: object[] = [];
  let changes = 0;
  const book = await ChannelBook.open({
    catalog,
    clock,
    logger: { error: (details) => errors.push(details) },
    kinds: channelKinds,
    lookUp: envLookup({ env, readFile: (path) => (path === '/run/token' ? 'from-a-file\n' : fail(path)) }),
    ports: portsForTests(clock),
    defaultChannel: {
      name: 'default',
      kind: 'log',
      settings: {},
      digestAbove: 5,
      notifier: { send: async () => never() },
    },
    routeNaming: (channel) => (channel === route ? 'the-route' : null),
    monitorNaming: async (channel) => (channel === 'named' ? 'backup' : null),
    onChange: () => changes++,
  });
  return { book, catalog, errors, changes: () => changes };
}

const fail = (path: string): never => {
  throw new Error(`ENOENT: ${path}`);
};
const never = (): never => {
  throw new Error('nothing is sent here');
};

const upsert = (name: string, settings: object, kind = 'webhook') =>
  ({ name, mode: 'upsert', etag: null, patch: { kind: { name: kind, settings: { ...settings } } } }) as const;

t.test('names, lanes and what rules see follow each change', async (t) => {
  const { book, changes } = await open();
  const { names } = book;
  const before = book.forRules();
  t.strictSame([[...names], [...before.keys()]], [['default'], ['default']]);
  t.match(await book.change(upsert('ops', { url: 'http://a.example/' })), { ok: true, created: true });
  t.strictSame(
    [[...names], [...book.forRules()], changes()],
    [['default', 'ops'], [...before, ['ops', { refreshMs: null, keepsOpen: false }]], 1],
  );
  t.not(book.forRules(), before);
  t.equal(book.forRules(), book.forRules(), 'the same map until something changes');
  const lane = book.get('ops');
  t.match(lane, { concurrency: 8, digest: { above: 5, windowMs: 60_000 }, isBatched: false, isKeyed: false });
  await book.change(upsert('ops', { url: 'http://b.example/' }));
  t.not(book.get('ops')?.notifier, lane?.notifier, 'sent with what is set now');
  const changesBefore = changes();
  await book.change(upsert('ops', { url: 'http://b.example/' }));
  t.equal(changes(), changesBefore + 1, 'also when only what it refers to may have changed: what waits is tried');
  t.equal(await book.remove('ops', { etag: null }), null);
  t.strictSame([[...names], book.get('ops'), changes()], [['default'], undefined, 4]);
});

t.test('etags tell nothing of the secrets of another channel', async (t) => {
  const catalog = new MemoryCatalog();
  const { book, changes } = await open({ catalog });
  const settings = { url: 'https://hooks.example/T/secret' };
  await book.change(upsert('ops', settings));
  const { etag } = book.channel('ops')!;
  await book.change(upsert('scratch', settings));
  t.not(book.channel('scratch')!.etag, etag, 'nobody can see that the guess is right');
  t.equal((await open({ catalog })).book.channel('ops')!.etag, etag, 'the same after a restart');
  await book.change(upsert('ops', settings));
  t.equal(book.channel('ops')!.etag, etag, 'what changes nothing changes no etag');
  t.equal(changes(), 3, 'who sends is told all the same');
});

t.test('a channel that a route names is not removed', async (t) => {
  const { book } = await open({ route: 'ops' });
  await book.change(upsert('ops', {}, 'log'));
  t.match(await book.remove('ops', { etag: null }), {
    code: 'failed_precondition',
    field: 'name',
    message: /the-route/,
  });
  t.ok(book.names.has('ops'));
});

t.test('channels are bounded', async (t) => {
  const { book } = await open();
  for (let index = 0; index < channelsMax; index++) await book.change(upsert(`c${index}`, {}, 'log'));
  t.match(await book.change(upsert('more', {}, 'log')), { ok: false, refusal: { code: 'resource_exhausted' } });
  t.match(await book.change(upsert('c1', { url: 'http://a.example' })), { ok: true });
  t.equal(book.channels().length, channelsMax + 1);
});

t.test('a change that cannot be stored does not hold', async (t) => {
  const { book, catalog, changes } = await open();
  catalog.failing = true;
  await t.rejects(book.change(upsert('ops', {}, 'log')), StoreError);
  t.strictSame([book.get('ops'), changes()], [undefined, 0]);
  catalog.failing = false;
  t.match(await book.change(upsert('ops', {}, 'log')), { ok: true });
});

t.test('changes at once are made one after the other', async (t) => {
  const { book } = await open();
  const { etag } = await made(book.change(upsert('ops', {}, 'log')));
  const change = { name: 'ops', mode: 'update', patch: { concurrency: 2 }, etag } as const;
  const outcomes = await Promise.all([book.change(change), book.change({ ...change, patch: { concurrency: 3 } })]);
  t.match(outcomes, [{ ok: true }, { ok: false, refusal: { code: 'aborted' } }]);
  t.equal(book.get('ops')?.concurrency, 2);
});

t.test('references are resolved when a channel is built, from a variable or the file of one', async (t) => {
  const catalog = new MemoryCatalog();
  const env = { A: 'one', B_FILE: '/run/token', C_FILE: '/run/none', EMPTY: '' };
  const { book } = await open({ catalog, env });
  const url = (path: string) => upsert('ops', { url: `https://a.example/${path}` });
  t.match(await book.change(url(`\${env:A}/\${env:B}`)), { ok: true });
  t.match([...catalog.entries.values()], [{ spec: /\$\{env:A\}/ }], 'what is stored is the reference');
  t.notMatch([...catalog.entries.values()], [{ spec: /one|from-a-file/ }]);
  for (const [name, problem] of [
    ['C', /C_FILE cannot be read/],
    ['EMPTY', /EMPTY, which is not set/],
    ['TOCSIN_TOKEN', /server's own/],
    ['TOCSIN_TOKEN_FILE', /server's own/],
    ['PING_ALERT_URI', /server's own/],
    ['A B', /letters, digits/],
    [`A}\${env:PING_X`, /server's own/],
  ] as const) {
    t.match(await book.change(url(`\${env:${name}}`)), {
      ok: false,
      refusal: { field: 'webhook.url', message: problem },
    });
  }
});

t.test('one that cannot be built at start is logged and waits; the others are fine', async (t) => {
  const catalog = new MemoryCatalog();
  const first = await open({ catalog, env: { HOOK: 'token-of-the-hook' } });
  await first.book.change(upsert('gone', { url: `https://a.example/\${env:HOOK}` }));
  await first.book.change(upsert('fine', {}, 'log'));
  catalog.entries.set('odd', {
    ...catalog.entries.get('fine')!,
    name: 'odd',
    spec: '{"kind":"pigeon","settings":{"x":"y"}}',
  });
  const { book, errors } = await open({ catalog });
  t.match(errors, [
    { channel: 'gone', field: 'webhook.url' },
    { channel: 'odd', field: 'pigeon' },
  ]);
  t.strictSame([...book.names].sort(), ['default', 'fine', 'gone', 'odd']);
  const attempt = { id: 'i', notices: [{} as never], attempt: 1, endedDigests: [] } as const;
  for (const name of ['gone', 'odd']) {
    const verdict = await book.get(name)!.notifier.send(attempt, new AbortController().signal);
    t.match(verdict, { kind: 'retryable', reason: 'secret' });
  }
});

async function made(change: ReturnType<ChannelBook['change']>) {
  const changed = await change;
  if (!changed.ok) throw new Error(changed.refusal.message);
  return changed.channel;
}
