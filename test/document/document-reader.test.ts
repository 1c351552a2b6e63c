import t, { type Test } from 'tap';
import { DocumentError, DocumentReader, documentBytesMax } from '../../server/document/document-reader.ts';
import { FakeClock } from '../support/fake-clock.ts';

const reader = (itemsMax = 10_000) => new DocumentReader({ clock: new FakeClock(), itemsMax });

/** Names by part. */
async function partsOf(parts: AsyncIterable<{ name: string }[]>): Promise<string[][]> {
  const all: string[][] = [];
  for await (const items of parts) all.push(items.map(({ name }) => name));
  return all;
}

async function problemOf(call: Promise<unknown>): Promise<{ busy: boolean; message: string }> {
  const error = await call.then(
    () => new Error('it was read'),
    (reason) => reason,
  );
  if (!(error instanceof DocumentError)) throw error;
  return { busy: error.busy, message: error.problem.message };
}

const bytes = (text: string) => Buffer.from(text);

t.test('the monitors come in parts, in order, from bytes that are part of a larger buffer', async (t) => {
  const names = Array.from({ length: 450 }, (_, index) => `m${index}`);
  const text = `monitors: [${names.map((name) => `{name: ${name}}`)}]`;
  const request = bytes(`POST ${text} more`);
  const parts = await partsOf(reader().read(request.subarray(5, 5 + text.length)));
  t.same(
    parts.map(({ length }) => length),
    [200, 200, 50],
  );
  t.same(parts.flat(), names);
  t.match(request.toString(), /^POST monitors/, 'what was given is untouched');
});

t.test('what cannot be read is said, by the thread or before it starts', async (t) => {
  const problem = (data: Uint8Array) => problemOf(partsOf(reader(1).read(data)));
  t.match(await problem(bytes('monitors: {')), { busy: false, message: /^this is not valid YAML/ });
  t.match(await problem(bytes('monitors: [{}, {}]')), { message: /must be at most 1 / });
  t.match(await problem(Uint8Array.of(0xc3)), { message: 'the document must be UTF-8' });
  t.match(await problem(new Uint8Array(documentBytesMax + 1)), {
    message: /^the document must be at most 16777216 bytes/,
  });
});

t.test('documents wait for each other, and more than some are refused', async (t) => {
  const one = reader();
  const calls = Array.from({ length: 6 }, (_, index) => partsOf(one.read(bytes(`monitors: [{name: m${index}}]`))));
  t.match(await problemOf(calls[5]!), { busy: true });
  t.same(await Promise.all(calls.slice(0, 5)), [[['m0']], [['m1']], [['m2']], [['m3']], [['m4']]]);
  t.same(await partsOf(one.read(bytes('monitors: [{name: later}]'))), [['later']], 'and there is room again');
});

t.test('nobody waits for a document whose caller has left, or that takes too long', async (t: Test) => {
  const slow = bytes(`monitors: [${'{name: a}, '.repeat(200_000)}]`);
  const clock = new FakeClock();
  const one = new DocumentReader({ clock, itemsMax: 1_000_000 });
  const left = new AbortController();
  const gone = t.rejects(partsOf(one.read(slow, left.signal)), { message: 'the caller has left' });
  const waiting = t.rejects(partsOf(one.read(slow, left.signal)), { message: 'the caller has left' });
  left.abort(new Error('the caller has left'));
  await gone;
  await waiting;
  const late = problemOf(partsOf(one.read(slow)));
  await clock.advance(120_000);
  t.match(await late, { busy: false, message: 'the document takes too long to read; split it' });
  t.same(await partsOf(one.read(bytes('monitors: [{name: next}]'))), [['next']]);
});
