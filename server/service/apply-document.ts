import { fromJson, type JsonValue } from '@bufbuild/protobuf';
import { ConnectError } from '@connectrpc/connect';
import { type Monitor, MonitorSchema } from '../../gen/ts/tocsin/v1/monitor_pb.ts';
import { type DocumentItem, type DocumentProblem, tooManyWrong, wrongItemsMax } from '../document/document-item.ts';
import { DocumentError } from '../document/document-reader.ts';
import type { Outcome, Refusal } from '../engine/command.ts';
import type { Configuration } from '../engine/domain/configure.ts';
import type { Engine } from '../engine/engine.ts';
import { inApplyOrder } from './apply-order.ts';
import { fieldOf } from './call-error.ts';
import type { BeatChecks } from './read-beat.ts';
import { readMonitor } from './read-monitor.ts';
import type { RequestValidator } from './request-validator.ts';

/** What became of one monitor of a document. `problems` are those because of which it failed. */
export type AppliedItem = {
  item: DocumentItem;
  /** Null: it was wrong in itself. */
  configuration: Configuration | null;
  applied: 'added' | 'changed' | 'unchanged' | 'failed';
  problems: readonly DocumentProblem[];
};

/** Where configurations go: the engine, or a dry run of it. Resolves with one outcome for each, in order. */
export type Configure = (configurations: readonly Configuration[]) => Promise<Outcome[]>;

/** For good. */
export function configureWith(engine: Pick<Engine, 'configure'>): Configure {
  return (configurations) => Promise.all(configurations.map((configuration) => engine.configure(configuration)));
}

type Reading = {
  validator: RequestValidator;
  checks: BeatChecks;
  /** What made the monitors of this document; left out: a call did. */
  origin?: 'file';
};

/** Configurations in the engine's queue at a time: pings have their turn in between. */
const batchMax = 100;

/**
 * The monitors of a document, each with what it is to be or what is wrong with it. Rejects as `parts` does, and with a
 * DocumentError when more than `wrongItemsMax` are wrong: an answer that names each would be many times the document.
 */
export async function readItems(parts: AsyncIterable<DocumentItem[]>, reading: Reading): Promise<AppliedItem[]> {
  const results: AppliedItem[] = [];
  const wrong: DocumentProblem[] = [];
  for await (const items of parts) {
    for (const item of items) {
      const result = readItem(item, reading);
      results.push(result);
      if (result.problems.length > 0) wrong.push(result.problems[0]!);
    }
    if (wrong.length > wrongItemsMax) throw new DocumentError(tooManyWrong(wrong), { busy: false });
  }
  return results;
}

/**
 * Sets each monitor that is not wrong in itself to what it is to be, and notes what became of it. One that fails does not keep
 * the others from it. Those that others depend on go first.
 */
export async function configureItems(items: readonly AppliedItem[], configure: Configure): Promise<void> {
  const byName = new Map<string, AppliedItem>();
  for (const each of items) if (each.configuration) byName.set(each.configuration.name, each);
  let open = inApplyOrder([...byName.values()].flatMap(({ configuration }) => configuration ?? []));
  for (let tried = Number.POSITIVE_INFINITY; open.length > 0 && open.length < tried; ) {
    tried = open.length;
    const circular: Configuration[] = [];
    for (let from = 0; from < open.length; from += batchMax) {
      const batch = open.slice(from, from + batchMax);
      const outcomes = await configure(batch);
      for (const [index, outcome] of outcomes.entries()) {
        note(byName.get(batch[index]!.name)!, outcome);
        if (!outcome.ok && outcome.refusal.field === 'depends_on') circular.push(batch[index]!);
      }
    }
    // A circle that a monitor closed may be open once the others are what the document says.
    open = circular;
  }
}

function note(result: AppliedItem, outcome: Outcome): void {
  if (!outcome.ok) {
    result.applied = 'failed';
    result.problems = [refused(result.item, outcome.refusal)];
    return;
  }
  result.problems = [];
  result.applied = outcome.created ? 'added' : outcome.accepted === 'unchanged' ? 'unchanged' : 'changed';
}

function readItem(item: DocumentItem, { validator, checks, origin }: Reading): AppliedItem {
  const failed = (problems: readonly DocumentProblem[]) =>
    ({ item, configuration: null, applied: 'failed', problems }) as const;
  if (item.problems.length > 0) return failed(item.problems);
  const monitor = messageOf(item);
  const error = monitor.ok ? validator.check(MonitorSchema, monitor.message) : monitor.error;
  if (error) return failed([problemOf(item, error)]);
  const read = readMonitor((monitor as { message: Monitor }).message, { mode: 'upsert', checks });
  if (!read.ok) return failed([problemOf(item, read.error)]);
  const { configuration } = read;
  const patch = origin ? { ...configuration.patch, origin } : configuration.patch;
  return { item, configuration: { ...configuration, patch }, applied: 'unchanged', problems: [] };
}

type ReadMessage = { ok: true; message: Monitor } | { ok: false; error: ConnectError };

function messageOf({ fields }: DocumentItem): ReadMessage {
  try {
    return { ok: true, message: fromJson(MonitorSchema, fields as JsonValue) };
  } catch (error) {
    return { ok: false, error: ConnectError.from(error) };
  }
}

function problemOf(item: DocumentItem, error: ConnectError): DocumentProblem {
  return refused(item, { field: fieldOf(error) ?? '', message: error.rawMessage });
}

function refused({ name, place, places }: DocumentItem, { field, message }: Pick<Refusal, 'field' | 'message'>) {
  const [top = ''] = field.split(/[[.]/, 1);
  return { place: (Object.hasOwn(places, top) ? places[top] : null) ?? place, name, field, message };
}
