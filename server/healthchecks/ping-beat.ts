import type { Beat, BeatStatus } from '../engine/domain/monitor.ts';
import { type MonitorSpec, plainConfig } from '../engine/domain/monitor-config.ts';
import { readPingBody } from './ping-body.ts';
import type { PingSignal, PingUrl } from './read-ping-url.ts';

/** A ping that has come in full. */
export type ReceivedPing = Pick<PingUrl, 'signal' | 'run'> & {
  name: string;
  body: Uint8Array;
  receivedMs: number;
  address: string;
  userAgent: string;
  /** What a monitor is that this ping makes; null: it makes none. */
  provision: MonitorSpec | null;
};

const userAgentMax = 200;

/** The beat that a ping says. It names no schedule: the monitor keeps its own. */
export function pingBeat({ name, signal, run, body, provision, ...origin }: ReceivedPing): Beat {
  return {
    name,
    status: statusOf(signal),
    frequencyMs: null,
    graceMs: null,
    named: null,
    keepsSchedule: true,
    provision,
    stampS: null,
    ...readPingBody(body),
    durationMs: null,
    exitCode: signal.kind === 'exit' ? signal.exitCode : null,
    run,
    beatId: '',
    receivedMs: origin.receivedMs,
    address: origin.address,
    userAgent: origin.userAgent.slice(0, userAgentMax),
  };
}

function statusOf(signal: PingSignal): BeatStatus {
  switch (signal.kind) {
    case 'success':
      return 'ok';
    case 'exit':
      return signal.exitCode === 0 ? 'ok' : 'fail';
    default:
      return signal.kind;
  }
}

const graceMs = 3_600_000;

/** What `create=1` makes, as Healthchecks does: expected every day, with an hour of grace, also for the end of a run. */
export function provisionedMonitor(pingId: string): MonitorSpec {
  return { ...plainConfig, origin: 'api', frequencyMs: 86_400_000, graceMs, maxRunMs: graceMs, pingId };
}
