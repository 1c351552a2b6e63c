import type { LoadCommand, LoadReport } from './load-plan.ts';
import { LoadRun } from './load-run.ts';

// The load generator: a process of its own that carries out plans sent by its parent.

let run: LoadRun | undefined;

process.on('message', (command: LoadCommand) => {
  if (command.kind === 'stop') {
    run?.stop();
    return;
  }
  run = new LoadRun({ plan: command.plan, report: (report: LoadReport) => process.send!(report) });
  run.start();
});
process.on('disconnect', () => process.exit());
