import t from 'tap';
import { parseJsonObject } from '../../../server/transport/codec/json-object.ts';

const nested = (levels: number, open: string, close: string) => `{"x":${open.repeat(levels)}1${close.repeat(levels)}}`;

t.test('nesting has a bound, which is looked at before anything is parsed', (t) => {
  t.ok(parseJsonObject(nested(63, '[', ']')));
  t.ok(parseJsonObject(nested(63, '{"y":', '}')));
  const tooDeep = { message: /body: must not be nested deeper than 64 levels/ };
  t.throws(() => parseJsonObject(nested(64, '[', ']')), tooDeep);
  t.throws(() => parseJsonObject(nested(64, '{"y":', '}')), tooDeep);
  t.throws(() => parseJsonObject('['.repeat(500_000)), tooDeep, 'also what is no JSON at all');
  t.ok(parseJsonObject(`{"x":"${'['.repeat(200)}\\"${'{'.repeat(200)}"}`), 'brackets in a string do not count');
  t.ok(
    parseJsonObject(`{${'"a":[[]],'.repeat(200)}"b":1}`.replace(/"a"/g, (_, at) => `"a${at}"`)),
    'nor those that closed',
  );
  t.throws(() => parseJsonObject('{"x'), { message: /is not valid JSON/ });
  t.end();
});
