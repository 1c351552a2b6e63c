import { execFile } from 'node:child_process';
import { access, constants, readFile, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import t from 'tap';
import { type PackedSdk, packSdk } from '../support/packed-sdk.ts';
import { untraced } from '../support/untraced.ts';
import { ScriptedServer } from './scripted-server.ts';

const run = promisify(execFile);
const tsc = fileURLToPath(new URL('../../node_modules/typescript/bin/tsc', import.meta.url));

/** The `node` of the machine, if it has one besides the one of node_modules. */
async function nodeOfTheMachine(): Promise<string | undefined> {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    if (folder.includes('node_modules') || folder === '') continue;
    const path = join(folder, 'node');
    const found = await access(path, constants.X_OK).then(
      () => true,
      () => false,
    );
    if (found) return path;
  }
  return undefined;
}

let sdk: PackedSdk;
t.before(async () => {
  sdk = await packSdk();
});
t.teardown(() => sdk?.remove());

t.test('the package holds what it needs and nothing else', async (t) => {
  const rest = sdk.files.filter((path) => !/^dist\/[a-z-]+(\.d\.ts|\.js)$/.test(path));
  t.same(rest, ['LICENSE', 'README.md', 'package.json']);
  t.ok(sdk.files.includes('dist/sdk.js') && sdk.files.includes('dist/sdk.d.ts'));
  const manifest = JSON.parse(await readFile(join(sdk.dir, 'node_modules/@tocsin/sdk/package.json'), 'utf8'));
  t.match(manifest, { license: 'Apache-2.0', type: 'module', engines: { node: '>=20' }, dependencies: undefined });
  const scripts = await Promise.all(
    sdk.files
      .filter((path) => path.endsWith('.js'))
      .map((path) => readFile(join(sdk.dir, 'node_modules/@tocsin/sdk', path), 'utf8')),
  );
  const imported = scripts.flatMap((script) => [...script.matchAll(/\bfrom '([^']+)'/g)].map((match) => match[1]!));
  t.ok(imported.length > 10);
  t.same(
    imported.filter((path) => !/^\.\/[a-z-]+\.js$/.test(path)),
    [],
    'it imports nothing but itself',
  );
});

t.test('it runs', async (t) => {
  const server = await ScriptedServer.start();
  t.teardown(() => server.stop());
  await writeFile(
    join(sdk.dir, 'job.js'),
    `import { flush, withHeartbeat } from '@tocsin/sdk';
     const job = withHeartbeat('packed', '10m', async (value) => value + 1);
     console.log(process.version, await job(41), await flush());
     await withHeartbeat('packed', '10m', async () => { throw new Error('boom'); })().catch(() => {});`,
  );
  for (const node of [process.execPath, await nodeOfTheMachine()]) {
    if (!node) {
      t.pass('on the machine itself', { skip: 'it has no node besides the one of node_modules' });
      continue;
    }
    const env = { PATH: process.env.PATH, TOCSIN_URL: server.url };
    const { stdout, stderr } = await run(...untraced(node, ['job.js']), { cwd: sdk.dir, env });
    const [version, value, flushed] = stdout.trim().split(' ');
    t.equal(value, '42', `Node ${version}`);
    t.equal(flushed, 'true');
    t.equal(stderr, '');
    t.match((await server.next()).pings, [{ name: 'packed', status: 'BEAT_STATUS_OK' }]);
    t.match((await server.next()).pings, [{ name: 'packed', status: 'BEAT_STATUS_FAIL', message: 'boom' }]);
  }
});

t.test('it type-checks in a project that has neither the types of Node nor of the DOM', async (t) => {
  const compilerOptions = {
    module: 'nodenext',
    target: 'es2022',
    lib: ['es2022'],
    types: [],
    strict: true,
    noEmit: true,
  };
  await writeFile(join(sdk.dir, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['job.ts'] }));
  const check = async (line: string) => {
    await writeFile(
      join(sdk.dir, 'job.ts'),
      `import { createTocsin, type TocsinError, withHeartbeat } from '@tocsin/sdk';
       export const tocsin = createTocsin({ onError: (error: TocsinError) => error.kind === 'refused' });
       export const job: (value: number) => Promise<string> =
         withHeartbeat('job', '10m', async (value: number) => String(value));
       ${line}`,
    );
    return run(...untraced(process.execPath, [tsc, '-p', '.']), { cwd: sdk.dir }).then(
      () => '',
      ({ stdout }: { stdout: string }) => stdout,
    );
  };
  t.equal(await check(`tocsin.ping('job', '90s');`), '');
  for (const frequency of ['10x', '1.5h', '-5m', '0s', 'm', '10M']) {
    const output = await check(`tocsin.ping('job', '${frequency}');`);
    t.match(output, /^job\.ts\(5,27\): error TS2345: Argument of type '"/, frequency);
    t.equal(output.match(/error TS/g)?.length, 1);
  }
});
