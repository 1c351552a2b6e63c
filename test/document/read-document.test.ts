import t from 'tap';
import { MaintenanceWindowSchema, MonitorSchema } from '../../gen/ts/tocsin/v1/monitor_pb.ts';
import { monitorFields, problemText, windowFields } from '../../server/document/document-item.ts';
import { readDocument } from '../../server/document/read-document.ts';

const read = (text: string, itemsMax = 100_000) => readDocument(text, { itemsMax });

/** What each monitor of a document says. */
function fieldsOf(text: string) {
  const document = read(text);
  return document.ok ? document.items.map(({ fields }) => fields) : problemText(document.problem);
}

/** Everything that is wrong with a document, as people read it. */
function problemsOf(text: string): string[] {
  const document = read(text);
  return document.ok
    ? document.items.flatMap(({ problems }) => problems.map(problemText))
    : [problemText(document.problem)];
}

t.test('the fields are those of the contract that people may set', async (t) => {
  const outputOnly = [
    'status',
    'created_at',
    'last_beat_at',
    'due_at',
    'deadline',
    'held_until',
    'incident',
    'etag',
  ].concat(['origin', 'pause', 'runs', 'failures', 'maintenance_until']);
  const settable = MonitorSchema.fields.map(({ name }) => name).filter((name) => !outputOnly.includes(name));
  t.same(Object.keys(monitorFields).sort(), settable.sort());
  t.same(Object.keys(windowFields).sort(), MaintenanceWindowSchema.fields.map(({ name }) => name).sort());
});

t.test('YAML and JSON say the same', async (t) => {
  const yaml = `
# Anything that is not "monitors" may only be a comment.
monitors:
  - name: backup
    description: |
      Nightly.
      At three.
    cron: 0 3 * * *
    time_zone: Europe/Berlin
    failures_to_alert: 2
    tags: [prod, "2024"]
    depends_on:
      - db
    grace:
    maintenance:
      - start: 2026-01-01T00:00:00Z
        end: 2026-01-01T02:00:00.5+01:00
      - {cron: 0 2 * * 0, duration: 2h}
  - {name: 'yes', frequency: 1m}
`;
  const expected = [
    {
      name: 'backup',
      description: 'Nightly.\nAt three.\n',
      cron: '0 3 * * *',
      time_zone: 'Europe/Berlin',
      failures_to_alert: 2,
      tags: ['prod', '2024'],
      depends_on: ['db'],
      maintenance: [
        { start: '2026-01-01T00:00:00Z', end: '2026-01-01T02:00:00.5+01:00' },
        { cron: '0 2 * * 0', duration: '2h' },
      ],
    },
    { name: 'yes', frequency: '1m' },
  ];
  t.strictSame(fieldsOf(yaml), expected);
  t.strictSame(fieldsOf(JSON.stringify({ monitors: expected })), expected);
  t.strictSame(fieldsOf(JSON.stringify({ monitors: expected }, null, 2)), expected);
  t.strictSame(fieldsOf(`\uFEFF--- # with marks\n${yaml}\n...\n`), expected);
  t.strictSame(fieldsOf('monitors: []'), []);
});

t.test('what is wrong with a document is told with line and column', async (t) => {
  const cases: [string, string][] = [
    ['', 'the document must be an object with one field, `monitors`, a list of monitors'],
    ['# nothing\n', 'the document must be an object with one field'],
    ['- name: a', 'line 1, column 1: the document must be an object with one field'],
    [
      '{}',
      'line 1, column 1: the document must be an object with one field, `monitors`, a list of monitors; [] for none',
    ],
    ['monitors:\n', 'line 1, column 10: monitors: must be a list; [] for none'],
    ['monitors: {a: {}}', 'line 1, column 11: monitors: must be a list; [] for none'],
    ['monitors: []\nversion: 1', 'line 2, column 1: "version" is no field here'],
    ['monitors: []\nmonitors: []', 'line 2, column 1: `monitors` is there twice'],
    ['monitors:\n  - name: "a', 'line 2, column 13: this is not valid YAML: Missing closing "quote'],
    ['monitors:\n\t- name: a', 'line 2, column 1: this is not valid YAML: Tabs are not allowed as indentation'],
    ['monitors:\n - name: !secret a', 'line 2, column 10: this is not valid YAML: Unresolved tag'],
    ['monitors: []\n---\nmonitors: []', 'line 2, column 1: there must be one document'],
    ['monitors: [*a]', 'line 1, column 12: *a is an alias of nothing before it'],
    ['monitors: [{name: *a}, &a {name: x}]', 'line 1, column 19: *a is an alias of nothing before it'],
    ['['.repeat(100_000), 'the document is nested too deeply'],
    [`${'{"a":'.repeat(50_000)}`, 'the document is nested too deeply'],
  ];
  for (const [text, problem] of cases) {
    const [first = 'none', ...more] = problemsOf(text);
    t.ok(first.includes(problem), `${JSON.stringify(text.slice(0, 40))}: ${first}`);
    t.same(more, []);
  }
  t.match(read('monitors: [{name: a}, {name: b}]', 1), {
    ok: false,
    problem: { message: 'monitors: must be at most 1 (TOCSIN_MAX_MONITORS); got 2' },
  });
});

