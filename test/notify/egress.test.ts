import t, { type Test } from 'tap';
import { Egress, type EgressOptions } from '../../server/notify/egress.ts';
import { EgressError } from '../../server/notify/egress-error.ts';
import { EgressRules } from '../../server/notify/egress-rules.ts';
import { Redactor } from '../../server/notify/redactor.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { listen } from './notifier-contract.ts';

// Name servers are tables; connections are real.

type Lists = { allow?: string[]; deny?: string[] };

function egressOf({ allow = [], deny = [] }: Lists, lookup?: EgressOptions['lookup']): Egress {
  const rules = new EgressRules({ allow, deny });
  return new Egress({ clock: new FakeClock(), rules, ...(lookup ? { lookup } : {}) });
}

const get = (egress: Egress, url: string, timeoutMs = 20_000) =>
  egress.http(
    { url, method: 'GET', headers: {}, body: null },
    { timeoutMs, signal: new AbortController().signal, redactor: new Redactor([]) },
  );

/** A receiver that counts, on 127.0.0.1. */
async function receiver(t: Test): Promise<{ port: string; requests: () => number }> {
  let requests = 0;
  const origin = await listen(t, (_request, response) => {
    requests++;
    response.end('hello');
  });
  return { port: new URL(origin).port, requests: () => requests };
}

const ipv4 = (...addresses: string[]) => addresses.map((address) => ({ address, family: 4 }));

t.test('metadata and link-local addresses are refused, however the URL spells them', async (t) => {
  const egress = egressOf({});
  const urls = [
    'http://169.254.169.254/latest/meta-data/',
    'https://169.254.169.254/',
    'http://169.254.169.254:8080/',
    'http://2852039166/',
    'http://0xa9fea9fe/',
    'http://0xa9.254.43518/',
    'http://0251.0376.0251.0376/',
    'http://169.254.169.254./',
    'http://0/',
    'http://0.0.0.0/',
    'http://[::]/',
    'http://[fe80::1]/',
    'http://[fd00:ec2::254]/',
    'http://[::ffff:169.254.169.254]/',
    'http://[::ffff:a9fe:a9fe]/',
    'http://[64:ff9b::169.254.169.254]/',
  ];
  for (const url of urls) {
    t.match(await get(egress, url), { kind: 'retryable', reason: 'refused_address' }, url);
  }
});

t.test('loopback is allowed, and refused in every spelling when DENY says so', async (t) => {
  const { port, requests } = await receiver(t);
  const hosts = ['127.0.0.1', '2130706433', '0x7f.1', '127.1', '[::ffff:127.0.0.1]', 'localhost'];
  for (const host of hosts) t.match(await get(egressOf({}), `http://${host}:${port}/`), { kind: 'ok' }, host);
  t.equal(requests(), hosts.length);
  const closed = egressOf({ deny: ['127.0.0.0/8', '::1'] });
  for (const host of hosts) {
    const verdict = await get(closed, `http://${host}:${port}/`);
    t.match(verdict, { kind: 'retryable', reason: 'refused_address', detail: /TOCSIN_EGRESS_DENY/ }, host);
  }
  t.equal(requests(), hosts.length, 'nothing was connected to');
});

t.test('of a host with several addresses, those that are allowed are used', async (t) => {
  const { port, requests } = await receiver(t);
  const mixed = egressOf({}, async () => ipv4('169.254.169.254', '127.0.0.1', '0.0.0.0'));
  t.match(await get(mixed, `http://hooks.example:${port}/`), { kind: 'ok' });
  t.same(await mixed.addressesOf('hooks.example'), [{ address: '127.0.0.1', family: 4 }]);
  const none = egressOf({}, async () => [
    { address: '169.254.169.254', family: 4 },
    { address: 'fe80::1', family: 6 },
  ]);
  t.match(await get(none, `http://hooks.example:${port}/`), {
    kind: 'retryable',
    reason: 'refused_address',
    detail: /^169\.254\.169\.254 .*TOCSIN_EGRESS_ALLOW/,
  });
  t.equal(requests(), 1);
});

