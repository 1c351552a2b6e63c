import type { BlindInterval } from '../../server/engine/domain/monitor.ts';
import type { Catalog } from '../../server/store/catalog.ts';
import { type Change, type MonitorKey, type Store, StoreError } from '../../server/store/store.ts';

export type StoreCall = 'load' | 'commit' | 'stamp' | 'shift' | 'trim';

/** A store that tells what passes through it, and fails where a test wants it to. */
export class WatchedStore implements Store {
  readonly inner: Store;
  readonly deliveries: Store['deliveries'];
  readonly catalog: Catalog;
  /** The changes of each commit that went through. */
  readonly commits: Change[][] = [];
  /** Calls that fail as on a full disk. */
  failing = new Set<StoreCall>();
  /** Called before each commit. */
  beforeCommit: (changes: Change[]) => unknown = () => {};
  /** Called after each commit, with what was written. */
  afterCommit: (changes: Change[]) => unknown = () => {};
  /** Called before each stamp. */
  beforeStamp: () => unknown = () => {};

  constructor(inner: Store) {
    this.inner = inner;
    this.catalog = inner.catalog;
    const shiftClaims = async (deltaMs: number) => {
      this.#check('shift');
      await inner.deliveries.shiftClaims(deltaMs);
    };
    this.deliveries = new Proxy(inner.deliveries, {
      get: (target, key: keyof Store['deliveries']) => (key === 'shiftClaims' ? shiftClaims : target[key].bind(target)),
    });
  }

  async load(keys: MonitorKey[]) {
    this.#check('load');
    return this.inner.load(keys);
  }

  monitorNaming(channel: string) {
    return this.inner.monitorNaming(channel);
  }

  async commit(changes: Change[]) {
    await this.beforeCommit(changes);
    this.#check('commit');
    const results = await this.inner.commit(changes);
    this.commits.push(changes);
    this.afterCommit(changes.filter((_, index) => results[index]!.ok));
    return results;
  }

  async stampListening(atMs: number, blind: BlindInterval | null) {
    await this.beforeStamp();
    this.#check('stamp');
    await this.inner.stampListening(atMs, blind);
  }

  async trimHistory(keep: number, limit: number) {
    this.#check('trim');
    return this.inner.trimHistory(keep, limit);
  }

  get isHolding() {
    return this.inner.isHolding;
  }

  writeBehind = () => this.inner.writeBehind();
  scanArmed = (afterId: number, limit: number) => this.inner.scanArmed(afterId, limit);
  find = (query: Parameters<Store['find']>[0]) => this.inner.find(query);
  countMonitors = () => this.inner.countMonitors();
  lastListening = () => this.inner.lastListening();
  blindIntervals = (afterMs: number) => this.inner.blindIntervals(afterMs);
  listBeats = (options: Parameters<Store['listBeats']>[0]) => this.inner.listBeats(options);
  listDays = (options: Parameters<Store['listDays']>[0]) => this.inner.listDays(options);
  listUptimes = (options: Parameters<Store['listUptimes']>[0]) => this.inner.listUptimes(options);
  listIncidents = (options: Parameters<Store['listIncidents']>[0]) => this.inner.listIncidents(options);
  beatsAround = (options: Parameters<Store['beatsAround']>[0]) => this.inner.beatsAround(options);
  close = () => this.inner.close();

  #check(call: StoreCall): void {
    if (this.failing.has(call)) throw new StoreError('full', 'no room');
  }
}
