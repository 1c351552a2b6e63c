import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import t from 'tap';
import { Database } from '../../server/store/sqlite/database.ts';
import { SqliteDeliveryQueue } from '../../server/store/sqlite/sqlite-delivery-queue.ts';
import { tenMs } from '../engine/cast.ts';
import { sent } from '../support/settlements.ts';

const main = new URL('./killed-queue-main.ts', import.meta.url).pathname;

t.test(
  'after kill -9 at any moment every notice is told or waits, and none was told under two ids',
  { timeout: 120_000 },
  async (t) => {
    const path = join(t.testdir(), 'queue.db');
    const added = new Set<string>();
    /** By notice: the id that it was told under. */
    const told = new Map<string, string>();
    let twice = 0;
    const tell = (id: string, notices: string[]) => {
      for (const notice of notices) {
        if (told.has(notice) && told.get(notice) !== id) twice += 1;
        told.set(notice, id);
      }
    };
    for (let round = 0; round < 4; round++) {
      const child = spawn(process.execPath, [main, path, `${round}`], { stdio: ['ignore', 'pipe', 'inherit'] });
      t.teardown(() => child.kill('SIGKILL'));
      const ended = once(child, 'exit');
      const target = added.size + 1_500 + round * 911;
      for await (const line of createInterface({ input: child.stdout })) {
        const [kind, id = '', ...notices] = line.split(' ');
        if (kind === '+') added.add(id);
        else if (kind === '>') tell(id, notices);
        if (added.size >= target) child.kill('SIGKILL');
      }
      await ended;
    }

    const db = new Database(path);
    t.teardown(() => db.close());
    const queue = new SqliteDeliveryQueue(db);
    for (;;) {
      const claimed = await queue.claim({ nowMs: tenMs, limit: 1_000, leaseMs: 1 });
      if (claimed.length === 0) break;
      for (const { id, notices } of claimed) {
        tell(
          id,
          notices.map(({ message }) => message),
        );
      }
      await queue.settle(claimed.map(({ seq }) => sent(seq)));
    }
    t.same(
      [...added].filter((id) => !told.has(id)),
      [],
      'none is lost',
    );
    t.equal(twice, 0, 'none goes by two ids');
    t.ok([...told.values()].some((id) => id.startsWith('digest')));
    t.match(await queue.stats(), { pending: 0 });
  },
);
