import t, { type Test } from 'tap';
import { AppliedAs, MonitorOrigin } from '../../gen/ts/tocsin/v1/monitor_pb.ts';
import { failureOf, type ServiceUnderTest, serviceUnderTest } from './service-under-test.ts';

const names = { [AppliedAs.ADDED]: 'added', [AppliedAs.CHANGED]: 'changed', [AppliedAs.UNCHANGED]: 'unchanged' };

const someId = '0f8fad5b-d9cb-469f-a165-70867728950e';

async function apply({ monitors }: ServiceUnderTest, text: string, { dryRun = false } = {}) {
  const answer = await monitors.applyMonitors({ document: { data: Buffer.from(text) }, dryRun });
  return answer.monitors.map(({ name, applied, error }) =>
    applied === AppliedAs.FAILED ? `${name}: ${error}` : `${name}: ${names[applied as keyof typeof names]}`,
  );
}

/** What a dry run says and what then becomes of it, which must be the same. */
async function applyBoth(t: Test, service: ServiceUnderTest, text: string): Promise<string[]> {
  const before = await exported(service);
  const foretold = await apply(service, text, { dryRun: true });
  t.equal(await exported(service), before, 'a dry run changes nothing');
  const applied = await apply(service, text);
  t.strictSame(foretold, applied, 'a dry run says what will be');
  return applied;
}

async function exported({ monitors }: ServiceUnderTest, format = ''): Promise<string> {
  return Buffer.from((await monitors.exportMonitors({ format })).document!.data).toString();
}

t.test('each monitor of a document is set to what it says, by itself', async (t) => {
  const service = await serviceUnderTest(t);
  const { monitors } = service;
  const first =
    'monitors: [{name: a, frequency: 1m}, {name: b, cron: "0 3 * * *", tags: [db]}, {name: c, frequency: 1h}]';
  t.same(await applyBoth(t, service, first), ['a: added', 'b: added', 'c: added']);
  t.same(await applyBoth(t, service, first), ['a: unchanged', 'b: unchanged', 'c: unchanged']);
  const second = `monitors:
  - name: b
    cron: "0 4 * * *"
  - name: a
    frequency: 1x
  - {name: c, frequency: 1h}
  - {name: d, frequency: 1m, channels: [nowhere]}
  - {name: c, frequency: 2h}
  - {name: e}
  - {name: f, frequency: 1m, tags: ["a,b"], min_run: 1h}
  - {name: g, frequency: 1m, graec: 1m}
  - {name: h, frequency: 1m, max_run: 1m, min_run: 1h}
`;
  const answer = await monitors.applyMonitors({ document: { data: Buffer.from(second) } });
  t.match(answer, { added: 0, changed: 1, unchanged: 1, failed: 7 });
  t.match(
    answer.monitors.map(({ name, applied, field, error }) => [name, applied, field, error]),
    [
      ['b', AppliedAs.CHANGED, '', ''],
      ['a', AppliedAs.FAILED, 'frequency', /^line 5, column 5: frequency: must be a whole number/],
      ['c', AppliedAs.UNCHANGED, '', ''],
      ['d', AppliedAs.FAILED, 'channels[0]', /^line 7, column 30: channels\[0\]: must be names of channels/],
      ['c', AppliedAs.FAILED, 'name', /^line 8, column 6: name: there is another monitor of this name, on line 6/],
      ['e', AppliedAs.FAILED, 'frequency', /^line 9, column 5: frequency: must be a whole number.*; or give a cron/],
      ['f', AppliedAs.FAILED, 'tags[0]', /^line 10, column 30: tags\[0\]: /],
      ['g', AppliedAs.FAILED, 'graec', /^line 11, column 30: graec: is no field of a monitor/],
      ['h', AppliedAs.FAILED, 'min_run', /^line 12, column 43: min_run: must be at most the max_run/],
    ],
  );
  t.match((await monitors.getMonitor({ name: 'b' })).monitor, { cron: '0 4 * * *', tags: [] }, 'exactly what it says');
  t.match((await monitors.getMonitor({ name: 'a' })).monitor, { frequency: '1m' });
});

