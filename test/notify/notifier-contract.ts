import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type ServerResponse } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Socket, type Server as TcpServer } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import type { Test } from 'tap';
import { type Notice, noticeDefaults } from '../../server/engine/domain/notice.ts';
import type { FailureReason, Notifier, Verdict } from '../../server/notify/notifier.ts';
import { FakeClock } from '../support/fake-clock.ts';

export type NotifierContractOptions = {
  name: string;
  /** Makes a notifier that talks to a receiver. `origin` is scheme, host and port; it may add what it likes to it. */
  make: (options: { origin: string; clock: FakeClock; timeoutMs: number }) => Notifier;
  /** Parts of what `make` adds, or signs with, that no verdict may show. */
  secrets: string[];
};

type Failure = Exclude<Verdict, { kind: 'ok' }>;
type Expected = 'ok' | { kind: Failure['kind']; reason: FailureReason };

/** Long enough for a loopback on a busy machine, short enough to wait for. */
const timeoutMs = 400;
const patientMs = 20_000;

/** What every notifier that speaks HTTP promises, with real receivers on free local ports. */
export function notifierContract(t: Test, { name, make, secrets }: NotifierContractOptions): void {
  const clock = new FakeClock();

  /** One attempt; what holds for every verdict is checked here. */
  const attempt = async (
    t: Test,
    origin: string,
    options: { limitMs?: number; signal?: AbortSignal; notices?: readonly [Notice, ...Notice[]] } = {},
  ) => {
    const { limitMs = patientMs, signal = new AbortController().signal } = options;
    const { notices = [downNotice(clock.wallMs())] } = options;
    const notifier = make({ origin, clock, timeoutMs: limitMs });
    const verdict = await notifier.send({ id: 'msg_1', notices, attempt: 1, endedDigests: [] }, signal);
    const shown = JSON.stringify(verdict);
    for (const secret of secrets) if (shown.includes(secret)) t.fail(`${shown} shows ${secret}`);
    t.ok(verdict.detail !== '' && verdict.detail.length <= 300, verdict.detail);
    t.ok([...(verdict.answer ?? '')].length <= 500, verdict.answer ?? '');
    return verdict;
  };
  const expect = (t: Test, verdict: Verdict, expected: Expected, what: string): void => {
    t.match(verdict, expected === 'ok' ? { kind: 'ok' } : expected, what);
  };

  t.test(`${name}: every HTTP status, from a receiver that echoes all it was told`, async (t) => {
    let status = 0;
    let requests = 0;
    const origin = await listen(t, async (request, response) => {
      const echo = await echoOf(request);
      // Only the beginning of an answer is shown: each time another part of the echo.
      const from = (requests++ * 100) % echo.length;
      response.writeHead(status, {
        location: `https://elsewhere.example/?from=${encodeURIComponent(request.url ?? '')}`,
      });
      response.end(echo.slice(from, from + 1_000));
    });
    for (status of [200, 201, 202, 203, 206, 226, 299]) {
      const verdict = await attempt(t, origin);
      expect(t, verdict, 'ok', `${status}`);
      t.equal(verdict.httpStatus, status);
    }
    for (status of [300, 301, 302, 303, 305, 307, 308]) {
      expect(t, await attempt(t, origin), { kind: 'retryable', reason: 'redirect' }, `${status}`);
    }
    const others = [400, 401, 402, 403, 404, 405, 407, 408, 409, 411, 413, 415, 418, 421, 422, 425, 429, 431, 451, 499];
    for (status of [...others, 500, 501, 502, 503, 504, 507, 511, 520, 599, 600, 999]) {
      const verdict = await attempt(t, origin);
      expect(t, verdict, { kind: 'retryable', reason: 'http_status' }, `${status}`);
      t.equal(verdict.httpStatus, status);
    }
    status = 410;
    expect(t, await attempt(t, origin), { kind: 'permanent', reason: 'http_status' }, '410 Gone');
  });

  t.test(`${name}: answers without a body`, async (t) => {
    let status = 0;
    const origin = await listen(t, (_request, response) => void response.writeHead(status).end());
    for (status of [200, 204, 205]) expect(t, await attempt(t, origin), 'ok', `${status}`);
    for (status of [304]) expect(t, await attempt(t, origin), { kind: 'retryable', reason: 'redirect' }, `${status}`);
    for (status of [500])
      expect(t, await attempt(t, origin), { kind: 'retryable', reason: 'http_status' }, `${status}`);
  });

  t.test(`${name}: what an answer says is passed on, cut and in one line`, async (t) => {
    const origin = await listen(t, (_request, response) => {
      response.writeHead(400).end(`no such\n\u0000channel\t${'é'.repeat(2_000)}`);
    });
    const { detail, answer } = await attempt(t, origin);
    t.match(detail, /^HTTP 400: no such channel é+…?$/);
    t.match(answer, /^no such channel é{300,}…?$/);
  });

  t.test(`${name}: a redirect is not followed`, async (t) => {
    let followed = 0;
    const target = await listen(t, (_request, response) => {
      followed++;
      response.end();
    });
    const origin = await listen(t, (_request, response) => void response.writeHead(307, { location: target }).end());
    expect(t, await attempt(t, origin), { kind: 'retryable', reason: 'redirect' }, '307');
    t.equal(followed, 0);
  });

  t.test(`${name}: Retry-After`, async (t) => {
    const date = new Date(clock.wallMs() + 90_000).toUTCString();
    const table: [status: number, header: string | undefined, retryAfterMs: number | undefined][] = [
      [429, '120', 120_000],
      [503, '0', 0],
      [429, date, 90_000],
      [503, new Date(clock.wallMs() - 90_000).toUTCString(), 0],
      [429, undefined, undefined],
      [429, 'soon', undefined],
      [429, '-5', undefined],
      [400, '120', undefined],
    ];
    for (const [status, header, retryAfterMs] of table) {
      const headers = header === undefined ? {} : { 'retry-after': header };
      const origin = await listen(t, (_request, response) => void response.writeHead(status, headers).end());
      const verdict = await attempt(t, origin);
      t.equal((verdict as Failure).retryAfterMs, retryAfterMs, `${status} with ${header}`);
    }
  });

  t.test(`${name}: no receiver`, async (t) => {
    const closed = createTcpServer();
    const port = await portOf(closed);
    await new Promise((resolve) => closed.close(resolve));
    expect(t, await attempt(t, `http://127.0.0.1:${port}`), { kind: 'retryable', reason: 'network' }, 'refused');
    expect(t, await attempt(t, 'http://tocsin.invalid'), { kind: 'retryable', reason: 'dns' }, 'unknown host');
    const refused = { kind: 'retryable', reason: 'refused_address' } as const;
    expect(t, await attempt(t, 'http://169.254.169.254'), refused, 'where clouds give out credentials');
    expect(t, await attempt(t, 'https://[::ffff:a9fe:a9fe]:8443'), refused, 'the same, spelled otherwise');
  });

  t.test(`${name}: receivers that break the connection or the protocol`, async (t) => {
    const network = { kind: 'retryable', reason: 'network' } as const;
    const protocol = { kind: 'retryable', reason: 'protocol' } as const;
    const hangsUp = await listenTcp(t, (socket) => socket.destroy());
    expect(t, await attempt(t, hangsUp), network, 'closes before it was asked anything');
    const table: [what: string, onRequest: (socket: Socket) => void, expected: Expected][] = [
      ['closes at once', (socket) => socket.destroy(), network],
      ['resets', (socket) => socket.resetAndDestroy(), network],
      ['half a head', (socket) => socket.end('HTTP/1.1 200 O'), network],
      ['a piece of a chunked body', (socket) => socket.end(`${chunked}5\r\nhel`), network],
      ['half a body', (socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\nhalf'), network],
      ['nonsense', (socket) => socket.end(Buffer.from([0, 255, 13, 10, 7, 128])), protocol],
      ['a chunk of no size', (socket) => socket.end(`${chunked}x\r\nhello\r\n`), protocol],
      ['not HTTP', (socket) => socket.end('220 mail.example ESMTP\r\n'), protocol],
      ['huge headers', (socket) => socket.end(`${head(`x: ${'x'.repeat(100_000)}`)}hello`), protocol],
    ];
    for (const [what, onRequest, expected] of table) {
      const origin = await listenTcp(t, (socket) => socket.once('data', () => onRequest(socket)));
      expect(t, await attempt(t, origin), expected, what);
    }
  });

  t.test(`${name}: a receiver that wants to speak another protocol`, async (t) => {
    const upgrade = 'Upgrade: x\r\nConnection: upgrade\r\n';
    for (const status of [
      `101 Switching Protocols\r\n${upgrade}`,
      '101 Switching Protocols\r\n',
      `500 No\r\n${upgrade}`,
    ]) {
      const origin = await listenTcp(t, (socket) => socket.on('data', () => socket.write(`HTTP/1.1 ${status}\r\n`)));
      const verdict = await attempt(t, origin, { limitMs: timeoutMs });
      t.equal(verdict.kind, 'retryable', status);
    }
  });

  t.test(`${name}: TLS failures`, async (t) => {
    const plain = await listenTcp(t, (socket) => socket.once('data', () => socket.end('HTTP/1.1 400 Bad\r\n\r\n')));
    const tls = { kind: 'retryable', reason: 'tls' } as const;
    expect(t, await attempt(t, plain.replace('http:', 'https:')), tls, 'a port that does not speak TLS');
    const bare = createTlsServer({});
    bare.on('tlsClientError', () => {});
    t.teardown(() => bare.close());
    expect(t, await attempt(t, `https://127.0.0.1:${await portOf(bare)}`), tls, 'a server without a certificate');
  });

  t.test(`${name}: receivers that take too long`, async (t) => {
    const drip = (response: ServerResponse): void => {
      response.writeHead(200);
      const timer = setInterval(() => response.write('.'), 50);
      response.on('close', () => clearInterval(timer));
    };
    const dripHead = (socket: Socket): void => {
      socket.write('HTTP/1.1 200 OK\r\n');
      const timer = setInterval(() => socket.write('x: y\r\n'), 50);
      socket.on('close', () => clearInterval(timer));
    };
    const origins = {
      'says nothing': await listenTcp(t, () => {}),
      'takes the request and says nothing': await listen(t, () => {}),
      'begins a head': await listenTcp(t, (socket) => socket.write('HTTP/1.1 200 OK\r\nx: ')),
      'a head in drips': await listenTcp(t, dripHead),
      'begins an answer': await listen(t, (_request, response) => void response.writeHead(200).write('a')),
      'an answer in drips': await listen(t, (_request, response) => drip(response)),
    };
    const hung = Object.entries(origins).map(async ([what, origin]) => {
      const verdict = await attempt(t, origin, { limitMs: timeoutMs });
      expect(t, verdict, { kind: 'retryable', reason: 'timeout' }, what);
      t.match(verdict.detail, /0\.4 s/, 'says how long it waited');
    });
    await Promise.all(hung);
  });

  t.test(`${name}: an endless answer is not read`, async (t) => {
    let written = 0;
    const closed = Promise.withResolvers<void>();
    const origin = await listen(t, (_request, response) => {
      response.on('close', () => closed.resolve());
      response.writeHead(200);
      const pour = (): void => {
        while (!response.destroyed && written < 1e9) {
          written += 65_536;
          if (!response.write(Buffer.alloc(65_536))) return void response.once('drain', pour);
        }
      };
      pour();
    });
    expect(t, await attempt(t, origin), 'ok', '200');
    await closed.promise;
    t.ok(written < 50e6, `${written} bytes`);
  });

  t.test(`${name}: a huge answer that comes to an end`, async (t) => {
    const origin = await listen(t, (_request, response) => response.writeHead(500).end(Buffer.alloc(20e6, 'a b ')));
    expect(t, await attempt(t, origin), { kind: 'retryable', reason: 'http_status' }, '500');
  });

  t.test(`${name}: every type of notice can be sent, alone and in a digest, and 10,000 of them`, async (t) => {
    const origin = await listen(t, async (request, response) => {
      for await (const _ of request);
      response.end();
    });
    const nowMs = clock.wallMs();
    const recovered = { recoveredMs: nowMs - 100 };
    const table: Partial<Notice>[] = [
      { type: 'down' },
      { type: 'down', repeat: 3 },
      { type: 'down', reason: 'failed', message: 'x'.repeat(10_000), exitCode: 255, lastBeatMs: null, dueMs: null },
      { type: 'down', blind: { fromMs: nowMs - 9_000, toMs: nowMs - 5_000 }, heldBy: 'router', deadlineMs: null },
      { type: 'up', ...recovered },
      { type: 'up', merged: true, ...recovered },
      { type: 'closed', message: 'it was paused' },
      { type: 'flapping', flaps: 7 },
      { type: 'test' },
      { name: 'n"\\\u202e<@U1> {{name}} %41 \ud83d\udd14\r\nx: y\u0000'.repeat(6), tags: ['a b', '"', '\u{1f514}'] },
      { frequencyMs: 0, cron: { expression: '0 3 * * *', timeZone: 'Europe/Berlin' }, severity: 'info' },
    ];
    const notices = table.map((fields, index) => downNotice(nowMs, { name: `m${index}`, ...fields }));
    for (const notice of notices) {
      expect(t, await attempt(t, origin, { notices: [notice] }), 'ok', JSON.stringify(notice).slice(0, 200));
    }
    const many = Array.from({ length: 10_000 }, (_, index) => {
      const notice = notices[index % notices.length]!;
      return { ...notice, name: `${notice.name}-${index % 9_000}`, incidentId: `i-${index % 9_000}` };
    });
    const [first, ...rest] = [...notices, ...many] as [Notice, ...Notice[]];
    expect(t, await attempt(t, origin, { notices: [first, ...rest] }), 'ok', 'a digest');
  });

  t.test(`${name}: can be cut off`, async (t) => {
    const arrived = Promise.withResolvers<void>();
    let requests = 0;
    const origin = await listen(t, () => {
      requests++;
      arrived.resolve();
    });
    const abort = new AbortController();
    const pending = attempt(t, origin, { signal: abort.signal });
    await arrived.promise;
    abort.abort();
    expect(t, await pending, { kind: 'retryable', reason: 'aborted' }, 'while it waits');
    const never = await attempt(t, origin, { signal: AbortSignal.abort() });
    expect(t, never, { kind: 'retryable', reason: 'aborted' }, 'before it begins');
    t.equal(requests, 1);
  });
}

/** A first alert about the monitor "backup". */
export function downNotice(atMs: number, fields: Partial<Notice> = {}): Notice {
  return {
    type: 'down',
    atMs,
    name: 'backup',
    reason: 'missed',
    incidentId: 'i-1',
    downSinceMs: atMs - 500,
    recoveredMs: null,
    merged: false,
    repeat: 0,
    lastBeatMs: atMs - 660_500,
    dueMs: atMs - 60_500,
    deadlineMs: atMs - 500,
    frequencyMs: 600_000,
    graceMs: 60_000,
    message: '',
    exitCode: null,
    blind: null,
    ...noticeDefaults,
    ...fields,
  };
}

/** An HTTP receiver on a free port: its origin. */
export async function listen(t: Test, handle: RequestListener): Promise<string> {
  const server = createServer(handle);
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${await portOf(server)}`;
}

async function listenTcp(t: Test, handle: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createTcpServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    handle(socket);
  });
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `http://127.0.0.1:${await portOf(server)}`;
}

async function portOf(server: TcpServer): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
}

const chunked = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n';

function head(header: string): string {
  return `HTTP/1.1 200 OK\r\ncontent-length: 5\r\n${header}\r\n\r\n`;
}

/** All that a receiver could tell back about a request. */
async function echoOf(request: IncomingMessage): Promise<string> {
  let body = '';
  for await (const chunk of request) body += chunk;
  const { url = '', headers } = request;
  const credentials = Buffer.from(headers.authorization?.slice('Basic '.length) ?? '', 'base64');
  return `${url} ${decodeURIComponent(url)} ${credentials} ${JSON.stringify(headers)} ${body}`;
}
