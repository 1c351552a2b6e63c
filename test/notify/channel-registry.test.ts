import { readFileSync } from 'node:fs';
import t from 'tap';
import { ChannelSchema } from '../../gen/ts/tocsin/v1/channel_pb.ts';
import { channelKinds } from '../../server/notify/channel-registry.ts';

const contract = readFileSync(new URL('../../proto/tocsin/v1/channel.proto', import.meta.url), 'utf8');
const kindFields = ChannelSchema.oneofs.find(({ localName }) => localName === 'kind')?.fields ?? [];

t.test('every kind of the contract is there', async (t) => {
  t.same(Object.keys(channelKinds).sort(), kindFields.map(({ localName }) => localName).sort());
});

for (const [name, kind] of Object.entries(channelKinds)) {
  t.test(`${name}: the settings are those of the contract`, async (t) => {
    const message = kindFields.find((field) => field.localName === name)?.message;
    if (!message) return t.fail('no such kind in channel.proto');
    const names = message.fields.map(({ jsonName }) => jsonName);
    const problems = (settings: object) => kind.settings.safeParse(settings).error?.issues ?? [];
    const all = problems(Object.fromEntries(names.map((field) => [field, Symbol('no setting has this value')])));
    t.same(
      all.filter(({ code }) => code === 'unrecognized_keys'),
      [],
    );
    t.match(
      problems({ no_such_setting: 1 }).find(({ code }) => code === 'unrecognized_keys'),
      {
        keys: ['no_such_setting'],
      },
    );

    const body = new RegExp(`^message ${message.name} \\{(.*?)^\\}`, 'ms').exec(contract)?.[1] ?? '';
    const secret = message.fields.filter((field) => {
      const comment = new RegExp(`((?:^ *//.*\\n)+) *[^\\n/]*\\b${field.name} = \\d+`, 'm').exec(body)?.[1] ?? '';
      return /\bsecret\b/i.test(comment);
    });
    t.same([...kind.secrets].sort(), secret.map(({ jsonName }) => jsonName).sort(), 'what it says is secret is secret');
  });
}
