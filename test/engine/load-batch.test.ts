import t from 'tap';
import type { Command } from '../../server/engine/command.ts';
import { decideBatch } from '../../server/engine/decide-batch.ts';
import { plainConfig } from '../../server/engine/domain/monitor-config.ts';
import { loadBatch } from '../../server/engine/load-batch.ts';
import type { MonitorKey } from '../../server/store/store.ts';
import { beatOf, contextOf, monitorOf, tenMs } from './cast.ts';

const dependsOnOf = (name: string, dependsOn: string[]): Command => ({
  kind: 'configure',
  configuration: { name, mode: 'upsert', patch: { dependsOn }, etag: null },
  receivedMs: tenMs,
});

/** What the last command of a batch is answered, where each monitor depends on those named. */
async function answer(dependsOn: Record<string, string[]>, commands: Command[]): Promise<string> {
  const monitors = Object.entries(dependsOn).map(([name, parents], index) =>
    monitorOf({ id: index + 1, name, config: { ...plainConfig, pingId: name, dependsOn: parents } }),
  );
  const byName = new Map(monitors.map((monitor) => [monitor.name, monitor]));
  const load = async (keys: MonitorKey[]) =>
    keys.map((key) => ({ monitor: 'name' in key ? byName.get(key.name) : undefined, seenBeat: undefined }));
  const { looked: _, ...found } = await loadBatch({ load }, commands, []);
  const given = { ...found, commands, due: [], heardUntilMs: tenMs, room: 10, channel: 'log' };
  const outcome = decideBatch({ ...given, context: contextOf() }).outcomes.at(-1)!;
  return outcome.ok ? outcome.accepted : `${outcome.refusal.code} ${outcome.refusal.message}`;
}

t.test('a circle is found also through what another command of the batch depends on', async (t) => {
  const chain = { x: [], w: ['p'], p: ['q'], q: ['x'] };
  const wanted = 'invalid_argument depends_on: must not lead back to the monitor itself: x -> w -> p -> q -> x';
  t.equal(await answer(chain, [dependsOnOf('x', ['w'])]), wanted);
  t.equal(await answer(chain, [{ kind: 'beat', beat: beatOf({ name: 'w' }) }, dependsOnOf('x', ['w'])]), wanted);
  t.equal(await answer(chain, [dependsOnOf('w', ['x'])]), 'applied');
});

t.test('what leads to more monitors than are looked at is refused', async (t) => {
  const line = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, n) => [`m${n}`, n + 1 < count ? [`m${n + 1}`] : []]));
  t.equal(await answer({ ...line(10_000), x: [] }, [dependsOnOf('x', ['m0'])]), 'applied');
  t.match(await answer({ ...line(10_001), x: [] }, [dependsOnOf('x', ['m0'])]), /^resource_exhausted depends_on: /);
});

t.test('of a long way round an error shows the ends', async (t) => {
  const chain = Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`c${n}`, n === 0 ? [] : [`c${n - 1}`]]));
  const middle = 'c0 -> c39 -> c38 -> c37 -> c36 -> (31 more) -> c4 -> c3 -> c2 -> c1 -> c0';
  const wanted = `invalid_argument depends_on: must not lead back to the monitor itself: ${middle}`;
  t.equal(await answer(chain, [dependsOnOf('c0', ['c39'])]), wanted);
});
