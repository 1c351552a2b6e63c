import type { Clock } from '../clock.ts';
import type { Refusal } from '../engine/command.ts';
import type { AlertRules } from '../engine/domain/alerting/alert-rules.ts';
import type { Catalog } from '../store/catalog.ts';
import {
  type KeptRoute,
  type KeptSilence,
  keptRoute,
  type RouteContent,
  routeEntry,
  routeOfEntry,
  type SilenceContent,
  silenceEntry,
  silenceOfEntry,
} from './stored-rules.ts';

export type RuleBookOptions = {
  catalog: Catalog;
  clock: Clock;
  newId: () => string;
  /** The channels that there are, by name; another map when they have changed. */
  channels: () => AlertRules['channels'];
  /** What the settings of the server say. */
  settings: Pick<AlertRules, 'defaultChannel' | 'reminderMs' | 'flapDowns'>;
  /** Called after a route or a silence has changed: `rules` is another. */
  onChange: () => void;
};

const routesMax = 1_000;
/** Silences that hold or will; and the same again of those that ended. */
const silencesMax = 1_000;
/** How long a silence is remembered after its end, ms. */
const endedKeptMs = 86_400_000;
/** Of old silences, removed after one change: each is a transaction. */
const removedAtOnce = 50;

/**
 * Routes and silences, in memory and in the catalog: who hears of alerts and when. Changes are made one after the other and
 * are durable before they hold; a StoreError rejects them, and nothing has changed.
 */
export class RuleBook {
  readonly #options: RuleBookOptions;
  /** By name. */
  readonly #routes = new Map<string, KeptRoute>();
  /** By id, in the order in which they were made. */
  readonly #silences = new Map<string, KeptSilence>();
  #rules: AlertRules | null = null;
  #lastWrite: Promise<unknown> = Promise.resolve();

  private constructor(options: RuleBookOptions) {
    this.#options = options;
  }

  /** @throws StoreError when the catalog cannot be read. */
  static async open(options: RuleBookOptions): Promise<RuleBook> {
    const book = new RuleBook(options);
    const { catalog } = options;
    for (const entry of await catalog.list('route')) book.#routes.set(entry.name, routeOfEntry(entry));
    const silences = (await catalog.list('silence')).map(silenceOfEntry);
    for (const silence of silences.toSorted((a, b) => a.createdMs - b.createdMs)) {
      book.#silences.set(silence.id, silence);
    }
    return book;
  }

  /** The rules as they are now: the same object until something changes. */
  rules(): AlertRules {
    const { clock, settings } = this.#options;
    const channels = this.#options.channels();
    if (this.#rules?.channels === channels) return this.#rules;
    const nowMs = clock.wallMs();
    const routes = Object.freeze(this.routes().map(({ content }) => content));
    const silences = Object.freeze([...this.#silences.values()].filter(({ untilMs }) => untilMs > nowMs));
    this.#rules = Object.freeze({ ...settings, channels, routes, silences });
    return this.#rules;
  }

  /** Sorted by name. */
  routes(): KeptRoute[] {
    return [...this.#routes.values()].sort((a, b) => (a.content.name < b.content.name ? -1 : 1));
  }

  route(name: string): KeptRoute | undefined {
    return this.#routes.get(name);
  }

  /** The name of a route that tells a channel; null when none does. */
  routeNaming(channel: string): string | null {
    const found = this.routes().find(({ content }) => content.steps.some(({ channels }) => channels.includes(channel)));
    return found?.content.name ?? null;
  }

  /** Makes a route, or sets one. `etag`: only if it is still that of the route; null: whichever it is. */
  putRoute(content: RouteContent, { etag }: { etag: string | null }): Promise<PutRoute> {
    return this.#inTurn(async () => {
      const { name } = content;
      const before = this.#routes.get(name);
      const refusal = etag === null ? null : etagRefusal(before, { name, etag });
      if (refusal) return { ok: false, refusal };
      if (!before && this.#routes.size >= routesMax) {
        const message = `there are ${routesMax} routes, the most that there can be; delete one first`;
        return { ok: false, refusal: { code: 'resource_exhausted', field: '', message } };
      }
      const nowMs = this.#options.clock.wallMs();
      const route = keptRoute(content, { createdMs: before?.createdMs ?? nowMs, updatedMs: nowMs });
      if (before?.etag === route.etag) return { ok: true, route: before, created: false };
      await this.#options.catalog.put('route', routeEntry(route));
      this.#routes.set(name, route);
      this.#changed();
      return { ok: true, route, created: !before };
    });
  }

  /** Null when it is gone; else why not. */
  removeRoute(name: string, { etag }: { etag: string | null }): Promise<Refusal | null> {
    return this.#inTurn(async () => {
      const route = this.#routes.get(name);
      const refusal = etagRefusal(route, { name, etag: etag ?? route?.etag ?? '' });
      if (refusal) return refusal;
      await this.#options.catalog.remove('route', name);
      this.#routes.delete(name);
      this.#changed();
      return null;
    });
  }

