import fc from 'fast-check';
import t from 'tap';
import { readPingBody } from '../../server/healthchecks/ping-body.ts';

const max = 10_000;
const bytes = (text: string) => new TextEncoder().encode(text);

t.test('a text is the message, and nothing else is kept', async (t) => {
  t.strictSame(readPingBody(bytes('')), { message: '', body: null });
  t.strictSame(readPingBody(bytes('disk is full\n')), { message: 'disk is full\n', body: null });
  t.strictSame(readPingBody(bytes('\ufeffü😀')), { message: '\ufeffü😀', body: null });
  t.strictSame(readPingBody(bytes('x'.repeat(max + 1))), { message: 'x'.repeat(max), body: null });
});

t.test('a character at the limit is kept whole or not at all', async (t) => {
  for (const before of [max - 4, max - 3, max - 2, max - 1]) {
    const { message, body } = readPingBody(bytes(`${'x'.repeat(before)}😀y`));
    const fits = before === max - 4;
    t.equal(message, fits ? `${'x'.repeat(before)}😀` : 'x'.repeat(before));
    t.strictSame(body?.length ?? 0, fits ? 0 : max, 'the bytes are there when the text is not all of them');
  }
});

t.test('bytes that are no text are kept as they are', async (t) => {
  const { message, body } = readPingBody(Uint8Array.of(0x61, 0xff, 0, 0x62));
  t.equal(message, 'a\ufffd\ufffdb');
  t.strictSame(body, Uint8Array.of(0x61, 0xff, 0, 0x62));
  t.equal(readPingBody(Uint8Array.of(0x61, 0xc3)).message, 'a\ufffd', 'a character that is cut by the client');
  const broken = readPingBody(new Uint8Array(max).fill(0xff));
  t.equal(broken.message, '\ufffd'.repeat(3333), 'the text has its limit too');
  t.equal(broken.body!.length, max);
});

t.test('for any bytes: bounded, well-formed, and the first 10,000 bytes can be had back', async () => {
  const piece = fc.oneof(fc.uint8Array({ maxLength: 20 }), fc.string({ unit: 'binary', maxLength: 20 }).map(bytes));
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 5 }), fc.integer({ min: 9_950, max: 10_050 }), (pieces, fill) => {
      const all = Buffer.concat([...pieces, new Uint8Array(fill).fill(0x61), ...pieces]);
      const { message, body } = readPingBody(all);
      const encoded = bytes(message);
      const kept = body ?? encoded;
      return (
        encoded.length <= max &&
        message.isWellFormed() &&
        !message.includes('\0') &&
        Buffer.from(kept).equals(all.subarray(0, max))
      );
    }),
  );
});
