import { isDeepStrictEqual } from 'node:util';
import { type Command, nameOf, type Outcome } from '../../../server/engine/command.ts';
import { decideBatch } from '../../../server/engine/decide-batch.ts';
import type { AlertRules } from '../../../server/engine/domain/alerting/alert-rules.ts';
import { applySilence } from '../../../server/engine/domain/apply-silence.ts';
import type { Configuration } from '../../../server/engine/domain/configure.ts';
import type { DecisionContext } from '../../../server/engine/domain/decision.ts';
import type {
  Beat,
  BeatRecord,
  BlindInterval,
  IncidentRecord,
  Monitor,
} from '../../../server/engine/domain/monitor.ts';
import type { Notice } from '../../../server/engine/domain/notice.ts';
import { wakeMs } from '../../../server/engine/domain/phase.ts';
import type { NextOccurrence } from '../../../server/engine/domain/schedule.ts';
import type { NewDelivery } from '../../../server/outbox/delivery-queue.ts';
import type { Change } from '../../../server/store/store.ts';
import { beatOf, contextOf, counter, tenMs } from '../cast.ts';

type Options = {
  alertRepeatMs?: number | null;
  rules?: AlertRules;
  blindHoldMaxMs?: number;
  nextOccurrence?: NextOccurrence;
  /** Sees each change before it is made. */
  onChange?: (world: World, before: Monitor | undefined, change: Change, commands: readonly Command[]) => void;
};

/** Monitors and what was recorded of them, with neither a store nor an engine: time passes when a test says so. */
export class World {
  nowMs = tenMs;
  readonly blinds: BlindInterval[] = [];
  readonly monitors = new Map<string, Monitor>();
  readonly incidents = new Map<string, IncidentRecord & { name: string }>();
  pauses: { name: string; fromMs: number; toMs: number | null }[] = [];
  readonly beats: (BeatRecord & { name: string })[] = [];
  /** In the order in which they were made. */
  readonly deliveries: NewDelivery[] = [];
  /** Null: as the options say. */
  rules: AlertRules | null = null;
  readonly #options: Options;
  readonly #newId = counter('id');
  #lastId = 0;

  constructor(options: Options = {}) {
    this.#options = options;
  }

