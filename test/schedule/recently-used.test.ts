import t from 'tap';
import { RecentlyUsed } from '../../server/schedule/recently-used.ts';

t.test('keeps what was used last, makes the rest anew', async (t) => {
  const made: string[] = [];
  const kept = new RecentlyUsed<string, string>({
    limit: 4,
    make: (key) => {
      made.push(key);
      return key.toUpperCase();
    },
  });
  t.equal(kept.get('a'), 'A');
  for (const key of ['b', 'a', 'c', 'a', 'd', 'a']) kept.get(key);
  t.same(made, ['a', 'b', 'c', 'd'], 'a was used all the time, so it stayed');
  kept.get('b');
  t.same(made, ['a', 'b', 'c', 'd', 'b'], 'b was not');
});

t.test('never keeps more than its limit', async (t) => {
  let made = 0;
  const kept = new RecentlyUsed<number, object>({
    limit: 10,
    make: () => {
      made++;
      return {};
    },
  });
  for (let key = 0; key < 100; key++) kept.get(key);
  made = 0;
  for (let key = 99; key >= 0; key--) kept.get(key);
  t.ok(made >= 90, `${made} of 100 were made again`);
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
  fails = false;
  t.equal(kept.get('a'), 1);
});
