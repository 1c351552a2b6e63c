import type { Timer } from '../clock.ts';
import type { Armed, ChangeResult, Loaded } from '../store/store.ts';
import { type Acknowledged, type Command, type Outcome, receivedMsOf } from './command.ts';
import { type Draft, decideBatch } from './decide-batch.ts';
import type { Configuration } from './domain/configure.ts';
import type { DecisionContext } from './domain/decision.ts';
import type { Beat, Monitor } from './domain/monitor.ts';
import { wakeMs } from './domain/phase.ts';
import { DryRun } from './dry-run.ts';
import type { EngineHealth, EngineOptions, MonitorChange } from './engine-options.ts';
import { Housekeeping } from './housekeeping.ts';
import { Listening } from './listening.ts';
import { loadBatch } from './load-batch.ts';
import { LookAgain } from './look-again.ts';
import { MonitorTimers } from './monitor-timers.ts';
import { cannotRead, contested, noIncident, notRecorded, shuttingDown, tooMany } from './refusals.ts';
import { SilencePace } from './silence-pace.ts';
import { StoreErrors } from './store-errors.ts';

type WakeContext = Omit<DecisionContext, 'monitorNamed' | 'newId'>;
type Waiting = { command: Command; attempts: number; resolve: (outcome: Outcome) => void };

const conflictAttemptsMax = 5;
const retryAfterStoreErrorMs = 1_000;

/**
 * The single writer. Commands that arrive in one turn of the event loop, and the monitors that fell due, become one
 * transaction; each command is answered after its commit. Silence is judged only up to the time at which what waited in
 * the sockets was read, and before the oldest command still waiting: a beat that was received in time is never overtaken
 * by its own deadline. Commands that come before the start wait for it.
 */
export class Engine {
  readonly #options: EngineOptions;
  readonly #listening: Listening;
  readonly #timers: MonitorTimers;
  readonly #pace: SilencePace;
  readonly #storeErrors: StoreErrors;
  readonly #housekeeping: Housekeeping;
  readonly #lookAgain: LookAgain;
  #queue: Waiting[] = [];
  #timer: Timer | undefined;
  #started = false;
  #scheduled = false;
  /** Wall time of the last wake: the turn runs after the I/O that was waiting then. */
  #wokenMs = 0;
  #running = false;
  #stopped: Promise<void> | undefined;
  #drained: (() => void) | undefined;
  /** By how much the clock was set back that waiting deliveries do not follow yet, ms (<= 0). */
  #owedShiftMs = 0;
  #monitors = 0;

  constructor(options: EngineOptions) {
    this.#options = options;
    this.#listening = new Listening(options);
    this.#timers = new MonitorTimers(options.clock.wallMs());
    this.#pace = new SilencePace({ sizeMax: options.limits.dueMax, turnMs: options.limits.dueTurnMs });
    this.#storeErrors = new StoreErrors(options);
    const { store, limits } = options;
    this.#lookAgain = new LookAgain({ ...options, look: (ids) => this.#look(ids), errors: this.#storeErrors });
    this.#housekeeping = new Housekeeping({ store, errors: this.#storeErrors, historyMax: limits.historyMax });
  }

  /** Loads what is awaited, records the time since the last run as blind, and begins to listen. */
  async start(): Promise<void> {
    const { store, logger } = this.#options;
    this.#owedShiftMs += await this.#listening.start();
    await this.#shiftDeliveries();
    this.#monitors = await store.countMonitors();
    for (let page: Armed[] = [], afterId = 0; ; afterId = page.at(-1)!.id) {
      page = await store.scanArmed(afterId, 10_000);
      for (const { id, wakeMs: atMs } of page) this.#timers.set(id, atMs);
      if (page.length < 10_000) break;
    }
    const blind = this.#listening.blinds.at(-1);
    logger.info({ monitors: this.#monitors, awaited: this.#timers.size, lastBlind: blind ?? null }, 'engine started');
    this.#started = true;
    this.#wake();
  }

  /** Records a beat. Resolves when it is durable, or with the reason why it was not recorded. Never rejects. */
  beat(beat: Beat): Promise<Outcome> {
    return this.#command({ kind: 'beat', beat });
  }

  /** Records beats, in order and each by itself, as `beat` does. Resolves with all outcomes once the last is known. */
  beats(beats: readonly Beat[]): Promise<Outcome[]> {
    if (beats.length === 0) return Promise.resolve([]);
    return new Promise((resolve) => {
      const outcomes = new Array<Outcome>(beats.length);
      let missing = beats.length;
      for (const [index, beat] of beats.entries()) {
        this.#submit({ kind: 'beat', beat }, (outcome) => {
          outcomes[index] = outcome;
          if (--missing === 0) resolve(outcomes);
        });
      }
    });
  }

