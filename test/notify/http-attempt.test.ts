import t from 'tap';
import { EgressError } from '../../server/notify/egress-error.ts';
import { Redactor, secretsOfUrl } from '../../server/notify/redactor.ts';
import { explainRequestFailure } from '../../server/notify/request-failure.ts';
import { parseRetryAfter } from '../../server/notify/retry-after.ts';

// What an attempt is made of; the attempts themselves are the business of notifier-contract.ts.

t.test('why a request failed', async (t) => {
  const failed = (fields: object): Error => Object.assign(new Error('https://user:secret@host/'), fields);
  const table: [error: unknown, reason: string, detail: RegExp][] = [
    [failed({ code: 'ECONNREFUSED' }), 'network', /^connection refused \(ECONNREFUSED\)$/],
    [failed({ code: 'ENOTFOUND' }), 'dns', /ENOTFOUND/],
    [failed({ code: 'EAI_AGAIN' }), 'dns', /looked up/],
    [failed({ code: 'ETIMEDOUT' }), 'timeout', /connecting/],
    [failed({ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' }), 'tls', /self-signed/],
    [failed({ code: 'CERT_HAS_EXPIRED' }), 'tls', /expired/],
    [failed({ code: 'ERR_TLS_CERT_ALTNAME_INVALID' }), 'tls', /another host/],
    [failed({ code: 'CERT_REVOKED' }), 'tls', /CERT_REVOKED/],
    [failed({ code: 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION' }), 'tls', /^TLS failed/],
    [failed({ code: 'HPE_INVALID_CONSTANT' }), 'protocol', /HTTP/],
    [failed({ code: 'HPE_HEADER_OVERFLOW' }), 'protocol', /too large/],
    [failed({ code: 'ERR_INVALID_CHAR' }), 'internal', /header/],
    [new EgressError('refused_address', '10.0.0.1 is refused'), 'refused_address', /^10\.0\.0\.1 is refused$/],
    [failed({ code: 'ESOMETHINGNEW' }), 'network', /ESOMETHINGNEW/],
    [failed({ code: 'a secret in here' }), 'network', /^the request failed$/],
    [failed({ code: 42 }), 'network', /^the request failed$/],
    [new Error('secret'), 'network', /^the request failed$/],
    ['secret', 'network', /^the request failed$/],
  ];
  for (const [error, reason, detail] of table) {
    const explained = explainRequestFailure(error);
    t.match(explained, { reason, detail });
    t.notMatch(explained.detail, /secret/);
  }
});

t.test('Retry-After', async (t) => {
  const nowMs = Date.UTC(2026, 2, 14, 10, 0, 0, 500);
  const table: [header: string | null, ms: number | undefined][] = [
    [null, undefined],
    ['', undefined],
    ['0', 0],
    [' 7 ', 7_000],
    ['9999999999', 9_999_999_999_000],
    ['99999999999', undefined],
    ['1.5', undefined],
    ['-1', undefined],
    ['2026', 2_026_000],
    ['2026-03-14', undefined],
    ['Sat, 14 Mar 2026 10:00:10 GMT', 9_500],
    ['Saturday, 14-Mar-26 10:00:10 GMT', 9_500],
    ['Sat, 14 Mar 2026 09:00:00 GMT', 0],
    ['later', undefined],
  ];
  for (const [header, ms] of table) t.equal(parseRetryAfter(header, nowMs), ms, `${header}`);
});

t.test('secrets are taken out of what others wrote', async (t) => {
  const url = new URL('https://us%65r:p%40ss@host:1/T0000000/x?token=abcdefgh&q=1&long%20value=1');
  const redactor = new Redactor(['whsec_AAAA', ...secretsOfUrl(url)]);
  const table: [text: string, redacted: string][] = [
    ['nothing to hide', 'nothing to hide'],
    ['us%65r user p%40ss p@ss', '*** *** *** ***'],
    ['/T0000000/x?token=abcdefgh&q=1', '/***/x?token=***&q=1'],
    ['long%20value long value', '*** ***'],
    ['whsec_AAAAwhsec_AAAA', '******'],
  ];
  for (const [text, redacted] of table) t.equal(redactor.redact(text, { truncated: false }), redacted);

  const token = 'Basic a/b+"c"==';
  const echoes = [JSON.stringify({ token }), JSON.stringify({ token }).replaceAll('/', '\\/')];
  for (const echo of echoes) t.equal(new Redactor([token]).redact(echo, { truncated: false }), '{"token":"***"}');
  const encoded = encodeURIComponent(token);
  t.equal(new Redactor([token]).redact(`?t=${encoded}`, { truncated: false }), '?t=***');
  t.equal(new Redactor(['half \ud800']).redact('half %EF%BF%BD', { truncated: false }), 'half %EF%BF%BD');

  // Cut in the middle of a secret, what is left of it must not show.
  const secret = '0123456789';
  for (let length = 1; length < secret.length; length++) {
    const text = `0123456789 and the rest: ${secret.slice(0, length)}`;
    const redacted = new Redactor([secret]).redact(text, { truncated: true });
    t.match(redacted, /^\*\*\* and/);
    t.notMatch(redacted, /0/);
  }
  t.equal(new Redactor(['']).redact('as it is', { truncated: true }), 'as it is');
});
