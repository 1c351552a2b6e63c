import { AlertReceiver, type ReceivedAlert } from './alert-receiver.ts';
import { RunningServer } from './running-server.ts';

export type AlertKillReport = {
  /** Monitors whose failure was acknowledged. */
  failed: number;
  /** Attempts that the receiver saw, and those of them that came more than once. */
  attempts: number;
  repeated: number;
  digests: number;
  /** Failures that nobody was told of: must be empty. */
  untold: string[];
  /** Incidents that were told under more than one delivery id: must be empty. */
  underTwoIds: string[];
  /** Delivery ids that did not say the same every time: must be empty. */
  changed: string[];
};

/**
 * Kills the server with SIGKILL again and again while it delivers alerts, each time after a random number of attempts that the
 * receiver saw, of which it answers some, refuses some, and leaves some without an answer; then lets it finish.
 */
export async function alertKillLoop(options: {
  dataDir: string;
  rounds: number;
  /** Monitors that fail per round. */
  failures: number;
  random: () => number;
}): Promise<AlertKillReport> {
  const { dataDir, rounds, failures, random } = options;
  const receiver = await new AlertReceiver().listen();
  const env = { TOCSIN_DATA_DIR: dataDir, PING_ALERT_URI: receiver.url, LOG_LEVEL: 'info' };
  const failed: string[] = [];
  try {
    receiver.answer = () => (random() < 0.4 ? 200 : random() < 0.5 ? 500 : 'drop');
    for (let round = 0; round < rounds; round++) {
      const server = await RunningServer.start(env);
      // Few fail one after the other, then many at once: singles and digests.
      const target = receiver.attempts.length + 1 + Math.floor(random() * 6);
      for (let n = 0; n < failures; n++) {
        const name = `job-${round}-${n}`;
        const ping = await fetch(`${server.url}/ping?name=${name}&frequency=1h&status=fail`);
        if (ping.status !== 200) throw new Error(`status ${ping.status}: ${await ping.text()}`);
        failed.push(name);
      }
      // Or a moment later: what goes as a digest may come to fewer attempts than that.
      await receiver.until(() => receiver.attempts.length >= target, 3_000).catch(() => {});
      await server.kill('SIGKILL');
    }
    receiver.answer = () => 200;
    const last = await RunningServer.start(env);
    await receiver.until(() => toldIn(receiver.accepted).size >= failed.length, 120_000).catch(() => {});
    await last.kill('SIGTERM');
    return reportOf(receiver, failed);
  } finally {
    await receiver.close();
  }
}

function reportOf({ attempts, accepted }: AlertReceiver, failed: string[]): AlertKillReport {
  const told = toldIn(accepted);
  const idsByIncident = new Map<string, Set<string>>();
  const bodiesById = new Map<string, Set<string>>();
  for (const attempt of attempts) {
    const id = String(attempt.headers['webhook-id']);
    bodiesById.set(id, (bodiesById.get(id) ?? new Set()).add(attempt.text));
    for (const { incidentId } of saidIn(attempt)) {
      idsByIncident.set(incidentId, (idsByIncident.get(incidentId) ?? new Set()).add(id));
    }
  }
  return {
    failed: failed.length,
    attempts: attempts.length,
    repeated: attempts.length - bodiesById.size,
    digests: attempts.filter(({ body }) => body?.type === 'monitors.digest').length,
    untold: failed.filter((name) => !told.has(name)),
    underTwoIds: [...idsByIncident].filter(([, ids]) => ids.size > 1).map(([incident]) => incident),
    changed: [...bodiesById].filter(([, bodies]) => bodies.size > 1).map(([id]) => id),
  };
}

/** Names of the monitors that alerts told of as down. */
function toldIn(alerts: readonly ReceivedAlert[]): Set<string> {
  return new Set(alerts.flatMap((alert) => saidIn(alert).map(({ name }) => name)));
}

/** What an alert says: of one monitor, or of many. */
function saidIn({ body }: ReceivedAlert): { name: string; incidentId: string }[] {
  if (body === null) return [];
  const data = body.data as { monitors?: Said[] } & Said;
  const items = body.type === 'monitors.digest' ? (data.monitors ?? []) : [data];
  return items
    .filter(({ status }) => status === 'down')
    .map((item) => ({ name: item.name, incidentId: item.incident_id }));
}

type Said = { name: string; status: string; incident_id: string };
