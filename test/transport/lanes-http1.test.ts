import { isDeepStrictEqual } from 'node:util';
import { create, toBinary, toJsonString } from '@bufbuild/protobuf';
import fc from 'fast-check';
import t from 'tap';
import { PingRequestSchema } from '../../gen/ts/tocsin/v1/heartbeat_pb.ts';
import { exchange, type WireAnswer } from './raw-exchange.ts';
import { serveRecorder } from './serve-recorder.ts';

// The same bytes go to two servers: one that reads plain HTTP/1.1 requests itself, and one where node:http reads all.
// What comes back, and what the handlers got, must be equal for whatever bytes there are.

const options = { maxBodyBytes: 20_000, limits: { maxHeaderBytes: 2048 } };
const laned = await serveRecorder(options);
const stock = await serveRecorder({ ...options, lanes: [] });

/** Fixed, so that a run that passes passes again. */
const seed = 20_261_121;

type Seen = { answers: WireAnswer[]; pings: string[]; byFramework: number };

async function observe(server: typeof laned, pieces: readonly (string | Uint8Array)[]): Promise<Seen> {
  const { recorder, seen } = server;
  recorder.pings.length = 0;
  const before = seen.byFramework;
  const answers = await exchange(server.port, pieces);
  return { answers, pings: recorder.pings.map(({ name }) => name), byFramework: seen.byFramework - before };
}

/** How both servers answered; throws when they differ. */
async function compare(pieces: readonly (string | Uint8Array)[]): Promise<Seen> {
  const [got, wanted] = await Promise.all([observe(laned, pieces), observe(stock, pieces)]);
  if (isDeepStrictEqual(comparable(got, wanted), comparable(wanted, wanted))) return got;
  const sent = pieces.map((piece) => (typeof piece === 'string' ? piece : Buffer.from(piece).toString('latin1')));
  throw new Error(JSON.stringify({ sent, got, wanted }, null, 1));
}

/**
 * node:http reads pipelined requests all at once: their handlers run side by side, and a broken one is refused before the
 * answers to those ahead of it have gone out, or hung up on when they just have. So what is compared then is what reached
 * the handlers, and the words of a refusal if there are any.
 */
function comparable({ answers, pings }: Seen, wanted: Seen): object {
  const [last, refusal] = [answers.at(-1), wanted.answers.at(-1)];
  if (refusal === undefined || refusal.dated) return { answers, pings: pings.toSorted() };
  return { last: last?.dated ? refusal : last, pings: pings.toSorted() };
}

const head = (first: string, ...fields: string[]): string => [first, 'Host: x', ...fields, '', ''].join('\r\n');
const get = (name: string, ...fields: string[]): string =>
  head(`GET /ping?name=${name}&frequency=10m HTTP/1.1`, ...fields);
const pingPath = '/tocsin.v1.HeartbeatService/Ping';
const post = (name: string, ...fields: string[]): string => {
  const json = toJsonString(PingRequestSchema, create(PingRequestSchema, { name, frequency: '10m' }));
  const body = Buffer.from(json).toString('latin1');
  const type = 'Content-Type: application/json';
  return head(`POST ${pingPath} HTTP/1.1`, type, `Content-Length: ${body.length}`, ...fields) + body;
};
const proto = (name: string): string => {
  const body = toBinary(PingRequestSchema, create(PingRequestSchema, { name, frequency: '10m', message: 'ü\r\n\r\n' }));
  const fields = ['content-type: application/proto', `content-length: ${body.length}`];
  return head(`POST ${pingPath} HTTP/1.1`, ...fields) + Buffer.from(body).toString('latin1');
};
const page = head('GET /healthz HTTP/1.1');

