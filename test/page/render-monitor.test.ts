import t from 'tap';
import type { MonitorView } from '../../server/page/monitor-view.ts';
import { renderMonitor } from '../../server/page/render-monitor.ts';

const nowMs = Date.UTC(2026, 10, 21, 7, 36, 19);
const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

function page(changes: Partial<MonitorView> = {}): string {
  return renderMonitor({
    nowMs,
    name: 'backup',
    status: 'up',
    description: '',
    tags: [],
    facts: [{ label: 'Schedule', value: { text: 'every 10m' } }],
    remark: '',
    alert: null,
    uptimes: [{ days: 90, ratio: null }],
    days: [],
    runs: [],
    incidents: [],
    beats: [],
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

t.test('a monitor of which little is known says so', async (t) => {
  const text = textOf(page({ status: 'new' }));
  t.match(text, 'backup new');
  t.match(text, 'Schedule every 10m');
  t.match(text, '– up in 90 days');
  t.match(text, 'Incidents There has been none.');
  t.match(text, 'Beats None is kept.');
  t.notMatch(text, 'Running now');
});

t.test('what people or jobs wrote is text, never markup', async (t) => {
  const evil = '<script>alert(1)</script>';
  const beat = { atMs: nowMs, status: 'fail', durationMs: 1, exitCode: 2, run: evil, message: evil, body: evil };
  const source = page({
    name: evil,
    description: evil,
    tags: [evil],
    facts: [{ label: 'Depends on', value: { text: evil } }],
    runs: [{ id: evil, startedMs: nowMs, limitMs: nowMs }],
    alert: {
      state: evil,
      told: [{ channel: evil, atMs: nowMs, reminders: 0, pending: false }],
      nextMs: null,
      acknowledged: { atMs: nowMs, by: evil, note: evil },
    },
    incidents: [{ startedMs: nowMs, endedMs: null, cause: evil, heldBy: evil }],
    beats: [{ ...beat, address: evil, userAgent: evil }],
  });
  t.notMatch(source, '<script');
});

t.test('an alert that is open', async (t) => {
  const told = [
    { channel: 'ops', atMs: nowMs - 3 * hourMs, reminders: 2, pending: false },
    { channel: 'boss', atMs: nowMs - hourMs, reminders: 1, pending: true },
    { channel: 'log', atMs: nowMs - minuteMs, reminders: 0, pending: false },
    { channel: 'hook', atMs: nowMs - minuteMs, reminders: 0, pending: true },
  ];
  const alert = { state: 'It was told.', told, nextMs: nowMs + hourMs, acknowledged: null };
  const text = textOf(page({ status: 'down', alert }));
  t.match(
    text,
    'Alert It was told. ops was told 3 h ago , and reminded 2 times boss was told 60 min ago , and reminded once; not all of it',
  );
  t.match(text, 'log was told 60 s ago hook : not delivered yet, made 60 s ago Next: in 60 min');
  const acknowledged = { atMs: nowMs - 2 * hourMs, by: 'ann', note: 'on it' };
  const shown = textOf(page({ status: 'down', alert: { state: 's', told: [], nextMs: null, acknowledged } }));
  t.match(shown, 'Acknowledged by ann 2 h ago : on it');
  t.notMatch(shown, 'Next:');
  t.notMatch(textOf(page({ status: 'down' })), 'Alert');
});

t.test('a day is coloured by how it was spent, and says it', async (t) => {
  const day = { date: '2026-11-20', upMs: 0, downMs: 0, unknownMs: 0, beats: 0, failures: 0 };
  const kinds = (changes: Partial<typeof day>) =>
    /<li class="(\w+)" title="([^"]*)"/.exec(page({ days: [{ ...day, ...changes }] }))!.slice(1);
  t.same(kinds({}), ['none', '2026-11-20: not watched, 0 beats']);
  t.same(kinds({ upMs: dayMs, beats: 1 }), ['up', '2026-11-20: 100 % up, 1 beat']);
  const almost = { upMs: dayMs - 1, downMs: 1, beats: 9, failures: 1 };
  t.same(kinds(almost), ['some', '2026-11-20: 99.99 % up, down for 0 s, 9 beats, 1 failed'], 'never rounded up');
  t.same(kinds({ upMs: hourMs, downMs: 2 * hourMs }), ['down', '2026-11-20: 33.33 % up, down for 2 h, 0 beats']);
  t.same(kinds({ unknownMs: hourMs }), ['unknown', '2026-11-20: not watched, unknown for 60 min, 0 beats']);
});

t.test('incidents, runs and beats', async (t) => {
  const text = textOf(
    page({
      status: 'down',
      remark: 'Down since then.',
      runs: [{ id: '', startedMs: nowMs - 5 * minuteMs, limitMs: nowMs + hourMs }],
      incidents: [
        { startedMs: nowMs - 3 * hourMs, endedMs: null, cause: 'no beat came in time', heldBy: 'gateway' },
        { startedMs: nowMs - 3 * dayMs, endedMs: nowMs - 3 * dayMs + 90_000, cause: 'disk full', heldBy: '' },
      ],
      beats: [
        {
          atMs: nowMs - 4 * minuteMs,
          status: 'fail',
          durationMs: 1_540,
          exitCode: 3,
          run: 'r-1',
          message: 'disk full',
          body: 'a line of output',
          address: '192.0.2.7',
          userAgent: 'curl/8',
        },
      ],
    }),
  );
  t.match(text, 'Down since then.');
  t.match(text, 'a run without an id, begun 5 min ago , must end in 60 min');
  t.match(text, '3 h ago 3 h so far no beat came in time; the alert waited for gateway');
  t.match(text, '3 d ago 90 s disk full');
  t.match(text, '4 min ago fail (exit code 3) 1.5 s disk full output a line of output run r-1 192.0.2.7 curl/8');
});
