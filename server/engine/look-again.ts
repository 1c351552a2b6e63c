import type { Clock } from '../clock.ts';
import type { MonitorPlace } from '../store/monitor-query.ts';
import type { Store } from '../store/store.ts';
import type { StoreErrors } from './store-errors.ts';

const pageSize = 1_000;
const retryMs = 1_000;

type Options = {
  store: Pick<Store, 'find'>;
  clock: Clock;
  /** Is to look at these monitors (ids); false: no more of them. */
  look: (ids: readonly number[]) => boolean;
  errors: Pick<StoreErrors, 'note'>;
};

/**
 * Has every monitor that is down looked at, a page at a time, as when the rules of alerts have changed. One round at a time: what
 * is asked for during one is done by one more after it. Tried again until it succeeds.
 */
export class LookAgain {
  readonly #options: Options;
  #isWanted = false;
  #isLooking = false;

  constructor(options: Options) {
    this.#options = options;
  }

  request(): void {
    this.#isWanted = true;
    if (!this.#isLooking) void this.#run();
  }

  async #run(): Promise<void> {
    const { clock, errors } = this.#options;
    this.#isLooking = true;
    while (this.#isWanted) {
      this.#isWanted = false;
      try {
        if (!(await this.#lookAtAll())) break;
      } catch (error) {
        errors.note(error);
        this.#isWanted = true;
        await new Promise<void>((resolve) => clock.after(retryMs, resolve));
        if (!this.#options.look([])) break;
      }
    }
    this.#isLooking = false;
  }

  /** Some that go down or recover meanwhile may be missing, or among them: they are decided by the rules of now. */
  async #lookAtAll(): Promise<boolean> {
    const { store, clock, look } = this.#options;
    let after: MonitorPlace | null = null;
    do {
      const phases = { anyOf: ['down' as const], atMs: clock.wallMs() };
      const page: Awaited<ReturnType<Store['find']>> = await store.find({
        order: 'name',
        after,
        limit: pageSize,
        phases,
      });
      if (!look(page.monitors.map(({ id }) => id))) return false;
      after = page.next;
    } while (after !== null);
    return true;
  }
}
