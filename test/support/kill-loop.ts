import { randomUUID } from 'node:crypto';
import { RunningServer } from './running-server.ts';
import { storedBeats } from './stored-beats.ts';

export type KillReport = {
  rounds: number;
  acknowledged: number;
  /** Pings that got no answer because the server died under them. */
  unanswered: number;
  /** Acknowledged beats that are not in the history afterwards: must be empty. */
  missing: string[];
  /** Monitors whose state is older than their newest acknowledged beat: must be empty. */
  behind: string[];
};

const names = Array.from({ length: 40 }, (_, index) => `job-${index}`);

/**
 * Kills the server with SIGKILL again and again while clients ping it, each time after a random number of
 * acknowledgements; then compares what was acknowledged with what is stored.
 */
export async function killLoop(options: {
  dataDir: string;
  rounds: number;
  /** Acknowledgements per round, at most. */
  acksMax: number;
  random: () => number;
  onRound?: (round: number, acknowledged: number) => void;
}): Promise<KillReport> {
  const { dataDir, rounds, acksMax, random, onRound } = options;
  const acknowledged: Acknowledged[] = [];
  let unanswered = 0;
  for (let round = 1; round <= rounds; round++) {
    const server = await RunningServer.start({ TOCSIN_DATA_DIR: dataDir, LOG_LEVEL: 'info' });
    const target = acknowledged.length + 1 + Math.floor(random() * acksMax);
    let dead = false;
    const client = async (): Promise<void> => {
      while (!dead) {
        const name = names[Math.floor(random() * names.length)]!;
        const beatId = randomUUID();
        const query = new URLSearchParams({ name, frequency: '1h', beat_id: beatId });
        const answer = await ping(`${server.url}/ping?${query}`);
        if (answer === null) unanswered += 1;
        else acknowledged.push({ name, beatId, acceptedMs: Date.parse(answer.accepted_at) });
        if (acknowledged.length >= target && !dead) {
          dead = true;
          await server.kill('SIGKILL');
        }
      }
    };
    await Promise.all(Array.from({ length: 16 }, client));
    onRound?.(round, acknowledged.length);
  }
  // Once more, so that what is compared is what a server recovers.
  const last = await RunningServer.start({ TOCSIN_DATA_DIR: dataDir });
  const behind = await behindAcknowledged(last.url, acknowledged);
  await last.kill('SIGTERM');
  const missing = missingBeats(dataDir, acknowledged);
  return { rounds, acknowledged: acknowledged.length, unanswered, missing, behind };
}

async function ping(url: string): Promise<{ accepted_at: string } | null> {
  try {
    const response = await fetch(url);
    if (response.status !== 200) throw new Error(`status ${response.status}: ${await response.text()}`);
    return (await response.json()) as { accepted_at: string };
  } catch (error) {
    // Connection refused, reset or cut short. An answer with another status is a fault of the server.
    if (error instanceof Error && error.message.startsWith('status')) throw error;
    return null;
  }
}

type Acknowledged = { name: string; beatId: string; acceptedMs: number };

/** Beats that are not in the history, by id. */
function missingBeats(dataDir: string, acknowledged: Acknowledged[]): string[] {
  const stored = new Set(storedBeats(dataDir).map(({ beatId }) => beatId));
  return acknowledged.map(({ beatId }) => beatId).filter((beatId) => !stored.has(beatId));
}

/** Monitors whose last beat, as the server tells, is older than the newest that it acknowledged. */
async function behindAcknowledged(url: string, acknowledged: Acknowledged[]): Promise<string[]> {
  const newest = new Map<string, number>();
  for (const { name, acceptedMs } of acknowledged) newest.set(name, Math.max(acceptedMs, newest.get(name) ?? 0));
  const behind: string[] = [];
  for (const [name, atMs] of newest) {
    const response = await fetch(`${url}/monitors/${name}`);
    const { last_beat_at } = (await response.json()) as { last_beat_at?: string };
    if (last_beat_at === undefined || Date.parse(last_beat_at) < atMs) behind.push(name);
  }
  return behind;
}
