import { Code, ConnectError, createClient } from '@connectrpc/connect';
import { createConnectTransport } from '@connectrpc/connect-node';
import type { Test } from 'tap';
import { AlertService } from '../../gen/ts/tocsin/v1/alert_pb.ts';
import { ChannelService } from '../../gen/ts/tocsin/v1/channel_pb.ts';
import { HeartbeatService } from '../../gen/ts/tocsin/v1/heartbeat_pb.ts';
import { MonitorService } from '../../gen/ts/tocsin/v1/monitor_pb.ts';
import { fieldOf } from '../../server/service/call-error.ts';
import { startAppOnFakeClock } from '../support/app-on-fake-clock.ts';
import { FakeClock } from '../support/fake-clock.ts';

/** A running server with time in the test's hands, and its clients. It ends with the test. */
export async function serviceUnderTest(t: Test, env: Record<string, string> = {}) {
  const clock = new FakeClock(Date.UTC(2026, 4, 1, 12));
  const app = await startAppOnFakeClock(clock, { TOCSIN_DATA_DIR: t.testdir(), ...env });
  let stopped: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    stopped ??= app.stop();
    await clock.advance(1_000);
    await stopped;
  };
  t.teardown(stop);
  const transport = createConnectTransport({ baseUrl: app.url, httpVersion: '1.1' });
  /** The REST bridge: a body makes it JSON. */
  const rest = async (method: string, path: string, body?: unknown) => {
    const init =
      body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } };
    const response = await fetch(app.url + path, { method, ...init });
    return { status: response.status, body: await response.json() };
  };
  return {
    clock,
    url: app.url,
    monitors: createClient(MonitorService, transport),
    alerts: createClient(AlertService, transport),
    channels: createClient(ChannelService, transport),
    heartbeat: createClient(HeartbeatService, transport),
    rest,
    stop,
  };
}

export type ServiceUnderTest = Awaited<ReturnType<typeof serviceUnderTest>>;

/** What a call that must fail failed with. */
export async function failureOf(call: Promise<unknown>) {
  try {
    await call;
  } catch (error) {
    if (!(error instanceof ConnectError)) throw error;
    return { code: Code[error.code], field: fieldOf(error), message: error.rawMessage };
  }
  throw new Error('the call succeeded');
}
