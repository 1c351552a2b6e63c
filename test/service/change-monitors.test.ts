import { timestampFromMs } from '@bufbuild/protobuf/wkt';
import t from 'tap';
import { BeatStatus } from '../../gen/ts/tocsin/v1/heartbeat_pb.ts';
import { MonitorOrigin, MonitorStatus } from '../../gen/ts/tocsin/v1/monitor_pb.ts';
import { failureOf, serviceUnderTest } from './service-under-test.ts';

t.test('a monitor that is made awaits nothing until its first ping', async (t) => {
  const { monitors, heartbeat, clock } = await serviceUnderTest(t);
  const { monitor } = await monitors.createMonitor({ monitor: { name: 'job', frequency: '10m', tags: ['db', 'eu'] } });
  t.match(monitor, {
    name: 'job',
    status: MonitorStatus.NEW,
    frequency: '10m',
    grace: '1m',
    failuresToAlert: 1,
    beatsToRecover: 1,
    tags: ['db', 'eu'],
    origin: MonitorOrigin.API,
  });
  t.match(monitor!.pingId, /^[0-9a-f-]{36}$/);
  t.match(monitor!.etag, /^[0-9a-f]{16}$/);
  t.equal(monitor!.dueAt, undefined);
  t.strictSame((await monitors.getMonitor({ name: 'job' })).monitor, monitor);
  await heartbeat.ping({ name: 'job' });
  const pinged = (await monitors.getMonitor({ name: 'job' })).monitor!;
  t.equal(pinged.status, MonitorStatus.UP, 'a ping need not name the schedule');
  t.strictSame(pinged.dueAt, timestampFromMs(clock.wallMs() + 600_000));
  t.equal(pinged.etag, monitor!.etag, 'a ping changes nothing that people set');
});

t.test('create refuses a name that there is, upsert says whether it made one', async (t) => {
  const { monitors } = await serviceUnderTest(t);
  const first = await monitors.upsertMonitor({ monitor: { name: 'job', frequency: '10m', description: 'Nightly' } });
  t.match(first, { created: true, monitor: { description: 'Nightly', frequency: '10m' } });
  const error = await failureOf(monitors.createMonitor({ monitor: { name: 'job', frequency: '1h' } }));
  t.match(error, { code: 'AlreadyExists', field: 'monitor.name', message: 'there is a monitor called "job" already' });
  const second = await monitors.upsertMonitor({
    monitor: { name: 'job', cron: '0 3 * * *', timeZone: 'Europe/Berlin' },
  });
  t.match(second, {
    created: false,
    monitor: { frequency: '', cron: '0 3 * * *', timeZone: 'Europe/Berlin', description: '', grace: '1h' },
  });
  t.equal(second.monitor!.pingId, first.monitor!.pingId, 'it keeps its ping id');
  const third = await monitors.upsertMonitor({ monitor: { ...second.monitor!, status: MonitorStatus.DOWN } });
  t.strictSame(third.monitor, second.monitor, 'what is read can be written back, and changes nothing');
});

t.test('an update changes what its mask names', async (t) => {
  const { monitors } = await serviceUnderTest(t);
  const made = await monitors.createMonitor({
    monitor: { name: 'job', cron: '0 3 * * *', timeZone: 'Europe/Berlin', maxRun: '1h', tags: ['a'], grace: '5m' },
  });
  const update = async (paths: string[], fields: object) =>
    (await monitors.updateMonitor({ monitor: { name: 'job', ...fields }, updateMask: { paths } })).monitor!;
  t.match(await update(['tags'], { tags: ['b', 'c'], grace: '7m' }), { tags: ['b', 'c'], grace: '5m', maxRun: '1h' });
  t.match(await update(['cron'], { cron: '@daily' }), { cron: '@daily', timeZone: 'Europe/Berlin' });
  t.match(await update(['time_zone'], {}), { cron: '@daily', timeZone: 'UTC' });
  t.match(await update(['frequency'], { frequency: '2h' }), { cron: '', timeZone: '', frequency: '2h', grace: '5m' });
  t.match(await update(['grace'], {}), { grace: '12m' }, 'the default again');
  t.equal((await update(['ping_id'], {})).pingId, made.monitor!.pingId);
  t.match(await update(['cron'], { cron: '0 4 * * 1' }), { cron: '0 4 * * 1', timeZone: 'UTC', frequency: '' });

  const refused = (paths: string[], fields: object) => failureOf(update(paths, fields));
  const invalid = (field: string, message: string) => ({ code: 'InvalidArgument', field, message });
  t.match(await refused([], { tags: ['x'] }), invalid('update_mask', 'must name one or more of'));
  t.match(await refused(['tags', 'nonsense'], {}), invalid('update_mask', 'got "nonsense"'));
  t.match(await refused(['min_run'], { minRun: '2h' }), invalid('monitor.min_run', 'min_run is 2h, max_run is 1h'));
  t.match(await refused(['cron'], {}), invalid('monitor.frequency', 'monitor.frequency: must be a whole number'));
  t.match(await refused(['depends_on'], { dependsOn: ['job'] }), invalid('monitor.depends_on', 'job -> job'));
  t.match(await refused(['grace'], { grace: '1y' }), invalid('monitor.grace', 'got "1y"'));
  await update(['frequency'], { frequency: '2h' });
  t.match(await refused(['time_zone'], { timeZone: 'UTC' }), invalid('monitor.time_zone', 'with a cron expression'));
  const unknown = monitors.updateMonitor({ monitor: { name: 'other' }, updateMask: { paths: ['tags'] } });
  t.match(await failureOf(unknown), { code: 'NotFound', field: 'monitor.name' });
});

