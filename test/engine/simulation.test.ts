import t from 'tap';
import type { Monitor } from '../../server/engine/domain/monitor.ts';
import type { Notice } from '../../server/engine/domain/notice.ts';
import { settle } from '../support/fake-clock.ts';
import { secondMs, tenMs } from './cast.ts';
import { EngineUnderTest } from './engine-under-test.ts';

/**
 * A few hundred monitors, each with a client of its own habits, and a server that is killed at any turn and started
 * again, stalls, and loses its store for a while. Deterministic: a seed that fails can be played again.
 */

const monitors = 150;
const storyMs = 180 * secondMs;
const stepMs = 250;
/** A blind time begins at the last stamp before the trouble and ends with the first after it. */
const slackMs = 1_300;

/** What the client of one monitor knows. */
type Client = {
  name: string;
  frequencyMs: number;
  graceMs: number;
  /** When it means to ping next; null: it has died. */
  nextMs: number | null;
  /** Every ping that it sent, and the answer; none when the server died first. */
  pings: { atMs: number; beatId: string; answer: 'none' | 'acked' | 'refused' }[];
};

/** mulberry32 */
function randomOf(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

class Simulation {
  readonly under: EngineUnderTest;
  readonly random: () => number;
  readonly clients: Client[];
  /** When the server was off, stalled or could not write. */
  readonly outages: { fromMs: number; toMs: number }[] = [];
  up = true;
  restarts = 0;

  constructor(under: EngineUnderTest, seed: number) {
    this.under = under;
    this.random = randomOf(seed);
    this.clients = Array.from({ length: monitors }, (_, index) => ({
      name: `m-${index}`,
      frequencyMs: this.pick([2, 5, 10, 30]) * secondMs,
      graceMs: this.pick([0, 500, 2_000]),
      nextMs: tenMs + Math.floor(this.random() * 5_000),
      pings: [],
    }));
  }

  pick<T>(from: T[]): T {
    return from[Math.floor(this.random() * from.length)]!;
  }

  get nowMs(): number {
    return this.under.clock.wallMs();
  }

  async run(): Promise<void> {
    while (this.nowMs < tenMs + storyMs) {
      await this.#trouble();
      for (const client of this.clients) this.#play(client);
      if (this.up && this.random() < 0.01) await this.#killMidTurn();
      await this.under.clock.advance(stepMs);
    }
    if (!this.up) await this.under.start();
    // Long enough for every deadline and every hold to end.
    await this.under.clock.advance(80 * secondMs);
  }

  /** Mostly a little before it is due, sometimes late, at times not at all for a while, at last for ever. */
  #play(client: Client): void {
    if (client.nextMs === null || client.nextMs > this.nowMs) return;
    if (this.up) {
      const ping: Client['pings'][number] = { atMs: this.nowMs, beatId: `b-${client.pings.length}`, answer: 'none' };
      client.pings.push(ping);
      const { name, frequencyMs, graceMs } = client;
      void this.under.send({ name, frequencyMs, graceMs, beatId: ping.beatId }).then(({ ok }) => {
        ping.answer = ok ? 'acked' : 'refused';
      });
    }
    const habit = this.random();
    if (habit < 0.01) client.nextMs = null;
    else if (habit < 0.05) client.nextMs = this.nowMs + client.frequencyMs * (1 + Math.floor(this.random() * 3));
    else client.nextMs = this.nowMs + Math.floor(client.frequencyMs * (0.6 + this.random() * 0.3));
  }

  async #trouble(): Promise<void> {
    const { under } = this;
    const event = this.random();
    if (event < 0.006) {
      const fromMs = this.nowMs;
      under.clock.stall(this.pick([1_500, 2_500, 9_000]));
      this.outages.push({ fromMs, toMs: this.nowMs });
    } else if (event < 0.012) {
      const fromMs = this.nowMs;
      under.store.failing = new Set(this.pick([['commit'], ['commit', 'stamp']] as const));
      for (const client of this.clients) this.#play(client);
      await under.clock.advance(this.pick([300, 1_000, 6_000]));
      under.store.failing.clear();
      this.outages.push({ fromMs, toMs: this.nowMs });
    } else if (event < 0.024) {
      await under.kill();
      await this.#off();
    }
  }

  /** Between the beats' arrival and the end of their turn. */
  async #killMidTurn(): Promise<void> {
    const turns = Math.floor(this.random() * 2);
    if (this.random() < 0.5) {
      this.under.store.beforeCommit = () => {
        void this.under.kill();
      };
      await settle(2);
    } else {
      for (let turn = 0; turn < turns; turn++) await settle(1);
      await this.under.kill();
    }
    await this.under.kill();
    await this.#off();
  }

  async #off(): Promise<void> {
    const fromMs = this.nowMs;
    this.up = false;
    this.restarts += 1;
    await this.under.clock.advance(this.pick([0, 300, 1_500, 2_500, 8_000, 25_000]));
    await this.under.start();
    this.up = true;
    this.outages.push({ fromMs, toMs: this.nowMs });
  }
}

