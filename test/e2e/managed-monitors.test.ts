import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { RunningServer, runMain, temporaryDirectory } from '../support/running-server.ts';

/** A data directory and a document of monitors, which servers are run with. */
async function managed(t: Test, text: string) {
  const directory = await temporaryDirectory(t);
  const path = join(directory, 'monitors.yaml');
  const env = { TOCSIN_DATA_DIR: join(directory, 'data') };
  const write = (content: string) => writeFile(path, content);
  await write(text);
  return {
    path,
    env,
    write,
    start: async () => {
      const server = await RunningServer.start(env, ['--config', path]);
      t.teardown(() => server.kill('SIGKILL'));
      return server;
    },
  };
}

/** Waits until the log has so many lines with one of these messages, and returns the last. */
async function logged(server: RunningServer, count: number) {
  const told = () => server.log.filter(({ msg }) => /^monitors (applied|not)/.test(msg));
  while (told().length < count) await new Promise((resolve) => setTimeout(resolve, 10));
  return told().at(-1)!;
}

async function monitors(server: RunningServer): Promise<Record<string, string>> {
  const page = (await (await fetch(`${server.url}/monitors`)).json()) as {
    monitors: { name: string; origin: string; frequency: string }[];
  };
  return Object.fromEntries(page.monitors.map(({ name, origin, frequency }) => [name, `${origin} ${frequency}`]));
}

const answer = (response: Response) => response.json() as Promise<object>;

t.test(
  'a document is applied at start and on SIGHUP: what it had is removed, what is not of it is left alone',
  async (t) => {
    const { start, write } = await managed(
      t,
      'monitors: [{name: a, frequency: 1m}, {name: b, frequency: 1h, tags: [x]}]',
    );
    const server = await start();
    t.match(await logged(server, 1), {
      added: { count: 2, names: ['a', 'b'] },
      changed: { count: 0 },
      removed: { count: 0 },
      unchanged: 0,
      failed: 0,
    });
    t.same(await monitors(server), { a: 'file 1m', b: 'file 1h' });
    t.match(
      await answer(await fetch(`${server.url}/ping?name=a`)),
      { name: 'a', status: 'up' },
      'a ping need not name it',
    );
    await fetch(`${server.url}/ping?name=pinged&frequency=1h`);
    await fetch(`${server.url}/ping?name=taken&frequency=1h`);
    const headers = { 'content-type': 'application/json' };
    const put = { method: 'PUT', headers, body: '{"frequency": "7m"}' };
    await fetch(`${server.url}/monitors/called`, put);
    await fetch(`${server.url}/monitors/b`, put);
    t.same(await monitors(server), {
      a: 'file 1m',
      b: 'file 7m',
      called: 'api 7m',
      pinged: 'ping 1h',
      taken: 'ping 1h',
    });

    await write(
      'monitors:\n  - {name: b, frequency: 1h, tags: [x]}\n  - {name: taken, frequency: 2h}\n  - {name: c, frequency: 3h}',
    );
    server.signal('SIGHUP');
    t.match(await logged(server, 2), {
      msg: 'monitors applied',
      added: { count: 1, names: ['c'] },
      changed: { count: 2, names: ['b', 'taken'] },
      removed: { count: 1, names: ['a'] },
      unchanged: 0,
    });
    const after = { b: 'file 1h', c: 'file 3h', called: 'api 7m', pinged: 'ping 1h', taken: 'file 2h' };
    t.same(await monitors(server), after);

    const exported = await (await fetch(`${server.url}/export`)).text();
    t.match(await answer(await fetch(`${server.url}/apply`, { method: 'POST', body: exported })), {
      unchanged: 4,
      changed: 1,
    });
    t.match(
      await monitors(server),
      { b: 'file 1h', c: 'file 3h' },
      'a document that is applied by a call leaves them managed',
    );

    server.signal('SIGHUP');
    t.match(await logged(server, 3), { unchanged: 3, removed: { count: 0 } });

    await write('monitors: [{name: b, frequency: 4h}]');
    server.signal('SIGHUP');
    await write('monitors: [{name: b, frequency: 5h}]');
    server.signal('SIGHUP');
    while ((await monitors(server)).b !== 'file 5h');
    t.same(await monitors(server), { b: 'file 5h', called: 'api 7m', pinged: 'api 1h' }, 'the last of several counts');
    t.same(await server.kill('SIGTERM'), { code: 0, signal: null });
  },
);

