import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import t, { type Test } from 'tap';
import type { Notice } from '../../server/engine/domain/notice.ts';
import { AlertmanagerNotifier } from '../../server/notify/alertmanager/alertmanager-notifier.ts';
import { SystemClock } from '../../server/system-clock.ts';
import { downNotice, listen } from '../notify/notifier-contract.ts';
import { portsForTests } from '../notify/ports-for-tests.ts';
import { RunningServer, temporaryDirectory } from '../support/running-server.ts';

// A real Alertmanager. scripts/alert-receivers.sh fetches it; .ci/run calls that.
const folder = join(import.meta.dirname, '../../node_modules/.cache/alert-receivers/alertmanager');
const program = join(folder, 'usr/bin/prometheus-alertmanager');
const skip = existsSync(program) ? false : 'there is no Alertmanager: scripts/alert-receivers.sh fetches it';

type Told = { status: string; alerts: { status: string; labels: { monitor: string } }[] };
type Seen = { labels: Record<string, string>; annotations: Record<string, string>; status: { state: string } };

/** Alertmanager on a free port, which tells its own receiver without much delay. */
class Alertmanager {
  url = '';
  /** What its receiver was told. */
  readonly told: Told[] = [];
  readonly #args: string[];
  #child: ChildProcess | undefined;

  private constructor(args: string[]) {
    this.#args = args;
  }

  static async start(t: Test): Promise<Alertmanager> {
    const data = await temporaryDirectory(t);
    const config = join(data, 'alertmanager.yml');
    const args = [`--config.file=${config}`, `--storage.path=${data}`, '--cluster.listen-address='];
    const alertmanager = new Alertmanager(args);
    const receiver = await listen(t, async (request, response) => {
      let text = '';
      for await (const chunk of request) text += chunk;
      alertmanager.told.push(JSON.parse(text) as Told);
      response.end();
    });
    const route = `{ receiver: people, group_by: [alertname], group_wait: 50ms, group_interval: 100ms }`;
    const receivers = `[{ name: people, webhook_configs: [{ url: "${receiver}", send_resolved: true }] }]`;
    await writeFile(config, `route: ${route}\nreceivers: ${receivers}\n`);
    t.teardown(() => alertmanager.stop());
    await alertmanager.run();
    return alertmanager;
  }

