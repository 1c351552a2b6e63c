import type { IncomingHttpHeaders } from 'node:http';
import type { Test } from 'tap';
import type { Notice } from '../../server/engine/domain/notice.ts';
import type { ChannelKind } from '../../server/notify/channel-kind.ts';
import type { Attempt, Notifier, Verdict } from '../../server/notify/notifier.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { downNotice, listen, notifierContract } from './notifier-contract.ts';
import { portsForTests } from './ports-for-tests.ts';

export type KindUnderTest<Settings> = {
  kind: ChannelKind<Settings>;
  /** Valid settings for a receiver at this origin. */
  settings: (origin: string) => Record<string, unknown>;
  /** Parts of them that no verdict may show. */
  secrets: string[];
};

/** What every notifier promises, for the notifier of a kind. */
export function kindContract<Settings>(
  t: Test,
  name: string,
  { kind, settings, secrets }: KindUnderTest<Settings>,
): void {
  const make = (options: { origin: string; clock: FakeClock; timeoutMs: number }): Notifier =>
    kind.notifier(kind.settings.parse(settings(options.origin)), portsForTests(options.clock, options));
  notifierContract(t, { name, make, secrets });
}

export type Received = { method: string; url: string; headers: IncomingHttpHeaders; text: string; json: unknown };
export type Reply = { status: number; text: string };

/** Sends an attempt to a receiver that gives these replies in turn, the last one for all that follow. */
export async function deliver<Settings>(
  t: Test,
  { kind, settings }: KindUnderTest<Settings>,
  attempt: Partial<Attempt> & Pick<Attempt, 'notices'>,
  replies: readonly [Reply, ...Reply[]] = [{ status: 200, text: 'ok' }],
): Promise<{ verdict: Verdict; received: Received[] }> {
  const received: Received[] = [];
  const origin = await listen(t, async (request, response) => {
    let text = '';
    for await (const chunk of request) text += chunk;
    const reply = replies[Math.min(received.length, replies.length - 1)] ?? replies[0];
    const { method = '', url = '', headers } = request;
    received.push({ method, url, headers, text, json: JSON.parse(text) });
    response.writeHead(reply.status).end(reply.text);
  });
  const notifier = kind.notifier(kind.settings.parse(settings(origin)), portsForTests(new FakeClock()));
  const verdict = await notifier.send(
    { id: 'msg_1', attempt: 1, endedDigests: [], ...attempt },
    new AbortController().signal,
  );
  return { verdict, received };
}

/** The problems of settings: path and message of each. */
export function problemsOf<Settings>(kind: ChannelKind<Settings>, settings: unknown): string[] {
  const result = kind.settings.safeParse(settings);
  return result.success ? [] : result.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
}

const at = (time: string): number => Date.parse(`2026-03-14T${time}Z`);

/** The monitor "backup" goes down at 03:11, and is up at 03:20. */
export const down: Notice = downNotice(at('03:11:01'), {
  lastBeatMs: at('03:00:00'),
  dueMs: at('03:10:00'),
  deadlineMs: at('03:11:00'),
  downSinceMs: at('03:11:00'),
  tags: ['db', 'prod'],
});
const recovered = { recoveredMs: at('03:20:00'), lastBeatMs: at('03:20:00'), atMs: at('03:20:00') };

export const notices = {
  down,
  reminder: { ...down, repeat: 2 },
  up: { ...down, ...recovered, type: 'up' },
  merged: { ...down, ...recovered, type: 'up', merged: true },
  closed: { ...down, type: 'closed', message: 'it was paused' },
  flapping: { ...down, type: 'flapping', flaps: 5 },
  test: { ...down, type: 'test' },
} satisfies Record<string, Notice>;

/** What is larger where it goes than here: as bytes, in JSON, or behind escapes. */
export const worstCharacters = ['&', '@', '"', '<', '*', '\\', 'é', '🔔'];

/** A notice that is as long as they get, of nothing but this character. */
export function worstNotice(character: string, index = 0): Notice {
  const bytes = (max: number): string => character.repeat(max / Buffer.byteLength(character));
  return {
    ...down,
    name: `${index}${bytes(250)}`,
    reason: 'failed',
    message: character.repeat(300),
    heldBy: bytes(256),
    tags: Array.from({ length: 50 }, (_, tag) => `${tag} ${bytes(60)}`),
  };
}

/** 10,000 monitors, of which those that come first are such. */
export function worstDigest(character: string): [Notice, ...Notice[]] {
  const digest: [Notice, ...Notice[]] = [worstNotice(character)];
  for (let index = 1; index < 30; index++) digest.push(worstNotice(character, index));
  for (let index = 30; index < 10_000; index++) digest.push({ ...down, name: `job ${index}`, severity: 'info' });
  return digest;
}