  /** Those that hold or will, and those that ended in the last day, the newest first. */
  silences(): KeptSilence[] {
    const oldestMs = this.#options.clock.wallMs() - endedKeptMs;
    void this.#inTurn(() => this.#removeOld()).catch(() => {});
    return [...this.#silences.values()].filter(({ untilMs }) => untilMs > oldestMs).reverse();
  }

  /** Resolves with the refusal when there are too many. */
  addSilence(content: SilenceContent): Promise<{ ok: true; silence: KeptSilence } | { ok: false; refusal: Refusal }> {
    return this.#inTurn(async () => {
      const { clock, newId, catalog } = this.#options;
      const createdMs = clock.wallMs();
      const open = [...this.#silences.values()].filter(({ untilMs }) => untilMs > createdMs);
      if (open.length >= silencesMax) {
        const message = `there are ${silencesMax} silences, the most that there can be; expire one first`;
        return { ok: false, refusal: { code: 'resource_exhausted', field: '', message } };
      }
      const silence = { id: newId(), ...content, createdMs };
      await catalog.put('silence', silenceEntry(silence, createdMs));
      this.#silences.set(silence.id, silence);
      this.#changed();
      await this.#removeOld().catch(() => {});
      return { ok: true, silence };
    });
  }

  /** Ends a silence now; one that has ended stays as it is. Undefined: there is none. */
  endSilence(id: string): Promise<KeptSilence | undefined> {
    return this.#inTurn(async () => {
      const nowMs = this.#options.clock.wallMs();
      const silence = this.#silences.get(id);
      if (!silence || silence.untilMs <= nowMs) return silence;
      const ended = { ...silence, fromMs: Math.min(silence.fromMs, nowMs), untilMs: nowMs };
      await this.#options.catalog.put('silence', silenceEntry(ended, nowMs));
      this.#silences.set(id, ended);
      this.#changed();
      await this.#removeOld().catch(() => {});
      return ended;
    });
  }

  /** Forgets what ended long ago, or is one too many of what ended. A part of it, when it is much. */
  async #removeOld(): Promise<void> {
    const nowMs = this.#options.clock.wallMs();
    const ended = [...this.#silences.values()].filter(({ untilMs }) => untilMs <= nowMs);
    ended.sort((a, b) => a.untilMs - b.untilMs);
    const kept = ended.findIndex(({ untilMs }) => untilMs > nowMs - endedKeptMs);
    const old = Math.max(kept < 0 ? ended.length : kept, ended.length - silencesMax);
    for (const { id } of ended.slice(0, Math.min(old, removedAtOnce))) {
      await this.#options.catalog.remove('silence', id);
      this.#silences.delete(id);
    }
  }

  #changed(): void {
    this.#rules = null;
    this.#options.onChange();
  }

  #inTurn<T>(write: () => Promise<T>): Promise<T> {
    const written = this.#lastWrite.then(write);
    this.#lastWrite = written.catch(() => {});
    return written;
  }
}

export type PutRoute = { ok: true; route: KeptRoute; created: boolean } | { ok: false; refusal: Refusal };

/** Null when the route is there and is that of the etag. */
function etagRefusal(route: KeptRoute | undefined, { name, etag }: { name: string; etag: string }): Refusal | null {
  if (!route) return { code: 'not_found', field: 'name', message: `name: no route is called ${JSON.stringify(name)}` };
  if (route.etag === etag) return null;
  const message = `etag: the route was changed since it was read, its etag is now ${route.etag}; read it again`;
  return { code: 'aborted', field: 'etag', message };
}
