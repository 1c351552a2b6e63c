import type { Clock } from '../clock.ts';
import type { AlertRules } from '../engine/domain/alerting/alert-rules.ts';
import type { AnyChannelKind } from '../notify/channel-registry.ts';
import type { Notifier } from '../notify/notifier.ts';
import type { Lane, Lanes } from '../outbox/lanes.ts';
import type { Catalog } from '../store/catalog.ts';
import { brokenLane, buildLane, laneOf, type Workshop } from './build-lane.ts';
import { type ChannelChange, type ChannelRefusal, changedSpec, stateRefusal } from './changed-spec.ts';
import { type ChannelSettings, maskSettings } from './channel-settings.ts';
import { channelEntry, channelOfEntry, etagOf, type KeptChannel, plainChannel, specText } from './channel-spec.ts';

export type ChannelBookOptions = Workshop & {
  catalog: Catalog;
  clock: Clock;
  logger: { error(details: object, message: string): void };
  /** What the settings of the server make. */
  defaultChannel: DefaultChannel;
  /** The name of a route that tells a channel; null when none does. */
  routeNaming: (channel: string) => string | null;
  /** The name of a monitor that names a channel; null when none does. */
  monitorNaming: (channel: string) => Promise<string | null>;
  /** Called after a channel was made, changed or removed. */
  onChange: (channel: string) => void;
};

export type DefaultChannel = {
  name: string;
  kind: string;
  settings: ChannelSettings;
  notifier: Notifier;
  digestAbove: number;
};

export type ChangedChannel =
  | { ok: true; channel: KeptChannel; created: boolean }
  | { ok: false; refusal: ChannelRefusal };

export const channelsMax = 1_000;

/**
 * The channels, in memory and in the catalog, and the lane of each. Changes are made one after the other and are durable before
 * they hold; a StoreError rejects them, and nothing has changed.
 */
export class ChannelBook implements Lanes {
  /** The names of the channels that there are; stays the same set. */
  readonly names: ReadonlySet<string>;
  readonly #options: ChannelBookOptions;
  readonly #names = new Set<string>();
  readonly #channels = new Map<string, KeptChannel>();
  readonly #lanes = new Map<string, Lane>();
  #forRules: AlertRules['channels'] | null = null;
  #lastWrite: Promise<unknown> = Promise.resolve();

  private constructor(options: ChannelBookOptions) {
    this.#options = options;
    this.names = this.#names;
    const { name, kind, settings, notifier, digestAbove: above } = options.defaultChannel;
    const spec = { ...plainChannel, kind, settings, digest: { ...plainChannel.digest, above } };
    const channel = this.#withEtag({ name, spec, origin: 'settings', createdMs: 0, updatedMs: 0 });
    this.#keep(channel, laneOf(spec, { kind: options.kinds[kind], notifier }));
  }

