import t from 'tap';
import { RuleBook, type RuleBookOptions } from '../../server/alerting/rule-book.ts';
import type { RouteContent, SilenceContent } from '../../server/alerting/stored-rules.ts';
import type { AlertRules } from '../../server/engine/domain/alerting/alert-rules.ts';
import { StoreError } from '../../server/store/store.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { MemoryCatalog } from '../support/memory-catalog.ts';

const minuteMs = 60_000;
const dayMs = 86_400_000;
const all = { tags: [], namePattern: '', severities: [] };
const whichever = { etag: null };

function routeOf(name: string, fields: Partial<RouteContent> = {}): RouteContent {
  const steps = [{ afterMs: 0, channels: ['ops'] }];
  return { name, description: '', match: all, steps, reminderMs: 'default', recovery: true, ...fields };
}

async function bookUnderTest(options: Partial<RuleBookOptions> = {}) {
  const clock = new FakeClock();
  const catalog = new MemoryCatalog();
  let ids = 0;
  let changes = 0;
  let channels: AlertRules['channels'] = new Map([['ops', { refreshMs: null, keepsOpen: false }]]);
  const open = () =>
    RuleBook.open({
      catalog,
      clock,
      newId: () => `id-${++ids}`,
      channels: () => channels,
      settings: { defaultChannel: 'default', reminderMs: null, flapDowns: 5 },
      onChange: () => {
        changes += 1;
      },
      ...options,
    });
  const silence = (minutes: number, fields: Partial<SilenceContent> = {}): SilenceContent => {
    const fromMs = clock.wallMs();
    return { match: all, fromMs, untilMs: fromMs + minutes * minuteMs, comment: '', createdBy: '', ...fields };
  };
  return {
    clock,
    catalog,
    open,
    silence,
    book: await open(),
    changes: () => changes,
    setChannels: (names: string[]) => {
      channels = new Map(names.map((name) => [name, { refreshMs: null, keepsOpen: false }]));
    },
  };
}

t.test('routes are kept, by name', async (t) => {
  const { book, open, clock, changes } = await bookUnderTest();
  const made = await book.putRoute(routeOf('b', { description: 'ours', match: { ...all, tags: ['x'] } }), whichever);
  t.match(made, { ok: true, created: true });
  await clock.advance(1_000);
  await book.putRoute(routeOf('a'), whichever);
  const steps = [{ afterMs: minuteMs, channels: ['boss'] }];
  t.match(await book.putRoute(routeOf('b', { steps }), whichever), { ok: true, created: false });
  t.equal(changes(), 3);
  for (const each of [book, await open()]) {
    t.match(each.routes(), [{ content: routeOf('a') }, { content: routeOf('b', { steps }) }]);
    const { createdMs, updatedMs } = each.route('b')!;
    t.equal(updatedMs - createdMs, 1_000);
    t.equal(each.routeNaming('boss'), 'b');
    t.equal(each.routeNaming('ops'), 'a');
    t.equal(each.routeNaming('nobody'), null);
  }
  t.equal(await book.removeRoute('b', whichever), null);
  t.match(await book.removeRoute('b', whichever), { code: 'not_found', field: 'name' });
  t.equal((await open()).route('b'), undefined);
});

t.test('an etag is that of the content', async (t) => {
  const { book, open, changes } = await bookUnderTest();
  t.match(await book.putRoute(routeOf('a'), { etag: 'x' }), { refusal: { code: 'not_found', field: 'name' } });
  await book.putRoute(routeOf('a'), whichever);
  const { etag } = book.route('a')!;
  t.match(etag, /^[0-9a-f]{16}$/);
  t.equal((await open()).route('a')!.etag, etag);
  t.match(await book.putRoute(routeOf('a'), { etag }), { ok: true, created: false });
  t.equal(changes(), 1, 'it was like that before');
  const both = await Promise.all([
    book.putRoute(routeOf('a', { recovery: false }), { etag }),
    book.putRoute(routeOf('a', { reminderMs: null }), { etag }),
  ]);
  t.match(both, [{ ok: true }, { ok: false, refusal: { code: 'aborted', field: 'etag' } }]);
  t.equal(book.route('a')!.content.recovery, false);
  t.match(await book.removeRoute('a', { etag }), { code: 'aborted', field: 'etag' });
  t.equal(await book.removeRoute('a', { etag: book.route('a')!.etag }), null);
});

