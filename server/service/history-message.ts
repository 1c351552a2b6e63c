import type { MessageInitShape } from '@bufbuild/protobuf';
import { durationFromMs } from '@bufbuild/protobuf/wkt';
import type { BeatSchema, DaySchema, DurationSummarySchema } from '../../gen/ts/tocsin/v1/monitor_pb.ts';
import { dayMs } from '../engine/domain/spent-time.ts';
import type { DayDurations, StoredBeat, StoredDay } from '../store/history-types.ts';
import { timestampOf } from './monitor-message.ts';

/** A beat of the history as the wire has it. */
export function beatMessage(beat: StoredBeat): MessageInitShape<typeof BeatSchema> {
  return {
    id: BigInt(beat.id),
    status: beat.status,
    at: timestampOf(beat.atMs),
    receivedAt: timestampOf(beat.receivedMs),
    message: beat.message,
    body: beat.body ?? undefined,
    duration: beat.durationMs === null ? undefined : durationFromMs(beat.durationMs),
    exitCode: beat.exitCode ?? undefined,
    run: beat.run,
    beatId: beat.beatId,
    source: beat.address,
    userAgent: beat.userAgent,
  };
}

/** A day of a monitor as the wire has it. */
export function dayMessage(stored: StoredDay): MessageInitShape<typeof DaySchema> {
  const { day, upMs, downMs, unknownMs, excludedMs, beats, failures, durations } = stored;
  return {
    date: new Date(day * dayMs).toISOString().slice(0, 10),
    upSeconds: upMs / 1000,
    downSeconds: downMs / 1000,
    unknownSeconds: unknownMs / 1000,
    excludedSeconds: excludedMs / 1000,
    beats: BigInt(beats),
    failures: BigInt(failures),
    durations: durations ? durationsMessage(durations) : undefined,
  };
}

function durationsMessage(durations: DayDurations): MessageInitShape<typeof DurationSummarySchema> {
  const { count, minMs, meanMs, maxMs, buckets } = durations;
  return {
    count: BigInt(count),
    minSeconds: minMs / 1000,
    meanSeconds: meanMs / 1000,
    maxSeconds: maxMs / 1000,
    buckets: buckets.map((bucket) => ({ leSeconds: boundMs(bucket.fromMs) / 1000, count: BigInt(bucket.count) })),
  };
}

/** Where the bucket ends that begins at `fromMs` (see `DayDurations`), ms. */
function boundMs(fromMs: number): number {
  return fromMs === 0 ? 1 : 2 ** ((Math.round(2 * Math.log2(fromMs)) + 1) / 2);
}