  get context(): DecisionContext {
    const { nowMs, blinds } = this;
    const monitorNamed = (name: string) => this.monitors.get(name);
    const options = this.rules ? { ...this.#options, rules: this.rules } : this.#options;
    return { ...contextOf({ ...options, nowMs, blinds }), newId: this.#newId, monitorNamed };
  }

  /** What the deliveries say; one that goes to several channels is there several times. */
  get notices(): Notice[] {
    return this.deliveries.map(({ notice }) => notice);
  }

  /** The monitor of a name, which must be there. */
  monitor(name = 'backup'): Monitor {
    const monitor = this.monitors.get(name);
    if (!monitor) throw new Error(`no ${name}`);
    return monitor;
  }

  /** A beat that is received now. */
  beat(fields: Partial<Beat> = {}): Outcome {
    return this.run([{ kind: 'beat', beat: beatOf({ receivedMs: this.nowMs, ...fields }) }])[0]!;
  }

  configure(patch: Configuration['patch'], name = 'backup'): Outcome {
    const configuration: Configuration = { name, mode: 'upsert', patch, etag: null };
    return this.run([{ kind: 'configure', configuration, receivedMs: this.nowMs }])[0]!;
  }

  pause({ untilMs = null as number | null, untilPing = false } = {}, name = 'backup'): Outcome {
    return this.run([{ kind: 'pause', name, untilMs, untilPing, receivedMs: this.nowMs }])[0]!;
  }

  resume(name = 'backup'): Outcome {
    return this.run([{ kind: 'resume', name, receivedMs: this.nowMs }])[0]!;
  }

  remove(name = 'backup'): Outcome {
    return this.run([{ kind: 'remove', name, etag: null, receivedMs: this.nowMs }])[0]!;
  }

  /** Time goes on to `toMs`, and the monitors are looked at every `everyMs`, and at the end. */
  pass(toMs: number, everyMs = 1_000): void {
    while (this.nowMs + everyMs < toMs) {
      this.nowMs += everyMs;
      this.look();
    }
    this.nowMs = toMs;
    this.look();
  }

  /** Time goes on to `toMs`, and each monitor is looked at only when it is to wake. */
  passByWakes(toMs: number): void {
    for (let rounds = 0; ; rounds++) {
      if (rounds > 5_000) throw new Error('it never sleeps');
      const wakes = [...this.monitors.values()].map((monitor) => wakeMs(monitor, this.context) ?? Infinity);
      const nextMs = Math.max(this.nowMs, Math.min(...wakes));
      if (nextMs > toMs) break;
      this.nowMs = nextMs;
      this.look(
        [...this.monitors.values()].filter((monitor) => (wakeMs(monitor, this.context) ?? Infinity) <= this.nowMs),
      );
    }
    this.nowMs = toMs;
  }

  /** Looks at the monitors until there is nothing more to see. */
  look(due?: readonly Monitor[]): void {
    for (let rounds = 0; rounds < 2_000; rounds++) if (!this.#lookOnce(due ?? [...this.monitors.values()])) return;
    throw new Error('it never ends');
  }

  #lookOnce(due: readonly Monitor[]): boolean {
    const names = due.map(({ name }) => name);
    return (
      this.#decide(
        [],
        names.flatMap((name) => this.monitors.get(name) ?? []),
      ).changes > 0
    );
  }

  /** Whether looking at a monitor now would change anything. */
  wouldChange(monitor: Monitor): boolean {
    return applySilence(monitor, this.context) !== null;
  }

  run(commands: readonly Command[]): Outcome[] {
    return this.#decide(commands, []).outcomes;
  }

  #decide(commands: readonly Command[], due: readonly Monitor[]): { outcomes: Outcome[]; changes: number } {
    const loaded = commands.map((command) => ({ monitor: this.monitors.get(nameOf(command)), seenBeat: undefined }));
    const { drafts, outcomes } = decideBatch({
      commands,
      loaded,
      due,
      related: this.monitors,
      pingIds: new Map(),
      heardUntilMs: this.nowMs,
      context: this.context,
      room: 1_000,
    });
    for (const draft of drafts) {
      const { change } = draft;
      const before = change.monitor.id === 0 ? undefined : this.monitors.get(change.monitor.name);
      this.#options.onChange?.(
        this,
        before,
        change,
        draft.commands.map((index) => commands[index]!),
      );
      this.#follow(change);
    }
    return { outcomes, changes: drafts.length };
  }

  #follow({ monitor, remove, beats, incidents, pauses, deliveries }: Change): void {
    const { name } = monitor;
    this.beats.push(...beats.map((beat) => ({ ...beat, name })));
    for (const incident of incidents) {
      const known = this.incidents.get(incident.id);
      this.incidents.set(incident.id, { ...incident, name, heldBy: known?.heldBy || incident.heldBy });
    }
    for (const pause of pauses) {
      const open = this.pauses.find((each) => each.name === name && each.toMs === null);
      if ((pause.toMs === null) === (open !== undefined)) throw new Error('a pause begins and ends once');
      if (open) open.toMs = pause.toMs;
      else this.pauses.push({ name, ...pause });
    }
    this.deliveries.push(...deliveries);
    if (remove) {
      this.monitors.delete(name);
      this.pauses = this.pauses.filter((pause) => pause.name !== name);
    } else
      this.monitors.set(name, stored({ ...monitor, id: monitor.id || ++this.#lastId, version: monitor.version + 1 }));
  }
}

/** As a store gives it back: the config and the progress by way of JSON, those that say nothing as they are. */
function stored(monitor: Monitor): Monitor {
  const { config, progress } = monitor;
  const back = JSON.parse(JSON.stringify({ config, progress }));
  if (!isDeepStrictEqual(back, { config: { ...config }, progress: { ...progress } })) throw new Error('not JSON');
  return monitor;
}
