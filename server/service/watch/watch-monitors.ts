import type { MessageInitShape } from '@bufbuild/protobuf';
import { Code } from '@connectrpc/connect';
import type {
  MonitorSchema,
  MonitorService,
  WatchMonitorsRequest,
  WatchMonitorsResponseSchema,
} from '../../../gen/ts/tocsin/v1/monitor_pb.ts';
import type { Clock, Timer } from '../../clock.ts';
import type { Monitor } from '../../engine/domain/monitor.ts';
import type { NextOccurrence } from '../../engine/domain/schedule.ts';
import type { FoundMonitors, MonitorPlace } from '../../store/monitor-query.ts';
import type { Store } from '../../store/store.ts';
import type { CallContext } from '../call-context.ts';
import { callError } from '../call-error.ts';
import { monitorMessage } from '../monitor-message.ts';
import { reading } from '../read-error.ts';
import type { MethodHandler } from '../service-handlers.ts';
import type { ChangeFeed } from './change-feed.ts';
import type { FeedChange } from './feed-change.ts';
import { isWatched } from './watch-filter.ts';
import { WatchPace } from './watch-pace.ts';
import type { Watcher } from './watcher.ts';

/** Without an event for so long, there is a heartbeat: clients and proxies know that the stream lives. */
const quietMs = 15_000;
/** A client that has not read an event for so long is cut: its place may be wanted by one that does. */
const unreadMs = 60_000;
/** Monitors in one part of a snapshot: even if each is as large as can be, it is below the 4 MiB that gRPC clients take. */
const partMonitors = 100;

export type WatchOptions = {
  feed: ChangeFeed;
  store: Pick<Store, 'find' | 'load'>;
  clock: Clock;
  nextOccurrence: NextOccurrence;
};

type Response = MessageInitShape<typeof WatchMonitorsResponseSchema>;
type MonitorMessage = MessageInitShape<typeof MonitorSchema>;

/**
 * WatchMonitors. A watcher is told from before its snapshot is read, so nothing falls between the two; and what it is told
 * is the state at the time of sending, so it is never older than what it has.
 */
export function watchMonitors(options: WatchOptions): MethodHandler<typeof MonitorService.method.watchMonitors> {
  const watching = new Watching(options);
  return (request, context) => watching.stream(request, context);
}

class Watching {
  readonly #options: WatchOptions;
  readonly #pace: WatchPace;
  /** The message built last: what changes is told to one watcher after the other. */
  #built: { id: number; version: number; nowMs: number; message: MonitorMessage } | null = null;

  constructor(options: WatchOptions) {
    this.#options = options;
    this.#pace = new WatchPace(options.clock);
  }

  async *stream(request: WatchMonitorsRequest, { signal }: CallContext): AsyncGenerator<Response> {
    const { tag, namePrefix, beats, cursor } = request;
    if (signal.aborted) return;
    const watcher = this.#options.feed.watch({ tag, namePrefix, beats }, cursor);
    if (watcher === null) throw tooMany();
    let unread: Timer | null = null;
    // At once, also while the client does not read what is there.
    const leave = (): void => {
      watcher.close();
      unread?.cancel();
    };
    signal.addEventListener('abort', leave, { once: true });
    try {
      for await (const event of this.#events(watcher)) {
        // Resolves when the transport could write it and asks for more.
        unread = this.#options.clock.after(unreadMs, () => watcher.cut());
        yield event;
        unread.cancel();
      }
      if (watcher.isCut) throw tooSlow();
    } finally {
      signal.removeEventListener('abort', leave);
      leave();
    }
  }

  async *#events(watcher: Watcher): AsyncGenerator<Response> {
    if (watcher.resumed) yield heartbeat(watcher);
    else yield* this.#snapshot(watcher);
    yield* this.#changes(watcher);
  }

  async *#snapshot(watcher: Watcher): AsyncGenerator<Response> {
    const { store } = this.#options;
    const { tag, namePrefix } = watcher.filter;
    let first = true;
    let after: MonitorPlace | null = null;
    do {
      const page: FoundMonitors = await reading(
        store.find({ order: 'name', after, limit: partMonitors, tag, namePrefix }),
      );
      after = page.next;
      if (page.monitors.length === 0 && after !== null) continue;
      await this.#pace.turn(partMonitors);
      if (!watcher.isOpen) return;
      const monitors = page.monitors.map((monitor) => this.#message(monitor));
      const last = after === null;
      yield { cursor: last ? watcher.cursor : '', event: { case: 'snapshot', value: { monitors, first, last } } };
      first = false;
    } while (after !== null && watcher.isOpen);
  }

  async *#changes(watcher: Watcher): AsyncGenerator<Response> {
    while (watcher.isOpen) {
      if (watcher.pending === 0) {
        const isQuiet = await this.#quiet(watcher);
        if (isQuiet && watcher.isOpen) yield heartbeat(watcher);
        continue;
      }
      await this.#pace.turn(1);
      const change = watcher.take();
      if (change) yield await this.#changed(watcher, change);
    }
  }

  async #changed(watcher: Watcher, { id, name }: FeedChange): Promise<Response> {
    const [loaded] = await reading(this.#options.store.load([{ id }]));
    const monitor = loaded?.monitor;
    const { cursor } = watcher;
    if (!monitor || !isWatched(watcher.filter, monitor)) return { cursor, event: { case: 'removed', value: name } };
    return { cursor, event: { case: 'changed', value: this.#message(monitor) } };
  }

  /** Resolves when something happens (false), or nothing has happened for some time (true). */
  async #quiet(watcher: Watcher): Promise<boolean> {
    let isQuiet = false;
    const waiting = watcher.wait();
    const timer = this.#options.clock.after(quietMs, () => {
      isQuiet = true;
      watcher.stopWaiting();
    });
    await waiting;
    timer.cancel();
    return isQuiet;
  }

  #message(monitor: Monitor): MonitorMessage {
    const { clock, nextOccurrence } = this.#options;
    const { id, version } = monitor;
    const nowMs = clock.wallMs();
    const built = this.#built;
    if (built?.id === id && built.version === version && built.nowMs === nowMs) return built.message;
    const message = monitorMessage(monitor, { nowMs, nextOccurrence });
    this.#built = { id, version, nowMs, message };
    return message;
  }
}

function heartbeat({ cursor }: Watcher): Response {
  return { cursor, event: { case: 'heartbeat', value: {} } };
}

function tooMany() {
  const message = 'as many clients watch as the server allows; try again later';
  return callError({ code: Code.ResourceExhausted, message });
}

function tooSlow() {
  const message = 'what there is to tell was not read in time; begin again with the last cursor';
  return callError({ code: Code.ResourceExhausted, message });
}
