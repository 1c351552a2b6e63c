import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { promisify } from 'node:util';
import t from 'tap';
import { RunningServer, temporaryDirectory } from '../support/running-server.ts';

// Clients of Healthchecks as they are, with another base URL. scripts/healthchecks-clients.sh installs those that are not on
// every machine; .ci/run calls it.
const clients = join(import.meta.dirname, '../../node_modules/.cache/healthchecks-clients');
const run = promisify(execFile);
const pingKey = 'fqOOd6-F4MMNuCEnzTU01w';
const token = 'token-of-the-test';

type MonitorJson = {
  status: string;
  ping_id: string;
  frequency: string;
  runs: { run: string }[];
  incident: { message: string; exit_code: number; reason: string } | null;
};

const server = await RunningServer.start({
  TOCSIN_DATA_DIR: await temporaryDirectory(t),
  TOCSIN_TOKEN: token,
  TOCSIN_PING_KEY: pingKey,
});
t.teardown(() => server.kill('SIGTERM'));
const base = `${server.url}/hc`;

async function monitor(name: string): Promise<MonitorJson> {
  const response = await fetch(`${server.url}/monitors/${name}`, { headers: { authorization: `Bearer ${token}` } });
  return (await response.json()) as MonitorJson;
}

async function beats(name: string): Promise<object[]> {
  const response = await fetch(`${server.url}/beats?name=${name}`, { headers: { authorization: `Bearer ${token}` } });
  return ((await response.json()) as { beats: object[] }).beats;
}

/** A monitor "job" that has only just been made, and is up. */
async function newJob(): Promise<{ pingId: string }> {
  await fetch(`${server.url}/ping/job`, { method: 'DELETE', headers: { authorization: `Bearer ${token}` } });
  await fetch(`${base}/${pingKey}/job?create=1`);
  return { pingId: (await monitor('job')).ping_id };
}

t.test('the lines for curl that the documentation of Healthchecks gives', async (t) => {
  const { pingId } = await newJob();
  const rid = randomUUID();
  const shell = (script: string) =>
    run('sh', ['-c', script], { env: { PATH: process.env.PATH, URL: `${base}/${pingId}`, RID: rid } });

  await shell('curl -fsS -m 10 --retry 5 "$URL/start?rid=$RID"');
  t.match(await monitor('job'), { status: 'up', runs: [{ run: rid }] });
  const { stdout } = await shell('curl -m 10 --retry 5 "$URL?rid=$RID"');
  t.equal(stdout, 'OK');
  t.match(await monitor('job'), { status: 'up', runs: [] });

  await shell('m=$(echo "no space left"; exit 3); curl -fsS -m 10 --retry 5 --data-raw "$m" "$URL/$?"');
  t.match(await monitor('job'), { status: 'down', incident: { message: 'no space left', exit_code: 3 } });
  await shell('true && curl -fsS -m 10 --retry 5 -o /dev/null "$URL"');
  t.match(await monitor('job'), { status: 'up', incident: null });
  await shell('curl -fsS -m 10 --head "$URL/fail"');
  t.match(await monitor('job'), { status: 'down', incident: { reason: 'failed' } });
  await shell('printf "line\\n%.0s" 1 2 3 | curl -fsS -m 10 --retry 5 --data-binary @- "$URL/log"');
  await shell('curl -fsS -m 10 --retry 5 -o /dev/null --http2-prior-knowledge "$URL/0"');
  t.match(await monitor('job'), { status: 'up' });

  await shell(`printf 'a\\377' | curl -fsS -m 10 --data-binary @- "$URL/log"`);
  const [noise, zero, lines, ...before] = await beats('job');
  t.match(noise, { status: 'log', message: 'a\ufffd', body: Buffer.from([0x61, 0xff]).toString('base64') });
  t.match(zero, { status: 'ok', exit_code: 0, message: '', user_agent: /^curl/, source: /127\.0\.0\.1/ });
  t.match(lines, { status: 'log', message: 'line\nline\nline\n', body: '' });
  t.match(before.at(-3), { status: 'ok', run: rid, duration: /s$/ }, 'how long the run took');

  const unknown = await shell('curl -fsS -m 10 "$URL/../00000000-0000-4000-8000-000000000000"').catch((error) => error);
  t.match(unknown, { code: 22, stderr: /404/ }, 'curl fails for a monitor that is not there');
});

