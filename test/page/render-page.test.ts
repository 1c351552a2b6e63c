import t from 'tap';
import { pageStyle } from '../../server/page/page-style.ts';
import type { PageChannel, PageMonitor, PageView } from '../../server/page/page-view.ts';
import { renderPage } from '../../server/page/render-page.ts';

const nowMs = Date.UTC(2026, 10, 21, 7, 36, 19);
const s = 1000;
const min = 60 * s;

function monitor(name: string, changes: Partial<PageMonitor> = {}): PageMonitor {
  return {
    name,
    status: 'up',
    lastBeatMs: nowMs - 4 * min,
    dueMs: nowMs + 6 * min,
    deadlineMs: nowMs + 7 * min,
    heldUntilMs: null,
    incident: null,
    schedule: '10m',
    graceMs: min,
    ...changes,
  };
}

function page(changes: Partial<PageView> = {}): string {
  return renderPage({
    baseUrl: 'http://127.0.0.1:4000',
    nowMs,
    monitors: [],
    more: false,
    tokenRequired: false,
    alertTarget: 'webhook',
    routes: 0,
    channels: [],
    failingAlerts: null,
    ...changes,
  });
}

/** What a reader sees, without the style. */
function textOf(source: string): string {
  return source
    .replace(/<style>.*<\/style>/s, '')
    .replace(/<[^>]*>/g, ' ')
    .replace(/&#(\d+);/g, (_, code) => String.fromCharCode(Number(code)))
    .replace(/\s+/g, ' ');
}

/** The cells of a monitor's row, as text. */
function rowOf(source: string, name: string): string[] {
  const row = source.split(/<tr |<\/tr>/).find((part) => part.includes(`<bdi>${name}</bdi>`)) ?? '';
  return row
    .split(/<t[dh] /)
    .slice(1)
    .map((cell) => textOf(`<${cell}`).trim());
}

const names = (source: string) => [...source.matchAll(/<bdi>(.*?)<\/bdi>/g)].map((match) => match[1]);

t.test('without monitors it says how to get one, with the real address', async (t) => {
  const source = page({ baseUrl: 'https://tocsin.example.com' });
  const text = textOf(source);
  t.match(source, /^<!doctype html>\n<html lang="en">/);
  t.match(text, 'There are none yet. The first ping of a name creates its monitor');
  t.ok(text.includes('curl "https://tocsin.example.com/ping?name=backup&frequency=1D&grace=1h"'), text);
  t.ok(text.includes('curl -X DELETE "https://tocsin.example.com/ping?name=backup"'));
  t.ok(text.includes('TOCSIN_URL=https://tocsin.example.com '));
  t.ok(text.includes("withHeartbeat('backup', '1D', async () => {"));
  t.match(text, /job\.mjs .*await backup\(\)\.finally\(flush\)/, 'the fail of a job that rejects gets out');
  t.notMatch(source, '<table');
  t.notMatch(text, 'TOCSIN_TOKEN');
  t.match(source, '<title>Tocsin</title>');
});

t.test('it refreshes itself and needs neither script nor anything from elsewhere', async (t) => {
  const source = page({ monitors: [monitor('a')] });
  t.match(source, '<meta http-equiv="refresh" content="10">');
  t.notMatch(source, /<script|javascript:|\son[a-z]+=/i);
  t.notMatch(source, /(src|href)="(?!data:|\/(?!\/))/);
  t.notMatch(source, /undefined|\[object|NaN|null/);
});

t.test('one row says all about a monitor', async (t) => {
  const source = page({
    monitors: [
      monitor('fine'),
      monitor('never', { status: 'new', lastBeatMs: null, dueMs: null, deadlineMs: null }),
      monitor('late', { status: 'late', dueMs: nowMs - 50 * s, deadlineMs: nowMs + 10 * s }),
      monitor('held', { status: 'late', dueMs: nowMs - 50 * s, heldUntilMs: nowMs + 9 * min }),
      monitor('missed', { status: 'down', incident: { startedMs: nowMs - 3 * min, cause: 'no beat came in time' } }),
      monitor('failed', {
        status: 'down',
        incident: { startedMs: nowMs - 25 * 60 * min, cause: 'a beat reported failure' },
      }),
    ],
  });
  t.same(rowOf(source, 'fine'), ['up', 'fine', '4 min ago', 'in 6 min', 'in 7 min', '10m', '1m']);
  t.same(rowOf(source, 'never'), ['new', 'never', '–', '–', '–', '10m', '1m']);
  t.same(rowOf(source, 'late').slice(3, 5), ['50 s ago', 'in 10 s']);
  t.same(rowOf(source, 'held')[4], 'held until in 9 min : the server was not listening');
  t.same(rowOf(source, 'missed').slice(3, 5), ['–', 'down since 3 min ago : no beat came in time']);
  t.same(rowOf(source, 'failed')[4], 'down since 25 h ago : a beat reported failure');
  t.match(source, '<time datetime="2026-11-21T07:32:19.000Z" title="2026-11-21 07:32:19 UTC">4 min ago</time>');
  t.match(source, '<th role="columnheader" scope="col">Last beat</th>');
});

t.test('times are rounded towards now', async (t) => {
  const cases: [number, string][] = [
    [0, 'now'],
    [999, 'now'],
    [-999, 'now'],
    [-1999, '1 s ago'],
    [119 * s, 'in 119 s'],
    [-120 * s, '2 min ago'],
    [119 * min + 59 * s, 'in 119 min'],
    [-2 * 60 * min, '2 h ago'],
    [47 * 60 * min, 'in 47 h'],
    [366 * 24 * 60 * min, 'in 366 d'],
  ];
  for (const [deltaMs, text] of cases) {
    t.equal(rowOf(page({ monitors: [monitor('a', { dueMs: nowMs + deltaMs })] }), 'a')[3], text, String(deltaMs));
  }
});

t.test('what needs a look comes first, and the counts on top', async (t) => {
  const down = { status: 'down', incident: { startedMs: nowMs, cause: 'no beat came in time' } } as const;
  const source = page({
    monitors: [
      monitor('m'),
      monitor('z', { status: 'late' }),
      monitor('b', { status: 'new' }),
      monitor('y', down),
      monitor('a'),
      monitor('x', down),
    ],
  });
  t.same(names(source), ['x', 'y', 'z', 'a', 'b', 'm']);
  t.match(textOf(source), ' 2 down · 1 late · 2 up · 1 new ');
  t.match(source, '<title>(2 down) Tocsin</title>');
  t.notMatch(
    textOf(page({ monitors: [monitor('a')] })),
    / 0 (up|new)|[0-9] (late|down)/,
    'nothing is said about what there is none of',
  );
});

t.test('names are shown as they are and never become markup', async (t) => {
  const nasty = [
    '<script>alert(1)</script>',
    '"><img src=x onerror=alert(1)>',
    "' & &amp; '",
    '</bdi></table>',
    '<!--',
    '$&',
  ];
  const source = page({ monitors: nasty.map((name) => monitor(name)), baseUrl: 'http://"><script>:1' });
  t.notMatch(source, /<script|<img|<!--/);
  t.equal(source.split('</table>').length, 2);
  t.same(new Set(names(source).map((name) => textOf(name!))), new Set(nasty.map((name) => name.replace(/\s+/g, ' '))));
  const long = ['x'.repeat(256), '日'.repeat(85), ' ', '\u202egnirts', '👍🏽'];
  t.equal(names(page({ monitors: long.map((name) => monitor(name)) })).length, long.length);
});

t.test('500 rows and a note that there are more', async (t) => {
  const monitors = Array.from({ length: 500 }, (_, index) => monitor(`job-${index}`));
  const source = page({ monitors, more: true });
  t.equal(names(source).length, 500);
  t.match(textOf(source), 'There are more: only these 500 are shown and counted');
  t.notMatch(textOf(page({ monitors })), 'There are more');
});

t.test('with a token', async (t) => {
  const text = textOf(page({ tokenRequired: true, monitors: [monitor('a')] }));
  t.equal(text.split('-H "authorization: Bearer $TOCSIN_TOKEN"').length, 4, 'every curl line carries it');
});

t.test('no line of the examples is wider than its half of a page 1280 px wide', async (t) => {
  for (const tokenRequired of [false, true]) {
    const examples = [...page({ tokenRequired }).matchAll(/<pre [^>]*><code>(.*?)<\/code>/gs)];
    t.equal(examples.length, 2);
    for (const [, code = ''] of examples) {
      const lines = code.replace(/&#(\d+);/g, '.').split('\n');
      t.same(
        lines.filter((line) => line.length > 69),
        [],
      );
    }
  }
});

t.test('alerts that are not getting out', async (t) => {
  const failing = { count: 2, oldestMs: nowMs - 75 * s, error: 'connection refused <b>' };
  const source = page({ failingAlerts: failing });
  const note = '2 alerts could not be delivered yet, the oldest for 75 s: connection refused <b>';
  t.ok(textOf(source).includes(note));
  t.ok(source.indexOf('could not be delivered') < source.indexOf('<h2>'), 'above all else');
  t.ok(
    textOf(page({ failingAlerts: { ...failing, count: 1, oldestMs: nowMs + s } })).includes(
      '1 alert could not be delivered yet, for 0 s: ',
    ),
  );
  t.notMatch(page(), /could not be delivered|class="note trouble"/, 'nothing while all is well');
});

t.test('where alerts go', async (t) => {
  t.match(textOf(page({ alertTarget: 'log' })), 'Alerts go to the log, because PING_ALERT_URI is not set.');
  t.match(textOf(page({ alertTarget: 'webhook' })), 'Alerts go to PING_ALERT_URI.');
  const log = 'The default channel is the log, because PING_ALERT_URI is not set.';
  t.match(textOf(page({ alertTarget: 'log', routes: 2 })), `2 routes send alerts to channels. ${log}`);
  const plain = { kind: 'log', pending: 0, failing: 0, lastSentMs: null, lastError: '', retryMs: null };
  const channels = ['a', 'b'].map((name) => ({ name, ...plain }));
  t.match(textOf(page({ alertTarget: 'log', channels })), `No route sends alerts to channels yet. ${log}`);
  t.match(textOf(page({ routes: 1 })), '1 route sends alerts to channels. The default channel is PING_ALERT_URI.');
});

t.test('text has enough contrast, light and dark (WCAG AA: 4.5)', async (t) => {
  const [light = '', dark = ''] = pageStyle.split('@media (prefers-color-scheme: dark)');
  for (const scheme of [light, dark]) {
    const colours = new Map([...scheme.matchAll(/--([a-z]+): (#[0-9a-f]{6})/g)].map((match) => [match[1]!, match[2]!]));
    t.equal(colours.size, 10);
    for (const ink of ['text', 'soft', 'down', 'late', 'up', 'new']) {
      for (const ground of ['ground', 'raised', 'downrow']) {
        const ratio = contrast(colours.get(ink)!, colours.get(ground)!);
        t.ok(ratio >= 4.5, `${ink} on ${ground}: ${ratio.toFixed(2)}`);
      }
    }
  }
});

function contrast(one: string, other: string): number {
  const [dark = 0, light = 0] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

/** Relative luminance of sRGB, as WCAG 2 defines it. */
function luminance(colour: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const part = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}

t.test('channels: those with trouble come first, and say what it is', async (t) => {
  const plain: Omit<PageChannel, 'name'> = {
    kind: 'slack',
    pending: 0,
    failing: 0,
    lastSentMs: nowMs - 3 * min,
    lastError: '',
    retryMs: null,
  };
  const lastError = 'network: <refused>';
  const channels = [
    { ...plain, name: 'a' },
    { ...plain, name: 'b', lastSentMs: null, kind: 'log' },
    { ...plain, name: 'd', pending: 7, failing: 2, lastError, retryMs: nowMs + 5 * min },
    { ...plain, name: 'c', pending: 1, failing: 1, lastError: 'dns: the host name does not exist' },
  ];
  const source = page({ channels });
  const text = textOf(source.slice(source.indexOf('<h2>Channels')));
  t.match(
    text,
    /failing c slack 3 min ago 1 the host name does not exist failing d .*7 <refused>; tried again in 5 min/,
  );
  t.match(text, /works a slack 3 min ago 0 – nothing sent since the start b log – 0 –/);
  t.notMatch(source, '<refused>');
  t.notMatch(page({ channels: [channels[0]!] }), '<h2>Channels', 'one that works is not worth a table');
  t.match(page({ channels: [channels[2]!] }), '<h2>Channels');
});
