import { create } from '@bufbuild/protobuf';
import { durationFromMs, timestampFromMs } from '@bufbuild/protobuf/wkt';
import t from 'tap';
import { BeatStatus } from '../../gen/ts/tocsin/v1/heartbeat_pb.ts';
import {
  type Beat,
  IncidentReason,
  ListIncidentsRequestSchema,
  MonitorStatus,
} from '../../gen/ts/tocsin/v1/monitor_pb.ts';
import type { CallContext } from '../../server/service/call-context.ts';
import { listHistory } from '../../server/service/list-history.ts';
import type { StoredIncident } from '../../server/store/history-types.ts';
import type { MonitorKey } from '../../server/store/store.ts';
import { monitorOf } from '../engine/cast.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { failureOf, serviceUnderTest } from './service-under-test.ts';

const encoder = new TextEncoder();
const secondsOf = (beat: Beat): number => Number(beat.at!.seconds % 86_400n) - 43_200;

t.test('beats as they came, newest first', async (t) => {
  const { monitors, heartbeat, clock } = await serviceUnderTest(t);
  await heartbeat.ping({ name: 'job', frequency: '1h', status: BeatStatus.START, run: 'r1' });
  await clock.advance(1_500);
  const body = encoder.encode('Done.\n');
  await heartbeat.ping({
    name: 'job',
    frequency: '1h',
    status: BeatStatus.FAIL,
    run: 'r1',
    exitCode: 3,
    message: 'Failed',
    beatId: 'b1',
    body,
  });
  const { beats, nextPageToken } = await monitors.listBeats({ name: 'job' });
  t.equal(nextPageToken, '');
  t.match(beats, [
    {
      status: 'fail',
      at: timestampFromMs(clock.wallMs()),
      receivedAt: timestampFromMs(clock.wallMs()),
      message: 'Failed',
      exitCode: 3,
      run: 'r1',
      beatId: 'b1',
      source: '127.0.0.1',
      duration: durationFromMs(1_500),
    },
    { status: 'start', run: 'r1', message: '', beatId: '' },
  ]);
  t.strictSame(Buffer.from(beats[0]!.body), Buffer.from(body));
  t.equal(beats[1]!.duration, undefined);
  t.equal(beats[1]!.exitCode, undefined);
  t.ok(beats[0]!.id > beats[1]!.id);
});

t.test('beats in pages, while more come', async (t) => {
  const { monitors, heartbeat, clock } = await serviceUnderTest(t);
  const ping = async () => {
    await clock.advance(1_000);
    await heartbeat.ping({ name: 'job', frequency: '1h' });
  };
  for (let count = 0; count < 7; count++) await ping();
  const seen: number[] = [];
  for (let pageToken = '', isLast = false; !isLast; ) {
    const page = await monitors.listBeats({ name: 'job', pageSize: 3, pageToken });
    seen.push(...page.beats.map(secondsOf));
    pageToken = page.nextPageToken;
    isLast = pageToken === '';
    await ping();
  }
  t.same(seen, [7, 6, 5, 4, 3, 2, 1]);
  const { nextPageToken: pageToken } = await monitors.listBeats({ name: 'job', pageSize: 1 });
  await heartbeat.ping({ name: 'other', frequency: '1h' });
  t.match(await failureOf(monitors.listBeats({ name: 'other', pageToken })), { field: 'page_token' });
  t.match(await failureOf(monitors.listBeats({ name: 'nobody' })), { code: 'NotFound', field: 'name' });
});

t.test('incidents of one monitor and of all, with the beats around them', async (t) => {
  const { monitors, heartbeat, clock } = await serviceUnderTest(t);
  const ping = async (name: string, status: BeatStatus = BeatStatus.OK, message = '') => {
    await clock.advance(1_000);
    await heartbeat.ping({ name, frequency: '1m', grace: '10s', status, message });
  };
  await ping('a');
  await ping('a', BeatStatus.FAIL, 'Out of disk');
  await ping('a');
  await ping('b');
  await clock.advance(75_000);
  await ping('b');
  const { incidents } = await monitors.listIncidents({ name: 'a', beatsAround: 1 });
  const missed = incidents[0];
  const failed = incidents[1];
  t.match(failed, { reason: IncidentReason.FAILED, message: 'Out of disk', name: 'a', heldBy: '' });
  t.equal(Number(failed!.endedAt!.seconds - failed!.startedAt!.seconds), 1);
  t.same(
    failed!.beats.map(({ status }) => status),
    ['fail', 'ok'],
  );
  t.match(missed, { reason: IncidentReason.MISSED, endedAt: undefined, name: 'a' });
  t.equal(incidents.length, 2);
  t.equal(missed!.startedAt!.seconds, failed!.endedAt!.seconds + 70n, 'dated at the deadline');
  t.equal(missed!.id, (await monitors.getMonitor({ name: 'a' })).monitor!.incident!.id);

  const seen: string[] = [];
  for (let pageToken = '', isLast = false; !isLast; ) {
    const page = await monitors.listIncidents({ pageSize: 1, pageToken });
    seen.push(
      ...page.incidents.map(({ name, reason }) => `${name} ${reason === IncidentReason.FAILED ? 'failed' : 'missed'}`),
    );
    pageToken = page.nextPageToken;
    isLast = pageToken === '';
  }
  t.same(seen.toSorted(), ['a failed', 'a missed', 'b missed']);
  await monitors.deleteMonitor({ name: 'a' });
  const left = await monitors.listIncidents({});
  t.match(left, { incidents: [{ name: 'b', beats: [] }], nextPageToken: '' });
  t.match(await failureOf(monitors.listIncidents({ name: 'a' })), { code: 'NotFound', field: 'name' });
  t.match(await failureOf(monitors.listIncidents({ beatsAround: 1 })), { field: 'beats_around' });
});

