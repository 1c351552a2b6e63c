/**
 * What the types let through and what they refuse. Not run: `npm run types` checks it, and a line marked
 * `@ts-expect-error` that compiles is an error there.
 */
import { createTocsin, type Frequency, isFrequency, ping, withHeartbeat } from '../../sdk/src/sdk.ts';

const job = () => 0;

for (const tocsin of [createTocsin({ baseUrl: 'http://127.0.0.1:4000', token: 'secret', fetch: globalThis.fetch })]) {
  tocsin.withHeartbeat('job', '10m', job);
  tocsin.ping('job', '1W', { status: 'fail', message: 'boom', durationMs: 12, exitCode: 1, run: 'r', grace: '30s' });
}

withHeartbeat('job', '1W', job);
withHeartbeat('job', '366D', job);
withHeartbeat('job', '24h', job);
withHeartbeat('job', '10s', job);
withHeartbeat('job', '010m', job);
ping('job', '5m');

declare const minutes: number;
declare const days: bigint;
declare const text: string;
declare const known: Frequency;
withHeartbeat('job', `${minutes}m`, job);
withHeartbeat('job', `${days}D`, job);
withHeartbeat('job', known, job);
withHeartbeat('job', minutes > 1 ? '2m' : '1m', job);
if (isFrequency(text)) withHeartbeat('job', text, job);

// @ts-expect-error unknown unit
withHeartbeat('job', '10x', job);
// @ts-expect-error not whole
withHeartbeat('job', '1.5h', job);
// @ts-expect-error no number
withHeartbeat('job', 'm', job);
// @ts-expect-error negative
withHeartbeat('job', '-5m', job);
// @ts-expect-error the units are case-sensitive
withHeartbeat('job', '10M', job);
// @ts-expect-error zero
withHeartbeat('job', '0s', job);
// @ts-expect-error zero, written longer
withHeartbeat('job', '000s', job);
// @ts-expect-error no unit
withHeartbeat('job', '10', job);
// @ts-expect-error milliseconds
withHeartbeat('job', '10ms', job);
// @ts-expect-error a space before
withHeartbeat('job', ' 10m', job);
// @ts-expect-error a space within
withHeartbeat('job', '10 m', job);
// @ts-expect-error an exponent
withHeartbeat('job', '1e3s', job);
// @ts-expect-error hexadecimal
withHeartbeat('job', '0x10m', job);
// @ts-expect-error a sign
withHeartbeat('job', '+5m', job);
// @ts-expect-error any text
withHeartbeat('job', text, job);
// @ts-expect-error a number
withHeartbeat('job', 600, job);
// @ts-expect-error one of the two is wrong
withHeartbeat('job', minutes > 1 ? '2m' : '1.5m', job);
// @ts-expect-error the same check for a ping
ping('job', '1.5h');
// @ts-expect-error unknown status
ping('job', '1h', { status: 'great' });
// @ts-expect-error unknown unit
ping('job', '1h', { grace: '10x' });

// The wrapped function has the type of the job: overloads, `this`, properties.
function overloaded(value: string): string;
function overloaded(value: number): number;
function overloaded(value: string | number): string | number {
  return value;
}
export const sameOverloads: typeof overloaded = withHeartbeat('job', '1m', overloaded);

function withThis(this: { base: number }, add: number): Promise<number> {
  return Promise.resolve(this.base + add);
}
export const sameThis: (this: { base: number }, add: number) => Promise<number> = withHeartbeat('job', '1m', withThis);
// @ts-expect-error `this` is still asked for
withHeartbeat('job', '1m', withThis)(1);
export const sameProperties: number = withHeartbeat(
  'job',
  '1m',
  Object.assign(() => {}, { extra: 1 }),
).extra;
// @ts-expect-error the arguments are still checked
withHeartbeat('job', '1m', (value: number) => value)('text');
export const generic = withHeartbeat('job', '1m', <T>(value: T): T => value)<'x'>('x') satisfies 'x';
