import { createReadStream } from 'node:fs';
import { type DocumentProblem, problemText } from './document/document-item.ts';
import { DocumentError, type DocumentReader, documentBytesMax } from './document/document-reader.ts';
import type { Outcome } from './engine/command.ts';
import type { Engine } from './engine/engine.ts';
import { type AppliedItem, configureItems, configureWith, readItems } from './service/apply-document.ts';
import type { BeatChecks } from './service/read-beat.ts';
import type { RequestValidator } from './service/request-validator.ts';
import type { FoundMonitors, MonitorPlace } from './store/monitor-query.ts';
import type { Store } from './store/store.ts';

type Logger = { info(details: object, message: string): void; error(details: object, message: string): void };

export type ManagedMonitorsOptions = {
  /** The document of monitors that the server is run with. */
  path: string;
  store: Store;
  engine: Engine;
  documents: Pick<DocumentReader, 'read'>;
  validator: RequestValidator;
  checks: BeatChecks;
  logger: Logger;
};

/** A document that was read and is fit to be applied. */
export type ManagedPlan = {
  /** One per monitor of the document; `applied` is what a dry run said. */
  items: AppliedItem[];
  /** Monitors of an earlier document that are not in this one. */
  removed: string[];
};

/** Why a document is not applied, for a terminal: a line for each thing that is wrong. */
export class ManagedMonitorsError extends Error {
  override readonly name = 'ManagedMonitorsError';
  readonly problems: readonly string[];

  constructor(path: string, problems: readonly string[]) {
    super(`the monitors of ${path} cannot be applied:\n${problems.map((problem) => `  ${problem}`).join('\n')}`);
    this.problems = problems;
  }
}

/** Problems told of one document, and names in a line of the log. */
const problemsMax = 100;
const namesMax = 50;
/** Removals in the engine's queue at a time, and monitors looked through at a time. */
const batchMax = 200;
const pageSize = 500;

/**
 * Keeps the monitors of a document as it says: they are `managed` (their origin is `file`), set again whenever it is applied,
 * and removed once they are not in it any more. All or nothing: a document with anything wrong in it changes nothing. What
 * is to be removed is known from the store, so a server that is killed in the middle goes on at its next start.
 */
export class ManagedMonitors {
  readonly #options: ManagedMonitorsOptions;
  #reloading: Promise<void> | null = null;
  #again = false;

  constructor(options: ManagedMonitorsOptions) {
    this.#options = options;
  }

  /**
   * Reads the document and tries it out, without changing anything; the engine need not have started.
   *
   * @throws ManagedMonitorsError when it cannot be read or anything in it is wrong.
   */
  async plan(): Promise<ManagedPlan> {
    const { path, engine, documents, validator, checks } = this.#options;
    const bytes = await this.#readFile();
    const parts = documents.read(bytes);
    const items = await readItems(parts, { validator, checks, origin: 'file' }).catch((error) => {
      if (error instanceof DocumentError) throw new ManagedMonitorsError(path, [problemText(error.problem)]);
      throw error;
    });
    const removed = await this.#noLongerIn(new Set(items.map(({ item }) => item.name)));
    const rehearsal = engine.dryRun();
    await removeAll(removed, (names) => rehearsal.remove(names));
    await configureItems(items, (configurations) => rehearsal.configure(configurations));
    this.#refuseWrong(items);
    return { items, removed };
  }

  /** Applies what was planned, and logs what became of it. What fails now is logged; never rejects. */
  async apply(plan: ManagedPlan): Promise<void> {
    const { path, logger } = this.#options;
    try {
      await this.#applyAll(plan);
    } catch (error) {
      logger.error({ path, problems: [String(error)] }, 'monitors not all applied');
    }
  }

  async #applyAll({ items, removed }: ManagedPlan): Promise<void> {
    const { path, engine, logger } = this.#options;
    const changing = items.filter(({ applied }) => applied !== 'unchanged');
    // First, so that a monitor can get the ping id of one that goes.
    const failures = await removeAll(removed, (names) => Promise.all(names.map((name) => engine.remove(name))));
    await configureItems(changing, configureWith(engine));
    const failed = changing.filter(({ applied }) => applied === 'failed');
    const problems = [...failures, ...failed.flatMap(({ problems }) => problems.map(problemText))];
    const named = (kind: AppliedItem['applied']) => namesOf(items.filter(({ applied }) => applied === kind));
    const details = {
      path,
      added: named('added'),
      changed: named('changed'),
      removed: { count: removed.length - failures.length, names: removed.slice(0, namesMax) },
      unchanged: items.filter(({ applied }) => applied === 'unchanged').length,
      failed: problems.length,
    };
    if (problems.length === 0) logger.info(details, 'monitors applied');
    else logger.error({ ...details, problems: problems.slice(0, problemsMax) }, 'monitors not all applied');
  }

  /** Reads the document again and applies it. When it cannot be, says so in the log and changes nothing. Never rejects. */
  reload(): Promise<void> {
    this.#again = true;
    this.#reloading ??= this.#reload();
    return this.#reloading;
  }

  async #reload(): Promise<void> {
    const { path, logger } = this.#options;
    // Asked while it reads: what it reads may be the file of before.
    while (this.#again) {
      this.#again = false;
      try {
        await this.apply(await this.plan());
      } catch (error) {
        const problems = error instanceof ManagedMonitorsError ? error.problems : [String(error)];
        logger.error({ path, problems }, 'monitors not applied: nothing changed');
      }
    }
    this.#reloading = null;
  }

  async #readFile(): Promise<Uint8Array> {
    const { path } = this.#options;
    const parts: Buffer[] = [];
    try {
      // One byte more than may be, so that a file that is too large shows as such.
      for await (const part of createReadStream(path, { end: documentBytesMax })) parts.push(part as Buffer);
    } catch (error) {
      throw new ManagedMonitorsError(path, [(error as Error).message]);
    }
    return Buffer.concat(parts);
  }

  #refuseWrong(items: readonly AppliedItem[]): void {
    const problems: DocumentProblem[] = items.flatMap((item) => item.problems);
    if (problems.length === 0) return;
    const told = problems.slice(0, problemsMax).map(problemText);
    const more = problems.length - told.length;
    throw new ManagedMonitorsError(this.#options.path, more > 0 ? [...told, `and ${more} more`] : told);
  }

  async #noLongerIn(names: ReadonlySet<string>): Promise<string[]> {
    const gone: string[] = [];
    let after: MonitorPlace | null = null;
    do {
      const page: FoundMonitors = await this.#options.store.find({ order: 'name', after, limit: pageSize });
      for (const { name, config } of page.monitors) if (config.origin === 'file' && !names.has(name)) gone.push(name);
      after = page.next;
    } while (after !== null);
    return gone;
  }
}

/** The problems of those that could not be removed. One that is gone already is none. */
async function removeAll(names: readonly string[], remove: (names: string[]) => Promise<Outcome[]>): Promise<string[]> {
  const problems: string[] = [];
  for (let from = 0; from < names.length; from += batchMax) {
    const batch = names.slice(from, from + batchMax);
    for (const [index, outcome] of (await remove(batch)).entries()) {
      if (outcome.ok || outcome.refusal.code === 'not_found') continue;
      problems.push(`monitor ${JSON.stringify(batch[index])}: not removed: ${outcome.refusal.message}`);
    }
  }
  return problems;
}

function namesOf(items: readonly AppliedItem[]): { count: number; names: string[] } {
  return { count: items.length, names: items.slice(0, namesMax).map(({ item }) => item.name) };
}