  async run(): Promise<void> {
    // It takes a free port for 0, and says which.
    const child = spawn(program, [...this.#args, '--web.listen-address=127.0.0.1:0'], { cwd: folder });
    this.#child = child;
    this.url = await new Promise((resolve, reject) => {
      let said = '';
      createInterface(child.stderr).on('line', (line) => {
        said += `${line}\n`;
        const address = /msg="Listening on".* address=(\S+)/.exec(line)?.[1];
        if (address) resolve(`http://${address}`);
      });
      child.once('exit', (code) => reject(new Error(`Alertmanager ended with ${code}: ${said}`)));
    });
    await until(async () => (await fetch(`${this.url}/-/ready`).catch(() => null))?.ok);
  }

  async stop(): Promise<void> {
    if (this.#child?.exitCode !== null) return;
    this.#child.kill('SIGKILL');
    await once(this.#child, 'exit');
  }

  /** Alerts that are open, in any state. */
  async alerts(): Promise<Seen[]> {
    return (await (await fetch(`${this.url}/api/v2/alerts`)).json()) as Seen[];
  }

  async stateOf(name: string): Promise<string | undefined> {
    return (await this.alerts()).find(({ labels }) => labels.monitor === name)?.status.state;
  }

  async silence(name: string): Promise<void> {
    const silence = {
      matchers: [{ name: 'monitor', value: name, isRegex: false, isEqual: true }],
      startsAt: new Date().toISOString(),
      endsAt: new Date(Date.now() + 3_600_000).toISOString(),
      createdBy: 'test',
      comment: 'quiet',
    };
    const headers = { 'content-type': 'application/json' };
    await fetch(`${this.url}/api/v2/silences`, { method: 'POST', headers, body: JSON.stringify(silence) });
  }

  wasTold(name: string, status: string): boolean {
    return this.told.some(({ alerts }) => alerts.some((one) => one.labels.monitor === name && one.status === status));
  }
}

async function until(isSo: () => Promise<unknown> | boolean): Promise<void> {
  while (!(await isSo())) await new Promise((resolve) => setTimeout(resolve, 30));
}

/** Sends notices to it, and expects that it takes them. */
function channelTo({ url }: { url: string }) {
  const clock = new SystemClock();
  const notifier = new AlertmanagerNotifier({ urls: [url], labels: { team: 'ops' }, ports: portsForTests(clock) });
  return async (...notices: [Notice, ...Notice[]]): Promise<void> => {
    const attempt = { id: 'msg_1', notices, attempt: 1, endedDigests: [] };
    const verdict = await notifier.send(attempt, new AbortController().signal);
    t.match(verdict, { kind: 'ok', httpStatus: 200 });
  };
}

function down(name: string, fields: Partial<Notice> = {}): Notice {
  return downNotice(Date.now() - 60_000, { name, incidentId: `i-${name}`, ...fields });
}

function up(notice: Notice): Notice {
  return { ...notice, type: 'up', atMs: Date.now(), recoveredMs: Date.now() };
}

t.test('a real Alertmanager', { skip, timeout: 50_000 }, async (t) => {
  const alertmanager = await Alertmanager.start(t);
  let send = channelTo(alertmanager);

  await t.test('a down is an active alert, and told; the recovery resolves it, and is told', async (t) => {
    const notice = down('büro/backup "1"', { tags: ['prod', 'db'] });
    await send(notice);
    const [alert] = await alertmanager.alerts();
    t.match(alert, {
      labels: { alertname: 'TocsinMonitorDown', severity: 'critical', tags: ',db,prod,', team: 'ops' },
      annotations: { summary: 'büro/backup "1" is DOWN' },
    });
    await until(() => alertmanager.wasTold(notice.name, 'firing'));
    t.equal(await alertmanager.stateOf(notice.name), 'active');
    await send({ ...notice, repeat: 1 });
    await send(up(notice));
    t.equal(await alertmanager.stateOf(notice.name), undefined);
    await until(() => alertmanager.wasTold(notice.name, 'resolved'));
  });

  await t.test('a recovery whose time its clock has not reached yet', async (t) => {
    const notice = down('ahead');
    await send(notice);
    const soon = Date.now() + 5_000;
    await send({ ...up(notice), atMs: soon, recoveredMs: soon });
    t.equal(await alertmanager.stateOf('ahead'), undefined);
  });

  await t.test('severity and tags that changed meanwhile', async (t) => {
    const notice = down('changed', { tags: ['db'] });
    await send(notice);
    await send({ ...up(notice), tags: ['web'], severity: 'warning' });
    t.equal(await alertmanager.stateOf('changed'), undefined);
  });

  await t.test('a silence of Alertmanager holds, and its matchers see the tags', async (t) => {
    await alertmanager.silence('quiet');
    await send(down('quiet', { tags: ['web'] }), down('loud', { tags: ['db', 'web', 'x'] }));
    await until(() => alertmanager.wasTold('loud', 'firing'));
    await until(async () => (await alertmanager.stateOf('quiet')) === 'suppressed');
    t.notOk(alertmanager.wasTold('quiet', 'firing'));
    const filter = encodeURIComponent('tags=~".*,web,.*"');
    const found = (await (await fetch(`${alertmanager.url}/api/v2/alerts?filter=${filter}`)).json()) as Seen[];
    t.same(found.map(({ labels }) => labels.monitor).sort(), ['loud', 'quiet']);
  });

  await t.test('10,000 in one digest, and their recovery', async (t) => {
    const notices = Array.from({ length: 10_000 }, (_, index) => down(`job-${index}`)) as [Notice, ...Notice[]];
    const jobs = async () => (await alertmanager.alerts()).filter(({ labels }) => /^job-/.test(labels.monitor!)).length;
    await send(...notices);
    t.equal(await jobs(), 10_000);
    await send(...(notices.map(up) as [Notice, ...Notice[]]));
    t.equal(await jobs(), 0);
  });

  await t.test('what it forgets when it restarts comes back with the refresh', async (t) => {
    const notice = down('kept');
    await send(notice);
    await alertmanager.stop();
    await alertmanager.run();
    send = channelTo(alertmanager);
    t.equal(await alertmanager.stateOf('kept'), undefined);
    await send({ ...notice, repeat: 1 });
    t.ok(await alertmanager.stateOf('kept'));
    await send(up(notice));
    t.equal(await alertmanager.stateOf('kept'), undefined);
  });

  await t.test('through the whole server, from a failing ping to the recovery', async (t) => {
    const server = await RunningServer.start({ TOCSIN_DATA_DIR: await temporaryDirectory(t) });
    t.teardown(() => server.kill('SIGTERM'));
    const call = async (method: string, path: string, body: object) => {
      const headers = { 'content-type': 'application/json' };
      const response = await fetch(`${server.url}${path}`, { method, headers, body: JSON.stringify(body) });
      t.ok(response.ok, `${method} ${path}`);
      return response.json();
    };
    const urls = ['http://127.0.0.1:1', alertmanager.url];
    await call('PUT', '/channels/am', { alertmanager: { urls, labels: { site: 'north' } } });
    t.match(await call('POST', '/channels/test', { name: 'am' }), { ok: true, detail: /^1 of 2 instances took it/ });
    const ping = { name: 'nightly', frequency: '1h', tags: ['db'], channels: ['am'] };
    await call('POST', '/ping', { ...ping, status: 'fail', message: 'no space' });
    await until(async () => (await alertmanager.stateOf('nightly')) !== undefined);
    const alert = (await alertmanager.alerts()).find(({ labels }) => labels.monitor === 'nightly');
    t.match(alert, { labels: { site: 'north', tags: ',db,' }, annotations: { description: /no space/ } });
    // Tags that change with the ping that is the recovery.
    await call('POST', '/ping', { ...ping, tags: ['db', 'new'] });
    await until(async () => (await alertmanager.stateOf('nightly')) === undefined);
  });
});