t.test('plain requests never reach node:http, in whatever pieces they come after their heads', async (t) => {
  const usual = [
    get('a'),
    get('a', 'User-Agent: curl/8', 'Accept: */*', 'connection: Keep-Alive', 'x-empty:', 'X-Spaced:   b c  '),
    get('nothing&frequency=10x').replace('&frequency=10m', ''),
    post('a'),
    post('ü'.repeat(3)),
    proto('a'),
  ];
  for (const bytes of usual.slice(0, 2)) {
    t.match(await compare([bytes]), { byFramework: 0, pings: ['a'], answers: { length: 1 } });
  }
  t.match(await compare([usual.join(''), get('last')]), { pings: { length: 6 } });
  const wire = Buffer.from(post('ä'), 'latin1');
  t.match(await compare([wire]), { byFramework: 0 });
  const bodyAt = wire.indexOf('\r\n\r\n') + 4;
  for (let at = bodyAt; at < wire.length; at += 1) {
    const seen = await compare([wire.subarray(0, at), wire.subarray(at)]);
    t.match(seen, { byFramework: 0, answers: { length: 1 } }, `split at ${at}`);
  }
  const trickle = [wire.subarray(0, bodyAt), ...[...wire.subarray(bodyAt)].map((byte) => Buffer.from([byte]))];
  t.match(await compare(trickle), { byFramework: 0, answers: { length: 1 } });
});

t.test('pipelined requests are answered in order, across a hand-over too', async (t) => {
  const names = ['a', 'b', 'c', 'd', 'e'];
  const many = await compare([names.map((name, index) => (index % 2 ? get(name) : post(name))).join('')]);
  t.match(many, { byFramework: 0, pings: names });
  t.strictSame(
    many.answers.map(({ body }) => JSON.parse(body).name),
    names,
  );
  const mixed = await compare([get('a') + page + post('b') + page + get('c')]);
  t.equal(mixed.answers.length, 5);
  t.strictSame(mixed.pings.toSorted(), ['a', 'b', 'c']);
  const busy = await compare([Array.from({ length: 2000 }, (_, index) => get(`n${index}`)).join('')]);
  t.equal(busy.answers.length, 2000);
  t.equal(busy.pings[1999], 'n1999');
});

t.test('split anywhere, once and everywhere', async (t) => {
  const wire = get('a') + proto('b') + get('c');
  for (let at = 1; at < wire.length; at += 1) {
    const { pings } = await compare([wire.slice(0, at), wire.slice(at)]);
    if (pings.toSorted().join() !== 'a,b,c') t.fail(`split at ${at}: ${pings}`);
  }
  t.match(await compare([...wire]), { pings: { length: 3 } });
});

