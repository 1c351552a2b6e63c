import fc from 'fast-check';
import t from 'tap';
import { NameIndex } from '../../server/store/name-index.ts';

const step = fc.record({
  kind: fc.constantFrom('add' as const, 'add' as const, 'remove' as const, 'find' as const),
  name: fc.oneof(
    fc.nat({ max: 40 }).map((n) => `job-${n}`),
    fc.string({ unit: 'grapheme', maxLength: 4 }),
  ),
});

t.test('does what a Map does', (t) => {
  fc.assert(
    fc.property(fc.integer(), fc.array(step, { maxLength: 300 }), (seed, steps) => {
      const index = new NameIndex({ seed });
      const model = new Map<string, number>();
      const free: number[] = [];
      let end = 0;
      for (const { kind, name } of steps) {
        const place = model.get(name);
        if (kind === 'add' && place === undefined) {
          const at = free.pop() ?? end++;
          index.add(name, at);
          model.set(name, at);
        } else if (kind === 'remove' && place !== undefined) {
          index.remove(place);
          model.delete(name);
          free.push(place);
        }
        if (index.find(name) !== (model.get(name) ?? -1)) return false;
      }
      return index.size === model.size && [...model].every(([name, at]) => index.nameAt(at) === name);
    }),
  );
  t.end();
});

t.test('grows, and does not fill up with names that were removed', (t) => {
  const index = new NameIndex({ seed: 7 });
  const count = 5_000;
  for (let round = 0; round < 4; round++) {
    for (let place = 0; place < count; place++) index.add(`${round}-${place}`, place);
    t.equal(index.size, count);
    t.ok(allFound(index, count, (place) => `${round}-${place}`));
    t.equal(index.find('nobody'), -1);
    for (let place = 0; place < count; place++) index.remove(place);
    t.equal(index.find(`${round}-1`), -1);
  }
  t.end();
});

t.test('works with every seed and any characters', (t) => {
  for (const seed of [0, 1, 2 ** 31, -5]) {
    const index = new NameIndex({ seed, capacity: 3 });
    for (let place = 0; place < 3_000; place++) index.add(String.fromCharCode(place + 1, 1), place);
    t.ok(allFound(index, 3_000, (place) => String.fromCharCode(place + 1, 1)));
  }
  t.end();
});

function allFound(index: NameIndex, count: number, nameOf: (place: number) => string): boolean {
  for (let place = 0; place < count; place++) if (index.find(nameOf(place)) !== place) return false;
  return true;
}
