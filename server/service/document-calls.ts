import { Code } from '@connectrpc/connect';
import { AppliedAs, type MonitorService } from '../../gen/ts/tocsin/v1/monitor_pb.ts';
import { type DocumentProblem, problemText } from '../document/document-item.ts';
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
      return {
        monitors: items.map(({ item, applied, problems }) => ({
          name: item.name,
          applied: appliedAs[applied],
          error: problems.map(placedMessage).join('; '),
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

function placedMessage(problem: DocumentProblem): string {
  return problemText({ ...problem, name: '' });
}

function documentError(error: unknown): unknown {
  if (!(error instanceof DocumentError)) return error;
  const { busy, problem } = error;
  if (busy) return callError({ code: Code.ResourceExhausted, message: problem.message });
  const message = `document: ${problemText(problem)}`;
  return callError({ code: Code.InvalidArgument, message, field: 'document' });
}
