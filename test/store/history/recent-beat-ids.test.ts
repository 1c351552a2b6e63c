import t from 'tap';
import { RecentBeatIds } from '../../../server/store/history/recent-beat-ids.ts';

const beat = (monitorId: number, beatId: string, atMs: number) => ({ monitorId, beatId, atMs });

t.test('found by monitor and id, until their segment is forgotten', (t) => {
  const ids = new RecentBeatIds(100);
  t.equal(ids.find(1, 'a'), undefined);
  ids.add(1, beat(1, 'a', 10));
  ids.add(1, beat(12, 'a', 20));
  ids.add(7, beat(1, '2 a', 30));
  t.same([ids.find(1, 'a'), ids.find(12, 'a'), ids.find(1, '2 a'), ids.find(2, 'a')], [10, 20, 30, undefined]);
  ids.forgetBefore(7);
  t.same([ids.find(1, 'a'), ids.find(1, '2 a')], [undefined, 30]);
  t.end();
});

t.test('bounded: the oldest segments go, never the newest', (t) => {
  const ids = new RecentBeatIds(10);
  for (let n = 0; n < 30; n++) ids.add(1 + Math.floor(n / 5), beat(1, `b${n}`, n));
  t.equal(ids.find(1, 'b19'), undefined);
  for (const n of [20, 24, 25, 29]) t.equal(ids.find(1, `b${n}`), n);
  for (let n = 30; n < 60; n++) ids.add(9, beat(1, `b${n}`, n));
  t.equal(ids.find(1, 'b30'), 30, 'one segment is kept whole');
  t.equal(ids.find(1, 'b29'), undefined);
  t.end();
});
