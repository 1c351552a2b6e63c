import { openSync, readSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

/** What a measured process tells about itself. */
export type ProbeReading = {
  kind: 'reading';
  /** CPU time of all threads since the start, ms. */
  cpuMs: number;
  /** `performance.now` of the measured process. */
  atMs: number;
  rssBytes: number;
  /** The longest that a 5 ms timer of the serving thread was late since the last reading, ms. */
  delayMs: number;
  /** The same, less the time in which the thread could have run but other processes had the cores. */
  ownDelayMs: number;
};

const delayEveryMs = 5;

/**
 * Preloaded (`node --import`) into every server that is measured, so that the product itself needs no hook: answers
 * each message of the parent with a reading, and ends the process when the parent is gone.
 */
if (isMainThread && process.send) {
  let lastMs = performance.now();
  let delayMs = 0;
  let ownDelayMs = 0;
  const coreWaitMs = coreWaits();
  let lastWaitMs = coreWaitMs();
  const look = (): void => {
    const nowMs = performance.now();
    const waitMs = coreWaitMs();
    const lateMs = nowMs - lastMs - delayEveryMs;
    delayMs = Math.max(delayMs, lateMs);
    ownDelayMs = Math.max(ownDelayMs, lateMs - (waitMs - lastWaitMs));
    lastMs = nowMs;
    lastWaitMs = waitMs;
  };
  setInterval(look, delayEveryMs).unref();
  process.on('message', () => {
    look();
    const { user, system } = process.cpuUsage();
    const reading: ProbeReading = {
      kind: 'reading',
      cpuMs: (user + system) / 1000,
      atMs: performance.now(),
      rssBytes: process.memoryUsage.rss(),
      delayMs,
      ownDelayMs,
    };
    delayMs = 0;
    ownDelayMs = 0;
    process.send!(reading);
  });
  process.on('disconnect', () => process.exit());
  process.channel!.unref();
}

/** Reads for how long the main thread has waited for a core since its start, ms. Always 0 where the kernel does not tell. */
function coreWaits(): () => number {
  // CPU time and waiting time, ns, and the number of time slices.
  const bytes = Buffer.alloc(128);
  try {
    const file = openSync('/proc/self/schedstat', 'r');
    return () => Number(bytes.toString('latin1', 0, readSync(file, bytes, 0, bytes.length, 0)).split(' ')[1]) / 1e6;
  } catch {
    return () => 0;
  }
}
