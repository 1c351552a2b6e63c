import type { LoadPlan } from '../load/load-plan.ts';
import type { LoadGenerator } from '../processes/load-generator.ts';
import type { MeasuredProcess } from '../processes/measured-process.ts';
import type { ProbeReading } from '../processes/probe.ts';
import type { SubjectRow } from '../report/bench-result.ts';
import type { Progress } from '../report/progress.ts';
import { medianOf, ratioSpread, type Spread, spreadOf } from './spread.ts';

/** A server and the load it is measured under. */
export type Subject = {
  name: string;
  server: MeasuredProcess;
  plan: Omit<LoadPlan, 'port' | 'warmUpMs' | 'measureMs'>;
  /** What one answer counts for, such as the items of a batch. Default 1. */
  itemsPerAnswer?: number;
};

/** What one subject did in one round. */
export type Turn = {
  ratePerS: number;
  cpuUs: number;
  p50Ms: number;
  p99Ms: number;
  serverBusy: number;
  loadBusy: number;
  rssBytes: number;
};

export type AlternateOptions = {
  subjects: readonly Subject[];
  load: LoadGenerator;
  rounds: number;
  /** Length of the measured part of a turn, s. */
  seconds: number;
  progress: Progress;
};

const warmUpMs = 300;
/** Code is compiled and caches fill in a round that does not count, at least so long, ms. */
const practiceMs = 1_500;

/**
 * Measures the subjects in turn (A B C A B C …), so that whatever else the machine does falls on all of them; one round
 * before the first does not count.
 */
export async function alternate(options: AlternateOptions): Promise<Rounds> {
  const { subjects, load, rounds, seconds, progress } = options;
  const turns = new Map<string, Turn[]>(subjects.map(({ name }) => [name, []]));
  for (const subject of subjects) {
    progress.show(`${subject.name}, practice`);
    await turnOf({ subject, load, measureMs: Math.max(practiceMs, seconds * 1000) });
  }
  for (let round = 1; round <= rounds; round++) {
    for (const subject of subjects) {
      progress.show(`${subject.name}, round ${round} of ${rounds}`);
      turns.get(subject.name)!.push(await turnOf({ subject, load, measureMs: seconds * 1000 }));
    }
  }
  return new Rounds(turns);
}

async function turnOf(options: { subject: Subject; load: LoadGenerator; measureMs: number }): Promise<Turn> {
  const { subject, load, measureMs } = options;
  const { server, plan, itemsPerAnswer = 1 } = subject;
  let before: Promise<ProbeReading> | undefined;
  const onMeasuring = (): void => {
    before = server.read();
  };
  const result = await load.run({ ...plan, port: server.port, warmUpMs, measureMs }, { onMeasuring });
  const from = (await before)!;
  const to = await server.read();
  const serverBusy = (to.cpuMs - from.cpuMs) / (to.atMs - from.atMs);
  const ratePerS = (result.answers * itemsPerAnswer * 1000) / result.elapsedMs;
  return {
    ratePerS,
    // By shares, since the readings do not begin and end exactly with the measured time.
    cpuUs: (serverBusy * 1e6) / ratePerS,
    p50Ms: result.p50Ms,
    p99Ms: result.p99Ms,
    serverBusy,
    loadBusy: result.busy,
    rssBytes: to.rssBytes,
  };
}

/** The turns of all subjects. */
export class Rounds {
  readonly #turns: Map<string, Turn[]>;

  constructor(turns: Map<string, Turn[]>) {
    this.#turns = turns;
  }

  rows(): SubjectRow[] {
    return [...this.#turns].map(([subject, turns]) => ({
      subject,
      ratePerS: spreadOf(turns.map(({ ratePerS }) => ratePerS)),
      cpuUs: spreadOf(turns.map(({ cpuUs }) => cpuUs)),
      p50Ms: spreadOf(turns.map(({ p50Ms }) => p50Ms)),
      p99Ms: spreadOf(turns.map(({ p99Ms }) => p99Ms)),
      serverBusy: medianOf(turns.map(({ serverBusy }) => serverBusy)),
      loadBusy: medianOf(turns.map(({ loadBusy }) => loadBusy)),
    }));
  }

  /** How one subject compares with another in `what`, round by round. */
  ratio(what: 'ratePerS' | 'cpuUs' | 'p50Ms' | 'p99Ms', names: { of: string; to: string }): Spread {
    return ratioSpread(this.values(names.of, what), this.values(names.to, what));
  }

  values(subject: string, what: keyof Turn): number[] {
    const turns = this.#turns.get(subject);
    if (!turns) throw new Error(`no subject ${subject}`);
    return turns.map((turn) => turn[what]);
  }
}
