import { create, type MessageInitShape } from '@bufbuild/protobuf';
import {
  type Monitor as MonitorMessage,
  MonitorSchema,
  type WatchMonitorsRequest,
  WatchMonitorsRequestSchema,
  type WatchMonitorsResponse,
  WatchMonitorsResponseSchema,
} from '../../../gen/ts/tocsin/v1/monitor_pb.ts';
import type { Monitor } from '../../../server/engine/domain/monitor.ts';
import { plainConfig } from '../../../server/engine/domain/monitor-config.ts';
import { monitorMessage } from '../../../server/service/monitor-message.ts';
import { ChangeFeed, type ChangeFeedLimits, defaultFeedLimits } from '../../../server/service/watch/change-feed.ts';
import { watchMonitors } from '../../../server/service/watch/watch-monitors.ts';
import type { FoundMonitors, MonitorQuery } from '../../../server/store/monitor-query.ts';
import type { Loaded, MonitorKey, Store } from '../../../server/store/store.ts';
import { monitorOf, wholeHours } from '../../engine/cast.ts';
import { FakeClock } from '../../support/fake-clock.ts';

type Fields = { tags?: readonly string[]; status?: Monitor['status']; lastBeatMs?: number };

/** Monitors that change, and those who watch them: a store in memory, the feed, and the RPC on a fake clock. */
export class WatchWorld {
  readonly clock = new FakeClock();
  readonly monitors = new Map<string, Monitor>();
  /** Every read passes it twice, between reading what there is and what it is: a test may let changes happen there. */
  pause: () => Promise<void> = async () => {};
  feed!: ChangeFeed;
  #serve!: ReturnType<typeof watchMonitors>;
  readonly #limits: ChangeFeedLimits;
  #lastId = 0;
  #starts = 0;

  constructor(limits: Partial<ChangeFeedLimits> = {}) {
    this.#limits = { ...defaultFeedLimits, ...limits };
    this.restart();
  }

