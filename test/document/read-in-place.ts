import { DocumentError, type DocumentReader } from '../../server/document/document-reader.ts';
import { readDocument } from '../../server/document/read-document.ts';

/** Reads documents without a thread: a start of one takes longer than a test of many documents may. */
export const readInPlace: Pick<DocumentReader, 'read'> = {
  async *read(bytes) {
    const document = readDocument(new TextDecoder().decode(bytes), { itemsMax: 1_000 });
    if (!document.ok) throw new DocumentError(document.problem, { busy: false });
    yield document.items;
  },
};
