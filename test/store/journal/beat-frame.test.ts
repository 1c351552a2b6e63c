import fc from 'fast-check';
import t from 'tap';
import { FrameWriter, readFrame } from '../../../server/store/journal/beat-frame.ts';

const time = fc.integer({ min: 0, max: 2 ** 45 });
const text = fc.oneof(fc.constant(''), fc.string({ unit: 'grapheme', maxLength: 40 }));
const beats = fc.array(
  fc.record({
    monitorId: fc.integer({ min: 1, max: 2 ** 50 }),
    move: fc.option(fc.record({ frequencyMs: time, graceMs: time })),
    status: fc.constantFrom('ok' as const, 'start' as const, 'fail' as const, 'log' as const),
    atMs: time,
    receivedMs: time,
    message: text,
    durationMs: fc.option(time),
    exitCode: fc.option(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })),
    run: text,
    beatId: text,
  }),
  { minLength: 1, maxLength: 20 },
);

t.test('what is written is read', (t) => {
  const writer = new FrameWriter();
  fc.assert(
    fc.property(beats, fc.nat(), fc.nat(), (written, firstId, transaction) => {
      writer.begin(firstId);
      for (const { monitorId, move, ...beat } of written) writer.add(monitorId, beat, move);
      const bytes = Buffer.from(writer.finish(transaction));
      const frame = readFrame(Buffer.concat([Buffer.alloc(3), bytes, Buffer.alloc(7)]), 3);
      t.same(frame, {
        transaction,
        beats: written.map((beat, index) => ({ id: firstId + index, ...beat })),
        end: 3 + bytes.length,
      });
    }),
  );
  t.end();
});

t.test('a frame that is torn or damaged anywhere is none', (t) => {
  const writer = new FrameWriter();
  writer.begin(7);
  const beat = { status: 'fail' as const, atMs: 1, receivedMs: 2, message: 'ü', durationMs: 3, exitCode: 4 };
  writer.add(1, { ...beat, run: 'r', beatId: 'b' }, null);
  const frame = Buffer.from(writer.finish(0));
  for (let length = 0; length < frame.length; length++) t.equal(readFrame(frame.subarray(0, length), 0), null);
  for (let at = 0; at < frame.length; at++) {
    const damaged = Buffer.from(frame);
    damaged[at]! ^= 0x40;
    t.equal(readFrame(damaged, 0), null, `byte ${at}`);
  }
  t.equal(readFrame(Buffer.alloc(1_000), 0), null, 'zeros, as a power cut leaves them');
  t.ok(readFrame(frame, 0));
  t.end();
});

t.test('a large batch, then a small one', (t) => {
  const writer = new FrameWriter();
  const message = 'x'.repeat(100_000);
  for (const count of [100, 1]) {
    writer.begin(1);
    for (let n = 0; n < count; n++) {
      const beat = { status: 'ok' as const, atMs: n, receivedMs: n, durationMs: null, exitCode: null };
      writer.add(n, { ...beat, message, run: '', beatId: '' }, null);
    }
    t.equal(writer.beats, count);
    const frame = readFrame(Buffer.from(writer.finish(0)), 0);
    t.equal(frame?.beats.length, count);
    t.ok(frame?.beats.every((beat, index) => beat.atMs === index && beat.message === message));
  }
  t.end();
});
