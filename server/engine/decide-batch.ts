import type { Change, Loaded } from '../store/store.ts';
import { type Command, nameOf, type Outcome } from './command.ts';
import { acknowledge, isOpenIncident } from './domain/alerting/acknowledge.ts';
import { dropAlert } from './domain/alerting/tell.ts';
import { applyBeat } from './domain/apply-beat.ts';
import { applySilence } from './domain/apply-silence.ts';
import { configure } from './domain/configure.ts';
import { type Decision, type DecisionContext, joined } from './domain/decision.ts';
import { namesHolder } from './domain/held-alert.ts';
import type { Beat, Monitor } from './domain/monitor.ts';
import { etagOf } from './domain/monitor-spec.ts';
import { passTime } from './domain/pass-time.ts';
import { beginPause, endPause } from './domain/pause.ts';
import { isNotable } from './is-notable.ts';

/** A change to commit, and the commands (by index) whose answers depend on it. */
export type Draft = {
  change: Change;
  commands: number[];
  /** More than a beat that moved its deadline (see `isNotable`): it flipped, was configured, paused, made or removed. */
  notable: boolean;
  /** Of the monitor as it was loaded. */
  tagsBefore: readonly string[];
};

export type BatchDecision = {
  drafts: Draft[];
  /** One per command, in order; to be given once the command's draft is committed. */
  outcomes: Outcome[];
};

type Input = {
  commands: readonly Command[];
  /** What the store has under each command's name, in order. */
  loaded: readonly Loaded[];
  /** Monitors that the wheel says are due; looked at after the commands, which were received before. */
  due: readonly Monitor[];
  /** By name: monitors that the ones above depend on, or are to depend on, and what these depend on in turn. */
  related: ReadonlyMap<string, Monitor>;
  /** `related` is not all of them. */
  isRelatedCut?: boolean;
  /** Names of monitors by the ping ids that commands want to give. */
  pingIds: ReadonlyMap<string, string>;
  /** Silence is judged up to this time (Unix ms, at most now): a beat received later may still wait. */
  heardUntilMs: number;
  context: Omit<DecisionContext, 'monitorNamed'>;
  /** How many monitors may still be created. */
  room: number;
};

/**
 * Decides a batch: each event sees the state that the ones before it left. Pure: nothing is stored, and the same input
 * gives the same output.
 */
export function decideBatch(input: Input): BatchDecision {
  const batch = new Batch(input);
  for (const [index, command] of input.commands.entries()) batch.take(command, index);
  // What others depend on goes first, so that what fails together is said once.
  for (const monitor of input.due) if (monitor.config.dependsOn.length === 0) batch.look(monitor);
  for (const monitor of input.due) if (monitor.config.dependsOn.length > 0) batch.look(monitor);
  return batch.decision();
}

type OpenDraft = Draft & { monitor: Monitor | undefined; touched: boolean; beatIds: Map<string, number> | null };

class Batch {
  readonly #input: Input;
  readonly #context: DecisionContext;
  readonly #silence: DecisionContext;
  readonly #drafts: OpenDraft[] = [];
  /** By id, or by name while there is none: a Map internalises every string that it is asked for. */
  readonly #open = new Map<string | number, OpenDraft>();
  readonly #outcomes: Outcome[] = [];
  /** As `Input.pingIds`, with what this batch gave and took; null: nothing yet. */
  #pingIds: Map<string, string> | null = null;
  #room: number;

  constructor(input: Input) {
    this.#input = input;
    this.#room = input.room;
    const monitorNamed = (name: string) => this.#monitorNamed(name);
    this.#context = { ...input.context, monitorNamed };
    this.#silence = { ...this.#context, nowMs: Math.min(input.context.nowMs, input.heardUntilMs) };
  }

  take(command: Command, index: number): void {
    const { monitor } = this.#input.loaded[index]!;
    const key = monitor?.id ?? nameOf(command);
    let draft = this.#open.get(key);
    if (!draft) {
      draft = openDraft(monitor);
      this.#open.set(key, draft);
    }
    const isNew = draft.monitor === undefined;
    const needsRoom = isNew && (command.kind === 'beat' || command.kind === 'configure');
    this.#outcomes.push(needsRoom && this.#room <= 0 ? noRoom : this.#carryOut(draft, command, index));
    if (isNew && draft.monitor !== undefined) this.#room -= 1;
    if (!draft.change.remove) return;
    if (draft.change.monitor.id !== 0) this.#drafts.push(draft);
    this.#open.set(key, openDraft(undefined));
    this.#room += 1;
  }

