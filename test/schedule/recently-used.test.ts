import t from 'tap';
import { RecentlyUsed } from '../../server/schedule/recently-used.ts';

t.test('keeps what was used last, makes the rest anew', async (t) => {
  const made: string[] = [];
  const kept = new RecentlyUsed<string, string>({
    limit: 2,
    make: (key) => {
      made.push(key);
      return key.toUpperCase();
    },
  });
  t.equal(kept.get('a'), 'A');
  kept.get('b');
  kept.get('a');
  kept.get('c');
  t.equal(kept.size, 2);
  kept.get('a');
  t.same(made, ['a', 'b', 'c'], 'a was used after b, so b went');
  kept.get('b');
  t.same(made, ['a', 'b', 'c', 'b']);
});

t.test('what cannot be made is not kept', async (t) => {
  let fails = true;
  const kept = new RecentlyUsed<string, number>({
    limit: 2,
    make: () => {
      if (fails) throw new RangeError('no');
      return 1;
    },
  });
  t.throws(() => kept.get('a'), RangeError);
  t.equal(kept.size, 0);
  fails = false;
  t.equal(kept.get('a'), 1);
});
