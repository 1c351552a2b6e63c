export type { BeatStatus, PingDetails } from './beat.ts';
export type { TocsinStats } from './beat-sink.ts';
export { createTocsin, type Ping, type TimeLimit, type Tocsin, type TocsinOptions } from './client.ts';
export type { Clock, Timer } from './clock.ts';
export { flush, ping, withHeartbeat } from './default-client.ts';
export type { FetchLike } from './fetch-like.ts';
export { type CheckedFrequency, type Frequency, isFrequency } from './frequency.ts';
export { TocsinError, type TocsinErrorKind } from './tocsin-error.ts';
export type { AnyFunction, HeartbeatOptions, WithHeartbeat } from './with-heartbeat.ts';
