import { fork } from 'node:child_process';
import { once } from 'node:events';
import type { Bench, BenchContext } from '../bench-context.ts';
import { ratioSpread, spreadOf } from '../measure/spread.ts';
import type { Findings } from '../report/bench-result.ts';
import type { TimersReport } from '../timers/timers-main.ts';

const program = new URL('../timers/timers-main.ts', import.meta.url).pathname;

export const wheel: Bench = {
  name: 'wheel',
  title: 'One million timers: the wheel against Node timers and a binary heap',
  byDefault: true,
  seconds: null,
  rounds: 7,
  setUpLimitS: 120,
  run,
};

async function run({ workspace, progress, rounds }: BenchContext): Promise<Findings> {
  const child = workspace.own(fork(program, [String(rounds)], { execArgv: ['--expose-gc'] }));
  const reports: TimersReport[] = [];
  child.on('message', (report: TimersReport) => {
    reports.push(report);
    progress.show(`round ${reports.length} of ${rounds + 1}`);
  });
  const [code] = (await once(child, 'exit')) as [number | null];
  const bytes = reports.find((report) => report.kind === 'bytes');
  const measured = reports.filter((report) => report.kind === 'round');
  if (code !== 0 || !bytes || measured.length !== rounds) throw new Error(`the timers ended with ${code}`);

  const wheelNs = measured.map((round) => round.wheelNs);
  const withVisitsNs = measured.map((round) => round.wheelNs + round.visitsNs);
  const nodeNs = measured.map((round) => round.nodeNs);
  const heapNs = measured.map((round) => round.heapNs);
  return {
    subjects: [],
    measures: [
      {
        what: 'speed of a lazy re-arm vs timeout.refresh()',
        unit: 'x',
        value: ratioSpread(nodeNs, wheelNs),
        target: { atLeast: 8 },
      },
      { what: 'bytes per timer, wheel', unit: 'bytes', value: spreadOf([bytes.wheel]), target: { atMost: 20 } },
      {
        what: 'the same with the visits put off, vs timeout.refresh()',
        unit: 'x',
        value: ratioSpread(nodeNs, withVisitsNs),
      },
      { what: 'speed of a lazy re-arm vs a binary heap', unit: 'x', value: ratioSpread(heapNs, wheelNs) },
      { what: 'lazy re-arm', unit: 'ns', value: spreadOf(wheelNs) },
      { what: 'lazy re-arm with the visits put off', unit: 'ns', value: spreadOf(withVisitsNs) },
      { what: 'timeout.refresh()', unit: 'ns', value: spreadOf(nodeNs) },
      { what: 'binary heap, moved down', unit: 'ns', value: spreadOf(heapNs) },
      {
        what: 'the plan read and nothing armed, part of each of these',
        unit: 'ns',
        value: spreadOf(measured.map((round) => round.noneNs)),
      },
      { what: 'bytes per timer, setTimeout', unit: 'bytes', value: spreadOf([bytes.node]) },
      { what: 'bytes per timer, binary heap', unit: 'bytes', value: spreadOf([bytes.heap]) },
    ],
    notes: [
      'Re-armed in random order, each for its own period (60 periods, 20 to 79 minutes); 18 minutes pass meanwhile. ' +
        'Between two turns of one kind the others go through their memory, so each begins with cold caches.',
    ],
  };
}