t.test('odd requests: nothing is read in another way than node:http reads it', async (t) => {
  const plain = get('a');
  const body = post('a');
  const length = /Content-Length: (\d+)/.exec(body)![1]!;
  const odd: Record<string, string> = {
    'HTTP/1.0': plain.replace('1.1', '1.0'),
    'HTTP/1.0, kept': get('a', 'Connection: keep-alive').replace('1.1', '1.0'),
    'HTTP/1.2': plain.replace('1.1', '1.2'),
    'HTTP/2.0': plain.replace('1.1', '2.0'),
    'HTTP/0.9': 'GET /ping?name=a&frequency=10m\r\n\r\n',
    'lower-case version': plain.replace('HTTP', 'http'),
    'lower-case method': plain.replace('GET', 'get'),
    'unknown method': plain.replace('GET', 'GOT'),
    HEAD: plain.replace('GET', 'HEAD'),
    'absolute form': plain.replace('/ping', 'http://x/ping'),
    'absolute form of another host': plain.replace('/ping', 'http://y:80/ping'),
    'authority form': plain.replace(/\/ping\S*/, 'x:80'),
    'asterisk form': plain.replace(/\/ping\S*/, '*'),
    'no target': plain.replace(/\/ping\S* /, ''),
    'target without slash': plain.replace('/ping', 'ping'),
    fragment: plain.replace('10m', '10m#x'),
    'quotes in the target': plain.replace('name=a', 'name="a"<>\\^`{|}'),
    'two spaces before the target': plain.replace('GET ', 'GET  '),
    'two spaces after the target': plain.replace(' HTTP', '  HTTP'),
    'tab in the first line': plain.replace(' HTTP', '\tHTTP'),
    'space after the version': plain.replace('1.1\r', '1.1 \r'),
    'space before the method': ` ${plain}`,
    'empty line before': `\r\n${plain}`,
    'empty lines before': `\r\n\r\n\r\n${plain}`,
    'line feed before': `\n${plain}`,
    'bare line feeds': plain.replaceAll('\r\n', '\n'),
    'a bare line feed in the fields': get('a', 'X: 1\nY: 2'),
    'a bare line feed at the end': plain.replace(/\r\n\r\n$/, '\r\n\n'),
    'bare carriage returns': plain.replaceAll('\r\n', '\r'),
    'a bare carriage return in a value': get('a', 'X: 1\r2'),
    'carriage return before the end': get('a').replace(/\r\n\r\n$/, '\r\r\n\r\n'),
    'a NUL in a value': get('a', 'X: 1\x002'),
    'a NUL in a name': get('a', 'X\x00: 1'),
    'a NUL in the target': plain.replace('name=a', 'name=\0'),
    'a NUL before': `\0${plain}`,
    'DEL in a value': get('a', 'X: \x7f'),
    'a control character in a value': get('a', 'X: \x01'),
    'a tab in a value': get('a', 'X:\t1\t2\t'),
    'obs-text in a value': get('a', 'User-Agent: \xe9'),
    'obs-text in the target': plain.replace('name=a', 'name=\xc3\xa9'),
    'obs-fold': get('a', 'X: 1', '  2'),
    'obs-fold in the first field': plain.replace('Host', ' X: 1\r\nHost'),
    'space before the colon': get('a', 'X : 1'),
    'no colon': get('a', 'X'),
    'no name': get('a', ': 1'),
    'a name that is no token': get('a', 'X(: 1'),
    'a name with obs-text': get('a', 'X\xe9: 1'),
    'a name of an object': get('a', '__proto__: 1', 'constructor: 2', 'toString: 3'),
    'no Host': plain.replace('Host: x\r\n', ''),
    'no fields': plain.replace(/\r\n[\s\S]*$/, '\r\n\r\n'),
    'an empty Host': plain.replace('Host: x', 'Host:'),
    'two Hosts': get('a', 'Host: x'),
    'two Hosts that differ': get('a', 'host: y'),
    'a Host that is none': body.replace('Host: x', 'Host: x y'),
    'a field twice': get('a', 'User-Agent: 1', 'user-agent: 2'),
    'a cookie twice': get('a', 'Cookie: 1', 'cookie: 2'),
    'Connection: close': get('a', 'Connection: close'),
    'Connection of two': get('a', 'Connection: keep-alive, close'),
    'Connection: upgrade': get('a', 'Connection: upgrade', 'Upgrade: websocket'),
    'Upgrade alone': get('a', 'Upgrade: h2c'),
    'Upgrade to h2c': get('a', 'Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQ'),
    'Proxy-Connection': get('a', 'Proxy-Connection: close'),
    'Keep-Alive': get('a', 'Keep-Alive: timeout=1'),
    'a GET with an empty body': get('a', 'Content-Length: 0'),
    'a GET with a body': `${get('a', 'Content-Length: 2')}{}`,
    'Expect: 100-continue': body.replace('Host', 'Expect: 100-continue\r\nHost'),
    'Expect of something else': body.replace('Host', 'Expect: 200-ok\r\nHost'),
    'two lengths': post('a', `Content-Length: ${length}`),
    'two lengths that differ': post('a', 'Content-Length: 3'),
    'a list of lengths': body.replace(`Length: ${length}`, `Length: ${length}, ${length}`),
    'a length with a plus': body.replace('Length: ', 'Length: +'),
    'a length below zero': body.replace('Length: ', 'Length: -'),
    'a length with zeros': body.replace('Length: ', 'Length: 00'),
    'a hexadecimal length': body.replace('Length: ', 'Length: 0x'),
    'a length with a space': body.replace(`Length: ${length}`, 'Length: 2 7'),
    'an empty length': body.replace(`Length: ${length}`, 'Length:'),
    'a huge length': body.replace(`Length: ${length}`, 'Length: 99999999999999999999'),
    'a length over the limit': body.replace(`Length: ${length}`, 'Length: 20001'),
    'a length too short': body.replace(`Length: ${length}`, 'Length: 5'),
    'a length too long': body.replace(`Length: ${length}`, `Length: ${Number(length) + 5}`),
    'no length': body.replace(/Content-Length: \d+\r\n/, ''),
    chunked: `${head(`POST ${pingPath} HTTP/1.1`, 'Content-Type: application/json', 'Transfer-Encoding: chunked')}2\r\n{}\r\n0\r\n\r\n`,
    'chunked, with a length': `${head(`POST ${pingPath} HTTP/1.1`, 'Content-Type: application/json', 'Transfer-Encoding: chunked', 'Content-Length: 4')}2\r\n{}\r\n0\r\n\r\n`,
    'chunked, with a length before': `${head(`POST ${pingPath} HTTP/1.1`, 'Content-Length: 12', 'Transfer-Encoding: chunked')}2\r\n{}\r\n0\r\n\r\n`,
    'chunked, misspelt': `${head(`POST ${pingPath} HTTP/1.1`, 'Transfer-Encoding: xchunked', 'Content-Length: 2')}{}`,
    'chunked, with a space before the colon': `${head(`POST ${pingPath} HTTP/1.1`, 'Transfer-Encoding : chunked', 'Content-Length: 2')}{}`,
    'a GET that is chunked': `${get('a', 'Transfer-Encoding: chunked')}0\r\n\r\n`,
    'identity, with a length': `${head(`POST ${pingPath} HTTP/1.1`, 'Transfer-Encoding: identity', 'Content-Length: 2')}{}`,
    'headers over the limit': get('a', `X: ${'x'.repeat(2100)}`),
    'headers near the limit': get('a', `X: ${'x'.repeat(1950)}`),
    'a target over the limit': get(`a${'x'.repeat(2100)}`),
    'many fields': get('a', ...Array.from({ length: 200 }, (_, index) => `f${index}:`)),
    'more fields than anybody sends': get('a', ...Array.from({ length: 120 }, (_, index) => `f${index}:`)),
    'a request cut off in its head': plain.slice(0, -2),
    'a request cut off in its first line': plain.slice(0, 20),
    'a request cut off in its body': body.slice(0, -2),
    TLS: '\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03',
    nothing: '',
  };
  for (const [name, bytes] of Object.entries(odd)) {
    await t.resolves(compare([bytes]), name);
    await t.resolves(compare([bytes + get('sentinel')]), `${name}, and another`);
    await t.resolves(compare([get('first') + bytes + get('sentinel')]), `${name}, between others`);
    if (bytes !== '') await t.resolves(compare([get('first'), bytes, get('sentinel')]), `${name}, piece by piece`);
  }
});

