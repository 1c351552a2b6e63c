import type { Clock } from '../clock.ts';
import type { MonitorPlace } from '../store/monitor-query.ts';
import type { Store } from '../store/store.ts';

const pageSize = 1_000;

/** Ids of all monitors that are down, a page at a time; some that go down or recover meanwhile may be missing, or among them. */
export async function* downMonitors(store: Pick<Store, 'find'>, clock: Clock): AsyncIterable<number[]> {
  let after: MonitorPlace | null = null;
  do {
    const phases = { anyOf: ['down' as const], atMs: clock.wallMs() };
    const { monitors, next }: Awaited<ReturnType<Store['find']>> = await store.find({
      order: 'name',
      after,
      limit: pageSize,
      phases,
    });
    yield monitors.map(({ id }) => id);
    after = next;
  } while (after !== null);
}
