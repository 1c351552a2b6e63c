import type { Change, Loaded } from '../store/store.ts';
import type { Command, Outcome } from './command.ts';
import { applyBeat } from './domain/apply-beat.ts';
import { applySilence } from './domain/apply-silence.ts';
import type { Decision, DecisionContext } from './domain/decision.ts';
import type { Beat, Monitor } from './domain/monitor.ts';

/** A change to commit, and the commands (by index) whose answers depend on it. */
export type Draft = { change: Change; commands: number[] };

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
  /** Silence is judged up to this time (Unix ms, at most now): a beat received later may still wait. */
  heardUntilMs: number;
  context: DecisionContext;
  /** How many monitors may still be created. */
  room: number;
  /** The channel that notices go to. */
  channel: string;
};

/**
 * Decides a batch: each event sees the state that the ones before it left. Pure: nothing is stored, and the same input
 * gives the same output.
 */
export function decideBatch(input: Input): BatchDecision {
  const { commands, loaded, due, context, channel } = input;
  const silence: DecisionContext = { ...context, nowMs: Math.min(context.nowMs, input.heardUntilMs) };
  const drafts: Draft[] = [];
  // By id, or by name while there is none: a Map internalises every string that it is asked for.
  const open = new Map<string | number, OpenDraft>();
  const outcomes: Outcome[] = [];
  let room = input.room;

  for (const [index, command] of commands.entries()) {
    const name = command.kind === 'beat' ? command.beat.name : command.name;
    const { monitor } = loaded[index]!;
    const key = monitor?.id ?? name;
    let draft = open.get(key);
    if (!draft) {
      draft = openDraft(monitor);
      open.set(key, draft);
    }
    if (command.kind === 'remove') {
      outcomes.push(remove(draft, command, index));
      if (draft.change.remove && draft.change.monitor.id !== 0) drafts.push(draft);
      if (draft.change.remove) {
        open.set(key, openDraft(undefined));
        room += 1;
      }
      continue;
    }
    const isNew = draft.monitor === undefined;
    if (isNew && room <= 0) {
      outcomes.push(noRoom());
      continue;
    }
    outcomes.push(beat(draft, command.beat, { index, seenBeat: loaded[index]!.seenBeat, context, channel }));
    if (isNew && draft.monitor !== undefined) room -= 1;
  }

  for (const monitor of due) {
    const draft = open.get(monitor.id) ?? openDraft(monitor);
    if (draft.monitor?.id !== monitor.id) continue;
    const decision = applySilence(draft.monitor, silence);
    if (!decision) continue;
    add(draft, decision, channel);
    open.set(monitor.id, draft);
  }

  for (const draft of open.values()) if (draft.touched) drafts.push(draft);
  return { drafts: drafts.map(({ change, commands: answered }) => ({ change, commands: answered })), outcomes };
}

type OpenDraft = Draft & { monitor: Monitor | undefined; touched: boolean; beatIds: Map<string, number> | null };

function openDraft(monitor: Monitor | undefined): OpenDraft {
  const change: Change = { monitor: monitor as Monitor, remove: false, beats: [], incidents: [], deliveries: [] };
  return { change, commands: [], monitor, touched: false, beatIds: null };
}

function add(draft: OpenDraft, decision: Decision, channel: string): void {
  const { change } = draft;
  draft.monitor = decision.monitor;
  change.monitor = decision.monitor;
  if (draft.touched) {
    change.beats.push(...decision.beats);
    change.incidents.push(...decision.incidents);
  } else {
    // Nearly always the only decision: an array that grows by a push has room for sixteen more, for every ping.
    change.beats = decision.beats;
    change.incidents = decision.incidents;
    draft.touched = true;
  }
  for (const { notice, onlyIfIdle, id } of decision.notices) {
    change.deliveries.push({ id, channel, notice, onlyIfIdle });
  }
}

type BeatOptions = {
  index: number;
  seenBeat: { atMs: number } | undefined;
  context: DecisionContext;
  channel: string;
};

function beat(draft: OpenDraft, beat: Beat, { index, seenBeat, context, channel }: BeatOptions): Outcome {
  // What the store has seen belongs to the monitor that was loaded, not to one that this batch began anew.
  const stored = draft.monitor !== undefined && draft.monitor.id !== 0 ? seenBeat?.atMs : undefined;
  const seenMs = draft.beatIds?.get(beat.beatId) ?? stored;
  if (seenMs !== undefined && draft.monitor) {
    // Its first copy may be in this very batch: the answer waits for the same commit.
    draft.commands.push(index);
    return { ok: true, accepted: 'duplicate', atMs: seenMs, monitor: draft.monitor };
  }
  const result = applyBeat(draft.monitor, beat, context);
  if (!result.ok) return { ok: false, refusal: result.rejection };
  if (draft.commands.length === 0) draft.commands = [index];
  else draft.commands.push(index);
  add(draft, result.decision, channel);
  if (beat.beatId !== '') {
    draft.beatIds ??= new Map();
    draft.beatIds.set(beat.beatId, result.atMs);
  }
  return { ok: true, accepted: result.accepted, atMs: result.atMs, monitor: result.decision.monitor };
}

function remove(draft: OpenDraft, { name, receivedMs }: { name: string; receivedMs: number }, index: number): Outcome {
  const { monitor, change } = draft;
  if (!monitor) {
    const message = `name: no monitor is called ${JSON.stringify(name)}`;
    return { ok: false, refusal: { code: 'not_found', field: 'name', message } };
  }
  draft.commands.push(index);
  change.remove = true;
  const { incident } = monitor;
  if (incident) change.incidents.push({ ...incident, endedMs: Math.max(receivedMs, incident.startedMs) });
  return { ok: true, accepted: 'applied', atMs: receivedMs, monitor };
}

function noRoom(): Outcome {
  const message = 'name: the server has as many monitors as it allows (TOCSIN_MAX_MONITORS); remove some first';
  return { ok: false, refusal: { code: 'resource_exhausted', field: 'name', message } };
}