t.test('an etag keeps two people from undoing the work of each other', async (t) => {
  const { monitors, heartbeat } = await serviceUnderTest(t);
  const { monitor } = await monitors.createMonitor({ monitor: { name: 'job', frequency: '10m', etag: 'ignored' } });
  const { etag } = monitor!;
  await heartbeat.ping({ name: 'job', status: BeatStatus.FAIL });
  const describe = (description: string, withEtag: string) =>
    monitors.updateMonitor({
      monitor: { name: 'job', description, etag: withEtag },
      updateMask: { paths: ['description'] },
    });
  const second = (await describe('mine', etag)).monitor!;
  t.not(second.etag, etag);
  t.equal((await describe('mine', second.etag)).monitor!.etag, second.etag, 'nothing changed');
  const aborted = { code: 'Aborted', field: 'monitor.etag', message: second.etag };
  t.match(await failureOf(describe('yours', etag)), aborted);
  const upsert = (withEtag: string) =>
    monitors.upsertMonitor({ monitor: { name: 'job', frequency: '1h', etag: withEtag } });
  t.match(await failureOf(upsert(etag)), aborted);
  t.match(await failureOf(monitors.deleteMonitor({ name: 'job', etag })), { ...aborted, field: 'etag' });
  t.match((await monitors.getMonitor({ name: 'job' })).monitor, { description: 'mine', frequency: '10m' });
  const { monitor: third } = await upsert(second.etag);
  t.match(third, { frequency: '1h', description: '' });
  await monitors.deleteMonitor({ name: 'job', etag: third!.etag });
  t.match(await failureOf(monitors.getMonitor({ name: 'job' })), { code: 'NotFound' });
  t.match(await failureOf(upsert(third!.etag)), { code: 'NotFound', field: 'monitor.name' });
});

t.test('of many that change one monitor with the same etag, one wins', async (t) => {
  const { monitors } = await serviceUnderTest(t);
  const { monitor } = await monitors.createMonitor({ monitor: { name: 'job', frequency: '10m' } });
  const updates = Array.from({ length: 20 }, (_, index) =>
    monitors.updateMonitor({
      monitor: { name: 'job', description: `by ${index}`, etag: monitor!.etag },
      updateMask: { paths: ['description'] },
    }),
  );
  const results = await Promise.allSettled(updates);
  const won = results.flatMap((result) => (result.status === 'fulfilled' ? result.value.monitor! : []));
  t.equal(won.length, 1);
  t.strictSame((await monitors.getMonitor({ name: 'job' })).monitor, won[0]);
});

t.test('a ping id is of one monitor', async (t) => {
  const { monitors } = await serviceUnderTest(t);
  const pingId = '0f8fad5b-d9cb-469f-a165-70867728950e';
  await monitors.createMonitor({ monitor: { name: 'a', frequency: '1m', pingId } });
  const second = monitors.createMonitor({ monitor: { name: 'b', frequency: '1m', pingId: pingId.toUpperCase() } });
  t.match(await failureOf(second), { code: 'AlreadyExists', field: 'monitor.ping_id', message: 'that of "a"' });
});

t.test('a pause ends in the future, if at all', async (t) => {
  const { monitors, clock } = await serviceUnderTest(t);
  await monitors.createMonitor({ monitor: { name: 'job', frequency: '10m' } });
  const until = (ms: number) => monitors.pauseMonitor({ name: 'job', until: timestampFromMs(ms) });
  t.match(await failureOf(until(clock.wallMs())), { code: 'InvalidArgument', field: 'until' });
  const never = monitors.pauseMonitor({ name: 'job', until: { seconds: 1n << 60n } });
  t.match(await failureOf(never), { code: 'InvalidArgument', field: 'until', message: '9999' });
  t.match((await until(clock.wallMs() + 1_000)).monitor, {
    status: MonitorStatus.PAUSED,
    pause: { untilNextPing: false },
  });
  t.match((await monitors.resumeMonitor({ name: 'job' })).monitor, { status: MonitorStatus.NEW, pause: undefined });
  t.match(await failureOf(monitors.resumeMonitor({ name: 'other' })), { code: 'NotFound', field: 'name' });
});

t.test('over REST', async (t) => {
  const { rest } = await serviceUnderTest(t);
  const made = await rest('POST', '/monitors', { name: 'a/b', frequency: '10m', tags: ['db'] });
  t.match(made, { status: 200, body: { name: 'a/b', status: 'new', tags: ['db'], origin: 'api', max_run: '' } });
  t.match(await rest('POST', '/monitors', { name: 'a/b', frequency: '10m' }), { status: 409 });
  const put = await rest('PUT', '/monitors/a/b', { frequency: '1h', description: 'Hourly' });
  t.match(put, { status: 200, body: { created: false, monitor: { name: 'a/b', frequency: '1h', tags: [] } } });
  const { etag } = (put.body as { monitor: { etag: string } }).monitor;
  const patch = (body: object) => rest('PATCH', '/monitors/a/b', body);
  t.match(await patch({ grace: '5m', etag }), { status: 200, body: { frequency: '1h', grace: '5m' } });
  t.match(await patch({ grace: '6m', etag }), { status: 409 });
  t.match(await patch({ grace: 'x' }), { status: 400 });
  t.match(await rest('PUT', '/monitors/c', { frequency: '1m' }), { status: 200, body: { created: true } });
  t.match(await rest('DELETE', '/monitors/a/b'), { status: 200, body: { name: 'a/b' } });
  t.match(await rest('GET', '/monitors/a/b'), { status: 404 });
});
