import fc from 'fast-check';
import t from 'tap';
import { EgressRules } from '../../server/notify/egress-rules.ts';

type Lists = { allow?: string[]; deny?: string[] };

const refused = ({ allow = [], deny = [] }: Lists, address: string, host = address): boolean =>
  new EgressRules({ allow, deny }).refusal({ host, address }) !== null;

t.test('by default: link-local and metadata addresses are refused, in every form; others are not', async (t) => {
  const never = [
    '169.254.169.254',
    '169.254.0.1',
    '169.254.255.255',
    '0.0.0.0',
    '0.1.2.3',
    '::',
    'fe80::1',
    'fe80::1%eth0',
    'febf:ffff::1',
    'fd00:ec2::254',
    'fd00:0ec2:0:0:0:0:0:0254',
    'fd00:ec2::23',
    'fd20:ce::254',
    'fd00:c1::a9fe:a9fe',
    '100.100.100.200',
    '192.0.0.192',
    '168.63.129.16',
    '::ffff:169.254.169.254',
    '::FFFF:A9FE:A9FE',
    '::ffff:0.0.0.0',
    '::ffff:0:169.254.169.254',
    '::169.254.169.254',
    '64:ff9b::169.254.169.254',
    '64:ff9b:1::a9fe:a9fe',
    '2002:a9fe:a9fe::1',
  ];
  for (const address of never) t.ok(refused({}, address), address);
  const always = [
    '127.0.0.1',
    '10.0.0.1',
    '172.16.0.1',
    '192.168.1.1',
    '169.253.255.255',
    '169.255.0.0',
    '203.0.113.7',
    '100.100.100.201',
    '::1',
    '::ffff:127.0.0.1',
    '::2',
    'fec0::1',
    'fd00:ec3::254',
    'fd00:c1::a9fe:a9ff',
    'fd12:3456::1',
    '2001:db8::1',
    '64:ff9b::10.0.0.1',
    '2002:a00:1::1',
  ];
  for (const address of always) t.notOk(refused({}, address), address);
});

t.test('DENY comes before ALLOW, ALLOW before what is refused by default and before `all` in DENY', async (t) => {
  const table: [lists: Lists, address: string, host: string, expected: boolean][] = [
    [{ allow: ['169.254.169.254'] }, '169.254.169.254', 'x', false],
    [{ allow: ['169.254.169.254'] }, '169.254.169.253', 'x', true],
    [{ allow: ['169.254.169.0/24'] }, '::ffff:169.254.169.253', 'x', false],
    [{ allow: ['fe80::/10'] }, 'fe80::1%eth0', 'x', false],
    [{ allow: ['all'] }, '169.254.169.254', 'x', false],
    [{ allow: ['0.0.0.0/0'] }, '169.254.169.254', 'x', false],
    [{ allow: ['0.0.0.0/0'] }, 'fe80::1', 'x', true],
    [{ allow: ['metadata.example'] }, '169.254.169.254', 'metadata.example', false],
    [{ allow: ['metadata.example'] }, '169.254.169.254', 'metadata.example.', false],
    [{ allow: ['metadata.example'] }, '169.254.169.254', 'a.metadata.example', true],
    [{ allow: ['*.example'] }, '169.254.169.254', 'a.metadata.example', false],
    [{ allow: ['*.example'] }, '169.254.169.254', 'example', true],
    [{ allow: ['*.example'] }, '169.254.169.254', 'anexample', true],
    [{ deny: ['10.0.0.0/8'] }, '10.1.2.3', 'x', true],
    [{ deny: ['10.0.0.0/8'] }, '64:ff9b::a01:203', 'x', true],
    [{ deny: ['10.0.0.0/8'] }, '11.0.0.1', 'x', false],
    [{ deny: ['10.0.0.0/8'], allow: ['10.0.0.1'] }, '10.0.0.1', 'x', true],
    [{ deny: ['10.0.0.0/8'], allow: ['all'] }, '10.0.0.1', 'x', true],
    [{ deny: ['evil.example'], allow: ['all'] }, '203.0.113.7', 'evil.example', true],
    [{ deny: ['all'] }, '203.0.113.7', 'x', true],
    [{ deny: ['all'] }, '127.0.0.1', 'x', true],
    [{ deny: ['all'], allow: ['hooks.example'] }, '203.0.113.7', 'hooks.example', false],
    [{ deny: ['all'], allow: ['hooks.example'] }, '203.0.113.7', 'other.example', true],
    [{ deny: ['0.0.0.0/0'], allow: ['10.0.0.0/8'] }, '10.0.0.1', 'x', false],
    [{ deny: ['0.0.0.0/0'], allow: ['10.0.0.0/8'] }, '11.0.0.1', 'x', true],
    [{ deny: ['all', 'bad.example'], allow: ['all'] }, '10.0.0.1', 'bad.example', true],
  ];
  for (const [lists, address, host, expected] of table) {
    t.equal(refused(lists, address, host), expected, JSON.stringify({ ...lists, address, host }));
  }
});

t.test('what is refused says which address, and by which setting', async (t) => {
  const rules = new EgressRules({ allow: [], deny: ['10.0.0.0/8', 'evil.example'] });
  t.match(rules.refusal({ host: 'x', address: '169.254.169.254' }), /^169\.254\.169\.254 .*TOCSIN_EGRESS_ALLOW/);
  t.match(rules.refusal({ host: 'x', address: '10.0.0.1' }), /^10\.0\.0\.1 .*TOCSIN_EGRESS_DENY/);
  t.match(rules.refusalOfName('evil.example'), /^evil\.example .*TOCSIN_EGRESS_DENY/);
  t.equal(rules.refusalOfName('good.example'), null);
});

t.test('an IPv4 address is judged alike in each of its IPv6 forms', async () => {
  const rules = new EgressRules({ allow: ['169.254.7.0/24'], deny: ['10.0.0.0/8', '203.0.113.7'] });
  const isRefused = (address: string): boolean => rules.refusal({ host: 'x', address }) !== null;
  const byte = fc.integer({ min: 0, max: 255 });
  const notable = fc.constantFrom([169, 254], [10, 0], [203, 0], [0, 0], [127, 0]);
  const quad = fc.oneof(
    fc.tuple(byte, byte, byte, byte),
    fc.tuple(notable, byte, byte).map(([a, b, c]) => [...a, b, c]),
  );
  fc.assert(
    fc.property(quad, ([a = 0, b = 0, c = 0, d = 0]) => {
      const dotted = [a, b, c, d].join('.');
      const hex = `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
      const forms = [`::ffff:${dotted}`, `::ffff:${hex}`, `::ffff:0:${hex}`, `64:ff9b::${hex}`, `2002:${hex}::5`];
      // 0.0.0.0/8 as a compatible address is :: and its neighbours, which are something else.
      if (a > 0) forms.push(`::${hex}`);
      // By hand, what the lists above say.
      const expected = a === 0 || a === 10 || (a === 169 && b === 254 && c !== 7) || dotted === '203.0.113.7';
      const isMetadata = ['100.100.100.200', '192.0.0.192', '168.63.129.16'].includes(dotted);
      return [dotted, ...forms].every((form) => isRefused(form) === (expected || isMetadata));
    }),
    { numRuns: 2_000 },
  );
});
