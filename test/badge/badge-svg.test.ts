import fc from 'fast-check';
import t from 'tap';
import { badgeState } from '../../server/badge/badge-state.ts';
import { badgeSvg } from '../../server/badge/badge-svg.ts';

const color = '44cc11';

t.test('an image says its text to those who cannot see it, too', async (t) => {
  const svg = badgeSvg({ label: 'backup', message: 'up', color });
  t.match(svg, /^<svg [^>]*width="\d+" height="20" role="img" aria-label="backup: up">\n<title>backup: up<\/title>/);
  t.match(svg, /fill="#44cc11"/);
});

t.test('a label is clipped, and never a character', async (t) => {
  const long = '😀'.repeat(100);
  const svg = badgeSvg({ label: long, message: 'up', color });
  t.match(svg, `>${'😀'.repeat(59)}…</text>`);
  t.match(svg, `<title>${long}: up</title>`, 'the title has it all');
});

t.test('whatever the name, the image is well-formed', async (t) => {
  const label = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom('<script>', '"&\'', '\0\ufffe', ']]>', '&amp;'),
  );
  fc.assert(
    fc.property(label, (label) => {
      const svg = badgeSvg({ label, message: 'down', color });
      const content = svg.replaceAll(/<[^<>]*>/g, '');
      const isEscaped = !/[<>]/.test(content) && !/&(?!#\d+;)/.test(svg);
      return isEscaped && !/[\x00-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/.test(svg) && svg.match(/"/g)!.length % 2 === 0;
    }),
  );
  t.match(badgeSvg({ label: '<b a="1">', message: 'up', color }), '&#60;b a=&#34;1&#34;&#62;');
});

t.test('of several monitors the worst counts', async (t) => {
  t.equal(badgeState([]), null);
  t.equal(badgeState(['paused', 'new'])?.status, 'new');
  t.equal(badgeState(['new', 'up', 'paused'])?.status, 'up');
  t.equal(badgeState(['up', 'late', 'up'])?.status, 'late');
  t.equal(badgeState(['late', 'down', 'up'])?.status, 'down');
  t.strictSame(badgeState(['up', 'paused', 'up']), {
    status: 'up',
    total: 3,
    counts: { new: 0, up: 2, late: 0, down: 0, paused: 1 },
  });
});