t.test('a page ends at some 2 MB, and the next goes on from there', async (t) => {
  const { monitors, heartbeat, clock } = await serviceUnderTest(t);
  const count = 240;
  const body = new Uint8Array(10_000);
  const firstS = Math.floor(clock.wallMs() / 1_000) - count;
  for (let from = 0; from < count; from += 40) {
    const pings = Array.from({ length: 40 }, (_, index) => {
      const status = (from + index) % 2 === 0 ? BeatStatus.FAIL : BeatStatus.OK;
      const timestamp = BigInt(firstS + from + index);
      return { name: 'job', frequency: '1h', status, timestamp, body, message: 'm'.repeat(10_000) };
    });
    const { results } = await heartbeat.pingBatch({ pings });
    t.ok(results.every(({ result }) => result.case === 'response'));
  }
  const bytesOf = (beats: readonly Beat[]) =>
    beats.reduce((sum, beat) => sum + beat.message.length + beat.body.length, 0);
  const beatTimes: number[] = [];
  for (let pageToken = '', pages = 1; ; pages++) {
    const { beats, nextPageToken } = await monitors.listBeats({ name: 'job', pageSize: 500, pageToken });
    beatTimes.push(...beats.map(({ at }) => Number(at!.seconds) - firstS));
    t.ok(bytesOf(beats) <= 2_020_000);
    pageToken = nextPageToken;
    if (pageToken !== '') t.equal(bytesOf(beats), 2_000_000);
    else {
      t.equal(pages, 3);
      break;
    }
  }
  t.same(
    beatTimes,
    Array.from({ length: count }, (_, index) => count - 1 - index),
  );
  for (const beatsAround of [0, 1, 10]) {
    const starts: number[] = [];
    for (let pageToken = '', isLast = false; !isLast; ) {
      const page = await monitors.listIncidents({ name: 'job', pageSize: 500, pageToken, beatsAround });
      const bytes = page.incidents.reduce((sum, { message, beats }) => sum + message.length + bytesOf(beats), 0);
      t.ok(page.incidents.length > 0);
      t.ok(bytes < 2_420_000, `${bytes} bytes`);
      for (const { startedAt, beats } of page.incidents) {
        const start = Number(startedAt!.seconds) - firstS;
        starts.push(start);
        const around = beats.map(({ at }) => Number(at!.seconds) - firstS);
        const nearest = Array.from({ length: 2 * beatsAround }, (_, index) => start - beatsAround + 1 + index);
        t.same(
          around,
          nearest.filter((second) => second >= 0 && second < count),
        );
      }
      pageToken = page.nextPageToken;
      isLast = pageToken === '';
    }
    t.same(
      starts,
      Array.from({ length: count / 2 }, (_, index) => count - 2 - 2 * index),
    );
  }
});