t.test('a document that cannot be read changes nothing', async (t) => {
  const service = await serviceUnderTest(t, { TOCSIN_MAX_MONITORS: '2' });
  const cases: [string | Uint8Array, RegExp][] = [
    ['', /^document: the document must be an object/],
    ['monitors:\n - name: "a\n', /^document: line \d, column \d+: this is not valid YAML/],
    [Uint8Array.of(0xff, 0xfe), /^document: the document must be UTF-8/],
    [
      'monitors: [{}, {}, {}]',
      /^document: line 1, column 11: monitors: must be at most 2 \(TOCSIN_MAX_MONITORS\); got 3/,
    ],
  ];
  for (const [text, message] of cases) {
    const data = typeof text === 'string' ? Buffer.from(text) : text;
    const failure = await failureOf(service.monitors.applyMonitors({ document: { data } }));
    t.match(failure, { code: 'InvalidArgument', field: 'document', message });
  }
  t.match(await failureOf(service.monitors.applyMonitors({})), { code: 'InvalidArgument', field: 'document' });
});

t.test('a document of which more than 1,000 monitors are wrong is refused as a whole', async (t) => {
  const service = await serviceUnderTest(t);
  const good = '{name: good, frequency: 1m}';
  const refusal = (text: string) =>
    failureOf(service.monitors.applyMonitors({ document: { data: Buffer.from(`monitors: [${good}, ${text}]`) } }));
  // Wrong as YAML is read, and wrong by the rules.
  const cases: [(index: number) => string, RegExp][] = [
    [
      () => '~',
      /^document: more than 1000 monitors are wrong: line 1, column 41: monitors: each must be .*; and more$/,
    ],
    [
      (index) => `{name: m${index}, frequency: 1x}`,
      /wrong: line 1, column 52, monitor "m0": frequency: must be.*; and more$/,
    ],
  ];
  for (const [item, message] of cases) {
    const some = (count: number) => Array.from({ length: count }, (_, index) => item(index)).join(', ');
    const failure = await refusal(some(1_001));
    t.match(failure, { code: 'InvalidArgument', field: 'document', message });
    t.ok(failure.message.length < 5_000);
    t.equal(await exported(service), 'monitors: []\n', 'nothing changed');
    const data = Buffer.from(`monitors: [${good}, ${some(1_000)}]`);
    t.match(await service.monitors.applyMonitors({ document: { data }, dryRun: true }), { added: 1, failed: 1_000 });
  }
  t.match(await refusal('~, '.repeat(100_000)), { message: /must be at most 100000 in one document; got 100001/ });
});

t.test(
  'of what is applied and fails, the first 1,000 say why, in some words, by the beginning of the name',
  async (t) => {
    const service = await serviceUnderTest(t);
    await service.monitors.createMonitor({ monitor: { name: 'first', frequency: '1m', pingId: someId } });
    const names = Array.from({ length: 1_100 }, (_, index) => `{name: m${index}, frequency: 1m, ping_id: ${someId}}`);
    const document = { data: Buffer.from(`monitors: [${names.join(', ')}]`) };
    const { monitors, failed } = await service.monitors.applyMonitors({ document });
    t.equal(failed, 1_100);
    t.match(monitors[999], { applied: AppliedAs.FAILED, error: /ping_id: is that of "first"/ });
    t.match(monitors[1_000], { applied: AppliedAs.FAILED, field: 'ping_id', error: /^and more: only the first 1000/ });
    const keys = Array.from({ length: 20 }, (_, index) => `k${index}: 1`).join(', ');
    const long = `monitors: [{name: ${'ü'.repeat(100_000)}, frequency: 1m}, {name: b, ${keys}}]`;
    const answer = await service.monitors.applyMonitors({ document: { data: Buffer.from(long) } });
    t.equal(answer.monitors[0]!.name, 'ü'.repeat(128));
    t.ok(answer.monitors[0]!.error.length < 500);
    t.match(answer.monitors[1]!.error, /; and \d+ more$/);
    t.ok(answer.monitors[1]!.error.length < 2_500);
  },
);

t.test('as many monitors as there may be, and ids of others, are refused as a call is', async (t) => {
  const service = await serviceUnderTest(t, { TOCSIN_MAX_MONITORS: '3' });
  const document = `monitors: [{name: a, frequency: 1m, ping_id: ${someId}}, {name: b, frequency: 1m, ping_id: ${someId}}]`;
  t.match(await applyBoth(t, service, document), [
    'a: added',
    /^b: line 1, column \d+: ping_id: is that of "a" already/,
  ]);
  const full = 'monitors: [{name: c, frequency: 1m}, {name: d, frequency: 1m}, {name: e, frequency: 1m}]';
  t.match(await applyBoth(t, service, full), [
    'c: added',
    'd: added',
    /^e: line 1, column 65: name: .*TOCSIN_MAX_MONITORS/,
  ]);
});