  /** The process ends and another begins: the store is what stays. */
  restart(): void {
    this.feed = new ChangeFeed({ id: `start-${++this.#starts}`, limits: this.#limits });
    const store: Pick<Store, 'find' | 'load'> = {
      find: (query) => this.#find(query),
      load: (keys) => this.#load(keys),
    };
    this.#serve = watchMonitors({ feed: this.feed, store, clock: this.clock, nextOccurrence: wholeHours });
  }

  /** Makes a monitor, or changes it. */
  put(name: string, { tags, ...fields }: Fields = {}): void {
    this.#put(name, { tags, ...fields }, true);
  }

  /** A beat that changes nothing but its time. */
  beat(name: string): void {
    this.#put(name, { lastBeatMs: (this.monitors.get(name)!.lastBeatMs ?? 0) + 1_000 }, false);
  }

  remove(name: string): void {
    const monitor = this.monitors.get(name);
    if (!monitor) return;
    this.monitors.delete(name);
    this.feed.publish([{ monitor, removed: true, tagsBefore: monitor.config.tags, notable: true }]);
  }

  /** `known`: what the client knows from before. */
  watch(
    request: MessageInitShape<typeof WatchMonitorsRequestSchema> = {},
    known?: Map<string, MonitorMessage>,
  ): WatchClient {
    return new WatchClient(this.#serve, create(WatchMonitorsRequestSchema, request), known);
  }

  /** What a client that knows everything knows: the monitors by name, as the wire has them. */
  state({ tag = '', namePrefix = '' } = {}): Record<string, MonitorMessage> {
    const shown = [...this.monitors.values()].filter(
      ({ name, config }) => name.startsWith(namePrefix) && (tag === '' || config.tags.includes(tag)),
    );
    const at = { nowMs: this.clock.wallMs(), nextOccurrence: wholeHours };
    return Object.fromEntries(
      shown.map((monitor) => [monitor.name, create(MonitorSchema, monitorMessage(monitor, at))]),
    );
  }

  #put(name: string, { tags, ...fields }: Fields, notable: boolean): void {
    const before = this.monitors.get(name) ?? monitorOf({ id: ++this.#lastId, version: 0, name });
    const config = tags ? { ...plainConfig, tags } : before.config;
    const monitor = { ...before, ...fields, config, version: before.version + 1 };
    this.monitors.set(name, monitor);
    const tagsBefore = before.version === 0 ? [] : before.config.tags;
    if (notable || this.feed.wantsBeats) this.feed.publish([{ monitor, removed: false, tagsBefore, notable }]);
  }

  /** As the stores do it: which monitors there are is read first, their state later. */
  async #find({ after, limit, tag = '', namePrefix = '' }: MonitorQuery): Promise<FoundMonitors> {
    await this.pause();
    const names = [...this.monitors.keys()].filter((name) => name > (after ?? '')).sort();
    const found = names.slice(0, limit).map((name) => this.monitors.get(name)!.id);
    await this.pause();
    const monitors = found
      .flatMap((id) => this.#byId(id) ?? [])
      .filter(({ name, config }) => name.startsWith(namePrefix) && (tag === '' || config.tags.includes(tag)));
    return { monitors, next: names.length > limit ? names[limit - 1]! : null };
  }

  async #load(keys: MonitorKey[]): Promise<Loaded[]> {
    await this.pause();
    return keys.map((key) => ({ monitor: 'id' in key ? this.#byId(key.id) : undefined, seenBeat: undefined }));
  }

  #byId(wanted: number): Monitor | undefined {
    return [...this.monitors.values()].find(({ id }) => id === wanted);
  }
}

/** Follows a stream as a client would: applies each event to what it knows. Reads only when it is asked to. */
export class WatchClient {
  readonly #leave = new AbortController();
  readonly #events: AsyncIterator<MessageInitShape<typeof WatchMonitorsResponseSchema>>;
  /** By name. */
  readonly known: Map<string, MonitorMessage>;
  /** What came, in short, such as "snapshot a b", "changed a", "removed a", "heartbeat". */
  readonly heard: string[] = [];
  /** What was wrong with the order of the events. */
  readonly problems: string[] = [];
  cursor: string;
  error: unknown = null;
  ended = false;
  #inSnapshot = false;

  constructor(
    serve: ReturnType<typeof watchMonitors>,
    request: WatchMonitorsRequest,
    known = new Map<string, MonitorMessage>(),
  ) {
    this.known = known;
    this.cursor = request.cursor;
    const { signal } = this.#leave;
    const context = { signal, receivedMs: 0, remoteAddress: '', userAgent: '', header: () => null };
    this.#events = serve(request, context)[Symbol.asyncIterator]();
  }

  /** Reads one event; false when the stream is over. */
  async read(): Promise<boolean> {
    try {
      const next = await this.#events.next();
      if (next.done) this.ended = true;
      else this.#apply(create(WatchMonitorsResponseSchema, next.value));
    } catch (error) {
      this.error = error;
      this.ended = true;
    }
    return !this.ended;
  }

  /** Reads for as long as the stream lasts. */
  async readOn(): Promise<void> {
    while (await this.read());
  }

  leave(): void {
    this.#leave.abort();
  }

  get left(): boolean {
    return this.#leave.signal.aborted;
  }

  /** As the transport ends a stream that is not read on. */
  async dispose(): Promise<void> {
    this.leave();
    await this.#events.return?.();
  }

  #apply({ cursor, event }: WatchMonitorsResponse): void {
    if (this.#inSnapshot !== (event.case === 'snapshot' && !event.value.first))
      this.problems.push(`${event.case} came`);
    switch (event.case) {
      case 'snapshot': {
        const { monitors, first, last } = event.value;
        if (first) this.known.clear();
        for (const monitor of monitors) this.known.set(monitor.name, monitor);
        this.#inSnapshot = !last;
        if (last !== (cursor !== '')) this.problems.push('a cursor within a snapshot, or none at its end');
        this.heard.push(['snapshot', ...monitors.map(({ name }) => name)].join(' '));
        break;
      }
      case 'changed':
        this.known.set(event.value.name, event.value);
        this.heard.push(`changed ${event.value.name}`);
        break;
      case 'removed':
        this.known.delete(event.value);
        this.heard.push(`removed ${event.value}`);
        break;
      default:
        this.heard.push(String(event.case));
    }
    if (cursor !== '') this.cursor = cursor;
    else if (event.case !== 'snapshot') this.problems.push('no cursor');
  }
}