  look(monitor: Monitor): void {
    const draft = this.#open.get(monitor.id) ?? openDraft(monitor);
    if (draft.monitor?.id !== monitor.id) return;
    const decision = applySilence(draft.monitor, this.#silence);
    if (!decision) return;
    draft.notable = true;
    this.#add(draft, decision);
    this.#open.set(monitor.id, draft);
  }

  decision(): BatchDecision {
    for (const draft of this.#open.values()) if (draft.touched) this.#drafts.push(draft);
    const drafts = this.#drafts.map(({ change, commands, notable, tagsBefore }) => ({
      change,
      commands,
      notable,
      tagsBefore,
    }));
    return { drafts, outcomes: this.#outcomes };
  }

  #carryOut(draft: OpenDraft, command: Command, index: number): Outcome {
    switch (command.kind) {
      case 'beat':
        return this.#beat(draft, command.beat, index);
      case 'configure':
        return this.#configure(draft, command, index);
      case 'remove':
        return this.#remove(draft, command, index);
      case 'acknowledge':
        return this.#acknowledge(draft, command, index);
      default:
        return this.#pauseOrResume(draft, command, index);
    }
  }

  #beat(draft: OpenDraft, beat: Beat, index: number): Outcome {
    // What the store has seen belongs to the monitor that was loaded, not to one that this batch began anew.
    const isLoaded = draft.monitor !== undefined && draft.monitor.id !== 0;
    const stored = isLoaded ? this.#input.loaded[index]!.seenBeat?.atMs : undefined;
    const seenMs = draft.beatIds?.get(beat.beatId) ?? stored;
    if (seenMs !== undefined && draft.monitor) {
      // Its first copy may be in this very batch: the answer waits for the same commit.
      draft.commands.push(index);
      return { ok: true, accepted: 'duplicate', created: false, atMs: seenMs, monitor: draft.monitor };
    }
    const created = draft.monitor === undefined;
    const result = applyBeat(draft.monitor, beat, this.#context);
    if (!result.ok) return { ok: false, refusal: result.rejection };
    this.#answers(draft, index);
    const { monitor, incidents } = result.decision;
    // One that went down and recovered in one is what it was before.
    draft.notable ||= created || incidents.length > 0 || isNotable(draft.monitor!, monitor);
    this.#add(draft, result.decision);
    if (beat.beatId !== '') {
      draft.beatIds ??= new Map();
      draft.beatIds.set(beat.beatId, result.atMs);
    }
    return { ok: true, accepted: result.accepted, created, atMs: result.atMs, monitor };
  }

  #configure(draft: OpenDraft, { configuration, receivedMs }: Command & { kind: 'configure' }, index: number): Outcome {
    const { pingId } = configuration.patch;
    const taken = pingId ? (this.#pingIds ?? this.#input.pingIds).get(pingId) : undefined;
    if (taken !== undefined && taken !== configuration.name) {
      const message = `ping_id: is that of ${JSON.stringify(taken)} already; leave it out to get a new one`;
      return { ok: false, refusal: { code: 'already_exists', field: 'ping_id', message } };
    }
    if (this.#input.isRelatedCut && configuration.patch.dependsOn?.length) return tooManyRelated;
    const created = draft.monitor === undefined;
    // At the time of its receipt: what was received before the deadline may wait behind it.
    const result = configure(draft.monitor, configuration, { ...this.#context, nowMs: receivedMs });
    if (!result.ok) return { ok: false, refusal: result.rejection };
    const { decision, changed } = result;
    this.#movePingId(draft.monitor, decision.monitor);
    this.#answers(draft, index);
    draft.notable ||= changed;
    if (changed) this.#add(draft, decision);
    return {
      ok: true,
      accepted: changed ? 'applied' : 'unchanged',
      created,
      atMs: receivedMs,
      monitor: decision.monitor,
    };
  }

  #pauseOrResume(draft: OpenDraft, command: Command & { kind: 'pause' | 'resume' }, index: number): Outcome {
    const { monitor } = draft;
    const { name, receivedMs: atMs } = command;
    if (!monitor) return notFound(name);
    this.#answers(draft, index);
    if (command.kind === 'resume' && monitor.status !== 'paused') {
      return { ok: true, accepted: 'unchanged', created: false, atMs, monitor };
    }
    const decision = command.kind === 'pause' ? this.#pause(monitor, command) : endPause(monitor, atMs, this.#context);
    draft.notable = true;
    this.#add(draft, decision);
    return { ok: true, accepted: 'applied', created: false, atMs, monitor: decision.monitor };
  }

  /** What came due before it is in history. One that is paused already is paused anew, as one pause. */
  #pause(monitor: Monitor, command: Command & { kind: 'pause' }): Decision {
    const context = { ...this.#context, nowMs: command.receivedMs };
    if (monitor.status === 'paused') return beginPause(monitor, command, context);
    const passed = passTime(monitor, command.receivedMs - 1, this.#context);
    return joined(passed, beginPause(passed.monitor, command, context));
  }

  #remove(draft: OpenDraft, { name, etag, receivedMs }: Command & { kind: 'remove' }, index: number): Outcome {
    const { monitor, change } = draft;
    if (!monitor) return notFound(name);
    if (etag !== null && etag !== etagOf(monitor)) {
      const message = `etag: the monitor was changed since it was read, its etag is now ${etagOf(monitor)}; read it again`;
      return { ok: false, refusal: { code: 'aborted', field: 'etag', message } };
    }
    this.#answers(draft, index);
    draft.notable = true;
    change.remove = true;
    this.#movePingId(monitor, undefined);
    change.deliveries.push(...dropAlert(monitor, 'it was removed', { ...this.#context, nowMs: receivedMs }));
    const { incident, progress } = monitor;
    if (incident) {
      const endedMs = Math.max(receivedMs, incident.startedMs);
      change.incidents = [...change.incidents, { ...incident, endedMs, heldBy: namesHolder(progress.held) }];
    }
    return { ok: true, accepted: 'applied', created: false, atMs: receivedMs, monitor };
  }

  #acknowledge(draft: OpenDraft, command: Command & { kind: 'acknowledge' }, index: number): Outcome {
    const { monitor } = draft;
    const { name, incidentId, by, receivedMs: atMs } = command;
    if (!monitor) return notFound(name);
    const isMeant = monitor.incident !== null && (incidentId === null || isOpenIncident(monitor, incidentId));
    const decision = isMeant ? acknowledge(monitor, by && { atMs, ...by }, { ...this.#context, nowMs: atMs }) : null;
    if (decision === null) return notOpen(command, monitor);
    this.#answers(draft, index);
    draft.notable = true;
    this.#add(draft, decision);
    return { ok: true, accepted: 'applied', created: false, atMs, monitor: decision.monitor };
  }

  #movePingId(before: Monitor | undefined, after: Monitor | undefined): void {
    this.#pingIds ??= new Map(this.#input.pingIds);
    this.#pingIds.delete(before?.config.pingId ?? '');
    if (after) this.#pingIds.set(after.config.pingId, after.name);
  }

  #answers(draft: OpenDraft, index: number): void {
    // Nearly always the only command: an array that grows by a push has room for sixteen more, for every ping.
    if (draft.commands.length === 0) draft.commands = [index];
    else draft.commands.push(index);
  }

  #add(draft: OpenDraft, decision: Decision): void {
    const { change } = draft;
    draft.monitor = decision.monitor;
    change.monitor = decision.monitor;
    if (draft.touched) {
      change.beats.push(...decision.beats);
      change.incidents.push(...decision.incidents);
      change.pauses.push(...decision.pauses);
    } else {
      change.beats = decision.beats;
      change.incidents = decision.incidents;
      change.pauses = decision.pauses;
      draft.touched = true;
    }
    if (decision.notices.length > 0) change.deliveries.push(...decision.notices);
  }

  #monitorNamed(name: string): Monitor | undefined {
    const stored = this.#input.related.get(name);
    const draft = this.#open.get(stored?.id ?? name);
    return draft ? draft.monitor : stored;
  }
}

/** Of a draft that nothing was added to: what is added first brings its own. */
const untouched: never[] = [];

function openDraft(monitor: Monitor | undefined): OpenDraft {
  const change: Change = {
    monitor: monitor as Monitor,
    remove: false,
    beats: untouched,
    incidents: untouched,
    pauses: untouched,
    deliveries: [],
  };
  const tagsBefore = monitor ? monitor.config.tags : none;
  return { change, commands: [], notable: false, tagsBefore, monitor, touched: false, beatIds: null };
}

const none: readonly string[] = [];

function notFound(name: string): Outcome & { ok: false } {
  const message = `name: no monitor is called ${JSON.stringify(name)}`;
  return { ok: false, refusal: { code: 'not_found', field: 'name', message } };
}

/** The incident that is meant is not open, or its alert is held: nobody was to hear of it yet. */
function notOpen(
  { name, incidentId }: Command & { kind: 'acknowledge' },
  { incident }: Monitor,
): Outcome & { ok: false } {
  const field = incidentId === null ? 'name' : 'incident_id';
  const what = incidentId === null ? JSON.stringify(name) : JSON.stringify(incidentId);
  const why = incident === null || incidentId !== null ? 'is not open' : 'waits for what it depends on';
  const message = `${field}: the alert of ${what} ${why}`;
  return { ok: false, refusal: { code: 'not_found', field, message } };
}

const tooManyRelated: Outcome & { ok: false } = {
  ok: false,
  refusal: {
    code: 'resource_exhausted',
    field: 'depends_on',
    message: 'depends_on: leads to too many monitors to tell whether one leads back; set up fewer at once',
  },
};

const noRoom: Outcome & { ok: false } = {
  ok: false,
  refusal: {
    code: 'resource_exhausted',
    field: 'name',
    message: 'name: the server has as many monitors as it allows (TOCSIN_MAX_MONITORS); remove some first',
  },
};
