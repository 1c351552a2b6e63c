import type { Clock } from './clock.ts';

type Step = { name: string; release: () => unknown };
type TeardownLogger = { warn(details: object, message: string): void; error(details: object, message: string): void };

/**
 * What must be undone at the end: each resource registers its release as soon as it exists, and `run` releases last-in
 * first-out, also after a start that failed half-way. A release that fails or exceeds its share of time does not keep
 * the others from their turn.
 */
export class Teardown {
  readonly #steps: Step[] = [];
  readonly #clock: Clock;
  readonly #logger: TeardownLogger;

  constructor({ clock, logger }: { clock: Clock; logger: TeardownLogger }) {
    this.#clock = clock;
    this.#logger = logger;
  }

  add(name: string, release: () => unknown): void {
    this.#steps.push({ name, release });
  }

  /** Releases everything; each step has at most `stepLimitMs`. Never rejects. */
  async run(stepLimitMs: number): Promise<void> {
    for (let step = this.#steps.pop(); step; step = this.#steps.pop()) await this.#release(step, stepLimitMs);
  }

  async #release({ name, release }: Step, limitMs: number): Promise<void> {
    let timer: { cancel(): void } | undefined;
    const limit = new Promise<'late'>((resolve) => {
      timer = this.#clock.after(limitMs, () => resolve('late'));
    });
    try {
      const result = await Promise.race([Promise.resolve(release()).then(() => 'done' as const), limit]);
      if (result === 'late') this.#logger.warn({ step: name, limitMs }, 'shutdown step takes too long, going on');
    } catch (error) {
      this.#logger.error({ step: name, err: error }, 'shutdown step failed');
    } finally {
      timer?.cancel();
    }
  }
}
