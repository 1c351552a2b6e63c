import type { Monitor } from '../../../server/engine/domain/monitor.ts';
import { dayMs } from '../../../server/engine/domain/spent-time.ts';
import { SqliteStore } from '../../../server/store/sqlite/sqlite-store.ts';
import { beatRecord, change, create, fresh } from '../store-contract.ts';

// A process that uses a store until it is killed: beats, reads that force them into the history, and days that pass. Says
// on its standard output which beats are acknowledged, a line for each: the monitor's id, the beat's id, and the day.

const [directory = '', firstDay = '0'] = process.argv.slice(2);
const monitors = 30;
const store = new SqliteStore(directory, {
  sweepBytes: 20_000,
  journal: { segmentBytes: 5_000, behindBytes: 1_000, bytesMax: 10_000_000 },
  // So small that a checkpoint comes every kilobyte, and beats are dropped by nothing but their number.
  history: { beatsPerMonitor: 1_000_000, beatsMaxAgeMs: Number.POSITIVE_INFINITY, bytesMax: 2 ** 23 },
});
const names = Array.from({ length: monitors }, (_, n) => `job-${n}`);
const known = await store.load(names.map((name) => ({ name })));
if (!known[0]!.monitor) await create(store, ...names.map((name) => fresh({ name, firstBeatMs: 0, createdMs: 0 })));

let serial = 0;
for (let day = Number(firstDay); ; day++) {
  for (let turn = 0; turn < 12; turn++) {
    const atMs = day * dayMs + (turn + 1) * 7_000_000;
    const loaded = await store.load(names.map((name) => ({ name })));
    const changes = loaded.map(({ monitor }) => {
      serial += 1;
      const beat = beatRecord({ atMs, receivedMs: atMs, beatId: `${firstDay}-${serial}`, durationMs: serial % 1_000 });
      const dueMs = atMs + monitor!.frequencyMs;
      const heard = { lastBeatMs: atMs, dueMs, deadlineMs: dueMs + monitor!.graceMs };
      return change({ ...monitor!, status: 'up', ...heard } as Monitor, { beats: [beat] });
    });
    const results = await store.commit(changes);
    const lines = results.flatMap((result, n) =>
      result.ok ? [`${result.id} ${changes[n]!.beats[0]!.beatId} ${day}`] : [],
    );
    process.stdout.write(`${lines.join('\n')}\n`);
    await store.stampListening(atMs, null);
    await store.writeBehind();
    if (turn % 3 === 0) await store.listBeats({ monitorId: 1, beforeId: null, limit: 5 });
    else await new Promise((resolve) => setImmediate(resolve));
  }
}
