import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { killLoop } from '../test/support/kill-loop.ts';

// The long form of test/e2e/kill-loop.test.ts: `npm run test:kill -- 200` for 200 rounds (100 unless given).

const rounds = Number(process.argv[2] ?? 100);
if (!Number.isInteger(rounds) || rounds < 1) {
  process.stderr.write('usage: npm run test:kill -- [ROUNDS]   (a whole number from 1)\n');
  process.exit(1);
}
const dataDir = await mkdtemp(join(tmpdir(), 'tocsin-kill-'));
const report = await killLoop({
  dataDir,
  rounds,
  acksMax: 2_000,
  random: Math.random,
  onRound: (round, acknowledged) => process.stdout.write(`\rround ${round}/${rounds}, ${acknowledged} acknowledged`),
});
const lost = report.missing.length + report.behind.length;
process.stdout.write(
  `\n${report.unanswered} unanswered, ${report.missing.length} missing, ${report.behind.length} behind\n`,
);
if (lost === 0) await rm(dataDir, { recursive: true });
else process.stdout.write(`kept for inspection: ${dataDir}\n`);
process.exitCode = lost === 0 ? 0 : 1;
