import { writeSync } from 'node:fs';
import { Database } from '../../server/store/sqlite/database.ts';
import { SqliteDeliveryQueue } from '../../server/store/sqlite/sqlite-delivery-queue.ts';
import { tenMs } from '../engine/cast.ts';
import { sent } from '../support/settlements.ts';
import { delivery } from './store-contract.ts';

// A process that uses a queue until it is killed. Says on its standard output what was added (`+ id`), and before each attempt
// what is told under which id (`> id id id …`).

const [path = '', round = '0'] = process.argv.slice(2);
const db = new Database(path);
const queue = new SqliteDeliveryQueue(db, { afterIo: (run) => setImmediate(run) });
const say = (line: string) => writeSync(1, `${line}\n`);

for (let turn = 0; ; turn++) {
  const ids = Array.from({ length: 1 + ((turn * 37) % 300) }, (_, n) => `${round}-${turn}-${n}`);
  db.transaction(() => {
    for (const [n, id] of ids.entries()) queue.add(n + 1, delivery(id, { message: id, incidentId: id }));
  });
  queue.follow();
  for (const id of ids) say(`+ ${id}`);
  if (turn % 3 > 0) {
    const id = `digest-${round}-${turn}`;
    await queue.formDigest({ channel: 'default', id, nowMs: tenMs, onlyDowns: false, keepMembers: turn % 2 === 0 });
  }
  const claimed = await queue.claim({ nowMs: tenMs, limit: 40, leaseMs: 1 });
  for (const { id, notices } of claimed) say(`> ${id} ${notices.map(({ message }) => message).join(' ')}`);
  await queue.settle(claimed.map(({ seq }) => sent(seq)));
  queue.trim(0, 100);
}
