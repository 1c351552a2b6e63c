import fc from 'fast-check';
import type { Test } from 'tap';
import type { Monitor } from '../../server/engine/domain/monitor.ts';
import { plainConfig } from '../../server/engine/domain/monitor-config.ts';
import { type Phase, phaseAt } from '../../server/engine/domain/phase.ts';
import type { MonitorOrder, MonitorPlace, MonitorQuery } from '../../server/store/monitor-query.ts';
import type { Store } from '../../server/store/store.ts';
import { incidentOf, minuteMs, tenMs } from '../engine/cast.ts';
import { change, create, fresh, reload, type StoreContractOptions } from './store-contract.ts';

const names = [
  'a',
  'a b',
  'a/b',
  'ab',
  'A',
  'Zz',
  'e',
  'é',
  'z',
  '~',
  '鐘',
  '\u{d7ff}',
  '\u{e000}',
  '\uff5e',
  '\u{10ffff}',
  '\u{10ffff}\u{10ffff}',
];
const orders: MonitorOrder[] = ['name', 'name_desc', 'created', 'created_desc'];
const phases: Phase[] = ['new', 'up', 'late', 'down', 'paused'];

type Query = Omit<MonitorQuery, 'after' | 'limit'>;
type Step =
  | { kind: 'add' | 'tag'; name: string; tags: string[]; phase: Phase }
  | { kind: 'remove'; name: string }
  | { kind: 'page'; limit: number };

const queries: fc.Arbitrary<Query> = fc.record({
  order: fc.constantFrom(...orders),
  tag: fc.constantFrom('', '', 'x', 'ü'),
  namePrefix: fc.oneof(
    { weight: 2, arbitrary: fc.constant('') },
    fc.constantFrom('a', 'a/', 'é', '\u{d7ff}', '\u{10ffff}', 'none'),
  ),
  phases: fc.option(
    fc.subarray(phases, { minLength: 1, maxLength: 3 }).map((anyOf) => ({ anyOf, atMs: tenMs + 30_000 })),
  ),
});

const aName = fc.constantFrom(...names);
const setting = { name: aName, tags: fc.subarray(['x', 'ü', 'other']), phase: fc.constantFrom(...phases) };
const adding = fc.record({ kind: fc.constant('add' as const), ...setting });
const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('page' as const), limit: fc.integer({ min: 1, max: 4 }) }) },
    adding,
    fc.record({ kind: fc.constant('tag' as const), ...setting }),
    fc.record({ kind: fc.constant('remove' as const), name: aName }),
  ),
  { maxLength: 25 },
);

