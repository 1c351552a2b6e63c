import t from 'tap';
import { alertKillLoop } from '../support/alert-kill-loop.ts';
import { temporaryDirectory } from '../support/running-server.ts';

t.test('kill -9 while alerts are delivered: each arrives at least once, and under one id', async (t) => {
  const dataDir = await temporaryDirectory(t);
  const report = await alertKillLoop({ dataDir, rounds: 5, failures: 12, random: Math.random });
  t.same(report.untold, [], `all ${report.failed} were told, in ${report.attempts} attempts`);
  t.same(report.underTwoIds, [], 'a receiver that knows ids hears of each incident once');
  t.same(report.changed, [], 'an id says the same on every attempt');
  t.ok(report.repeated > 0, `${report.repeated} attempts were made again`);
  t.ok(report.digests > 0, `${report.digests} of them were digests`);
});
