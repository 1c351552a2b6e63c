import type { MessageInitShape } from '@bufbuild/protobuf';
import t from 'tap';
import { BeatStatus } from '../../gen/ts/tocsin/v1/heartbeat_pb.ts';
import { type ListMonitorsRequestSchema, MonitorOrder, MonitorStatus } from '../../gen/ts/tocsin/v1/monitor_pb.ts';
import { failureOf, type ServiceUnderTest, serviceUnderTest } from './service-under-test.ts';

type Request = MessageInitShape<typeof ListMonitorsRequestSchema>;

/** Names page by page, until there is no more. */
async function pagesOf({ monitors }: Pick<ServiceUnderTest, 'monitors'>, request: Request): Promise<string[][]> {
  const pages: string[][] = [];
  for (let pageToken = ''; ; ) {
    const page = await monitors.listMonitors({ ...request, pageToken });
    pages.push(page.monitors.map(({ name }) => name));
    if (page.nextPageToken === '') return pages;
    pageToken = page.nextPageToken;
  }
}

/** "b" down, "c" late, "d" paused, "e" new, the others up; made in this order. */
async function cast(t: Parameters<typeof serviceUnderTest>[0]): Promise<ServiceUnderTest> {
  const service = await serviceUnderTest(t);
  const { monitors, heartbeat, clock } = service;
  for (const [name, tags] of [
    ['c', ['x']],
    ['a', ['x', 'y']],
    ['e', []],
    ['b', ['y']],
    ['d', ['x']],
    ['a/b', ['x']],
  ] as const) {
    const frequency = name === 'c' ? '1m' : '1h';
    await monitors.createMonitor({ monitor: { name, frequency, grace: '30m', tags: [...tags] } });
    if (name !== 'e') await heartbeat.ping({ name, status: name === 'b' ? BeatStatus.FAIL : BeatStatus.OK });
  }
  await monitors.pauseMonitor({ name: 'd' });
  await clock.advance(120_000);
  return service;
}

t.test('in every order, page by page', async (t) => {
  const service = await cast(t);
  const { UNSPECIFIED, NAME, NAME_DESC, CREATED, CREATED_DESC } = MonitorOrder;
  for (const order of [UNSPECIFIED, NAME]) {
    t.same(await pagesOf(service, { order, pageSize: 4 }), [
      ['a', 'a/b', 'b', 'c'],
      ['d', 'e'],
    ]);
  }
  t.same(await pagesOf(service, { order: NAME_DESC, pageSize: 6 }), [['e', 'd', 'c', 'b', 'a/b', 'a']]);
  t.same(await pagesOf(service, { order: CREATED, pageSize: 3 }), [
    ['c', 'a', 'e'],
    ['b', 'd', 'a/b'],
  ]);
  t.same(await pagesOf(service, { order: CREATED_DESC, pageSize: 5 }), [['a/b', 'd', 'b', 'e', 'a'], ['c']]);
  t.same(await pagesOf(service, {}), [['a', 'a/b', 'b', 'c', 'd', 'e']]);
});

t.test('by status, tag and the beginning of the name, together too', async (t) => {
  const service = await cast(t);
  const names = async (request: Request) => (await pagesOf(service, request)).flat();
  const { NEW, UP, LATE, DOWN, PAUSED } = MonitorStatus;
  t.same(await names({ statuses: [DOWN] }), ['b']);
  t.same(await names({ statuses: [LATE] }), ['c']);
  t.same(await names({ statuses: [PAUSED] }), ['d']);
  t.same(await names({ statuses: [NEW] }), ['e']);
  t.same(await names({ statuses: [UP, DOWN, UP] }), ['a', 'a/b', 'b']);
  t.same(await names({ tag: 'x' }), ['a', 'a/b', 'c', 'd']);
  t.same(await names({ tag: 'none' }), []);
  t.same(await names({ namePrefix: 'a' }), ['a', 'a/b']);
  t.same(await names({ namePrefix: 'a', tag: 'y' }), ['a']);
  const late = { tag: 'x', statuses: [LATE, PAUSED], order: MonitorOrder.CREATED_DESC };
  t.same(await names({ ...late, pageSize: 1 }), ['d', 'c']);
});