/** The part of the store contract about finding monitors. */
export function storeFindContract(t: Test, { name, open }: StoreContractOptions): void {
  t.test(`${name}: pages are what a naive list says, while monitors are added, removed and changed`, async (t) => {
    const { store } = await open(t);
    await fc.assert(
      fc.asyncProperty(queries, fc.array(adding, { maxLength: 16 }), steps, async (query, before, then) => {
        const model = new Map<string, Monitor>();
        for (const step of before) await take(store, model, step);
        let after: MonitorPlace | null = null;
        const seen = new Set<number>();
        for (const step of [...then, { kind: 'page' as const, limit: 500 }]) {
          if (step.kind !== 'page') {
            await take(store, model, step);
            continue;
          }
          const page = await store.find({ ...query, after, limit: step.limit });
          const expected = listed(model, query, after);
          same(page.monitors, expected.slice(0, step.limit));
          if ((page.next === null) !== expected.length <= step.limit)
            throw new Error('says wrongly whether there is more');
          for (const { id } of page.monitors) {
            if (seen.has(id)) throw new Error(`${id} comes twice`);
            seen.add(id);
          }
          if (page.next === null) break;
          after = page.next;
        }
        for (const name of [...model.keys()]) await take(store, model, { kind: 'remove', name });
      }),
      { numRuns: 150 },
    );
  });

  t.test(`${name}: a filter that nearly nothing passes is work in parts`, async (t) => {
    const { store } = await open(t);
    const many = Array.from({ length: 12_000 }, (_, index) => fresh({ name: `job-${String(index).padStart(5, '0')}` }));
    for (let at = 0; at < many.length; at += 1_000) await create(store, ...many.slice(at, at + 1_000));
    const paused = await reload(store, 'job-11000');
    await store.commit([change({ ...paused, status: 'paused', dueMs: null, deadlineMs: null })]);
    for (const order of orders) {
      let pages = 0;
      const found: string[] = [];
      for (let after: MonitorPlace | null = null; ; pages++) {
        const page = await store.find({ order, after, limit: 10, phases: { anyOf: ['paused'], atMs: tenMs } });
        found.push(...page.monitors.map((monitor) => monitor.name));
        if (page.next === null) break;
        after = page.next;
      }
      t.same(found, ['job-11000']);
      t.ok(pages >= 1 && pages <= 4, `${pages + 1} pages`);
    }
    const all = await store.find({ order: 'name', after: null, limit: 10_000 });
    t.equal(all.monitors.length, 10_000);
    t.same([all.monitors[0]!.name, all.monitors.at(-1)!.name, all.next], ['job-00000', 'job-09999', 'job-09999']);
  });

  t.test(`${name}: what changes while a page is looked up is not shown as it was`, async (t) => {
    const { store } = await open(t);
    const made = await create(store, ...Array.from({ length: 8 }, (_, index) => fresh({ name: `job-${index}` })));
    const down: MonitorQuery = { order: 'name', after: null, limit: 3, phases: { anyOf: ['down'], atMs: tenMs } };
    const incident = incidentOf();
    await store.commit([change({ ...made[5]!, status: 'down', incident })]);
    const pages = [store.find({ order: 'name', after: null, limit: 3 }), store.find(down)] as const;
    // The look-up is under way, or has been answered and this thread has not heard of it.
    await store.commit([
      change(made[1]!, { remove: true }),
      change({ ...made[5]!, version: made[5]!.version + 1, status: 'up' }),
    ]);
    const [all, downs] = await Promise.all(pages);
    const shown = all.monitors.map((monitor) => monitor.name);
    t.same(shown, ['job-0', 'job-2', 'job-3'].slice(0, shown.length));
    t.same(downs.monitors, []);
    const rest = await store.find({ order: 'name', after: all.next, limit: 10 });
    t.equal(shown.length + rest.monitors.length, 7);
  });
}

/** Lets a step happen to the store and to the model. */
async function take(store: Store, model: Map<string, Monitor>, step: Exclude<Step, { kind: 'page' }>): Promise<void> {
  const known = model.get(step.name);
  if (step.kind === 'remove') {
    if (known) await store.commit([change(known, { remove: true })]);
    model.delete(step.name);
    return;
  }
  if ((step.kind === 'add') !== (known === undefined)) return;
  const monitor = { ...(known ?? fresh({ name: step.name })), ...stateOf(step.phase) };
  monitor.config = step.tags.length === 0 ? plainConfig : { ...plainConfig, tags: step.tags };
  await store.commit([change(monitor)]);
  model.set(step.name, await reload(store, step.name));
}

/** A state that is in a phase 30 s after 10:00. */
function stateOf(phase: Phase): Pick<Monitor, 'status' | 'dueMs' | 'incident'> {
  const dueMs = phase === 'late' ? tenMs : tenMs + minuteMs;
  const incident = phase === 'down' ? incidentOf() : null;
  return { status: phase === 'late' ? 'up' : phase, dueMs, incident };
}

/** What follows a place, the naive way. */
function listed(model: ReadonlyMap<string, Monitor>, query: Query, after: MonitorPlace | null): Monitor[] {
  const { order, tag = '', namePrefix = '', phases: wanted } = query;
  const byName = order.startsWith('name');
  const sign = order.endsWith('desc') ? -1 : 1;
  const compare = (x: MonitorPlace, y: MonitorPlace): number =>
    sign * (byName ? Buffer.compare(Buffer.from(String(x)), Buffer.from(String(y))) : Number(x) - Number(y));
  const place = (monitor: Monitor): MonitorPlace => (byName ? monitor.name : monitor.id);
  return [...model.values()]
    .filter((monitor) => tag === '' || monitor.config.tags.includes(tag))
    .filter((monitor) => Buffer.from(monitor.name).indexOf(namePrefix) === 0)
    .filter((monitor) => !wanted || wanted.anyOf.includes(phaseAt(monitor, wanted.atMs)))
    .filter((monitor) => after === null || compare(place(monitor), after) > 0)
    .sort((x, y) => compare(place(x), place(y)));
}

function same(found: readonly Monitor[], expected: readonly Monitor[]): void {
  const text = (monitors: readonly Monitor[]) => JSON.stringify(monitors);
  if (text(found) !== text(expected)) throw new Error(`found ${text(found)}, expected ${text(expected)}`);
}
