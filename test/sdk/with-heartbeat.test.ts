import t from 'tap';
import { createTocsin, type FetchLike, withHeartbeat } from '../../sdk/src/sdk.ts';
import { FakeClock, settle } from '../support/fake-clock.ts';
import { ErrorLog } from './error-log.ts';
import type { WirePing } from './scripted-server.ts';

/** A client whose beats end up in `beats`. */
function setUp() {
  const clock = new FakeClock();
  const log = new ErrorLog();
  const sent: WirePing[] = [];
  const fetch: FetchLike = async (_, { body }) => {
    const { pings } = JSON.parse(body) as { pings: WirePing[] };
    sent.push(...pings);
    return { status: 200, text: async () => JSON.stringify({ results: pings.map(() => ({ response: {} })) }) };
  };
  const tocsin = createTocsin({ fetch, clock, onError: log.onError });
  const beats = async () => {
    const flushed = tocsin.flush();
    await clock.advance(0);
    await flushed;
    return sent.splice(0);
  };
  return { tocsin, clock, log, beats };
}

const ok = { status: 'BEAT_STATUS_OK', message: undefined };
const fail = (message: string) => ({ status: 'BEAT_STATUS_FAIL', message });

t.test('the job gets its arguments and its this, the caller gets the result itself', async (t) => {
  const { tocsin, clock, beats } = setUp();
  const result = { answer: 42 };
  const calls: unknown[] = [];
  function sum(this: unknown, first: number, ...rest: number[]) {
    calls.push([this, first, rest]);
    clock.stall(1_250);
    return result;
  }
  sum.extra = 'kept';
  const wrapped = tocsin.withHeartbeat('job', '10m', sum, { grace: '1s' });
  const self = { wrapped };
  t.equal(self.wrapped(1, 2, 3), result);
  t.same(calls, [[self, 1, [2, 3]]]);
  t.equal(wrapped.name, 'sum');
  t.equal(wrapped.length, 1);
  t.equal(wrapped.extra, 'kept');
  t.match(await beats(), [{ name: 'job', frequency: '10m', grace: '1s', duration: '1.250s', ...ok }]);

  class Worker {
    base = 40;
    run = tocsin.withHeartbeat('job', '10m', async function (this: Worker, add: number) {
      return this.base + add;
    });
  }
  t.equal(await new Worker().run(2), 42);
  t.match(await beats(), [ok]);
  for (const value of [undefined, null, 0, '', false, Symbol.iterator]) {
    t.equal(tocsin.withHeartbeat('job', '10m', () => value)(), value);
  }
  t.equal((await beats()).length, 6);
});

t.test('a synchronous throw stays one', async (t) => {
  const { tocsin, beats } = setUp();
  for (const [thrown, message] of [
    [new Error('boom'), 'boom'],
    ['text', 'text'],
    [42, '42'],
    [null, 'null'],
    [undefined, 'undefined'],
    [Symbol('s'), 'Symbol(s)'],
    [new TypeError(''), 'TypeError'],
    [{ message: 'like an error' }, 'like an error'],
    [Object.create(null), 'an error that has no text'],
  ] as const) {
    const job = () => {
      throw thrown;
    };
    const caught = thrownBy(tocsin.withHeartbeat('job', '10m', job));
    t.ok(Object.is(caught, thrown), 'the very same');
    t.match(await beats(), [fail(message)]);
  }
});

t.test('errors that fight back', async (t) => {
  const { tocsin, beats } = setUp();
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  const bite = () => {
    throw new Error('bite');
  };
  const hostile: unknown[] = [
    { toString: bite },
    { [Symbol.toPrimitive]: bite },
    Object.defineProperty(new Error('x'), 'message', { get: bite }),
    proxy,
    { toString: () => ({}), valueOf: () => ({}) },
    new Proxy(new Error('x'), { get: bite, getPrototypeOf: bite }),
  ];
  for (const thrown of hostile) {
    const job = tocsin.withHeartbeat('job', '10m', () => {
      throw thrown;
    });
    t.equal(thrownBy(job), thrown);
    const rejecting = tocsin.withHeartbeat('job', '10m', () => Promise.reject(thrown));
    // In an array: a promise would look for the `then` of its value.
    const [caught] = await rejecting().then(
      () => [],
      (error) => [error],
    );
    t.equal(caught, thrown);
    t.match(await beats(), [fail('an error that has no text'), fail('an error that has no text')]);
  }
});