  /**
   * Reads the channels. One that cannot be built is kept: its lane says so to whoever sends.
   *
   * @throws StoreError when the catalog cannot be read.
   */
  static async open(options: ChannelBookOptions): Promise<ChannelBook> {
    const book = new ChannelBook(options);
    const { catalog, ports, logger } = options;
    for (const entry of await catalog.list('channel')) {
      if (book.#channels.has(entry.name)) continue;
      const channel = channelOfEntry(entry, ports.signingSecret);
      const built = buildLane(channel.spec, options);
      if (!built.ok) {
        const { field, problem } = built;
        logger.error({ channel: channel.name, field, problem }, 'a channel cannot be used; what it should send waits');
      }
      book.#keep(channel, built.ok ? built.lane : brokenLane(channel.spec, options, built));
    }
    return book;
  }

  get(channel: string): Lane | undefined {
    return this.#lanes.get(channel);
  }

  get defaultChannel(): string {
    return this.#options.defaultChannel.name;
  }

  /** What rules need to know of the channels: another map when they have changed. */
  forRules(): AlertRules['channels'] {
    this.#forRules ??= new Map(
      [...this.#channels].map(([name, { spec }]) => [name, traitsOf(this.#kindNamed(spec.kind))]),
    );
    return this.#forRules;
  }

  /** Sorted by name. */
  channels(): KeptChannel[] {
    return [...this.#channels.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  channel(name: string): KeptChannel | undefined {
    return this.#channels.get(name);
  }

  /** The settings of a channel without its secrets. */
  shownSettings({ spec }: KeptChannel): ChannelSettings {
    return maskSettings(spec.settings, this.#kindNamed(spec.kind)?.secrets ?? Object.keys(spec.settings));
  }

  /** Makes or changes a channel. */
  change(change: ChannelChange): Promise<ChangedChannel> {
    return this.#inTurn(async () => {
      const before = this.#channels.get(change.name);
      const changed = changedSpec(before, change, { secretsOf: (kind) => this.#kindNamed(kind)?.secrets ?? [] });
      if (!changed.ok) return changed;
      const { spec } = changed;
      if (!before && this.#channels.size > channelsMax) {
        const message = `there are ${channelsMax} channels, the most that there can be; delete one first`;
        return { ok: false, refusal: { code: 'resource_exhausted', field: '', message } };
      }
      const built = buildLane(spec, this.#options);
      if (!built.ok) {
        const { field, problem } = built;
        return { ok: false, refusal: { code: 'invalid_argument', field, message: `${field}: ${problem}` } };
      }
      if (before && specText(before.spec) === specText(spec)) {
        // What its references refer to may be another by now.
        this.#lanes.set(before.name, built.lane);
        this.#options.onChange(before.name);
        return { ok: true, channel: before, created: false };
      }
      const updatedMs = this.#options.clock.wallMs();
      const { name } = change;
      const createdMs = before?.createdMs ?? updatedMs;
      const channel = this.#withEtag({ name, spec, origin: 'api', createdMs, updatedMs });
      await this.#options.catalog.put('channel', channelEntry(channel));
      this.#keep(channel, built.lane);
      this.#changed(change.name);
      return { ok: true, channel, created: !before };
    });
  }

  /** Null when it is gone; else why not. `etag`: only if it is still that of the channel; null: whichever it is. */
  remove(name: string, { etag }: { etag: string | null }): Promise<ChannelRefusal | null> {
    return this.#inTurn(async () => {
      const channel = this.#channels.get(name);
      const refusal = stateRefusal(channel, { name, mode: 'update', etag });
      if (refusal) return refusal;
      const route = this.#options.routeNaming(name);
      if (route !== null) {
        const message = `name: the route ${JSON.stringify(route)} names this channel; change the route first`;
        return { code: 'failed_precondition', field: 'name', message };
      }
      // Its pings may name the channel too: they would be refused, and the monitor go down.
      const monitor = await this.#options.monitorNaming(name);
      if (monitor !== null) {
        const message = `name: the monitor ${JSON.stringify(monitor)} names this channel; change the monitor and its pings first`;
        return { code: 'failed_precondition', field: 'name', message };
      }
      await this.#options.catalog.remove('channel', name);
      this.#channels.delete(name);
      this.#lanes.delete(name);
      this.#names.delete(name);
      this.#changed(name);
      return null;
    });
  }

  #keep(channel: KeptChannel, lane: Lane): void {
    this.#channels.set(channel.name, channel);
    this.#lanes.set(channel.name, lane);
    this.#names.add(channel.name);
  }

  #changed(name: string): void {
    this.#forRules = null;
    this.#options.onChange(name);
  }

  #kindNamed(kind: string): AnyChannelKind | undefined {
    const { kinds } = this.#options;
    return Object.hasOwn(kinds, kind) ? kinds[kind] : undefined;
  }

  #withEtag(channel: Omit<KeptChannel, 'etag'>): KeptChannel {
    return { ...channel, etag: etagOf(channel, this.#options.ports.signingSecret) };
  }

  #inTurn<T>(write: () => Promise<T>): Promise<T> {
    const written = this.#lastWrite.then(write);
    this.#lastWrite = written.catch(() => {});
    return written;
  }
}

/** What rules need to know of a kind of channel. */
function traitsOf(kind: AnyChannelKind | undefined): { refreshMs: number | null; keepsOpen: boolean } {
  const refreshMs = kind?.refreshMs ?? null;
  return { refreshMs, keepsOpen: refreshMs !== null || (kind?.isKeyed ?? false) };
}