t.test('at most 1,000 routes', async (t) => {
  const { book } = await bookUnderTest();
  for (let index = 0; index < 1_000; index++) await book.putRoute(routeOf(`r${index}`), whichever);
  t.match(await book.putRoute(routeOf('one-more'), whichever), { refusal: { code: 'resource_exhausted' } });
  t.match(await book.putRoute(routeOf('r7', { recovery: false }), whichever), { ok: true });
});

t.test('rules are the same object until something changes', async (t) => {
  const { book, clock, silence, setChannels } = await bookUnderTest();
  const first = book.rules();
  t.equal(book.rules(), first);
  t.match(first, { defaultChannel: 'default', reminderMs: null, flapDowns: 5, routes: [], silences: [] });
  t.ok(Object.isFrozen(first) && Object.isFrozen(first.routes) && Object.isFrozen(first.silences));
  await book.putRoute(routeOf('a'), whichever);
  const second = book.rules();
  t.not(second, first);
  t.same(
    second.routes.map(({ name }) => name),
    ['a'],
  );
  setChannels(['ops', 'boss']);
  t.ok(book.rules().channels.has('boss'));
  await book.addSilence(silence(1));
  t.equal(book.rules().silences.length, 1);
  await clock.advance(minuteMs);
  await book.addSilence(silence(1));
  t.same(
    book.rules().silences.map(({ id }) => id),
    ['id-2'],
    'one that ended is no rule any more',
  );
});

t.test('silences are ended, and remembered for a day', async (t) => {
  const { book, open, clock, silence, changes } = await bookUnderTest();
  await book.addSilence(silence(60, { comment: 'move', createdBy: 'ann' }));
  await clock.advance(1);
  await book.addSilence(
    silence(60, { fromMs: clock.wallMs() + 30 * minuteMs, untilMs: clock.wallMs() + 60 * minuteMs }),
  );
  t.same(
    book.silences().map(({ id }) => id),
    ['id-2', 'id-1'],
    'newest first',
  );
  t.match((await open()).silences()[1], { comment: 'move', createdBy: 'ann', createdMs: clock.wallMs() - 1 });
  await clock.advance(minuteMs);
  const nowMs = clock.wallMs();
  t.match(await book.endSilence('id-2'), { fromMs: nowMs, untilMs: nowMs }, 'it had not begun');
  t.match(await book.endSilence('id-1'), { untilMs: nowMs });
  t.equal(changes(), 4);
  t.same(book.rules().silences, []);
  await clock.advance(minuteMs);
  t.match(await book.endSilence('id-1'), { untilMs: nowMs }, 'it stays as it is');
  t.equal(changes(), 4);
  t.equal(await book.endSilence('nothing'), undefined);
  await clock.advance(dayMs - minuteMs - 1);
  t.equal((await open()).silences().length, 2);
  await clock.advance(1);
  t.same(book.silences(), []);
  t.equal(await book.endSilence('id-1'), undefined, 'forgotten');
  t.same((await open()).silences(), []);
});

t.test('at most 1,000 silences hold or will, and as many ended ones are remembered', async (t) => {
  const { book, catalog, clock, silence } = await bookUnderTest();
  for (let index = 0; index < 1_000; index++) await book.addSilence(silence(1));
  t.match(await book.addSilence(silence(1)), { refusal: { code: 'resource_exhausted' } });
  await clock.advance(minuteMs);
  t.match(await book.addSilence(silence(1)), { ok: true });
  for (let index = 0; index < 70; index++)
    await book.endSilence(((await book.addSilence(silence(1))) as { silence: { id: string } }).silence.id);
  t.equal((await catalog.list('silence')).length, 1_001);
});

t.test('what cannot be stored does not hold', async (t) => {
  const { book, catalog, silence, changes } = await bookUnderTest();
  await book.putRoute(routeOf('a'), whichever);
  await book.addSilence(silence(1));
  catalog.failing = true;
  const before = book.rules();
  await t.rejects(book.putRoute(routeOf('b'), whichever), StoreError);
  await t.rejects(book.removeRoute('a', whichever), StoreError);
  await t.rejects(book.addSilence(silence(1)), StoreError);
  await t.rejects(book.endSilence('id-1'), StoreError);
  t.equal(book.rules(), before);
  t.equal(changes(), 2);
  t.equal(book.silences().length, 1);
  catalog.failing = false;
  t.equal(await book.removeRoute('a', whichever), null);
});