t.test('the requests of runitor, as its source makes them', async (t) => {
  const post = async (path: string, body?: string) => {
    const headers = { 'content-type': 'text/plain', 'user-agent': 'runitor' };
    const response = await fetch(`${base}/${pingKey}/${path}`, { method: 'POST', headers, ...(body ? { body } : {}) });
    return [response.status, response.headers.get('ping-body-limit')];
  };
  const rid = randomUUID();
  t.strictSame(await post(`web/start?create=1&rid=${rid}`), [201, '10000']);
  t.match(await monitor('web'), { status: 'new', runs: [{ run: rid }] });
  t.strictSame(await post(`web/7?create=1&rid=${rid}`, 'out of luck\n[runitor] exit status 7'), [200, '10000']);
  t.match(await monitor('web'), { status: 'down', runs: [], incident: { exit_code: 7, message: /^out of luck/ } });
});

const runitor = join(clients, 'bin/runitor');
const noRunitor = existsSync(runitor) ? false : 'runitor is not installed (scripts/healthchecks-clients.sh)';

t.test('runitor', { skip: noRunitor }, async (t) => {
  const { pingId } = await newJob();
  const watch = (...args: string[]) => run(runitor, ['-api-url', base, ...args]);

  const failed = await watch('-uuid', pingId, '--', 'sh', '-c', 'echo no space left; exit 3').catch((error) => error);
  t.equal(failed.code, 3, 'the exit code is that of the command');
  t.match(await monitor('job'), { status: 'down', runs: [], incident: { exit_code: 3, message: /no space left/ } });
  await watch('-uuid', pingId, '--', 'true');
  t.match(await monitor('job'), { status: 'up', runs: [], incident: null });
  await watch('-ping-key', pingKey, '-slug', 'backup', '-create', '--', 'true');
  t.match(await monitor('backup'), { status: 'up', runs: [], frequency: '1D' });
});

const hchk = join(clients, 'python/bin/hchk');
const noHchk = existsSync(hchk) ? false : 'hchk is not installed (scripts/healthchecks-clients.sh)';

t.test('hchk', { skip: noHchk }, async (t) => {
  const { pingId } = await newJob();
  // It keeps the ping URLs of its checks in a file of its user, where the base URL is changed.
  const home = await temporaryDirectory(t);
  const section = `[${pingId}]\nping_url = ${base}/${pingId}\nname = job\n`;
  await writeFile(join(home, '.hchk'), `[hchk]\napi_key = unused\n\n${section}`);
  await fetch(`${base}/${pingId}/fail`);
  await run(hchk, ['ping', '--name', 'job'], { env: { PATH: process.env.PATH, HOME: home } });
  t.match(await monitor('job'), { status: 'up', incident: null });
  t.match((await beats('job'))[0], { status: 'ok', user_agent: 'hchk/0.1.4' });
});

const library = join(clients, 'node_modules/healthchecks-io-client');
const noLibrary = existsSync(library) ? false : 'it is not installed (scripts/healthchecks-clients.sh)';

type PingClient = {
  start(): Promise<string>;
  success(payload?: string): Promise<string>;
  fail(payload?: string): Promise<string>;
};

t.test('the npm package healthchecks-io-client', { skip: noLibrary }, async (t) => {
  const { pingId } = await newJob();
  const { HealthChecksPingClient } = createRequire(import.meta.url)(library) as {
    HealthChecksPingClient: new (options: { uuid: string; baseUrl: string; returnResponse: boolean }) => PingClient;
  };
  const client = new HealthChecksPingClient({ uuid: pingId, baseUrl: base, returnResponse: true });
  t.equal(await client.start(), 'OK');
  t.match(await monitor('job'), { runs: [{ run: '' }] });
  t.equal(await client.fail('no space left'), 'OK');
  t.match(await monitor('job'), { status: 'down', runs: [], incident: { message: 'no space left' } });
  t.equal(await client.success(), 'OK');
  t.match(await monitor('job'), { status: 'up', incident: null });
  const stranger = new HealthChecksPingClient({ uuid: randomUUID(), baseUrl: base, returnResponse: true });
  await t.rejects(stranger.success(), /404/);
});
