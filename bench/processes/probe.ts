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
};

const delayEveryMs = 5;

/**
 * Preloaded (`node --import`) into every server that is measured, so that the product itself needs no hook: answers
 * each message of the parent with a reading, and ends the process when the parent is gone.
 */
if (isMainThread && process.send) {
  let lastMs = performance.now();
  let delayMs = 0;
  const look = (): void => {
    const nowMs = performance.now();
    delayMs = Math.max(delayMs, nowMs - lastMs - delayEveryMs);
    lastMs = nowMs;
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
    };
    delayMs = 0;
    process.send!(reading);
  });
  process.on('disconnect', () => process.exit());
  process.channel!.unref();
}
