import { randomUUID } from 'node:crypto';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import fc from 'fast-check';
import t, { type Test } from 'tap';
import { BeatStatus, PingBatchRequestSchema, type PingRequestSchema } from '../../gen/ts/tocsin/v1/heartbeat_pb.ts';
import { AppliedAs } from '../../gen/ts/tocsin/v1/monitor_pb.ts';
import type { CallContext } from '../../server/service/call-context.ts';
import { documentCalls } from '../../server/service/document-calls.ts';
import { heartbeatService } from '../../server/service/heartbeat-service.ts';
import { RequestValidator } from '../../server/service/request-validator.ts';
import { readInPlace } from '../document/read-in-place.ts';
import { EngineUnderTest } from '../engine/engine-under-test.ts';
import { temporaryDirectory } from '../support/running-server.ts';

const text = fc.oneof(
  fc.constantFrom(
    'yes',
    'null',
    '~',
    '1',
    '1e3',
    '0x1f',
    '- a',
    'a: b',
    'a #b',
    ' a ',
    "'",
    '"',
    '{}',
    '[x]',
    '*a',
    '&a',
  ),
  fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }),
);
const plain = text.map((value) => value.replace(/[\p{Cc}\p{Cs},]/gu, '_'));
const duration = fc
  .tuple(fc.integer({ min: 1, max: 50 }), fc.constantFrom('s', 'm', 'h', 'D'))
  .map(([n, unit]) => n + unit);
const zone = fc.constantFrom('', 'UTC', 'Europe/Berlin', 'America/New_York');
const cron = fc.constantFrom('0 3 * * *', '*/5 8-18 * * 1-5', '@daily', '0 0 29 2 *', '0 9 1-7 * mon');
const window = fc.oneof(
  fc
    .tuple(fc.integer({ min: 0, max: 3_000_000_000_000 }), fc.integer({ min: 1, max: 31_622_400_000 }))
    .map(([from, length]) => ({ start: new Date(from).toISOString(), end: new Date(from + length).toISOString() })),
  fc.tuple(cron, zone).map(([expression, time_zone]) => ({ cron: expression, duration: '2h', time_zone })),
);
const schedule = fc.oneof(
  duration.map((frequency) => ({ frequency })),
  fc.tuple(cron, zone).map(([expression, time_zone]) => ({ cron: expression, time_zone })),
);
const monitor = fc
  .tuple(
    schedule,
    fc.record(
      {
        description: text.map((value) => value.replaceAll('\0', '')),
        grace: fc.oneof(duration, fc.constant('0s')),
        max_run: fc.constantFrom('1h', '90m', '2D'),
        min_run: fc.constantFrom('1s', '1m'),
        min_interval: duration,
        failures_to_alert: fc.integer({ min: 0, max: 100 }),
        beats_to_recover: fc.integer({ min: 1, max: 100 }),
        tags: fc.uniqueArray(plain, { maxLength: 4 }),
        channels: fc.constantFrom([], ['default']),
        maintenance: fc.array(window, { maxLength: 3 }),
        ping_id: fc.uuid(),
      },
      { requiredKeys: [] },
    ),
    fc.array(fc.nat(30), { maxLength: 3 }),
  )
  .map(([when, fields, dependencies]) => ({ ...fields, ...when, dependencies }));

const document = fc
  .tuple(
    fc.uniqueArray(plain, { maxLength: 12 }),
    fc.array(monitor, { minLength: 12, maxLength: 12 }),
    fc.infiniteStream(fc.nat()),
  )
  .map(([ids, monitors, order]) =>
    ids
      .map((name, index) => {
        const { dependencies, ...fields } = monitors[index]!;
        // Only on those before it, so not in a circle.
        const depends_on = [...new Set(dependencies.filter((each) => each < index).map((each) => ids[each]!))];
        return { place: order.next().value as number, fields: { name, ...fields, depends_on } };
      })
      .sort((a, b) => a.place - b.place)
      .map(({ fields }) => fields),
  );