t.test('SIGHUP does not end a server without a document', async (t) => {
  const plain = await RunningServer.start({ TOCSIN_DATA_DIR: await temporaryDirectory(t) });
  t.teardown(() => plain.kill('SIGKILL'));
  plain.signal('SIGHUP');
  while (!plain.log.some(({ msg }) => msg === 'there is no document of monitors to read again')) {
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  t.equal((await fetch(`${plain.url}/healthz`)).status, 200);
  t.same(await plain.kill('SIGTERM'), { code: 0, signal: null });
});

t.test('what is wrong on SIGHUP changes nothing, and is told', async (t) => {
  const { start, write, path } = await managed(t, 'monitors: [{name: a, frequency: 1m}]');
  const server = await start();
  await logged(server, 1);
  const cases: [text: string, problems: (string | RegExp)[]][] = [
    ['', [/^the document must be an object/]],
    [
      'monitors:\n  - {name: b',
      [/^line 3, column 1: this is not valid YAML|^line 2, column \d+: this is not valid YAML/],
    ],
    [
      'monitors:\n  - {name: b, frequency: 1m}\n  - {name: c, frequency: 1x}\n  - {name: d, frequency: 1m, depends_on: [d]}\n  - {nam: e}',
      [
        /^line 3, column 15, monitor "c": frequency: must be/,
        /^line 4, column 30, monitor "d": depends_on: /,
        /^line 5, column 6: nam: is no field/,
      ],
    ],
    [
      'monitors:\n  - {name: b, frequency: 1m}\n  - {name: d, frequency: 1m, depends_on: [d]}\n',
      [/^line 3, column 30, monitor "d": depends_on: must not lead back/],
    ],
  ];
  for (const [index, [text, problems]] of cases.entries()) {
    await write(text);
    server.signal('SIGHUP');
    const { level, ...line } = await logged(server, index + 2);
    t.match(line, { msg: 'monitors not applied: nothing changed', path, problems });
    t.equal(level, 50, 'an error');
    t.same(await monitors(server), { a: 'file 1m' });
  }
  await write('monitors: []');
  server.signal('SIGHUP');
  t.match(await logged(server, cases.length + 2), { removed: { count: 1, names: ['a'] } });
  t.same(await monitors(server), {}, 'an empty list, said as one, removes all');
});

t.test('a server does not start with a document that is wrong, and says everything that is', async (t) => {
  const { path, env, write } = await managed(
    t,
    'monitors:\n  - {name: a, frequency: 1m}\n  - {name: b}\n  - {name: a, cron: x}\n',
  );
  const start = (args: string[] = ['--config', path], more = {}) =>
    runMain({ ...env, LOG_LEVEL: 'silent', ...more }, args);
  const wrong = await start();
  t.equal(wrong.code, 1);
  t.match(wrong.stderr, `Tocsin cannot start: the monitors of ${path} cannot be applied:\n`);
  t.match(wrong.stderr, /^ {2}line 4, column 6, monitor "a": name: there is another monitor of this name, on line 2$/m);
  t.match(wrong.stderr, /^ {2}line 3, column 5, monitor "b": frequency: /m);
  await write('monitors:\n  - {name: a\n');
  t.match((await start([], { TOCSIN_CONFIG: path })).stderr, /^ {2}line \d, column \d+: this is not valid YAML: /m);
  const missing = await start(['--config', `${path}.not`]);
  t.equal(missing.code, 1);
  t.match(missing.stderr, /no such file or directory, open '.*\.not'/);
  t.match((await start(['--config', env.TOCSIN_DATA_DIR])).stderr, /illegal operation on a directory/);
});

t.test('a server that is killed while it applies goes on at its next start', async (t) => {
  const list = (from: number, frequency: string) =>
    Array.from({ length: 600 }, (_, index) => `  - {name: m${from + index}, frequency: ${frequency}}\n`).join('');
  const { start, write } = await managed(t, `monitors:\n${list(0, '1h')}`);
  const first = await start();
  t.match(await logged(first, 1), { added: { count: 600 } });
  await write(`monitors:\n${list(300, '2h')}`);
  first.signal('SIGHUP');
  // Somewhere in the middle, or before, or after: each must end the same.
  while ((await fetch(`${first.url}/monitors/m0`)).status === 200);
  await first.kill('SIGKILL');
  const second = await start();
  const line = await logged(second, 1);
  t.match(line, { msg: 'monitors applied', failed: 0 });
  const exported = (await (await fetch(`${second.url}/export?format=json`)).json()) as {
    monitors: { name: string; frequency: string }[];
  };
  t.equal(exported.monitors.length, 600);
  t.ok(exported.monitors.every(({ name, frequency }) => Number(name.slice(1)) >= 300 && frequency === '2h'));
});