t.test('a name that leads elsewhere the second time gains nothing: there is one lookup for an attempt', async (t) => {
  const { port, requests } = await receiver(t);
  let lookups = 0;
  const rebinding = egressOf({ deny: ['127.0.0.0/8'] }, async () => {
    lookups++;
    return ipv4(lookups % 2 === 1 ? '127.0.0.1' : '203.0.113.7');
  });
  t.match(await get(rebinding, `http://rebind.example:${port}/`), { reason: 'refused_address' });
  t.equal(lookups, 1);
  t.equal(requests(), 0);

  lookups = 0;
  const opening = egressOf({}, async () => ipv4(lookups++ === 0 ? '127.0.0.1' : '169.254.169.254'));
  t.match(await get(opening, `http://rebind.example:${port}/`), { kind: 'ok' }, 'what was looked at is connected to');
  t.equal(lookups, 1);
  t.match(await get(opening, `http://rebind.example:${port}/`), { reason: 'refused_address' }, 'each attempt anew');
});

t.test('names: refused without a lookup, or allowed whatever their address', async (t) => {
  const { port } = await receiver(t);
  let lookups = 0;
  const lookup = async () => {
    lookups++;
    return ipv4('127.0.0.1');
  };
  const closed = egressOf({ deny: ['*.evil.example'] }, lookup);
  t.match(await get(closed, `http://a.EVIL.example:${port}/`), {
    reason: 'refused_address',
    detail: /^a\.evil\.example/,
  });
  t.equal(lookups, 0);
  const only = egressOf({ deny: ['all'], allow: ['hooks.example'] }, lookup);
  t.match(await get(only, `http://hooks.example:${port}/`), { kind: 'ok' });
  t.match(await get(only, `http://other.example:${port}/`), { reason: 'refused_address' });
});

t.test('name servers that fail, find nothing or keep silent', async (t) => {
  const failing = egressOf({}, async () => {
    throw Object.assign(new Error('getaddrinfo'), { code: 'EAI_AGAIN' });
  });
  t.match(await get(failing, 'http://hooks.example/'), { kind: 'retryable', reason: 'dns', detail: /EAI_AGAIN/ });
  const empty = egressOf({}, async () => []);
  t.match(await get(empty, 'http://hooks.example/'), { kind: 'retryable', reason: 'dns', detail: /no address/ });

  let lookups = 0;
  const answer = Promise.withResolvers<ReturnType<typeof ipv4>>();
  const silent = egressOf({}, () => {
    lookups++;
    return answer.promise;
  });
  // A keeper of the event loop, as a real lookup is.
  const keeper = await receiver(t);
  const verdicts = await Promise.all([1, 2, 3].map(() => get(silent, `http://hooks.example:${keeper.port}/`, 50)));
  for (const verdict of verdicts) t.match(verdict, { kind: 'retryable', reason: 'timeout' });
  t.equal(lookups, 1, 'of one host there is one lookup at a time');
  answer.resolve(ipv4('127.0.0.1'));
  t.match(await get(silent, `http://hooks.example:${keeper.port}/`), { kind: 'ok' }, 'and then it goes on');
});

t.test('addresses for what is not HTTP', async (t) => {
  const egress = egressOf({ deny: ['smtp.evil.example', 'xn--bro-hoa.example'] }, async () => [
    { address: '127.0.0.1', family: 4 },
    { address: '::1', family: 6 },
    { address: 'fe80::1', family: 6 },
  ]);
  t.same(await egress.addressesOf('smtp.example'), [
    { address: '127.0.0.1', family: 4 },
    { address: '::1', family: 6 },
  ]);
  t.same(await egress.addressesOf('10.0.0.1'), [{ address: '10.0.0.1', family: 4 }]);
  t.same(await egress.addressesOf('::1'), [{ address: '::1', family: 6 }]);
  for (const host of [
    '169.254.169.254',
    '::ffff:169.254.169.254',
    'SMTP.evil.example',
    'BÜRO.example.',
    '2852039166',
  ]) {
    const error = await egress.addressesOf(host).catch((error: unknown) => error);
    t.ok(error instanceof EgressError && error.reason === 'refused_address', host);
  }
  const failing = egressOf({}, async () => []);
  const error = await failing.addressesOf('smtp.example').catch((error: unknown) => error);
  t.ok(error instanceof EgressError && error.reason === 'dns');
});
