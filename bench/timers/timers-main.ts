import { shuffledNumbers } from '../load/random-numbers.ts';
import { HeapTimers } from './heap-timers.ts';
import { NoTimers } from './no-timers.ts';
import { NodeTimers } from './node-timers.ts';
import { type RearmPlan, type TimerSet, timerCount } from './rearm-plan.ts';
import { WheelTimers } from './wheel-timers.ts';

// Re-arms one million timers of each kind in turn, in a process of its own (`--expose-gc`), and tells its parent.

export type TimersReport =
  | { kind: 'bytes'; wheel: number; node: number; heap: number }
  /** ns per re-arm; `visits`: what the wheel put off, spread over the re-arms; `none`: the plan read, nothing armed. */
  | { kind: 'round'; wheelNs: number; visitsNs: number; nodeNs: number; heapNs: number; noneNs: number };

/** Time that passes while all timers are re-armed once, ms. */
const passMs = 18 * 60_000;
/** So long that Node's timers, whose time is real, cannot be due within a run. */
const periodMinMs = 20 * 60_000;
const periodStepMs = 60_000;
const periods = 60;

const rounds = Number(process.argv[2]);
const plan: RearmPlan = {
  order: shuffledNumbers({ from: 0, count: timerCount }),
  periodMs: Uint32Array.from({ length: timerCount }, (_, index) => periodMinMs + (index % periods) * periodStepMs),
};

const wheel = grown(() => new WheelTimers(plan));
const node = grown(() => new NodeTimers(plan));
const heap = grown(() => new HeapTimers(plan));
const none = new NoTimers(plan);
report({ kind: 'bytes', wheel: wheel.bytes, node: node.bytes, heap: heap.bytes });

// The first round compiles the code and does not count.
for (let round = 0; round <= rounds; round++) {
  const wheelNs = timed(() => wheel.timers.rearmAll(passMs));
  const visitsNs = timed(() => wheel.timers.catchUp());
  const nodeNs = timed(() => node.timers.rearmAll());
  const heapNs = timed(() => heap.timers.rearmAll(passMs));
  const noneNs = timed(() => none.rearmAll(passMs));
  if (round > 0) report({ kind: 'round', wheelNs, visitsNs, nodeNs, heapNs, noneNs });
}
node.timers.close();
process.disconnect!();

/** ns of this thread's CPU time per timer. */
function timed(work: () => void): number {
  const begun = process.threadCpuUsage();
  work();
  const { user, system } = process.threadCpuUsage(begun);
  return ((user + system) * 1000) / timerCount;
}

/** The timers, and the bytes that each of them takes. */
function grown<Timers extends TimerSet>(make: () => Timers): { timers: Timers; bytes: number } {
  const before = memoryBytes();
  const timers = make();
  return { timers, bytes: (memoryBytes() - before) / timerCount };
}

function memoryBytes(): number {
  globalThis.gc!();
  globalThis.gc!();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

function report(report: TimersReport): void {
  process.send!(report);
}