t.test('a token is of one list', async (t) => {
  const { monitors } = await cast(t);
  const { nextPageToken: pageToken } = await monitors.listMonitors({ pageSize: 2, tag: 'x' });
  const next = await monitors.listMonitors({ pageToken, tag: 'x', pageSize: 3, order: MonitorOrder.NAME });
  t.same(
    next.monitors.map(({ name }) => name),
    ['c', 'd'],
    'the size of a page may change',
  );
  const others: Request[] = [
    {},
    { tag: 'y' },
    { tag: 'x', namePrefix: 'a' },
    { tag: 'x', statuses: [MonitorStatus.UP] },
    { tag: 'x', order: MonitorOrder.NAME_DESC },
    { tag: 'x', order: MonitorOrder.CREATED },
  ];
  for (const other of others) {
    const error = await failureOf(monitors.listMonitors({ ...other, pageToken }));
    t.match(error, { code: 'InvalidArgument', field: 'page_token', message: 'other filters or another order' });
  }
  for (const token of ['nonsense', '1', Buffer.from('after:a').toString('base64url'), `${pageToken}=`]) {
    const error = await failureOf(monitors.listMonitors({ tag: 'x', pageToken: token }));
    t.match(error, { code: 'InvalidArgument', field: 'page_token', message: 'must be the next_page_token' });
  }
});

t.test('what cannot be asked for', async (t) => {
  const { monitors } = await serviceUnderTest(t);
  const refused = (request: Request) => failureOf(monitors.listMonitors(request));
  t.match(await refused({ statuses: [MonitorStatus.UNSPECIFIED] }), { field: 'statuses', message: 'paused' });
  t.match(await refused({ pageSize: 501 }), { field: 'page_size' });
  t.match(await refused({ order: 9 as MonitorOrder }), { field: 'order' });
});

t.test('monitors that are there all along come once, whatever comes and goes between the pages', async (t) => {
  const { monitors } = await serviceUnderTest(t);
  const kept = Array.from({ length: 20 }, (_, index) => `keep-${index + 10}`);
  for (const name of kept) await monitors.createMonitor({ monitor: { name, frequency: '1h' } });
  for (const order of [MonitorOrder.NAME, MonitorOrder.NAME_DESC, MonitorOrder.CREATED, MonitorOrder.CREATED_DESC]) {
    const seen: string[] = [];
    let turn = 0;
    for (let pageToken = '', isLast = false; !isLast; turn++) {
      const page = await monitors.listMonitors({ pageSize: 3, pageToken, order });
      seen.push(...page.monitors.map(({ name }) => name));
      pageToken = page.nextPageToken;
      isLast = pageToken === '' || turn > 100;
      await monitors.createMonitor({ monitor: { name: `${turn % 2 ? 'a' : 'z'}-${turn}`, frequency: '1h' } });
      if (turn > 0) await monitors.deleteMonitor({ name: `${turn % 2 ? 'z' : 'a'}-${turn - 1}` });
      await monitors.updateMonitor({
        monitor: { name: kept[turn % 20]!, tags: [`t${turn}`] },
        updateMask: { paths: ['tags'] },
      });
    }
    t.equal(new Set(seen).size, seen.length);
    t.same(seen.filter((name) => name.startsWith('keep')).toSorted(), kept);
    const left = (await pagesOf({ monitors }, { pageSize: 500 })).flat().filter((name) => !name.startsWith('keep'));
    for (const name of left) await monitors.deleteMonitor({ name });
  }
});

t.test('over REST', async (t) => {
  const { rest } = await cast(t);
  const first = await rest('GET', '/monitors?statuses=up&statuses=late&order=created_desc&page_size=2');
  const { next_page_token } = first.body as { next_page_token: string };
  t.match(first, { status: 200, body: { monitors: [{ name: 'a/b', status: 'up' }, { name: 'a' }] } });
  const rest2 = await rest('GET', `/monitors?statuses=late,up&order=created_desc&page_token=${next_page_token}`);
  t.match(rest2, { status: 200, body: { monitors: [{ name: 'c', status: 'late' }], next_page_token: '' } });
  t.match(await rest('GET', `/monitors?page_token=${next_page_token}`), { status: 400 });
  t.match(await rest('GET', '/monitors?tag=y&name_prefix=b'), { body: { monitors: [{ name: 'b', status: 'down' }] } });
});
