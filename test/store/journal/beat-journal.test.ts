import fs, { appendFileSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { FrameWriter } from '../../../server/store/journal/beat-frame.ts';
import { BeatJournal } from '../../../server/store/journal/beat-journal.ts';
import { beatRecord } from '../store-contract.ts';

const writer = new FrameWriter();

function frame(firstId: number, beats: number, transaction = 0): Buffer {
  writer.begin(firstId, { isFirst: true });
  for (let n = 0; n < beats; n++) writer.add(1, beatRecord({ atMs: firstId + n }), null);
  return writer.finish(transaction);
}

function open(t: Test, directory: string, options: { segmentBytes?: number; sync?: boolean } = {}): BeatJournal {
  const journal = new BeatJournal({ directory, sync: false, segmentBytes: 200, ...options });
  t.teardown(() => journal.close());
  return journal;
}

/** The ids of the beats that are there, by reading the journal anew. */
function ids(directory: string, until = Number.POSITIVE_INFINITY): number[] {
  const found: number[] = [];
  new BeatJournal({ directory, sync: false, segmentBytes: 200 }).read(({ beats, transaction }) => {
    if (transaction > until) return false;
    found.push(...beats.map(({ id }) => id));
    return true;
  });
  return found;
}

t.test('appended, in segments, read in order', (t) => {
  for (const sync of [false, true]) {
    const directory = t.testdir();
    const journal = open(t, directory, { sync });
    t.equal(journal.end, null);
    for (let id = 1; id <= 20; id += 2) journal.append(frame(id, 2), id);
    const files = readdirSync(directory).sort();
    t.ok(files.length > 3, files.join());
    for (const file of files) t.equal(statSync(join(directory, file)).mode & 0o777, 0o600);
    t.same(
      ids(directory),
      Array.from({ length: 20 }, (_, index) => index + 1),
    );
    t.equal(
      journal.bytes,
      files.map((file) => statSync(join(directory, file)).size).reduce((a, b) => a + b),
    );
    const again = open(t, directory);
    again.read(() => true);
    t.same(again.end, journal.end);
    again.append(frame(21, 1), 21);
    t.equal(ids(directory).at(-1), 21);
  }
  t.end();
});

t.test('a torn end is cut off, wherever it was torn', (t) => {
  const whole = frame(3, 1).length;
  for (let kept = 0; kept < whole; kept++) {
    const directory = t.testdir();
    const journal = open(t, directory, { segmentBytes: 10_000 });
    journal.append(frame(1, 2), 1);
    const { bytes } = journal.end!;
    journal.append(frame(3, 1), 3);
    const [file] = readdirSync(directory);
    truncateSync(join(directory, file!), bytes + kept);
    t.same(ids(directory), [1, 2]);
    t.equal(statSync(join(directory, file!)).size, bytes);
    const again = open(t, directory, { segmentBytes: 10_000 });
    again.read(() => true);
    again.append(frame(3, 2), 3);
    t.same(ids(directory), [1, 2, 3, 4]);
  }
  t.end();
});

t.test('damage before the end is told, and nothing is touched', (t) => {
  const directory = t.testdir();
  const journal = open(t, directory);
  for (let id = 1; id <= 20; id += 1) journal.append(frame(id, 1), id);
  const [first] = readdirSync(directory).sort();
  const bytes = readFileSync(join(directory, first!));
  bytes[80]! ^= 1;
  writeFileSync(join(directory, first!), bytes);
  t.throws(() => ids(directory), {
    reason: 'io',
    message: /beats-0+1\.log is damaged at byte \d+: restore it, or move/,
  });
  t.same(readFileSync(join(directory, first!)), bytes);
  t.end();
});

t.test('what is behind a frame whose transaction is missing is cut off', (t) => {
  const directory = t.testdir();
  const journal = open(t, directory);
  for (let id = 1; id <= 8; id++) journal.append(frame(id, 1, id), id);
  t.same(ids(directory, 5), [1, 2, 3, 4, 5]);
  t.same(ids(directory), [1, 2, 3, 4, 5], 'for good');
  t.end();
});

t.test('an append is taken back', (t) => {
  const directory = t.testdir();
  const journal = open(t, directory);
  journal.append(frame(1, 2), 1);
  for (let round = 0; round < 5; round++) {
    journal.append(frame(3, 4), 3);
    journal.undo();
    t.same(ids(directory), [1, 2]);
  }
  journal.append(frame(3, 1), 3);
  t.same(ids(directory), [1, 2, 3]);
  t.end();
});

t.test('segments that are not needed are deleted, the last one never', async (t) => {
  const directory = t.testdir();
  const journal = open(t, directory);
  for (let id = 1; id <= 20; id++) journal.append(frame(id, 1), id);
  const segments = readdirSync(directory).length;
  journal.dropUpTo(0);
  t.equal(readdirSync(directory).length, segments);
  journal.dropUpTo(10);
  const gone = (count: number) => t.ok(readdirSync(directory).length <= count);
  for (let turn = 0; turn < 1_000_000 && readdirSync(directory).length === segments; turn++) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  gone(segments - 1);
  t.ok(ids(directory)[0]! <= 11, 'what is behind the mark stays');
  journal.dropUpTo(1_000);
  t.ok(journal.end);
  journal.append(frame(21, 1), 21);
  t.equal(ids(directory).at(-1), 21);
});

t.test('a file that is no segment is left alone', (t) => {
  const directory = t.testdir({ 'beats-1.log': 'x', 'notes.txt': 'y' });
  const journal = open(t, directory);
  journal.read(() => true);
  journal.append(frame(1, 1), 1);
  appendFileSync(join(directory, 'notes.txt'), 'z');
  t.same(ids(directory), [1]);
  t.end();
});

t.test('a refused append leaves nothing behind, whatever comes next', (t) => {
  const directory = t.testdir();
  const journal = open(t, directory, { segmentBytes: 10_000 });
  journal.append(frame(1, 2), 1);
  const { fdatasyncSync } = fs;
  const failing = open(t, directory, { segmentBytes: 10_000, sync: true });
  failing.read(() => true);
  fs.fdatasyncSync = () => {
    throw Object.assign(new Error('EIO: i/o error'), { code: 'EIO' });
  };
  syncBuiltinESMExports();
  t.teardown(() => {
    fs.fdatasyncSync = fdatasyncSync;
    syncBuiltinESMExports();
  });
  t.throws(() => failing.append(frame(3, 1), 3), { name: 'StoreError', message: /EIO/ });
  t.same(ids(directory), [1, 2], 'cut off at once, for a start may come before the next append');
  failing.mend();
  t.end();
});
