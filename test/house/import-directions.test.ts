import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import t from 'tap';
import { callBreaches, importBreaches } from './import-rules.ts';

const root = join(import.meta.dirname, '../..');

function sourcesUnder(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1))
    .filter((path) => !/(^|\/)(node_modules|dist|gen)\//.test(path))
    .sort();
}

const server = sourcesUnder('server');
const sdk = sourcesUnder('sdk');
const read = (path: string): string => readFileSync(join(root, path), 'utf8');

t.test('the server flows one way and touches neither clock nor process', async (t) => {
  t.ok(server.length > 20, 'the sources are found');
  t.same(
    server.flatMap((path) => importBreaches(path, read(path))),
    [],
  );
  t.same(
    server.flatMap((path) => callBreaches(path, read(path))),
    [],
  );
});

t.test('the SDK does not reach into the server', async (t) => {
  t.same(
    sdk.flatMap((path) => importBreaches(path, read(path))),
    [],
  );
});

t.test('a file is one thing, named for it', async (t) => {
  const paths = [...server, ...sdk];
  t.same(
    paths.filter((path) => !/^[a-z0-9]+(-[a-z0-9]+)*(\.d|\.test|\.config)?\.ts$/.test(basename(path))),
    [],
    'kebab-case',
  );
  t.same(
    paths.filter((path) => /(^|\/)(index\.ts|utils?|helpers?|lib|common|misc)(\/|\.ts|$)/.test(path)),
    [],
    'no grab-bags',
  );
  t.same(
    paths.filter((path) => read(path).split('\n').length > 360),
    [],
    'at most 360 lines',
  );
});

t.test('the check finds what it must: imports', async (t) => {
  const breaches: [string, string][] = [
    ['server/engine/domain/a.ts', `import { x } from '../engine.ts';`],
    ['server/engine/domain/a.ts', `import { readFileSync } from 'node:fs';`],
    ['server/engine/domain/a.ts', `import type { z } from 'zod';`],
    ['server/engine/domain/a.ts', `import type { Clock } from '../../clock.ts';`],
    ['server/engine/wheel/a.ts', `import { formatDuration } from '../domain/duration.ts';`],
    ['server/clock.ts', `import 'node:timers';`],
    ['server/store/a.ts', `import { Engine } from '../engine/engine.ts';`],
    ['server/store/sqlite/a.ts', `export { Engine } from '../../engine/engine.ts';`],
    ['server/store/sqlite/a.ts', `const e = await import('../../service/x.ts');`],
    ['server/outbox/a.ts', `import type {\n  Store,\n} from '../store/store.ts';`],
    ['server/notify/a.ts', `import type { NewDelivery } from '../outbox/delivery-queue.ts';`],
    ['server/engine/a.ts', `import { PingRequestSchema } from '../../gen/ts/tocsin/v1/heartbeat_pb.ts';`],
    ['server/store/a.ts', `import { TimingWheel } from '../engine/wheel/timing-wheel.ts';`],
    ['server/transport/a.ts', `import { parseConfig } from '../config/parse-config.ts';`],
    ['server/transport/a.ts', `import { startApp } from '../app.ts';`],
    ['server/transport/codec/a.ts', `import { Invoker } from '../invoker.ts';`],
    ['server/listener/a.ts', `import { SystemClock } from '../system-clock.ts';`],
    ['server/store/a.ts', `import { renderPage } from '../page/render-page.ts';`],
    ['server/page/a.ts', `import { Engine } from '../engine/engine.ts';`],
    ['server/engine/a.ts', `import { FakeClock } from '../../test/support/fake-clock.ts';`],
    ['server/utils/a.ts', ``],
    ['sdk/src/a.ts', `import { parseDuration } from '../../server/engine/domain/duration.ts';`],
  ];
  for (const [path, source] of breaches) t.equal(importBreaches(path, source).length, 1, `${path} ${source}`);

  const fine: [string, string][] = [
    ['server/engine/domain/a.ts', `import { b } from './b.ts'; // from '../engine.ts'`],
    ['server/engine/domain/a.ts', `/* import x from 'zod' */ const text = "import x from 'zod'";`],
    [
      'server/engine/a.ts',
      `import { TimingWheel } from './wheel/timing-wheel.ts'; import type { Store } from '../store/store.ts';`,
    ],
    [
      'server/store/sqlite/a.ts',
      `import { DatabaseSync } from 'node:sqlite'; import type { Store } from '../store.ts';`,
    ],
    [
      'server/notify/a.ts',
      `import type { Notice } from '../engine/domain/notice.ts'; import type { Clock } from '../clock.ts';`,
    ],
    ['server/transport/a.ts', `import { file } from '../../gen/ts/tocsin/v1/heartbeat_pb.ts';`],
    [
      'server/app.ts',
      `import { Engine } from './engine/engine.ts'; import { renderPage } from './page/render-page.ts';`,
    ],
    ['server/main.ts', `import { parseConfig } from './config/parse-config.ts'; import { startApp } from './app.ts';`],
  ];
  for (const [path, source] of fine) t.same(importBreaches(path, source), [], `${path} ${source}`);
});

t.test('the check finds what it must: calls', async (t) => {
  const banned = [
    'const now = Date.now();',
    'const now = new Date();',
    'const now = new Date;',
    'const text = Date();',
    'const now = Date . now ( );',
    `const text = \`at \${new Date().toISOString()}\`;`,
    `const text = \`a \${\`b \${Date.now()}\`}\`;`,
    'setTimeout(run, 10);',
    'globalThis.setTimeout(run, 10);',
    'const later = setInterval;',
    'setImmediate(run);',
    'const start = performance.now();',
    'const jitter = Math.random();',
    'run({ random: Math.random });',
    'const signal = AbortSignal.timeout(10);',
    `import { setTimeout as sleep } from 'node:timers/promises';`,
    `import { performance as p } from 'node:perf_hooks';`,
    'const port = process.env.PORT;',
    'const { env } = process;',
    'process.exit(1);',
    'const quote = /[\'"`]/; Date.now();',
  ];
  for (const source of banned) t.ok(callBreaches('server/engine/a.ts', source).length > 0, source);

  const fine = [
    'const at = new Date(ms).toISOString();',
    'const at = Date.UTC(2026, 0, 1); type D = Date;',
    'socket.setTimeout(0); this.process(batch);',
    '// Date.now() would jump\nconst x = 1; /* setTimeout */',
    'const text = "process.exit"; const other = `Date.now()`;',
    'const options = { process: 1, setTimeout: 2 };',
    'const half = total / 2; const rest = half / Number(setup.now());',
  ];
  for (const source of fine) t.same(callBreaches('server/engine/a.ts', source), [], source);
});

t.test('the exceptions are exactly these', async (t) => {
  t.same(
    callBreaches('server/system-clock.ts', 'Date.now(); performance.now(); setTimeout(f, 1); setImmediate(f);'),
    [],
  );
  t.equal(callBreaches('server/system-clock.ts', 'process.exit(); Math.random();').length, 2);
  t.same(callBreaches('server/main.ts', 'process.exit(0); run(Math.random);'), []);
  t.equal(callBreaches('server/main.ts', 'Date.now(); setTimeout(f, 1);').length, 2);
  t.same(callBreaches('server/notify/webhook/a.ts', 'AbortSignal.timeout(1);'), []);
  t.equal(callBreaches('server/notify/webhook/a.ts', 'Date.now();').length, 1);
});
