import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import type { Test } from 'tap';
import type { Clock, Timer } from '../../server/clock.ts';
import type { Outcome } from '../../server/engine/command.ts';
import type { AlertRules } from '../../server/engine/domain/alerting/alert-rules.ts';
import type { Beat, BeatRecord, IncidentRecord, Monitor } from '../../server/engine/domain/monitor.ts';
import type { Notice } from '../../server/engine/domain/notice.ts';
import { Engine } from '../../server/engine/engine.ts';
import type { ChangeSink, EngineLimits } from '../../server/engine/engine-options.ts';
import { SqliteStore } from '../../server/store/sqlite/sqlite-store.ts';
import { alertRules } from '../support/alert-rules.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';
import { storedBeats } from '../support/stored-beats.ts';
import { beatOf, counter, hourMs, tenMs, wholeHours } from './cast.ts';
import { WatchedStore } from './watched-store.ts';

type Options = {
  limits?: Partial<EngineLimits>;
  alertRepeatMs?: number | null;
  blindHoldMaxMs?: number;
  changes?: ChangeSink;
  /** Default: "id-1", "id-2" and so on. */
  newId?: () => string;
};

const nobody: ChangeSink = { wantsBeats: false, publish: () => {} };

/** An engine on a fake clock and a real store in a directory of its own, which can be killed and started again. */
export class EngineUnderTest {
  readonly clock = new FakeClock(tenMs);
  readonly directory: string;
  readonly warnings: string[] = [];
  readonly #options: Options;
  readonly #newId: () => string;
  /** Those of now; reminders as the options say. */
  rules: AlertRules;
  store!: WatchedStore;
  engine!: Engine;
  #life = { over: false };
  readonly #notices: Notice[] = [];

  constructor(directory: string, options: Options = {}) {
    this.directory = directory;
    this.#options = options;
    this.rules = alertRules({ reminderMs: options.alertRepeatMs ?? null });
    this.#newId = options.newId ?? counter('id');
  }

  /** Starts an engine that lives as long as the test. */
  static async start(t: Test, options: Options = {}): Promise<EngineUnderTest> {
    const under = new EngineUnderTest(t.testdir(), options);
    t.teardown(() => under.kill());
    await under.start();
    return under;
  }

  /** Opens the store and builds an engine, without starting it. */
  build(): void {
    this.#life = { over: false };
    this.store = new WatchedStore(new SqliteStore(this.directory));
    this.store.afterCommit = (changes) => {
      for (const { deliveries } of changes) this.#notices.push(...deliveries.map(({ notice }) => notice));
    };
    const { limits, blindHoldMaxMs = hourMs, changes = nobody } = this.#options;
    const note = (...args: [string] | [object, string]) => this.warnings.push(args.at(-1) as string);
    this.engine = new Engine({
      store: this.store,
      clock: mortal(this.clock, this.#life),
      policy: { blindHoldMaxMs, defaultGraceMs: 0 },
      limits: {
        queueMax: 1_000,
        batchMax: 100,
        dueMax: 100,
        dueTurnMs: 10,
        monitorsMax: 100_000,
        historyMax: 1_000_000,
        ...limits,
      },
      newId: this.#newId,
      logger: { info: () => {}, warn: note, error: note },
      rules: () => this.rules,
      onDeliveries: () => {},
      nextOccurrence: wholeHours,
      changes,
    });
  }

  async start(options: Options = {}): Promise<void> {
    Object.assign(this.#options, options);
    this.build();
    await this.engine.start();
    await settle();
  }

  /** As kill -9: nothing that the engine still meant to do happens. */
  async kill(): Promise<void> {
    this.#life.over = true;
    await this.store.close();
  }

  /** Killed, off for `offMs`, and started again. */
  async restart(offMs: number, options: Options = {}): Promise<void> {
    await this.kill();
    await this.clock.advance(offMs);
    await this.start(options);
  }

  /** Sends a beat that is received now; it waits for the engine's next turn. An engine that is killed never answers. */
  async send(fields: Partial<Beat> = {}): Promise<Outcome> {
    const life = this.#life;
    const outcome = await this.engine.beat(beatOf({ receivedMs: this.clock.wallMs(), ...fields }));
    return life.over ? new Promise(() => {}) : outcome;
  }

  async monitor(name = 'backup'): Promise<Monitor | undefined> {
    return (await this.store.load([{ name }]))[0]!.monitor;
  }

  /** Every notice ever committed, oldest first, whatever the queue makes of it: nobody takes them. */
  notices(): Notice[] {
    return this.#notices;
  }

  /** The notices in short, such as "down backup@60" for one that was made 60 s after the start of the story. */
  said(): string[] {
    return this.notices().map(({ type, name, atMs, merged, repeat, blind }) => {
      const marks = `${merged ? ' merged' : ''}${repeat > 0 ? ` repeat ${repeat}` : ''}${blind ? ' blind' : ''}`;
      return `${type} ${name}@${Math.floor((atMs - tenMs) / 1000)}${marks}`;
    });
  }

  incidents(): (IncidentRecord & { monitorId: number })[] {
    const sql = `SELECT id, monitor_id AS monitorId, reason, started_ms AS startedMs, ended_ms AS endedMs,
        message, exit_code AS exitCode, held_by AS heldBy
      FROM incidents ORDER BY seq`;
    return this.#read(sql) as (IncidentRecord & { monitorId: number })[];
  }

  beats(): (BeatRecord & { monitorId: number })[] {
    return storedBeats(this.directory);
  }

  #read(sql: string): unknown[] {
    const db = new DatabaseSync(join(this.directory, 'tocsin.db'), { readOnly: true, timeout: 30_000 });
    try {
      return db.prepare(sql).all();
    } finally {
      db.close();
    }
  }
}

/** The clock of one life: when it is over, nothing that waits for the clock happens any more. */
function mortal(clock: FakeClock, life: { over: boolean }): Clock {
  const whileAlive = (run: () => void) => () => {
    if (!life.over) run();
  };
  return {
    wallMs: () => clock.wallMs(),
    monotonicMs: () => clock.monotonicMs(),
    after: (delayMs: number, run: () => void): Timer => clock.after(delayMs, whileAlive(run)),
    afterIo: (run: () => void) => clock.afterIo(whileAlive(run)),
  };
}