  /** Forgets a monitor; durable when it resolves. `etag`: only if it is still that of the monitor. */
  remove(name: string, { etag = null }: { etag?: string | null } = {}): Promise<Outcome> {
    return this.#command({ kind: 'remove', name, etag, receivedMs: this.#options.clock.wallMs() });
  }

  /** Makes a monitor, or changes what people may set of it; durable when it resolves. */
  configure(configuration: Configuration): Promise<Outcome> {
    return this.#command({ kind: 'configure', configuration, receivedMs: this.#options.clock.wallMs() });
  }

  /** Awaits nothing of a monitor until `untilMs` (Unix ms; null: open), or the next ping; durable when it resolves. */
  pause(name: string, { untilMs, untilPing }: { untilMs: number | null; untilPing: boolean }): Promise<Outcome> {
    return this.#command({ kind: 'pause', name, untilMs, untilPing, receivedMs: this.#options.clock.wallMs() });
  }

  /** Ends a pause; durable when it resolves. */
  resume(name: string): Promise<Outcome> {
    return this.#command({ kind: 'resume', name, receivedMs: this.#options.clock.wallMs() });
  }

  /**
   * Somebody cares for the open incident of a monitor (`by`), or does not any more (null); durable when it resolves. `which`:
   * the monitor's name, or the id of the incident.
   */
  async acknowledge(which: Acknowledged, by: { by: string; note: string } | null): Promise<Outcome> {
    const receivedMs = this.#options.clock.wallMs();
    const incidentId = 'incidentId' in which ? which.incidentId : null;
    const found = incidentId === null ? [] : await this.#options.store.load([{ incidentId }]).catch(() => null);
    const name = 'name' in which ? which.name : found?.[0]?.monitor?.name;
    if (name === undefined) return found === null ? cannotRead : noIncident(incidentId);
    return this.#command({ kind: 'acknowledge', name, incidentId, by, receivedMs });
  }

  /** The rules changed: looks at every monitor that is down, in turns as short as those of a mass outage. */
  lookAgain(): void {
    if (this.#started) this.#lookAgain.request();
  }

  #look(ids: readonly number[]): boolean {
    for (const id of ids) this.#timers.set(id, this.#options.clock.wallMs());
    this.#wake();
    return this.#stopped === undefined;
  }

