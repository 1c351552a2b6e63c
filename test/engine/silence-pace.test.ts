import fc from 'fast-check';
import t from 'tap';
import { SilencePace } from '../../server/engine/silence-pace.ts';

const turnMs = 10;

/** Sizes of 50 turns of which each monitor takes so long. */
function sizes(eachMs: number, sizeMax = 500): number[] {
  const pace = new SilencePace({ sizeMax, turnMs });
  return Array.from({ length: 50 }, () => {
    const { size } = pace;
    pace.took(size * eachMs);
    return size;
  });
}

t.test('turns come to take as long as they should', async (t) => {
  for (const eachMs of [0.025, 0.04, 0.1, 0.19]) {
    const size = sizes(eachMs).at(-1)!;
    t.ok(Math.abs(size * eachMs - turnMs) <= 0.1 * turnMs, `${size} of ${eachMs} ms each`);
  }
  t.equal(sizes(0).at(-1), 500, 'no more than the limit, however fast');
  t.equal(sizes(100).at(-1), 50, 'silence goes on, however slow');
  t.same(sizes(100, 20).slice(0, 2), [20, 20], 'a limit below the least holds');
});

t.test('one slow turn does not stop the others', async (t) => {
  const pace = new SilencePace({ sizeMax: 500, turnMs });
  for (let turn = 0; turn < 10; turn++) pace.took(pace.size * 0.025);
  const before = pace.size;
  pace.took(5_000);
  t.equal(pace.size, before / 2);
  pace.took(pace.size * 0.025);
  t.equal(pace.size, before, 'it is made up for at once');
});

t.test('the size is a whole number within its bounds, whatever turns take', async (t) => {
  const tookMs = fc.array(fc.double({ min: 0, max: 1e9, noNaN: true }), { maxLength: 50 });
  const property = fc.property(tookMs, fc.integer({ min: 1, max: 1_000 }), (turns, sizeMax) => {
    const pace = new SilencePace({ sizeMax, turnMs });
    return turns.every((ms) => {
      pace.took(ms);
      return Number.isInteger(pace.size) && pace.size >= Math.min(50, sizeMax) && pace.size <= sizeMax;
    });
  });
  t.equal(fc.check(property).failed, false);
});