t.test('messages are cut to 10,000 bytes at the end of a character', async (t) => {
  const { tocsin, beats } = setUp();
  const cases: [string, string][] = [
    ['x'.repeat(10_001), 'x'.repeat(10_000)],
    ['ä'.repeat(6_000), 'ä'.repeat(5_000)],
    ['€'.repeat(4_000), '€'.repeat(3_333)],
    [`x${'😀'.repeat(3_000)}`, `x${'😀'.repeat(2_499)}`],
    [`${'x'.repeat(9_999)}😀`, 'x'.repeat(9_999)],
    ['a\0b\ud83dc\ude00d', 'a\ufffdb\ufffdc\ufffdd'],
    ['\0'.repeat(10_000), '\ufffd'.repeat(3_333)],
    ['\ufeffmark', '\ufeffmark'],
  ];
  for (const [text, expected] of cases) {
    const job = tocsin.withHeartbeat('job', '10m', () => {
      throw new Error(text);
    });
    t.throws(job);
    const [beat] = await beats();
    t.ok(beat?.message === expected, `${expected.slice(0, 5)}… ${expected.length}`);
    t.ok(Buffer.byteLength(String(beat?.message)) <= 10_000);
  }
});

t.test('a promise is followed', async (t) => {
  const { tocsin, clock, beats } = setUp();
  const gate = Promise.withResolvers<string>();
  const wrapped = tocsin.withHeartbeat('job', '10m', () => gate.promise);
  const running = wrapped();
  t.ok(running instanceof Promise);
  await clock.advance(2_500);
  t.same(await beats(), [], 'nothing is said before it ends');
  gate.resolve('value');
  t.equal(await running, 'value');
  t.match(await beats(), [{ duration: '2.500s', ...ok }]);

  const error = new Error('boom');
  const failing = tocsin.withHeartbeat('job', '10m', async () => {
    throw error;
  });
  t.equal(await failing().catch((caught) => caught), error);
  t.match(await beats(), [fail('boom')]);

  class Cancellable<T> extends Promise<T> {
    cancel = () => 'cancelled';
  }
  const special = tocsin.withHeartbeat('job', '10m', () => Cancellable.resolve(7) as Cancellable<number>)();
  t.equal(special.cancel(), 'cancelled', 'of the same class');
  t.equal(await special, 7);
  t.match(await beats(), [ok]);
});