  /** Tells what configurations and removals would do; possible before the start, too. */
  dryRun(): DryRun {
    return new DryRun(this.#options);
  }

  #command(command: Command): Promise<Outcome> {
    return new Promise((resolve) => this.#submit(command, resolve));
  }

  health(): EngineHealth {
    const { message: storeError } = this.#storeErrors;
    const unstampedMs = this.#listening.unstampedMs();
    return { storeError, queued: this.#queue.length, monitors: this.#monitors, armed: this.#timers.size, unstampedMs };
  }

  /** Answers what was received, stamps once more, and stops. What waited for a start that never came is refused. */
  stop(): Promise<void> {
    this.#stopped ??= this.#end();
    return this.#stopped;
  }

  async #end(): Promise<void> {
    if (!this.#started) {
      // It never listened, so it must not say so: the record of the last run stands.
      for (const { resolve } of this.#queue.splice(0)) resolve(shuttingDown);
      return;
    }
    if (this.#running || this.#scheduled || this.#queue.length > 0) {
      const drained = new Promise<void>((resolve) => {
        this.#drained = resolve;
      });
      this.#wake();
      await drained;
    }
    this.#timer?.cancel();
    await this.#listening.stamp().catch((error) => this.#storeErrors.note(error));
  }

  #submit(command: Command, resolve: (outcome: Outcome) => void): void {
    const refused = this.#stopped ? shuttingDown : this.#queue.length >= this.#options.limits.queueMax ? tooMany : null;
    if (refused !== null) {
      this.#listening.refused(receivedMsOf(command));
      resolve(refused);
      return;
    }
    this.#queue.push({ command, attempts: 0, resolve });
    this.#wake();
  }

  /** After the I/O that is already waiting, so that beats the kernel holds are read before silence is judged. */
  #wake(): void {
    if (!this.#started || this.#scheduled || this.#running) return;
    this.#scheduled = true;
    this.#wokenMs = this.#options.clock.wallMs();
    this.#options.clock.afterIo(() => {
      this.#scheduled = false;
      void this.#turn();
    });
  }

  async #turn(): Promise<void> {
    this.#running = true;
    this.#timer?.cancel();
    const listening = await this.#keepListening();
    const waiting = this.#queue.splice(0, this.#options.limits.batchMax);
    const heardUntilMs = this.#heardUntilMs();
    const dueLimit = this.#pace.size;
    // Silence can wait for the store; the pings of this turn should not.
    const mayJudge = listening && !this.#listening.isRefusing && !this.#options.store.isHolding;
    const dueIds = mayJudge ? this.#timers.takeDue(heardUntilMs, dueLimit) : [];
    const begunMs = this.#options.clock.monotonicMs();
    await this.#runBatch(waiting, { dueIds, heardUntilMs });
    const isFull = dueIds.length >= dueLimit;
    if (isFull) this.#pace.took(this.#options.clock.monotonicMs() - begunMs);
    await this.#housekeeping.keep();
    this.#running = false;
    if (this.#drained && this.#queue.length === 0) this.#drained();
    // A full batch of silence: more is due, and a timer would let a millisecond pass for each batch.
    else if (isFull || this.#queue.length > 0) this.#wake();
    else this.#scheduleNext(listening);
  }

  /** False while the stamp cannot be written: silence is not judged then. */
  async #keepListening(): Promise<boolean> {
    const { clock, logger } = this.#options;
    const jumpMs = this.#listening.takeJump();
    if (jumpMs !== 0) {
      logger.warn({ jumpMs }, 'the wall clock jumped');
      this.#timers.reset(clock.wallMs());
      this.#owedShiftMs += Math.min(0, jumpMs);
      if (jumpMs < 0) this.lookAgain();
    }
    try {
      await this.#shiftDeliveries();
      if (!this.#listening.isStampDue()) return true;
      const blind = await this.#listening.stamp();
      if (blind) logger.warn({ blind }, 'was not listening; alerts for this time are held');
      this.#storeErrors.forgetOld();
      return true;
    } catch (error) {
      this.#storeErrors.note(error);
      return false;
    }
  }

  async #shiftDeliveries(): Promise<void> {
    if (this.#owedShiftMs === 0) return;
    await this.#options.store.deliveries.shiftClaims(this.#owedShiftMs);
    this.#owedShiftMs = 0;
    this.#options.onDeliveries();
  }

  /** Up to when everything that was received is known, Unix ms: more may come within the millisecond of the wake. */
  #heardUntilMs(): number {
    let untilMs = Math.min(this.#options.clock.wallMs(), this.#wokenMs) - 1;
    for (const { command } of this.#queue) untilMs = Math.min(untilMs, receivedMsOf(command) - 1);
    return untilMs;
  }

  async #runBatch(waiting: Waiting[], silence: { dueIds: number[]; heardUntilMs: number }): Promise<void> {
    const { dueIds, heardUntilMs } = silence;
    if (waiting.length === 0 && dueIds.length === 0) return;
    const { store, clock, policy, newId, nextOccurrence, limits, rules } = this.#options;
    const commands = waiting.map(({ command }) => command);
    const { blinds } = this.#listening;
    const context = { nowMs: clock.wallMs(), blinds, policy, rules: rules(), newId, nextOccurrence };
    try {
      const { looked, ...found } = await loadBatch(store, commands, dueIds);
      const due = looked.flatMap(({ monitor }) => monitor ?? []);
      const room = limits.monitorsMax - this.#monitors;
      const { drafts, outcomes } = decideBatch({ ...found, commands, due, heardUntilMs, context, room });
      const results = drafts.length > 0 ? await store.commit(drafts.map(({ change }) => change)) : [];
      this.#rearm(looked, dueIds, context);
      const conflicted = this.#followCommit(drafts, results, context);
      for (const [index, outcome] of outcomes.entries()) if (!conflicted.has(index)) waiting[index]!.resolve(outcome);
      this.#retryConflicts(waiting.filter((_, index) => conflicted.has(index)));
    } catch (error) {
      this.#failBatch(error, waiting, dueIds);
    }
  }

  /** Looked at and found not due (or no longer there): back to sleep, until what the state says. */
  #rearm(looked: readonly Loaded[], dueIds: readonly number[], context: WakeContext): void {
    for (const [index, { monitor }] of looked.entries()) {
      if (monitor) this.#timers.set(monitor.id, this.#wakeMs(monitor, context));
      else this.#timers.delete(dueIds[index]!);
    }
  }

  #wakeMs(monitor: Monitor, context: WakeContext): number | null {
    // Decided by rules that have changed meanwhile: who looks at all that is down may have passed it by.
    const isStale = monitor.progress.alert !== null && this.#options.rules() !== context.rules;
    return isStale ? context.nowMs : wakeMs(monitor, context);
  }

  /** Makes memory follow what was committed. Returns the commands (by index) whose change met a conflict. */
  #followCommit(drafts: Draft[], results: ChangeResult[], context: WakeContext): Set<number> {
    const conflicted = new Set<number>();
    const { changes: sink } = this.#options;
    const changes: MonitorChange[] = [];
    let deliveries = 0;
    for (const [index, { change, commands, notable, tagsBefore }] of drafts.entries()) {
      const result = results[index]!;
      if (!result.ok) {
        for (const command of commands) conflicted.add(command);
        if (change.monitor.id !== 0) this.#timers.set(change.monitor.id, context.nowMs);
        continue;
      }
      deliveries += change.deliveries.length;
      this.#housekeeping.added(change.incidents.length + change.pauses.length + change.deliveries.length);
      if (change.remove) {
        this.#timers.delete(result.id);
        this.#monitors -= 1;
      } else {
        if (change.monitor.id === 0) this.#monitors += 1;
        this.#timers.set(result.id, this.#wakeMs(change.monitor, context));
      }
      if (!notable && !sink.wantsBeats) continue;
      const { id, version } = result;
      changes.push({ monitor: { ...change.monitor, id, version }, removed: change.remove, tagsBefore, notable });
    }
    if (deliveries > 0) this.#options.onDeliveries();
    if (changes.length > 0) sink.publish(changes);
    return conflicted;
  }

  /** Once more, before everything else, in the order in which they came. */
  #retryConflicts(conflicted: Waiting[]): void {
    for (const waiting of conflicted) {
      waiting.attempts += 1;
      if (waiting.attempts < conflictAttemptsMax) continue;
      waiting.resolve(contested);
    }
    this.#queue.unshift(...conflicted.filter(({ attempts }) => attempts < conflictAttemptsMax));
  }

  #failBatch(error: unknown, waiting: Waiting[], dueIds: number[]): void {
    const retryMs = this.#options.clock.wallMs() + retryAfterStoreErrorMs;
    for (const id of dueIds) this.#timers.set(id, retryMs);
    this.#storeErrors.note(error);
    if (waiting.length > 0) this.#listening.refused(Math.min(...waiting.map(({ command }) => receivedMsOf(command))));
    const outcome = notRecorded(error);
    for (const { resolve } of waiting) resolve(outcome);
  }

  #scheduleNext(listening: boolean): void {
    const { clock } = this.#options;
    const stampMs = listening ? this.#listening.untilStampMs() : retryAfterStoreErrorMs;
    const nextMs = listening ? this.#timers.nextMs() : null;
    // One on, because the millisecond of a deadline belongs to the beat.
    const dueMs = nextMs === null ? stampMs : Math.max(0, nextMs + 1 - clock.wallMs());
    this.#timer = clock.after(Math.min(stampMs, dueMs), () => this.#wake());
  }
}