/** Everything that is wrong with what the server did, in words. */
function problems(simulation: Simulation, stored: Map<string, Monitor>): string[] {
  const { under, clients, nowMs } = simulation;
  const outages = joined(simulation.outages);
  const found: string[] = [];
  const beatsOf = Map.groupBy(under.beats(), ({ monitorId }) => monitorId);
  const incidentsOf = Map.groupBy(under.incidents(), ({ monitorId }) => monitorId);
  const noticesOf = Map.groupBy(under.notices(), ({ name }) => name);
  for (const client of clients) {
    const monitor = stored.get(client.name);
    const acked = client.pings.filter(({ answer }) => answer === 'acked');
    if (!monitor) {
      if (acked.length > 0) found.push(`${client.name}: acknowledged, and gone`);
      continue;
    }
    const beats = beatsOf.get(monitor.id) ?? [];
    const beatIds = new Set(beats.map(({ beatId }) => beatId));
    for (const { beatId } of acked) if (!beatIds.has(beatId)) found.push(`${client.name}: lost ${beatId}`);
    if (beatIds.size !== beats.length) found.push(`${client.name}: a beat twice`);

    const incidents = incidentsOf.get(monitor.id) ?? [];
    const notices = noticesOf.get(client.name) ?? [];
    found.push(...noticeProblems(client.name, incidents, notices));

    // The naive model: between each beat that is stored and the next, was there a deadline that passed?
    for (const [index, { atMs }] of beats.entries()) {
      const nextMs = beats[index + 1]?.atMs ?? nowMs;
      const deadlineMs = atMs + client.frequencyMs + client.graceMs;
      const between = incidents.filter(({ startedMs }) => startedMs > atMs && startedMs <= nextMs);
      const where = `${client.name}: between ${atMs - tenMs} and ${nextMs - tenMs}`;
      if (between.length > 1) found.push(`${where} ${between.length} incidents`);
      if (nextMs <= deadlineMs && between.length > 0) found.push(`${where} a false incident`);
      if (nextMs <= deadlineMs || between.length > 0) continue;
      const windowMs = deadlineMs - client.graceMs - client.frequencyMs / 10;
      const held = outages.filter(({ fromMs, toMs }) => toMs + slackMs >= windowMs && fromMs - slackMs <= deadlineMs);
      if (!held.some(({ toMs }) => nextMs <= toMs + client.frequencyMs + slackMs)) found.push(`${where} a miss unseen`);
    }

    for (const { type, blind, lastBeatMs, deadlineMs } of notices) {
      if (type !== 'down' || blind) continue;
      const inTime = client.pings.filter(({ atMs }) => atMs > lastBeatMs! && atMs <= deadlineMs!);
      if (inTime.some(({ answer }) => answer === 'acked'))
        found.push(`${client.name}: false at ${deadlineMs! - tenMs}`);
      // The server did not take it, when it was due: then the alert must say why.
      const windowMs = deadlineMs! - client.graceMs - client.frequencyMs / 10;
      const isBlind = (ping: Client['pings'][number]) =>
        ping.answer === 'refused' ||
        outages.some(({ fromMs, toMs }) => toMs - fromMs >= 2_000 && fromMs <= ping.atMs && toMs >= ping.atMs);
      const lost = inTime.find((ping) => ping.atMs >= windowMs && !beatIds.has(ping.beatId) && isBlind(ping));
      if (lost) found.push(`${client.name}: at ${deadlineMs! - tenMs}, and ${lost.beatId} explains it`);
    }
  }
  return found;
}

/** Outages with too little time between them for the server to do anything are one. */
function joined(outages: Simulation['outages']): Simulation['outages'] {
  const result: Simulation['outages'] = [];
  for (const outage of outages) {
    const last = result.at(-1);
    if (last && outage.fromMs - last.toMs < stepMs) last.toMs = outage.toMs;
    else result.push({ ...outage });
  }
  return result;
}

function noticeProblems(
  name: string,
  incidents: { id: string; endedMs: number | null }[],
  notices: Notice[],
): string[] {
  const found: string[] = [];
  const open = incidents.filter(({ endedMs }) => endedMs === null);
  if (open.length > 1) found.push(`${name}: ${open.length} open incidents`);
  for (const { id, endedMs } of incidents) {
    const said = notices
      .filter(({ incidentId }) => incidentId === id)
      .map(({ type, merged }) => (merged ? 'merged' : type));
    const wanted = endedMs === null ? ['down'] : ['down,up', 'merged'];
    if (!wanted.includes(said.join())) found.push(`${name}: incident ${id} was told as "${said}"`);
  }
  return found;
}

for (const seed of [1, 2, 3]) {
  t.test(`seed ${seed}`, async (t) => {
    const under = await EngineUnderTest.start(t, { limits: { queueMax: 200, batchMax: 60, dueMax: 40 } });
    const simulation = new Simulation(under, seed);
    await simulation.run();
    const { monitors: all } = await under.store.find({ order: 'name', after: null, limit: 500 });
    const stored = new Map(all.map((monitor) => [monitor.name, monitor]));
    const found = problems(simulation, stored);
    const acked = simulation.clients.flatMap(({ pings }) => pings).filter(({ answer }) => answer === 'acked').length;
    t.same(found.slice(0, 20), [], `seed ${seed}: ${found.length} problems`);
    const told = { acked, restarts: simulation.restarts, incidents: under.incidents().length };
    const blind = under.notices().filter((notice) => notice.blind).length;
    t.ok(acked > 1_000 && told.restarts > 2 && told.incidents > 100 && blind > 0, JSON.stringify({ ...told, blind }));
  });
}
