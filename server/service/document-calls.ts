import { Code } from '@connectrpc/connect';
import { AppliedAs, type MonitorService } from '../../gen/ts/tocsin/v1/monitor_pb.ts';
import { type DocumentProblem, problemText, shownName } from '../document/document-item.ts';
import { DocumentError, type DocumentReader } from '../document/document-reader.ts';
import type { Engine } from '../engine/engine.ts';
import type { Store } from '../store/store.ts';
import { type AppliedItem, type Configure, configureItems, configureWith, readItems } from './apply-document.ts';
import { callError } from './call-error.ts';
import { exportDocument } from './export-document.ts';
import type { BeatChecks } from './read-beat.ts';
import { readError } from './read-error.ts';
import type { RequestValidator } from './request-validator.ts';
import type { ServiceHandlers } from './service-handlers.ts';

export type DocumentCallsOptions = {
  store: Store;
  engine: Engine;
  documents: Pick<DocumentReader, 'read'>;
  validator: RequestValidator;
  checks: BeatChecks;
};

/** Exports at a time: each holds its whole document, some 200 bytes a monitor. */
const exportsMax = 4;

/** Failed monitors of one answer that tell why, and characters after which one tells no further problem. */
const errorsTold = 1_000;
const errorLengthMax = 2_000;
const andMore = `and more: only the first ${errorsTold} that failed say why`;

const appliedAs: Record<AppliedItem['applied'], AppliedAs> = {
  added: AppliedAs.ADDED,
  changed: AppliedAs.CHANGED,
  unchanged: AppliedAs.UNCHANGED,
  failed: AppliedAs.FAILED,
};

/** The calls of MonitorService that are about documents of monitors. */
export function documentCalls({
  store,
  engine,
  documents,
  validator,
  checks,
}: DocumentCallsOptions): Pick<ServiceHandlers<typeof MonitorService>, 'applyMonitors' | 'exportMonitors'> {
  let exporting = 0;
  return {
    async applyMonitors({ document, dryRun }, { signal }) {
      const parts = documents.read(document?.data ?? new Uint8Array(), signal);
      const items = await readItems(parts, { validator, checks }).catch((error) => {
        throw documentError(error);
      });
      const rehearsal = dryRun ? engine.dryRun() : null;
      const configure: Configure = rehearsal ? (some) => rehearsal.configure(some) : configureWith(engine);
      await configureItems(items, configure).catch((error) => {
        throw readError(error);
      });
      const count = (kind: AppliedItem['applied']) => items.filter(({ applied }) => applied === kind).length;
      let failures = 0;
      const errorOf = (problems: readonly DocumentProblem[]): string => {
        if (problems.length === 0) return '';
        failures += 1;
        return failures > errorsTold ? andMore : problemsText(problems);
      };
      return {
        monitors: items.map(({ item, applied, problems }) => ({
          name: shownName(item.name),
          applied: appliedAs[applied],
          error: errorOf(problems),
          field: problems[0]?.field ?? '',
        })),
        added: count('added'),
        changed: count('changed'),
        unchanged: count('unchanged'),
        failed: count('failed'),
      };
    },

    async exportMonitors({ format: asked }, { signal }) {
      const format = asked === 'json' ? 'json' : 'yaml';
      if (exporting >= exportsMax) {
        throw callError({ code: Code.ResourceExhausted, message: 'too many documents are being written; try again' });
      }
      exporting += 1;
      try {
        const data = await exportDocument(store, { format, signal });
        return { document: { contentType: `application/${format}`, data } };
      } catch (error) {
        throw readError(error);
      } finally {
        exporting -= 1;
      }
    },
  };
}

/** What is wrong with one monitor, without its name; the first of it when it is much. */
function problemsText(problems: readonly DocumentProblem[]): string {
  const told: string[] = [];
  for (let length = 0; told.length < problems.length && length <= errorLengthMax; length += told.at(-1)!.length) {
    told.push(problemText({ ...problems[told.length]!, name: '' }));
  }
  const more = problems.length - told.length;
  return (more > 0 ? [...told, `and ${more} more`] : told).join('; ');
}

function documentError(error: unknown): unknown {
  if (!(error instanceof DocumentError)) return error;
  const { busy, problem } = error;
  if (busy) return callError({ code: Code.ResourceExhausted, message: problem.message });
  const message = `document: ${problemText(problem)}`;
  return callError({ code: Code.InvalidArgument, message, field: 'document' });
}