t.test('what is wrong with one monitor stands in its item, all of it', async (t) => {
  const text = `monitors:
  - name: a
    frequency: 10
    grase: 1m
    tags: [x, 1]
    channels: ops
    failures_to_alert: "2"
    beats_to_recover: 1.5
    description: [x]
    max_run: true
    min_run: 2026-01-01
    maintenance:
      - start: 2026-01-01
        stop: 1
      - 2h
  - name: b
    name: c
  - name: a
    frequency: 1m
  - 5
  - frequency: 1m
  - frequency: 2m
  - name: 7
`;
  const known = Object.keys(monitorFields).join(', ');
  t.strictSame(problemsOf(text), [
    'line 3, column 16, monitor "a": frequency: must be a text: put it into quotes, as in "10"',
    `line 4, column 5, monitor "a": grase: is no field of a monitor: there are ${known}`,
    'line 5, column 15, monitor "a": tags[1]: must be a text: put it into quotes, as in "1"',
    'line 6, column 15, monitor "a": channels: must be a list',
    'line 7, column 24, monitor "a": failures_to_alert: must be a whole number',
    'line 8, column 23, monitor "a": beats_to_recover: must be a whole number',
    'line 9, column 18, monitor "a": description: must be a text',
    'line 10, column 14, monitor "a": max_run: must be a text: put it into quotes, as in "true"',
    'line 13, column 16, monitor "a": maintenance[0].start: must be an RFC 3339 time, such as 2026-01-01T00:00:00Z',
    'line 14, column 9, monitor "a": maintenance[0].stop: is no field of a window: there are start, end, cron, duration, time_zone',
    'line 15, column 9, monitor "a": maintenance[1]: must be an object with start and end, or with cron and duration',
    'line 17, column 5, monitor "b": name: is there twice',
    'line 18, column 5, monitor "a": name: there is another monitor of this name, on line 2',
    'line 20, column 5: monitors: each must be an object with a name',
    'line 23, column 11: name: must be a text: put it into quotes, as in "7"',
  ]);
});

t.test('names of objects are no trap', async (t) => {
  const [problem = ''] = problemsOf('monitors: [{name: a, __proto__: x, constructor: y}]');
  t.match(problem, '__proto__: is no field of a monitor');
  t.strictSame(fieldsOf('monitors: [{name: __proto__, frequency: 1m}, {name: constructor}]'), [
    { name: '__proto__', frequency: '1m' },
    { name: 'constructor' },
  ]);
});

t.test('an alias stands for what has its anchor, and not for a bomb', async (t) => {
  const text = `monitors:
  - {name: a, maintenance: &nights [{cron: 0 2 * * *, duration: 2h}]}
  - {name: b, maintenance: *nights, tags: &x [one]}
  - {name: c, tags: *x, description: &x two}
  - {name: d, description: *x}
`;
  const nights = [{ cron: '0 2 * * *', duration: '2h' }];
  t.strictSame(fieldsOf(text), [
    { name: 'a', maintenance: nights },
    { name: 'b', maintenance: nights, tags: ['one'] },
    { name: 'c', tags: ['one'], description: 'two' },
    { name: 'd', description: 'two' },
  ]);
  const bombs = [
    `monitors:\n - {name: a, tags: &t [${'a,'.repeat(10_000)}]}\n${' - {tags: *t}\n'.repeat(1_000)}`,
    `monitors:\n - {name: a, description: &t ${'a'.repeat(100_000)}}\n${' - {description: *t}\n'.repeat(1_000)}`,
    `monitors:\n - &t {${Array.from({ length: 5_000 }, (_, index) => `k${index}: 1`).join(', ')}}\n${' - *t\n'.repeat(20_000)}`,
  ];
  for (const bomb of bombs) t.match(problemsOf(bomb), [/^line \d+, column \d+: aliases make the document too large/]);
  t.match(problemsOf('monitors: &a [*a]'), [/each must be an object/], 'an alias of what it stands in');
});

t.test('a monitor with very many problems tells the first', async (t) => {
  const keys = Array.from({ length: 1_000 }, (_, index) => `k${index}: 1`).join(', ');
  t.equal(problemsOf(`monitors: [{name: a, ${keys}}]`).length, 20);
  const [long = ''] = problemsOf(`monitors: [{name: a, ${'k'.repeat(500)}: 1}]`);
  t.ok(long.length < 500, 'and nothing at full length');
});

t.test('a name that is as long as the document is shown by its beginning', async (t) => {
  const [problem = ''] = problemsOf(`monitors: [{name: ${'\u{1f525}'.repeat(10_000)}, graec: 1m}]`);
  t.match(problem, `monitor "${'\u{1f525}'.repeat(64)}": graec`);
  t.ok(problem.length < 500);
});
