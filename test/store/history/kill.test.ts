import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import t from 'tap';
import { dayMs } from '../../../server/engine/domain/spent-time.ts';
import { SqliteStore } from '../../../server/store/sqlite/sqlite-store.ts';
import { temporaryDirectory } from '../../support/running-server.ts';

const rounds = 4;
const main = new URL('./killed-store-main.ts', import.meta.url).pathname;

t.test('after kill -9 at any moment every acknowledged beat is there, and counted once', async (t) => {
  const directory = await temporaryDirectory(t);
  const acknowledged: { monitorId: number; beatId: string; day: number }[] = [];
  let day = 3;
  for (let round = 0; round < rounds; round++) {
    const child = spawn(process.execPath, [main, directory, `${day}`], { stdio: ['ignore', 'pipe', 'inherit'] });
    t.teardown(() => child.kill('SIGKILL'));
    const ended = once(child, 'exit');
    const target = acknowledged.length + 200 + round * 911;
    for await (const line of createInterface({ input: child.stdout })) {
      const [monitorId, beatId, at] = line.split(' ');
      if (at === undefined) break;
      acknowledged.push({ monitorId: Number(monitorId), beatId: beatId!, day: Number(at) });
      if (acknowledged.length >= target) child.kill('SIGKILL');
    }
    await ended;
    day = acknowledged.at(-1)!.day + 1;
  }

  const store = new SqliteStore(directory);
  t.teardown(() => store.close());
  const nowMs = (day + 1) * dayMs + 7_200_000;
  await store.stampListening(nowMs, null);
  for (const monitorId of new Set(acknowledged.map((each) => each.monitorId))) {
    const stored = new Map<string, number>();
    for (let beforeId: number | null = null; ; ) {
      const page = await store.listBeats({ monitorId, beforeId, limit: 1_000 });
      for (const { beatId, atMs } of page) {
        t.notOk(stored.has(beatId), 'once');
        stored.set(beatId, Math.floor(atMs / dayMs));
      }
      if (page.length < 1_000) break;
      beforeId = page.at(-1)!.id;
    }
    const missing = acknowledged.filter((each) => each.monitorId === monitorId && !stored.has(each.beatId));
    t.same(missing, []);
    const days = await store.listDays({ monitorId, fromDay: 0, toDay: day + 1, nowMs });
    const counts = new Map<number, number>();
    for (const at of stored.values()) counts.set(at, (counts.get(at) ?? 0) + 1);
    t.same(
      days.map(({ beats, durations }) => [beats, durations?.count ?? 0]),
      days.map((each) => [counts.get(each.day) ?? 0, counts.get(each.day) ?? 0]),
      'each is counted once, on its day',
    );
    t.ok(days.every((each) => each.day === day + 1 || each.upMs === dayMs));
    t.equal(days.length, day + 2);
  }
  t.ok(acknowledged.length > 2_000);
});
