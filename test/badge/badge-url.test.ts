import { isDeepStrictEqual } from 'node:util';
import fc from 'fast-check';
import t from 'tap';
import { BadgeSignatures } from '../../server/badge/badge-signatures.ts';
import { type BadgeUrl, readBadgeUrl, writeBadgeUrl } from '../../server/badge/badge-url.ts';

t.test('the URL of a badge', async (t) => {
  const backup = { subject: { kind: 'monitor', name: 'backup' }, format: 'svg', signature: '' };
  t.strictSame(readBadgeUrl('/badge/monitor/backup.svg'), backup);
  t.strictSame(readBadgeUrl('/badge/monitor/backup.svg?x=1&sig=abc'), { ...backup, signature: 'abc' });
  t.strictSame(readBadgeUrl('/badge/tag/db/eu.shields'), {
    ...backup,
    subject: { kind: 'tag', name: 'db/eu' },
    format: 'shields',
  });
  t.match(
    readBadgeUrl('/badge/monitor/a.svg.json'),
    { subject: { name: 'a.svg' }, format: 'json' },
    'the last dot counts',
  );
  t.match(readBadgeUrl('/badge/monitor/%2e%25.json'), { subject: { name: '.%' } });
  const none = ['/badge/', '/badge/monitor/backup', '/badge/monitor/.svg', '/badge/other/a.svg', '/badge/tag/a.png'];
  for (const target of [...none, '/badge/monitor/%zz.svg', '/badge/monitor/%ff.svg'])
    t.equal(readBadgeUrl(target), null, target);
});

t.test('every name has a URL of its own', async () => {
  const url: fc.Arbitrary<BadgeUrl> = fc.record(
    {
      subject: fc.record(
        {
          kind: fc.constantFrom('monitor', 'tag'),
          name: fc.oneof(
            fc.string({ unit: 'grapheme', minLength: 1 }),
            fc.constantFrom('.', '..', 'a/b', '/', 'x.svg', 'tag/x', '?', '#', '%2F'),
          ),
        },
        { noNullPrototype: true },
      ),
      format: fc.constantFrom('svg', 'json', 'shields'),
      signature: fc.stringMatching(/^[A-Za-z0-9_-]*$/),
    },
    { noNullPrototype: true },
  );
  fc.assert(fc.property(url, (url) => isDeepStrictEqual(readBadgeUrl(writeBadgeUrl(url)), url)));
});

t.test('a signature is for one badge, and of one key', async (t) => {
  const signatures = new BadgeSignatures('one');
  const subject = { kind: 'monitor', name: 'backup' } as const;
  const signature = signatures.of(subject);
  t.match(signature, /^[A-Za-z0-9_-]{22}$/);
  t.equal(signatures.matches(subject, signature), true);
  t.equal(signatures.matches({ ...subject, name: 'backup2' }, signature), false);
  t.equal(signatures.matches({ ...subject, kind: 'tag' }, signature), false);
  t.equal(new BadgeSignatures('other').matches(subject, signature), false);
  for (const wrong of ['', signature.slice(1), `${signature}AA`, 'ä'.repeat(22)]) {
    t.equal(signatures.matches(subject, wrong), false, wrong);
  }
});
