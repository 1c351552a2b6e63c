import { createServer as createHttpServer, type ServerResponse } from 'node:http';
import { createServer as createHttp2Server, type ServerHttp2Stream } from 'node:http2';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { fromBinary, fromJsonString } from '@bufbuild/protobuf';
import t from 'tap';
import { GrpcConnection } from '../../bench/load/grpc-connection.ts';
import { Http1Connection } from '../../bench/load/http1-connection.ts';
import { http1Requests } from '../../bench/load/http1-requests.ts';
import type { CallKind, LoadReport, LoadResult } from '../../bench/load/load-plan.ts';
import { LoadRun } from '../../bench/load/load-run.ts';
import { shuffledNumbers } from '../../bench/load/random-numbers.ts';
import { monitorName } from '../../bench/monitor-names.ts';
import { PingBatchRequestSchema, PingRequestSchema } from '../../gen/ts/tocsin/v1/heartbeat_pb.ts';

async function portOf(server: Server, t: { teardown(run: () => unknown): void }): Promise<number> {
  t.teardown(() => server.close());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

t.test('requests carry the names that were asked for', async (t) => {
  const names = { from: 5_000, count: 3 };
  const expected = [5_000, 5_001, 5_002].map(monitorName);
  const seen = (call: CallKind, nameOf: (request: string) => string[]): string[] => {
    const next = http1Requests({ call, names })();
    const found = Array.from({ length: 50 }, () => nameOf(next().toString('latin1'))).flat();
    return [...new Set(found)].sort();
  };
  const body = (request: string): Buffer => Buffer.from(request.slice(request.indexOf('\r\n\r\n') + 4), 'latin1');
  t.same(
    seen('rest', (request) => [/name=([^&]+)/.exec(request)![1]!]),
    expected,
  );
  t.same(
    seen('connect-json', (request) => [fromJsonString(PingRequestSchema, body(request).toString()).name]),
    expected,
  );
  t.same(
    seen('connect-proto', (request) => [fromBinary(PingRequestSchema, body(request)).name]),
    expected,
  );
  const batchNames = (request: string): string[] =>
    fromBinary(PingBatchRequestSchema, body(request)).pings.map(({ name }) => name);
  t.same(seen('batch-connect-proto', batchNames), expected);
  t.throws(() => http1Requests({ call: 'grpc', names }));
});

t.test('shuffled numbers are all there, and not in order', async (t) => {
  const numbers = shuffledNumbers({ from: 10, count: 1_000 });
  t.notSame(numbers, numbers.toSorted());
  t.same(
    Array.from(numbers.toSorted()),
    Array.from({ length: 1_000 }, (_, index) => 10 + index),
  );
});

t.test('answers are counted however they are cut', async (t) => {
  const ok = 'HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\nhello\r\n\r\nxy';
  const chunked = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n';
  const scripts: { pieces: string[]; problem: RegExp | null }[] = [
    { pieces: [ok], problem: null },
    { pieces: [ok.slice(0, 20), ok.slice(20, 40), ok.slice(40)], problem: null },
    { pieces: [ok.slice(0, -1), ok.slice(-1)], problem: null },
    { pieces: [chunked], problem: null },
    { pieces: [chunked.slice(0, -3), chunked.slice(-3)], problem: null },
    { pieces: [chunked.slice(0, 60), chunked.slice(60)], problem: null },
    { pieces: ['HTTP/1.1 429 Too Many\r\nX-Before: 1\r\nContent-Length: 4\r\n\r\nslow'], problem: /429[\s\S]*slow/ },
    { pieces: ['HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n'], problem: null },
  ];
  let turn = 0;
  const server = createServer((socket: Socket) => {
    socket.setNoDelay();
    socket.on('data', async () => {
      for (const piece of scripts[turn]!.pieces) {
        await new Promise((resolve) => setImmediate(resolve));
        socket.write(piece);
      }
    });
    socket.on('error', () => {});
  });
  const port = await portOf(server, t);
  let answered: (problem: string | null) => void;
  const connection = new Http1Connection({
    port,
    nextRequest: () => Buffer.from('GET / HTTP/1.1\r\n\r\n'),
    onAnswer: ({ problem }) => answered(problem),
    onBroken: (problem) => t.fail(problem),
  });
  t.teardown(() => connection.close());
  for (; turn < scripts.length; turn++) {
    const { pieces, problem: expected } = scripts[turn]!;
    const problem = await new Promise<string | null>((resolve) => {
      answered = resolve;
      connection.send(0);
    });
    if (expected === null) t.equal(problem, null, JSON.stringify(pieces));
    else t.match(problem, expected);
  }
});

t.test('gRPC: an answer without a message is not good', async (t) => {
  const names: string[] = [];
  const server = createHttp2Server();
  server.on('stream', (stream: ServerHttp2Stream, headers) => {
    const chunks: Buffer[] = [];
    stream.on('data', (chunk: Buffer) => chunks.push(chunk));
    stream.on('end', () => {
      names.push(fromBinary(PingRequestSchema, Buffer.concat(chunks).subarray(5)).name);
      const head = { ':status': 200, 'content-type': headers['content-type'] };
      if (names.length === 3) {
        stream.respond({ ...head, 'grpc-status': '13' }, { endStream: true });
        return;
      }
      stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
      stream.respond(head, { waitForTrailers: true });
      stream.end(Buffer.from([0, 0, 0, 0, 1, 65]));
    });
  });
  const port = await portOf(server as unknown as Server, t);
  let number = 0;
  const answers: string[] = [];
  await new Promise<void>((resolve, reject) => {
    const connection = new GrpcConnection({
      port,
      nextNumber: () => number++,
      onAnswer: ({ startedMs, problem }) => {
        answers.push(`${startedMs} ${problem}`);
        if (answers.length < 4) {
          connection.send(answers.length);
          return;
        }
        connection.close();
        resolve();
      },
      onBroken: reject,
    });
    connection.send(0);
    connection.flush();
  });
  t.same(names, [0, 1, 2, 3].map(monitorName), 'headers of later calls are understood too');
  t.same(answers, ['0 null', '1 null', '2 an answer without a message', '3 null']);
});

t.test('a run ends when what it began is answered', async (t) => {
  const calls = new Set<ServerResponse>();
  let cut = 0;
  const server = createHttpServer((_request, response) => {
    calls.add(response);
    response.once('close', () => {
      if (!response.writableFinished) cut += 1;
    });
    if (calls.size < 2) return;
    for (const call of calls) call.end('ok');
    calls.clear();
  });
  const port = await portOf(server, t);
  const plan = { port, call: 'rest' as const, names: { from: 0, count: 9 }, connections: 3, warmUpMs: 10 };
  const result = await new Promise<LoadResult>((resolve) => {
    const run = new LoadRun({
      plan: { ...plan, measureMs: 60_000 },
      report: (report: LoadReport) => {
        if (report.kind === 'done') resolve(report.result);
        if (report.kind === 'measuring') setImmediate(stop);
      },
    });
    const stop = (): void => {
      run.stop();
      // Of an odd number one call is always under way, until there is one more.
      void fetch(`http://127.0.0.1:${port}/`).then((answer) => answer.text());
    };
    run.start();
  });
  t.equal(result.errors, 0, result.firstError);
  t.equal(cut, 0, 'no call was cut off');
  server.closeAllConnections();
});

t.test('runs, closed and at a rate, against a real server', async (t) => {
  const server = createHttpServer((_request, response) => response.end('ok'));
  const port = await portOf(server, t);
  const run = (over: object): Promise<LoadResult> =>
    new Promise((resolve) => {
      const report = (report: LoadReport) => report.kind === 'done' && resolve(report.result);
      const plan = { port, call: 'rest' as const, names: { from: 0, count: 9 }, connections: 4, warmUpMs: 20 };
      new LoadRun({ plan: { ...plan, measureMs: 200, ...over }, report }).start();
    });
  const closed = await run({});
  t.equal(closed.errors, 0, closed.firstError);
  t.ok(closed.answers > 10 && closed.p50Ms > 0 && closed.maxMs >= closed.p99Ms);
  const paced = await run({ ratePerS: 100 });
  // However slow the machine, never more than were to begin.
  t.ok(paced.answers > 0 && paced.answers <= 100 * (paced.elapsedMs / 1000) + 2 + 100 * 0.02, `${paced.answers}`);
  server.close();
  server.closeAllConnections();
  const refused = await run({});
  t.equal(refused.answers, 0);
  t.ok(refused.errors > 0);
  t.match(refused.firstError, /ECONNREFUSED/);
});
