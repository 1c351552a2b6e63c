import { parentPort, workerData } from 'node:worker_threads';
import type { DocumentItem, DocumentProblem } from './document-item.ts';
import { readDocument } from './read-document.ts';

// A thread that reads one document: some 1 µs per byte, which no ping should wait for. See `DocumentReader` for the other
// side, which asks for one part after the other.

export type DocumentWork = { bytes: Uint8Array; itemsMax: number };
export type DocumentPart = { ok: true; items: DocumentItem[]; last: boolean } | { ok: false; problem: DocumentProblem };

/** A part is copied into the serving thread in some 2 ms. */
const partItems = 200;

const { bytes, itemsMax } = workerData as DocumentWork;
const text = textOf(bytes);
const document = text.ok ? readDocument(text.text, { itemsMax }) : text;
let sent = 0;

parentPort!.on('message', () => {
  if (!document.ok) parentPort!.postMessage({ ok: false, problem: document.problem } satisfies DocumentPart);
  else {
    const items = document.items.slice(sent, sent + partItems);
    sent += partItems;
    const last = sent >= document.items.length;
    parentPort!.postMessage({ ok: true, items, last } satisfies DocumentPart);
  }
});

function textOf(utf8: Uint8Array): { ok: true; text: string } | { ok: false; problem: DocumentProblem } {
  try {
    return { ok: true, text: new TextDecoder('utf-8', { fatal: true }).decode(utf8) };
  } catch {
    return { ok: false, problem: { place: null, name: '', field: '', message: 'the document must be UTF-8' } };
  }
}
