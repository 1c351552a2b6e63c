import fc from 'fast-check';
import t from 'tap';
import { checkMonitorName } from '../../../server/engine/domain/monitor-name.ts';

t.test('good names', async (t) => {
  const good = ['a', 'backup/db-1', ' ', 'a b', '<script>', 'Größe', '日本', '👍🏽', '\u00a0', 'e\u0301', '﻿', '\ufffd'];
  for (const name of [...good, 'x'.repeat(256), 'é'.repeat(128), '👍'.repeat(64)]) {
    t.equal(checkMonitorName(name), null, JSON.stringify(name.slice(0, 20)));
  }
});

t.test('empty and too long', async (t) => {
  t.match(checkMonitorName(''), /must not be empty/);
  for (const name of ['x'.repeat(257), 'é'.repeat(129), '日'.repeat(86), '👍'.repeat(65), `${'👍'.repeat(64)}x`]) {
    t.match(checkMonitorName(name), /at most 256 bytes/, name.slice(0, 4));
  }
});

t.test('control characters are named', async (t) => {
  for (const code of [0, 1, 9, 10, 13, 0x1f, 0x7f, 0x80, 0x85, 0x9f]) {
    const name = `a${String.fromCharCode(code)}b`;
    t.match(checkMonitorName(name), code.toString(16).toUpperCase().padStart(4, '0'));
  }
});

t.test('lone surrogates', async (t) => {
  for (const name of ['\ud800', 'a\udc00', '\udc00\ud800', '👍\ud83d', '\ud83dx']) {
    t.match(checkMonitorName(name), /surrogate/, JSON.stringify(name));
  }
});

t.test('the length is that of the UTF-8 form', async () => {
  // Runs of one character each, so that lengths around the limit come up often.
  const characters = ['a', 'é', '日', '👍', '\ud83d', '\udc4d', '\u0000', '\u0085', '\u00a0'];
  const run = fc
    .tuple(fc.constantFrom(...characters), fc.nat(100))
    .map(([character, count]) => character.repeat(count));
  const text = fc.array(run, { maxLength: 5 }).map((runs) => runs.join(''));
  fc.assert(
    fc.property(text, (name) => {
      const fits = name !== '' && Buffer.byteLength(name) <= 256;
      const clean = name.isWellFormed() && !/[\u0000-\u001f\u007f-\u009f]/.test(name);
      return (checkMonitorName(name) === null) === (fits && clean);
    }),
    { numRuns: 2000 },
  );
});
