import fc from 'fast-check';
import t from 'tap';
import { type PingSignal, readPingUrl } from '../../server/healthchecks/read-ping-url.ts';

const id = '5bf66975-d4c7-4bf5-bcc8-b8d8a82ea278';
const run = '728b3763-ea92-4833-b7b5-ff79a2c9c3e7';

const read = (rest: string) => {
  const found = readPingUrl(`/hc/${rest}`, '/hc/');
  return found.ok ? found.url : found.problem;
};
const success: PingSignal = { kind: 'success' };

t.test('a URL by ping id', async (t) => {
  const target = { by: 'id', pingId: id };
  const plain = { target, signal: success, run: '', create: false };
  t.strictSame(read(id), plain);
  t.strictSame(read(`${id}/`), plain, 'with a slash at its end');
  t.strictSame(read(id.toUpperCase()), plain, 'in capitals');
  for (const kind of ['start', 'fail', 'log'] as const)
    t.strictSame(read(`${id}/${kind}`), { ...plain, signal: { kind } });
  for (const exitCode of [0, 1, 7, 255]) {
    t.strictSame(read(`${id}/${exitCode}`), { ...plain, signal: { kind: 'exit', exitCode } });
  }
  t.strictSame(read(`${id}?rid=${run.toUpperCase()}`), { ...plain, run });
  t.strictSame(read(`${id}/start?x=1&rid=${run}`), { ...plain, signal: { kind: 'start' }, run });
});

t.test('a URL by ping key and name', async (t) => {
  const byName = (name: string, fields = {}) => ({
    target: { by: 'name', pingKey: 'fqOOd6-F4MMNuCEnzTU01w', name },
    signal: success,
    run: '',
    create: false,
    ...fields,
  });
  const key = 'fqOOd6-F4MMNuCEnzTU01w';
  t.strictSame(read(`${key}/backup`), byName('backup'));
  t.strictSame(read(`${key}/backup/`), byName('backup'));
  t.strictSame(
    read(`${key}/backup/start?create=1&rid=${run}`),
    byName('backup', { signal: { kind: 'start' }, create: true, run }),
  );
  t.strictSame(read(`${key}/backup?create=0`), byName('backup'));
  t.strictSame(
    read(`${key}/a%2Fb%20c+d/3`),
    byName('a/b c+d', { signal: { kind: 'exit', exitCode: 3 } }),
    'percent-encoded',
  );
  t.strictSame(read(`${key}/%C3%BC`), byName('ü'));
  t.strictSame(read(`${key}/\xc3\xbc`), byName('ü'), 'raw bytes, as Node hands them over');
  t.strictSame(read(`${key}/start`), byName('start'), 'a name that is that of a signal');
  t.strictSame(read(`${key}/start/start`), byName('start', { signal: { kind: 'start' } }));
  t.strictSame(
    read(`${id}/backup`),
    { ...byName('backup'), target: { by: 'name', pingKey: id, name: 'backup' } },
    'a key like an id',
  );
});

t.test('what is neither', async (t) => {
  const key = 'fqOOd6-F4MMNuCEnzTU01w';
  const wrong = ['', '/', 'backup', `${id}x`, `${id}/256`, `${id}/start/more`, `${key}/`, `${key}//start`];
  for (const rest of [
    ...wrong,
    `${key}/a/b`,
    `${key}/a/stop`,
    `${key}/a/start/more`,
    'ke.y/a',
    `${key}/%zz`,
    `${key}/%ff`,
  ]) {
    t.equal(read(rest), 'path', rest);
  }
  t.equal(read(`${id}?rid=`), 'run');
  t.equal(read(`${id}?rid=${run}0`), 'run');
});

t.test('every name is reached by its percent-encoding, with every signal', async () => {
  const name = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 });
  fc.assert(
    fc.property(name, fc.constantFrom('', '/start', '/fail', '/log', '/0', '/17'), (name, signal) => {
      const found = readPingUrl(`/hc/key/${encodeURIComponent(name)}${signal}`, '/hc/');
      if (!found.ok || found.url.target.by !== 'name' || found.url.target.name !== name) return false;
      const { signal: said } = found.url;
      return (said.kind === 'exit' ? `/${said.exitCode}` : said.kind === 'success' ? '' : `/${said.kind}`) === signal;
    }),
  );
});

t.test('whatever is asked for, there is an answer', async () => {
  const part = fc.oneof(
    fc.constantFrom('/', '?', '&', '=', 'rid', 'create=1', id, 'start', '256', '%', '%2F', '\xff', 'key'),
    fc.string({ unit: 'binary', maxLength: 4 }),
  );
  fc.assert(
    fc.property(fc.array(part), (parts) => typeof readPingUrl(`/hc/${parts.join('')}`, '/hc/').ok === 'boolean'),
  );
});