t.test('bytes that were changed anyhow', async (t) => {
  const bases = [
    get('a', 'User-Agent: x', 'Accept: */*'),
    post('a', 'Connection: keep-alive'),
    proto('a'),
    get('a') + post('b'),
  ];
  const bits = fc.constantFrom(
    '\r\n',
    '\n',
    '\r',
    ' ',
    '\t',
    ':',
    ',',
    '\0',
    '\x7f',
    '\xff',
    'x',
    '0',
    '\r\n\r\n',
    '/',
    '?',
    '%',
  );
  const change = fc.record({
    at: fc.nat(400),
    remove: fc.constantFrom(0, 0, 1, 1, 2, 20),
    insert: fc.oneof(fc.constant(''), bits),
  });
  const field = fc.constantFrom(
    ...[
      'Content-Length: 5',
      'content-length: 27',
      'Transfer-Encoding: chunked',
      'Connection: close',
      'Host: y',
      ' x',
      'X: y',
      'Expect: x',
    ],
  );
  let lane = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...bases),
      fc.array(change, { maxLength: 3 }),
      fc.option(field, { freq: 3 }),
      fc.array(fc.nat(300), { maxLength: 3 }),
      async (base, changes, extra, cuts) => {
        let bytes = extra === null ? base : base.replace('\r\nHost', `\r\n${extra}\r\nHost`);
        for (const { at, remove, insert } of changes) bytes = bytes.slice(0, at) + insert + bytes.slice(at + remove);
        const pieces = [0, ...cuts.sort((a, b) => a - b)].map((from, index, all) => bytes.slice(from, all[index + 1]));
        const seen = await compare(pieces.filter((piece) => piece !== '').concat(get('sentinel')));
        if (seen.byFramework === 0 && seen.pings.length > 0) lane += 1;
      },
    ),
    { numRuns: 600, seed, endOnFailure: true },
  );
  t.ok(lane > 20, `${lane} were read here`);
});

t.test('end', async () => {
  await laned.close();
  await stock.close();
});
