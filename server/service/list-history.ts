import { Code } from '@connectrpc/connect';
import type { MonitorService } from '../../gen/ts/tocsin/v1/monitor_pb.ts';
import type { Clock } from '../clock.ts';
import { dayOf } from '../engine/domain/spent-time.ts';
import { beatBytes } from '../store/beat-bytes.ts';
import type { StoredBeat, StoredIncident } from '../store/history-types.ts';
import type { Store } from '../store/store.ts';
import { callError } from './call-error.ts';
import { beatMessage, dayMessage } from './history-message.ts';
import { incidentMessage } from './monitor-message.ts';
import { monitorNamed } from './monitor-named.ts';
import { readNumericPageToken, writePageToken } from './page-token.ts';
import { reading } from './read-error.ts';
import type { ServiceHandlers } from './service-handlers.ts';

const pageSizeDefault = 50;
const daysDefault = 90;
/**
 * A page ends with what fills it, bytes of messages and bodies: 500 times 20 beats of 20 kB are more than can be written, and
 * even a tenth of it holds up pings. One incident has at most 420 kB.
 */
const pageBytesMax = 2_000_000;
/** Incidents that one call looks at before it says to go on: many may be of monitors that are gone. */
const lookedAtMax = 5_000;
/** The same of one read, at least. */
const lookedAtOnce = 200;

type HistoryLists = Pick<ServiceHandlers<typeof MonitorService>, 'listBeats' | 'listIncidents' | 'listDays'>;

export type ListHistoryOptions = {
  store: Pick<Store, 'load' | 'listBeats' | 'beatsAround' | 'listDays' | 'listIncidents'>;
  clock: Clock;
};

/** What is remembered of monitors: beats, incidents and days. */
export function listHistory({ store, clock }: ListHistoryOptions): HistoryLists {
  return {
    async listBeats({ name, pageSize, pageToken }) {
      const scope = ['beats', name];
      const beforeId = readNumericPageToken(scope, pageToken);
      const { id: monitorId } = await monitorNamed(store, name);
      const size = pageSize || pageSizeDefault;
      // One more than asked for tells whether there is a next page.
      const found = await reading(store.listBeats({ monitorId, beforeId, limit: size + 1, bytesMax: pageBytesMax }));
      const beats = found.slice(0, size);
      const isLast = found.length <= size && found.reduce((sum, beat) => sum + beatBytes(beat), 0) < pageBytesMax;
      const nextPageToken = writePageToken(scope, isLast ? null : beats.at(-1)!.id);
      return { beats: beats.map(beatMessage), nextPageToken };
    },

    async listIncidents({ name, pageSize, pageToken, beatsAround }) {
      if (beatsAround > 0 && name === '') throw onlyWithName();
      const scope = ['incidents', name];
      const beforeSeq = readNumericPageToken(scope, pageToken);
      const monitorId = name === '' ? null : (await monitorNamed(store, name)).id;
      const page = await incidentsPage(store, { monitorId, beforeSeq, size: pageSize || pageSizeDefault });
      const around =
        monitorId === null || beatsAround === 0 || page.shown.length === 0
          ? page.shown.map(() => [])
          : await reading(
              store.beatsAround({
                monitorId,
                times: page.shown.map(({ incident }) => incident.startedMs),
                before: beatsAround,
                after: beatsAround,
                bytesMax: pageBytesMax,
              }),
            );
      const { shown, next } = cutToBytes(page, around);
      const incidents = shown.map(({ incident, name: monitorName }, index) =>
        incidentMessage(incident, { name: monitorName, beats: around[index]!.map(beatMessage) }),
      );
      return { incidents, nextPageToken: writePageToken(scope, next) };
    },

    async listDays({ name, days }) {
      const { id: monitorId } = await monitorNamed(store, name);
      const nowMs = clock.wallMs();
      const toDay = dayOf(nowMs);
      const fromDay = toDay - (days || daysDefault) + 1;
      const found = await reading(store.listDays({ monitorId, fromDay, toDay, nowMs }));
      return { days: found.map(dayMessage) };
    },
  };
}

type Page = { shown: { incident: StoredIncident; name: string }[]; next: number | null };

/** As much of a page as there is room for; of its last incidents, the beats may be missing. */
function cutToBytes(page: Page, around: readonly (readonly StoredBeat[])[]): Page {
  let bytes = 0;
  for (const [index, { incident }] of page.shown.entries()) {
    bytes += Buffer.byteLength(incident.message);
    for (const beat of around[index]!) bytes += beatBytes(beat);
    const count = index + 1;
    const isFull = bytes >= pageBytesMax || count === around.length;
    if (isFull && count < page.shown.length) return { shown: page.shown.slice(0, count), next: incident.seq };
  }
  return page;
}

/** Incidents of monitors that there are. */
async function incidentsPage(
  store: ListHistoryOptions['store'],
  asked: { monitorId: number | null; beforeSeq: number | null; size: number },
): Promise<Page> {
  const { monitorId, size } = asked;
  const shown: Page['shown'] = [];
  // One more than asked for tells whether there is a next page.
  const limit = Math.max(size + 1, lookedAtOnce);
  let next = asked.beforeSeq;
  for (let lookedAt = 0; lookedAt < lookedAtMax; ) {
    const found = await reading(store.listIncidents({ monitorId, beforeSeq: next, limit }));
    const loaded = await store.load(found.map((incident) => ({ id: incident.monitorId })));
    for (const [index, incident] of found.entries()) {
      const monitor = loaded[index]!.monitor;
      if (monitor && shown.length === size) return { shown, next };
      if (monitor) shown.push({ incident, name: monitor.name });
      next = incident.seq;
    }
    if (found.length < limit) return { shown, next: null };
    lookedAt += found.length;
  }
  return { shown, next };
}

function onlyWithName() {
  const message = 'beats_around: must be given with a name, or be 0';
  return callError({ code: Code.InvalidArgument, message, field: 'beats_around' });
}
