import type { Test } from 'tap';
import { type Notice, noticeDefaults } from '../../server/engine/domain/notice.ts';
import type { Attempt, Notifier, Verdict } from '../../server/notify/notifier.ts';
import { collectMs } from '../../server/outbox/grouping.ts';
import type { Lane } from '../../server/outbox/lanes.ts';
import { Outbox, type OutboxLimits } from '../../server/outbox/outbox.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { MemoryDeliveryQueue } from '../support/memory-delivery-queue.ts';

export const ok: Verdict = { kind: 'ok', detail: 'HTTP 200' };
export const refused: Verdict = { kind: 'retryable', reason: 'network', detail: 'connection refused' };
export const hourMs = 3_600_000;

/** A receiver that answers as the test says, and remembers every attempt. */
export class ScriptedNotifier implements Notifier {
  readonly attempts: (Attempt & { atMs: number })[] = [];
  answer: (attempt: Attempt, signal: AbortSignal) => Verdict | Promise<Verdict> = () => ok;
  underWay = 0;
  underWayMax = 0;
  readonly #clock: FakeClock;

  constructor(clock: FakeClock) {
    this.#clock = clock;
  }

  async send(attempt: Attempt, signal: AbortSignal): Promise<Verdict> {
    this.attempts.push({ ...attempt, atMs: this.#clock.wallMs() });
    this.underWayMax = Math.max(this.underWayMax, ++this.underWay);
    try {
      return await this.answer(attempt, signal);
    } finally {
      this.underWay--;
    }
  }

  get ids(): string[] {
    return this.attempts.map(({ id }) => id);
  }
}

/** Hangs until it is cut off. */
export function hang(_attempt: Attempt, signal: AbortSignal): Promise<Verdict> {
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve({ kind: 'retryable', reason: 'aborted', detail: 'cut off' }));
  });
}

export function noticeOf(name: string, atMs: number, type: Notice['type'] = 'down'): Notice {
  return {
    type,
    atMs,
    name,
    reason: 'missed',
    incidentId: `incident of ${name}`,
    downSinceMs: atMs,
    recoveredMs: null,
    merged: false,
    repeat: 0,
    lastBeatMs: atMs - 60_000,
    dueMs: atMs,
    deadlineMs: atMs,
    frequencyMs: 60_000,
    graceMs: 0,
    message: '',
    exitCode: null,
    blind: null,
    ...noticeDefaults,
  };
}

/** A lane that takes everything one by one. */
export function laneOf(notifier: Notifier, its: Partial<Lane> = {}): Lane {
  const digest = { above: 1_000_000, windowMs: 60_000 };
  return { notifier, concurrency: 8, digest, isBatched: false, isKeyed: false, ...its };
}

/** Monotonic clocks tell parts of a ms. */
class PartsOfMsClock extends FakeClock {
  override monotonicMs(): number {
    return super.monotonicMs() + 0.375;
  }
}

export type Scene = {
  clock: FakeClock;
  queue: MemoryDeliveryQueue;
  notifier: ScriptedNotifier;
  outbox: Outbox;
  log: string[];
  /** What went with each line of `log`. */
  details: object[];
  /** One that has waited for company long enough. */
  add: (monitorId: number, id: string, channel?: string) => void;
  /** One that was made just now. */
  make: (monitorId: number, id: string, options?: { channel?: string; type?: Notice['type'] }) => void;
  /** Of each channel; a test may change it. */
  lanes: Map<string, Lane>;
  /** Another outbox over the same queue, as after a restart. */
  restart: (notifier?: Notifier) => Outbox;
};

export function sceneOf(
  t: Test,
  options: {
    limits?: Partial<OutboxLimits>;
    random?: () => number;
    others?: Record<string, Notifier>;
    lane?: Partial<Lane>;
  } = {},
): Scene {
  const clock = new PartsOfMsClock();
  const queue = new MemoryDeliveryQueue();
  const notifier = new ScriptedNotifier(clock);
  const log: string[] = [];
  const details: object[] = [];
  const write = (its: object, message: string): void => {
    log.push(message);
    details.push(its);
  };
  const logger = { info: write, warn: write, error: write };
  const { limits, random = () => 0, others = {}, lane } = options;
  const lanes = new Map(Object.entries(others).map(([channel, notifier]) => [channel, laneOf(notifier)]));
  let digests = 0;
  const newId = (): string => `digest ${++digests}`;
  const restart = (main: Notifier = notifier): Outbox => {
    lanes.set('default', laneOf(main, lane));
    const outbox = new Outbox({ queue, clock, random, newId, lanes, logger, limits });
    t.teardown(async () => {
      const stopped = outbox.stop(0);
      await clock.advance(5_000);
      await stopped;
    });
    return outbox;
  };
  const add = (monitorId: number, id: string, channel = 'default'): void => {
    const madeMs = clock.wallMs() - collectMs;
    queue.add(monitorId, { id, channel, notice: noticeOf(`m${monitorId}`, madeMs), onlyIfIdle: false }, madeMs);
  };
  const make: Scene['make'] = (monitorId, id, { channel = 'default', type } = {}) => {
    const nowMs = clock.wallMs();
    queue.add(monitorId, { id, channel, notice: noticeOf(`m${monitorId}`, nowMs, type), onlyIfIdle: false }, nowMs);
  };
  return { clock, queue, notifier, outbox: restart(), log, details, add, make, lanes, restart };
}
