import type { Loaded, MonitorKey, Store } from '../store/store.ts';
import type { Command, Outcome } from './command.ts';
import { decideBatch } from './decide-batch.ts';
import type { Configuration } from './domain/configure.ts';
import type { Monitor } from './domain/monitor.ts';
import type { EngineOptions } from './engine-options.ts';
import { loadBatch } from './load-batch.ts';

type Options = Pick<EngineOptions, 'store' | 'clock' | 'policy' | 'newId' | 'nextOccurrence' | 'limits' | 'rules'>;

/**
 * What the engine would answer to configurations and removals, one batch after the other, decided as the engine does and
 * never stored. It needs no engine that has started.
 *
 * Its methods reject with StoreError when the store cannot be read.
 */
export class DryRun {
  readonly #options: Options;
  /** What earlier batches would have made; null: removed. */
  readonly #made = new Map<string, Monitor | null>();
  readonly #madeByPingId = new Map<string, Monitor>();
  #room: number | null = null;
  #lastId = 0;

  constructor(options: Options) {
    this.#options = options;
  }

  /** One outcome per configuration, in order. */
  configure(configurations: readonly Configuration[]): Promise<Outcome[]> {
    const receivedMs = this.#options.clock.wallMs();
    return this.#run(configurations.map((configuration) => ({ kind: 'configure', configuration, receivedMs })));
  }

  /** One outcome per name, in order. */
  remove(names: readonly string[]): Promise<Outcome[]> {
    const receivedMs = this.#options.clock.wallMs();
    return this.#run(names.map((name) => ({ kind: 'remove', name, etag: null, receivedMs })));
  }

  async #run(commands: Command[]): Promise<Outcome[]> {
    const { store, clock, policy, newId, nextOccurrence, limits, rules } = this.#options;
    // A store may answer at once: without this, nothing else would have its turn until the last batch.
    await new Promise<void>((resolve) => clock.afterIo(resolve));
    this.#room ??= limits.monitorsMax - (await store.countMonitors());
    const nowMs = clock.wallMs();
    const context = { nowMs, blinds: [], policy, rules: rules(), newId, nextOccurrence };
    const { looked: _, ...found } = await loadBatch({ load: (keys) => this.#load(store, keys) }, commands, []);
    const room = this.#room;
    const { drafts, outcomes } = decideBatch({
      ...found,
      commands,
      due: [],
      heardUntilMs: nowMs,
      context,
      room,
    });
    for (const { change } of drafts) this.#keep(change.monitor, change.remove);
    return outcomes;
  }

  #keep(monitor: Monitor, removed: boolean): void {
    if (monitor.id === 0) this.#room! -= 1;
    if (removed) this.#room! += 1;
    // The decision tells monitors apart by their ids.
    if (monitor.id === 0) this.#lastId -= 1;
    const kept = removed ? null : { ...monitor, id: monitor.id === 0 ? this.#lastId : monitor.id };
    const before = this.#made.get(monitor.name);
    if (before) this.#madeByPingId.delete(before.config.pingId);
    this.#made.set(monitor.name, kept);
    if (kept && kept.config.pingId !== '') this.#madeByPingId.set(kept.config.pingId, kept);
  }

  async #load(store: Pick<Store, 'load'>, keys: MonitorKey[]): Promise<Loaded[]> {
    const stored = await store.load(keys);
    return keys.map((key, index) => {
      const monitor = stored[index]!.monitor;
      if ('pingId' in key) {
        const made = this.#madeByPingId.get(key.pingId);
        return found(made ?? (monitor && this.#made.has(monitor.name) ? undefined : monitor));
      }
      const made = 'name' in key ? this.#made.get(key.name) : undefined;
      return made === undefined ? stored[index]! : found(made ?? undefined);
    });
  }
}

function found(monitor: Monitor | undefined): Loaded {
  return { monitor, seenBeat: undefined };
}