t.test('incidents of many monitors that are gone are passed over, in bounded pages', async (t) => {
  const last = 12_000;
  const isThere = (seq: number): boolean => seq === 2 || seq === 1 || seq === last;
  const incidentOf = (seq: number): StoredIncident => {
    const said = { message: '', exitCode: null, heldBy: '' };
    return { seq, id: `i-${seq}`, monitorId: seq, reason: 'missed', startedMs: seq, endedMs: seq + 1, ...said };
  };
  let lookedAt = 0;
  const store = {
    async load(keys: MonitorKey[]) {
      const idOf = (key: MonitorKey): number => ('id' in key ? key.id : 0);
      return keys.map((key) => ({
        monitor: isThere(idOf(key)) ? monitorOf({ id: idOf(key), name: `m${idOf(key)}` }) : undefined,
        seenBeat: undefined,
      }));
    },
    async listIncidents({ beforeSeq, limit }: { beforeSeq: number | null; limit: number }) {
      const from = (beforeSeq ?? last + 1) - 1;
      const found = Array.from({ length: Math.min(limit, from) }, (_, index) => incidentOf(from - index));
      lookedAt += found.length;
      return found;
    },
    listBeats: async () => [],
    beatsAround: async () => [],
    listDays: async () => [],
  };
  const { listIncidents } = listHistory({ store, clock: new FakeClock() });
  const context = { signal: new AbortController().signal } as CallContext;
  const names: string[][] = [];
  for (let pageToken = '', isLast = false; !isLast; ) {
    lookedAt = 0;
    const request = create(ListIncidentsRequestSchema, { pageSize: 2, pageToken });
    const page = await listIncidents(request, context);
    names.push(page.incidents!.map(({ name }) => name!));
    t.ok(lookedAt <= 5_200, `${lookedAt} looked at`);
    pageToken = page.nextPageToken!;
    isLast = pageToken === '';
  }
  t.same(names, [['m12000'], [], ['m2', 'm1']]);
});

t.test('days and uptimes', async (t) => {
  const { monitors, heartbeat, clock } = await serviceUnderTest(t);
  await monitors.createMonitor({ monitor: { name: 'a', frequency: '1h', tags: ['x'] } });
  await monitors.createMonitor({ monitor: { name: 'b', frequency: '1h' } });
  await heartbeat.ping({ name: 'a', duration: durationFromMs(1_000) });
  await clock.advance(60_000);
  await heartbeat.ping({ name: 'a', status: BeatStatus.FAIL, duration: durationFromMs(3_000) });
  await clock.advance(30_000);
  const { days } = await monitors.listDays({ name: 'a' });
  t.match(days, [
    {
      date: '2026-05-01',
      upSeconds: 60,
      downSeconds: 30,
      unknownSeconds: 0,
      excludedSeconds: 43_200,
      beats: 2n,
      failures: 1n,
    },
  ]);
  const { durations } = days[0]!;
  t.match(durations, { count: 2n, minSeconds: 1, meanSeconds: 2, maxSeconds: 3 });
  const buckets = durations!.buckets.map(({ leSeconds, count }) => [Math.round(leSeconds! * 1_000), Number(count)]);
  t.same(buckets, [
    [1_024, 1],
    [4_096, 1],
  ]);
  const { uptimes } = await monitors.listUptimes({});
  t.match(uptimes, [
    { name: 'a', status: MonitorStatus.DOWN, upSeconds: 60, downSeconds: 30, unknownSeconds: 0, ratio: 2 / 3 },
    { name: 'b', status: MonitorStatus.NEW, upSeconds: 0, downSeconds: 0, ratio: undefined },
  ]);
  const first = await monitors.listUptimes({ pageSize: 1, days: 7 });
  t.match(first, { uptimes: [{ name: 'a' }] });
  const next = await monitors.listUptimes({ pageSize: 1, pageToken: first.nextPageToken });
  t.match(next, { uptimes: [{ name: 'b' }], nextPageToken: '' });
  t.match(await monitors.listUptimes({ tag: 'x' }), { uptimes: [{ name: 'a' }], nextPageToken: '' });
  t.match(await monitors.listUptimes({ namePrefix: 'c' }), { uptimes: [] });
  t.match(await failureOf(monitors.listUptimes({ days: 8 })), { field: 'days' });
  t.match(await failureOf(monitors.listDays({ name: 'c' })), { code: 'NotFound' });
  t.same((await monitors.listDays({ name: 'b' })).days, [], 'nothing was expected of it yet');
});

t.test('over REST', async (t) => {
  const { rest, clock } = await serviceUnderTest(t);
  await rest('GET', '/ping?name=a&frequency=1m');
  await clock.advance(61_000);
  t.match(await rest('GET', '/beats?name=a'), { status: 200, body: { beats: [{ status: 'ok', body: '' }] } });
  const incidents = await rest('GET', '/incidents?name=a&beats_around=2');
  t.match(incidents, {
    status: 200,
    body: { incidents: [{ name: 'a', reason: 'missed', ended_at: null, beats: [{ status: 'ok' }] }] },
  });
  t.match(await rest('GET', '/days?name=a&days=3'), {
    body: { days: [{ date: '2026-05-01', beats: 1, durations: null }] },
  });
  t.match(await rest('GET', '/uptimes?days=30'), {
    body: { uptimes: [{ name: 'a', status: 'down', up_seconds: 60 }] },
  });
  t.match(await rest('GET', '/beats'), { status: 400 });
  t.match(await rest('GET', '/beats?name=b'), { status: 404 });
});
