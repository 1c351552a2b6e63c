import fc from 'fast-check';
import t from 'tap';
import { FrameWriter, readFrame } from '../../../server/store/journal/beat-frame.ts';
import { beatRecord } from '../store-contract.ts';

const time = fc.integer({ min: 0, max: 2 ** 45 });
const text = fc.oneof(fc.constant(''), fc.string({ unit: 'grapheme', maxLength: 40 }));
const beats = fc.array(
  fc.record({
    monitorId: fc.integer({ min: 1, max: 2 ** 50 }),
    move: fc.option(fc.record({ frequencyMs: time, graceMs: time })),
    status: fc.constantFrom(...(['ok', 'start', 'fail', 'log', 'keep_alive'] as const)),
    atMs: time,
    receivedMs: time,
    message: text,
    body: fc.option(fc.uint8Array({ maxLength: 300 })),
    durationMs: fc.option(time),
    exitCode: fc.option(fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 })),
    run: text,
    beatId: text,
    address: fc.constantFrom('', '10.0.0.1', '2001:db8::1'),
    userAgent: fc.constantFrom('', 'curl/8', 'ü'),
  }),
  { minLength: 1, maxLength: 20 },
);

t.test('what is written is read', (t) => {
  const writer = new FrameWriter();
  fc.assert(
    fc.property(beats, fc.nat(), fc.nat(), (written, firstId, transaction) => {
      writer.begin(firstId, { isFirst: true });
      for (const { monitorId, move, ...beat } of written) writer.add(monitorId, beat, move);
      const bytes = Buffer.from(writer.finish(transaction));
      writer.stored();
      const frame = readFrame(Buffer.concat([Buffer.alloc(3), bytes, Buffer.alloc(7)]), 3)!;
      const { sources } = frame;
      const from = (id: number) => sources.find((source) => source.id === id) ?? { address: '', userAgent: '' };
      const read = frame.beats.map(({ source, ...beat }) => {
        const { address, userAgent } = from(source);
        return { ...beat, address, userAgent };
      });
      t.same(
        read,
        written.map((beat, index) => ({ id: firstId + index, ...beat })),
      );
      t.same([frame.transaction, frame.end], [transaction, 3 + bytes.length]);
      t.equal(new Set(sources.map(({ id }) => id)).size, sources.length, 'each source once');
    }),
  );
  t.end();
});

t.test('a frame of before sources and bodies', (t) => {
  const old =
    'cgAAAJDsto4AAAAAAAAcQAAAAAAAACJAEAAAAAAAAPA/AAAAAABAj0AAAAAAAEiPQAAAAAAATO1AAAAAAAAAFEAjAAAAAAAAAEAAAAAAAFCPQ' +
    'AAAAAAAWI9AAAAAAAAACEAAAAAAAAD4fwIAAADDvAEAAAByAQAAAGI=';
  const none = { message: '', body: null, durationMs: null, exitCode: null, run: '', beatId: '', source: 0 };
  const move = { frequencyMs: 60_000, graceMs: 5 };
  const said = { message: 'ü', durationMs: 3, run: 'r', beatId: 'b' };
  t.same(readFrame(Buffer.from(old, 'base64'), 0), {
    transaction: 9,
    beats: [
      { ...none, id: 7, monitorId: 1, status: 'ok', atMs: 1_000, receivedMs: 1_001, move },
      { ...none, id: 8, monitorId: 2, status: 'log', atMs: 1_002, receivedMs: 1_003, move: null, ...said },
    ],
    sources: [],
    end: 122,
  });
  t.end();
});

t.test('a source is defined once per segment, and anew when its frame was not stored', (t) => {
  const writer = new FrameWriter();
  const curl = beatRecord({ address: '10.0.0.1', userAgent: 'curl/8' });
  const write = ({ isFirst = false, isStored = true } = {}) => {
    writer.begin(1, { isFirst });
    writer.add(1, curl, null);
    writer.add(2, curl, null);
    const frame = readFrame(Buffer.from(writer.finish(0)), 0)!;
    if (isStored) writer.stored();
    t.ok(frame.beats.every(({ source }) => source === frame.beats[0]!.source));
    return frame.sources.map(({ address, userAgent }) => [address, userAgent]);
  };
  const defined = [['10.0.0.1', 'curl/8']];
  t.same(write({ isFirst: true }), defined);
  t.same(write(), []);
  t.same(write({ isFirst: true }), defined);
  t.same(write({ isStored: false }), []);
  t.same(write({ isStored: false }), defined, 'the one before was lost');
  t.same(write(), defined);
  t.same(write(), []);
  t.end();
});

t.test('sources are cut, and as many as there are remain readable', (t) => {
  const writer = new FrameWriter();
  writer.begin(1, { isFirst: true });
  const long = `${'x'.repeat(199)}\u{1f514}`;
  for (let n = 0; n < 10_000; n++) writer.add(1, beatRecord({ address: `${n}`, userAgent: long }), null);
  for (let n = 0; n < 10_000; n++) writer.add(1, beatRecord({ address: `${n}`, userAgent: `${long}y` }), null);
  const { beats, sources } = readFrame(writer.finish(0), 0)!;
  const byId = new Map(sources.map((source) => [source.id, source]));
  t.ok(beats.every(({ source }, index) => byId.get(source)?.address === `${index % 10_000}`));
  t.same([...new Set(sources.map(({ userAgent }) => userAgent))], ['x'.repeat(199)]);
  t.end();
});

t.test('a frame that is torn or damaged anywhere is none', (t) => {
  const writer = new FrameWriter();
  writer.begin(7, { isFirst: true });
  const said = { message: 'ü', durationMs: 3, exitCode: 4, run: 'r', beatId: 'b', body: new Uint8Array([0, 255]) };
  writer.add(1, beatRecord({ status: 'fail', atMs: 1, receivedMs: 2, ...said, address: '::1' }), null);
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
    writer.begin(1, { isFirst: true });
    for (let n = 0; n < count; n++) writer.add(n, beatRecord({ atMs: n, message }), null);
    t.equal(writer.beats, count);
    const frame = readFrame(Buffer.from(writer.finish(0)), 0);
    t.equal(frame?.beats.length, count);
    t.ok(frame?.beats.every((beat, index) => beat.atMs === index && beat.message === message));
  }
  t.end();
});