t.test('monitors may depend on each other in any order, but not in a circle', async (t) => {
  const service = await serviceUnderTest(t);
  const chain = `monitors:
  - {name: a, frequency: 1m, depends_on: [b]}
  - {name: b, frequency: 1m, depends_on: [c, elsewhere]}
  - {name: c, frequency: 1m}
`;
  t.same(await applyBoth(t, service, chain), ['a: added', 'b: added', 'c: added']);
  const turned = `monitors:
  - {name: c, frequency: 1m, depends_on: [b]}
  - {name: b, frequency: 1m, depends_on: [a]}
  - {name: a, frequency: 1m}
`;
  t.same(await applyBoth(t, service, turned), ['c: changed', 'b: changed', 'a: changed'], 'the other way round');
  // By way of a monitor that is not in the document.
  await service.monitors.upsertMonitor({ monitor: { name: 'x', frequency: '1m', dependsOn: ['b'] } });
  const past =
    'monitors: [{name: a, frequency: 1m, depends_on: [x]}, {name: b, frequency: 1m}, {name: c, frequency: 1m}]';
  t.same(await applyBoth(t, service, past), ['a: changed', 'b: changed', 'c: changed']);
  const circle = `monitors:
  - {name: p, frequency: 1m, depends_on: [q]}
  - {name: q, frequency: 1m, depends_on: [p]}
  - {name: s, frequency: 1m, depends_on: [s]}
`;
  const [p = '', q = '', s = ''] = await applyBoth(t, service, circle);
  t.equal([p, q].filter((each) => /depends_on: must not lead back to the monitor itself/.test(each)).length, 1);
  t.match(s, /^s: line 4, column 30: depends_on: must not lead back/);
});

t.test('a monitor that pings made becomes one that was configured; one of a file stays managed', async (t) => {
  const service = await serviceUnderTest(t);
  await service.heartbeat.ping({ name: 'job', frequency: '1m', grace: '30s' });
  const document = await exported(service);
  t.equal(document, 'monitors:\n  - name: job\n    frequency: 1m\n    grace: 30s\n');
  t.same(await apply(service, document), ['job: changed']);
  t.match((await service.monitors.getMonitor({ name: 'job' })).monitor, { origin: MonitorOrigin.API, frequency: '1m' });
  const configured = await exported(service);
  t.match(configured, /^ {4}ping_id: /m);
  t.same(await apply(service, configured), ['job: unchanged']);
});

t.test('a grace that is left out is the same at any hour', async (t) => {
  const service = await serviceUnderTest(t);
  const { clock } = service;
  const document = 'monitors: [{name: office, cron: "*/10 8-18 * * *"}, {name: night, cron: "0 3 * * *"}]';
  await clock.advance(30 * 60_000);
  t.same(await apply(service, document), ['office: added', 'night: added']);
  t.match((await service.monitors.getMonitor({ name: 'office' })).monitor, { grace: '1m' });
  t.match((await service.monitors.getMonitor({ name: 'night' })).monitor, { grace: '1h' });
  // Between the last of one day and the first of the next.
  clock.jumpWall(8 * 3_600_000);
  t.same(await applyBoth(t, service, document), ['office: unchanged', 'night: unchanged']);
});

t.test('over REST, as curl sends and shows it', async (t) => {
  const { url } = await serviceUnderTest(t);
  const body =
    'monitors:\n  - name: a\n    frequency: 1m\n    grace: 0s\n    ping_id: "0f8fad5b-d9cb-469f-a165-70867728950e"\n';
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  const dry = await fetch(`${url}/apply?dry_run=true`, { method: 'POST', headers, body });
  t.match(await dry.json(), { added: 1, monitors: [{ name: 'a', applied: 'added', error: '' }] });
  const applied = await fetch(`${url}/apply`, { method: 'POST', headers, body });
  t.match(await applied.json(), { added: 1, changed: 0, unchanged: 0, failed: 0 });
  const yaml = await fetch(`${url}/export`);
  t.equal(yaml.headers.get('content-type'), 'application/yaml');
  t.equal(await yaml.text(), body);
  const json = await fetch(`${url}/export?format=json`);
  t.equal(json.headers.get('content-type'), 'application/json');
  t.same(await json.json(), {
    monitors: [{ name: 'a', frequency: '1m', grace: '0s', ping_id: '0f8fad5b-d9cb-469f-a165-70867728950e' }],
  });
  t.equal((await fetch(`${url}/export?format=xml`)).status, 400);
});

t.test('an empty server exports no monitors, as a document', async (t) => {
  const service = await serviceUnderTest(t);
  for (const format of ['yaml', 'json']) {
    const document = await exported(service, format);
    t.same(await apply(service, document), [], document);
  }
});
