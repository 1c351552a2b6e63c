import t from 'tap';
import { killLoop } from '../support/kill-loop.ts';
import { temporaryDirectory } from '../support/running-server.ts';

t.test('kill -9 at any moment loses no acknowledged ping', async (t) => {
  const dataDir = await temporaryDirectory(t);
  const report = await killLoop({ dataDir, rounds: 5, acksMax: 400, random: Math.random });
  t.ok(report.acknowledged >= 5, `${report.acknowledged} acknowledged, ${report.unanswered} unanswered`);
  t.same(report.missing, [], 'every acknowledged beat is in the history');
  t.same(report.behind, [], 'every monitor is at least as far as its newest acknowledged beat');
});
