import t from 'tap';
import { decideRetry } from '../../../server/engine/domain/retry-policy.ts';

const createdMs = Date.UTC(2026, 0, 1);
const hourMs = 3_600_000;
const buried = Number.NaN;
const almostOne = 1 - 2 ** -53;

function delayAfter(
  failures: number,
  options: { random?: number; retryAfterMs?: number; ageMs?: number; channelFailingMs?: number } = {},
): number {
  const { random = 0, retryAfterMs, ageMs = 0, channelFailingMs = 0 } = options;
  const nowMs = createdMs + ageMs;
  const decision = decideRetry({ createdMs, nowMs, failures, retryAfterMs, channelFailingMs, random });
  return decision.kind === 'bury' ? buried : decision.atMs - nowMs;
}

t.test('delays double from 1-2 s to 7.5-15 min', async (t) => {
  const table: [failures: number, leastMs: number, mostMs: number][] = [
    [1, 1_000, 2_000],
    [2, 2_000, 4_000],
    [3, 4_000, 8_000],
    [9, 256_000, 512_000],
    [10, 450_000, 900_000],
    [11, 450_000, 900_000],
    [300, 450_000, 900_000],
    [5_000, 450_000, 900_000],
  ];
  for (const [failures, leastMs, mostMs] of table) {
    t.equal(delayAfter(failures, { random: 0 }), leastMs, `${failures}, no luck`);
    const half = delayAfter(failures, { random: 0.5 });
    t.equal(half, (leastMs + mostMs) / 2, `${failures}, half`);
    const most = delayAfter(failures, { random: almostOne });
    t.ok(most > half && most <= mostMs, `${failures}, most: ${most}`);
  }
});

t.test('Retry-After only lengthens a delay, up to an hour', async (t) => {
  const table: [failures: number, retryAfterMs: number, delayMs: number][] = [
    [1, 0, 1_000],
    [1, 500, 1_000],
    [1, 30_000, 30_000],
    [10, 30_000, 450_000],
    [1, hourMs, hourMs],
    [1, 1_000 * hourMs, hourMs],
    [1, Number.POSITIVE_INFINITY, hourMs],
  ];
  for (const [failures, retryAfterMs, delayMs] of table) {
    t.equal(delayAfter(failures, { retryAfterMs }), delayMs, `failure ${failures}, asked for ${retryAfterMs}`);
  }
});

t.test('gives up at 72 h, but not before it has really tried', async (t) => {
  const table: [failures: number, ageMs: number, givenUp: boolean][] = [
    [400, 24 * hourMs, false],
    [400, 72 * hourMs - 1, false],
    [400, 72 * hourMs, true],
    [400, 1_000 * hourMs, true],
    // The server was off for a week, then the network was not there yet.
    [1, 168 * hourMs, false],
    [19, 168 * hourMs, false],
    [20, 168 * hourMs, true],
    // The wall clock was set back.
    [400, -168 * hourMs, false],
  ];
  for (const [failures, ageMs, givenUp] of table) {
    t.equal(Number.isNaN(delayAfter(failures, { ageMs })), givenUp, `failure ${failures} at ${ageMs / hourMs} h`);
  }
});

t.test('of a channel that has failed for 72 h, what is as old is given up after one attempt', async (t) => {
  const table: [ageMs: number, channelFailingMs: number, givenUp: boolean][] = [
    [72 * hourMs, 72 * hourMs, true],
    [72 * hourMs, 72 * hourMs - 1, false],
    [72 * hourMs - 1, 100 * hourMs, false],
  ];
  for (const [ageMs, channelFailingMs, givenUp] of table) {
    t.equal(Number.isNaN(delayAfter(1, { ageMs, channelFailingMs })), givenUp, `${ageMs}, ${channelFailingMs}`);
  }
});

t.test('a receiver that is away for good sees attempts for 72 h, spread over all of them', async (t) => {
  for (const random of [0, almostOne]) {
    let nowMs = createdMs;
    let failures = 1;
    let longestMs = 0;
    for (;;) {
      const decision = decideRetry({
        createdMs,
        nowMs,
        failures,
        retryAfterMs: undefined,
        channelFailingMs: 0,
        random,
      });
      if (decision.kind === 'bury') break;
      longestMs = Math.max(longestMs, decision.atMs - nowMs);
      nowMs = decision.atMs;
      failures++;
    }
    t.ok(nowMs - createdMs >= 72 * hourMs && nowMs - createdMs < 73 * hourMs);
    t.ok(longestMs <= 900_000);
    t.ok(failures > 280 && failures < 600, `${failures} attempts`);
  }
});