/** A server's calls, without wires and threads. */
async function server(t: Test) {
  const under = new EngineUnderTest(await temporaryDirectory(t), { newId: randomUUID });
  t.teardown(() => under.kill());
  await under.start();
  const { store, engine } = under;
  const checks = { channels: new Set(['default']), expressionProblem: () => null, timeZoneProblem: () => null };
  const validator = new RequestValidator();
  const calls = documentCalls({ store, engine, documents: readInPlace, validator, checks });
  const context = { signal: new AbortController().signal } as CallContext;
  const heartbeat = heartbeatService({ engine, clock: under.clock, validator, checks });
  return {
    /** Sends pings; how many made or changed a monitor. */
    async ping(pings: Ping[]): Promise<number> {
      const request = create(PingBatchRequestSchema, { pings });
      const { results } = await heartbeat.pingBatch(request, { ...context, remoteAddress: '', userAgent: '' });
      return results!.filter(({ result }) => result?.case === 'response').length;
    },
    async apply(text: string, dryRun = false): Promise<[name: string, AppliedAs][]> {
      const document = { data: Buffer.from(text) };
      const answer = await calls.applyMonitors({ document, dryRun } as never, context);
      return answer.monitors!.map(({ name, applied }) => [name!, applied!]);
    },
    async exported(format: string): Promise<string> {
      const { document } = await calls.exportMonitors({ format } as never, context);
      return Buffer.from(document!.data!).toString();
    },
    async empty(): Promise<void> {
      const { monitors } = await store.find({ order: 'name', after: null, limit: 500 });
      for (const { name } of monitors) await engine.remove(name);
    },
  };
}

t.test('what is exported can be applied: here it changes nothing, elsewhere it makes the same', async (t) => {
  const [here, elsewhere] = [await server(t), await server(t)];
  const all = (monitors: { name: string }[], applied: AppliedAs) => monitors.map(({ name }) => [name, applied]);
  await fc.assert(
    fc.asyncProperty(document, async (monitors) => {
      const given = JSON.stringify({ monitors });
      const foretold = await here.apply(given, true);
      t.same(foretold, all(monitors, AppliedAs.ADDED));
      t.same(await here.apply(given), foretold);
      const sorted = [...monitors].sort((a, b) => Buffer.compare(Buffer.from(a.name), Buffer.from(b.name)));
      for (const format of ['yaml', 'json']) {
        const text = await here.exported(format);
        t.same(await here.apply(text), all(sorted, AppliedAs.UNCHANGED));
        await elsewhere.apply(text);
        t.equal(await elsewhere.exported(format), text, format);
        await elsewhere.empty();
      }
      await here.empty();
    }),
    { numRuns: 60, endOnFailure: true },
  );
});

type Ping = Extract<MessageInitShape<typeof PingRequestSchema>, { $typeName?: never }>;

const pings = fc.array(
  fc.record(
    {
      name: fc.oneof(plain, text),
      frequency: duration,
      grace: fc.oneof(duration, fc.constant('0s')),
      tags: fc.array(fc.oneof(plain, text, fc.string({ unit: 'binary', maxLength: 40 })), { maxLength: 4 }),
      channels: fc.constantFrom<string[]>([], ['default'], ['default', 'default']),
      status: fc.constantFrom(BeatStatus.OK, BeatStatus.START, BeatStatus.FAIL, BeatStatus.LOG),
    },
    { requiredKeys: ['name', 'frequency'] },
  ),
  { maxLength: 12 },
);

t.test('whatever pings made can be exported and applied, here and elsewhere', async (t) => {
  const [here, elsewhere] = [await server(t), await server(t)];
  let made = 0;
  await fc.assert(
    fc.asyncProperty(pings, fc.array(schedule, { minLength: 12, maxLength: 12 }), async (sent, schedules) => {
      const scheduled = sent.map((ping, index) => {
        const { frequency = '', cron = '', time_zone: timeZone = '' } = schedules[index] as Record<string, string>;
        return { ...ping, frequency, cron, timeZone };
      });
      made += await here.ping(scheduled);
      for (const format of ['yaml', 'json']) {
        const text = await here.exported(format);
        for (const on of [elsewhere, here]) {
          // Not as the name of an assertion: what is in a name can be read as TAP.
          const failed = (await on.apply(text)).filter(([, applied]) => applied === AppliedAs.FAILED);
          t.same(failed, []);
        }
        await elsewhere.empty();
      }
      await here.empty();
    }),
    { numRuns: 60, endOnFailure: true },
  );
  t.ok(made > 100, `${made} pings were taken`);
});

t.test('no more than some exports at a time', async (t) => {
  const { exported } = await server(t);
  const outcomes = await Promise.allSettled(Array.from({ length: 6 }, () => exported('yaml')));
  t.same(
    outcomes.map(({ status }) => status),
    ['fulfilled', 'fulfilled', 'fulfilled', 'fulfilled', 'rejected', 'rejected'],
  );
  t.match(outcomes[5], {
    reason: { message: /^\[resource_exhausted\] too many documents are being written; try again/ },
  });
  t.equal(await exported('yaml'), 'monitors: []\n', 'and there is room again');
});