t.test('every kind of thenable', async (t) => {
  const { tocsin, beats } = setUp();
  type Then = (resolve: (value: unknown) => void, reject: (error: unknown) => void) => unknown;
  /** A thenable, as query builders make them: its work begins with `then`. */
  const lazy = (then: Then, extra: object = {}) => {
    let runs = 0;
    const thenable = {
      // biome-ignore lint/suspicious/noThenProperty: this is what is tested.
      then(resolve: (value: unknown) => void, reject: (error: unknown) => void) {
        runs += 1;
        return then(resolve, reject);
      },
      ...extra,
    };
    return { job: tocsin.withHeartbeat('job', '10m', () => thenable), runs: () => runs };
  };
  const settled = async (value: unknown) => {
    try {
      return ['fulfilled', await value];
    } catch (error) {
      return ['rejected', error];
    }
  };
  const boom = new Error('boom');
  const builder = { catch: () => {} };
  const cases: [string, Then, object, unknown, object][] = [
    ['a lazy one that returns a promise', (r, j) => Promise.resolve(1).then(r, j), builder, ['fulfilled', 1], ok],
    ['one whose then throws', () => thrower(boom), builder, ['rejected', boom], fail('boom')],
    ['a bare one that returns nothing', (r) => void r(2), {}, ['fulfilled', 2], ok],
    ['a bare one that rejects', (_, j) => void j(boom), {}, ['rejected', boom], fail('boom')],
    ['a bare one that throws', () => thrower(boom), {}, ['rejected', boom], fail('boom')],
    ['a bare one that calls back twice', (r, j) => [r(3), r(4), j(boom)], {}, ['fulfilled', 3], ok],
    ['a bare one with a promise inside', (r) => r(Promise.resolve(5)), {}, ['fulfilled', 5], ok],
    ['a bare one with a rejection inside', (r) => r(Promise.reject(boom)), {}, ['rejected', boom], fail('boom')],
  ];
  for (const [name, then, extra, expected, beat] of cases) {
    const { job, runs } = lazy(then, extra);
    t.same(await settled(job()), expected, name);
    t.equal(runs(), 1, `${name}: runs once`);
    t.match(await beats(), [beat], `${name}: one beat`);
  }

  const gettered = {
    // biome-ignore lint/suspicious/noThenProperty: this is what is tested.
    get then(): never {
      throw boom;
    },
  };
  t.equal(tocsin.withHeartbeat('job', '10m', () => gettered)(), gettered, 'a then that can not be read');
  t.equal((await beats()).length, 1);
  // biome-ignore lint/suspicious/noThenProperty: this is what is tested.
  const notThenable = { then: 'soon' };
  t.equal(tocsin.withHeartbeat('job', '10m', () => notThenable)(), notThenable, 'a then that is no function');
  t.match(await beats(), [ok]);
});

t.test('a server that hangs delays nothing', async (t) => {
  const clock = new FakeClock();
  let asked = 0;
  const fetch: FetchLike = () => {
    asked += 1;
    return new Promise(() => {});
  };
  const tocsin = createTocsin({ fetch, clock, random: () => 0, onError: () => {} });
  const wrapped = tocsin.withHeartbeat('job', '1s', async (value: number) => value);
  for (let index = 0; index < 100; index++) t.equal(await wrapped(index), index, 'the clock stands still');
  await settle();
  t.equal(asked, 1);
  t.equal(tocsin.stats().queued, 100);
});

t.test('what is wrong with name, frequency, grace or job is said when wrapping, not when running', async (t) => {
  const { tocsin } = setUp();
  const job = () => {};
  const cases: [unknown[], RegExp][] = [
    [['', '10m', job], /^name must be a text of 1 to 256 bytes .* got ""$/],
    [['x'.repeat(257), '10m', job], /^name must/],
    [[undefined, '10m', job], /^name must .* got undefined$/],
    [['line\nbreak', '10m', job], /^name must/],
    [['job', '10x', job], /^frequency must be a whole number .* W, D, h, m, s .* got "10x"$/],
    [['job', '0s', job], /^frequency must/],
    [['job', '10M', job], /^frequency must/],
    [['job', ' 10m', job], /^frequency must/],
    [['job', '53W', job], /^frequency must .* at most 366D/],
    [['job', `${'9'.repeat(400)}s`, job], /^frequency must/],
    [['job', undefined, job], /^frequency must/],
    [['job', '10m', job, { grace: '5' }], /^grace must/],
    [['job', '10m', undefined], /^job must be a function$/],
  ];
  for (const wrap of [tocsin.withHeartbeat, withHeartbeat] as ((...args: unknown[]) => unknown)[]) {
    for (const [args, message] of cases) t.throws(() => wrap(...args), { name: 'TypeError', message });
  }
  const longest = tocsin.withHeartbeat as (...args: unknown[]) => unknown;
  t.doesNotThrow(() => longest('ä'.repeat(128), '000366D', job, null));
});

function thrower(error: unknown): never {
  throw error;
}

function thrownBy(job: () => unknown): unknown {
  try {
    job();
  } catch (error) {
    return error;
  }
  return new Error('nothing was thrown');
}
