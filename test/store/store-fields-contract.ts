import type { Test } from 'tap';
import { plainConfig } from '../../server/engine/domain/monitor-config.ts';
import { noProgress } from '../../server/engine/domain/progress.ts';
import { create, fresh, type StoreContractOptions } from './store-contract.ts';

/** The part of the store contract about what is kept of a monitor. */
export function storeFieldsContract(t: Test, { name, open }: StoreContractOptions): void {
  t.test(`${name}: every field of a monitor survives`, async (t) => {
    const under = await open(t);
    const bare = fresh({ name: 'bare', lastBeatMs: null, dueMs: null, deadlineMs: null, status: 'new' });
    const full = fresh({
      name: 'a/b "ü" \u{1f514} 100%',
      status: 'down',
      frequencyMs: 366 * 86_400_000,
      graceMs: 1,
      createdMs: 1,
      lastBeatMs: 2,
      dueMs: 3,
      deadlineMs: 4,
      hold: { untilMs: 5, blind: { fromMs: 6, toMs: 7 } },
      incident: { id: 'i-1', startedMs: 8, reason: 'failed', message: '', exitCode: null },
    });
    const longest = fresh({ name: '鐘'.repeat(85) });
    const cron = { expression: '0 3 * * *', timeZone: 'Europe/Berlin' };
    const paused = fresh({
      name: 'paused',
      status: 'paused',
      frequencyMs: 0,
      firstBeatMs: 1,
      config: {
        origin: 'file',
        description: 'what it is, "ü" \u{1f514}',
        cron,
        maxRunMs: 1,
        minRunMs: 2,
        minIntervalMs: 3,
        failuresToAlert: 4,
        beatsToRecover: 5,
        tags: ['a', 'b'],
        channels: ['default'],
        dependsOn: ['bare'],
        maintenance: [
          { kind: 'once', fromMs: 1, toMs: 2 },
          { kind: 'recurring', cron, durationMs: 3 },
        ],
        severity: 'warning',
        pingId: '6e1ad0a4-4d5c-4c9c-8b8e-0e7d2a3c1f00',
      },
      progress: { ...noProgress, pause: { sinceMs: 1, untilMs: 2, untilPing: true } },
    });
    const busy = fresh({
      name: 'busy',
      progress: {
        failures: 1,
        oks: 2,
        silent: true,
        runs: [
          { id: '', startedMs: 1, limitMs: null, blind: null },
          { id: 'r', startedMs: 2, limitMs: 3, blind: { fromMs: 4, toMs: 5 } },
        ],
        begunMs: 6,
        pause: null,
        held: { by: 'bare', why: 'recovery', untilMs: 7, sayMs: 7 },
        alert: {
          open: {
            incident: { id: 'i-0', startedMs: 7, reason: 'failed' },
            sinceMs: 8,
            told: [{ channel: 'default', said: 'down', atMs: 9, lastMs: 10, reminders: 11 }],
            ack: { atMs: 12, by: 'me', note: '' },
            blind: { fromMs: 13, toMs: 14 },
            heldBy: 'bare',
            flaps: 2,
          },
          downs: [15],
          flapping: { flipMs: 16, flaps: 17 },
          nextMs: 18,
        },
      },
    });
    const all = [bare, full, longest, paused, busy];
    await create(under.store, ...all);
    for (const reach of [async () => under.store, () => under.reopen()]) {
      const store = await reach();
      const loaded = await store.load(all.map(({ name }) => ({ name })));
      for (const [index, written] of all.entries()) {
        const { monitor } = loaded[index]!;
        t.same(monitor, { ...written, id: monitor!.id, version: monitor!.version }, written.name);
        t.ok(monitor!.id > 0 && monitor!.version > 0, 'has an id and a version');
        t.same((await store.load([{ id: monitor!.id }]))[0]!.monitor, monitor, 'the same by id');
      }
      t.equal(await store.countMonitors(), all.length);
      t.equal(loaded[0]!.monitor!.progress, noProgress, 'what says nothing is the one that is compared by identity');
      t.equal(loaded[0]!.monitor!.config, plainConfig);
      t.equal((await store.load([{ pingId: paused.config.pingId }]))[0]!.monitor?.name, 'paused', 'by its ping id');
    }
  });
}
