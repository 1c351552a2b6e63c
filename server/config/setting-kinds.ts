import { isIP } from 'node:net';
import { z } from 'zod';
import { formatDuration, maxDurationMs, parseDuration } from '../engine/domain/duration.ts';

/** How the text of a setting becomes a value. */
export type SettingKind<Value> = {
  schema: z.ZodType<Value, string>;
  /** What is valid, to finish the sentence "must be …". */
  valid: string;
  /** The same in a few words, for a table that also has the unit; '' when the unit says enough. */
  range: string;
};

export function wholeNumber(range: { min: number; max: number }): SettingKind<number> {
  return {
    schema: z
      .string()
      .regex(/^[0-9]{1,15}$/)
      .transform(Number)
      .pipe(z.number().min(range.min).max(range.max)),
    valid: `a whole number from ${range.min} to ${range.max}`,
    range: `${range.min} to ${range.max}`,
  };
}

/** A duration in its wire form, as ms. */
export function duration(range: { minMs: number; maxMs?: number }): SettingKind<number> {
  const { minMs, maxMs = maxDurationMs } = range;
  const limits = `${formatDuration(minMs)} to ${formatDuration(maxMs)}`;
  return {
    schema: z.string().transform((text, context) => {
      const parsed = parseDuration(text, { minMs, maxMs });
      return parsed.ok ? parsed.ms : refuse(context);
    }),
    valid: `a whole number and one of W, D, h, m, s, such as 10m, from ${limits}`,
    range: limits,
  };
}

/** A duration as ms, or `off` as null. */
export function durationOrOff(range: { minMs: number }): SettingKind<number | null> {
  const shortestUp = duration(range);
  return {
    schema: z.union([z.literal('off').transform(() => null), shortestUp.schema]),
    valid: `off, or ${shortestUp.valid}`,
    range: `off, or ${shortestUp.range}`,
  };
}

export function oneOf<const Choice extends string>(choices: readonly Choice[]): SettingKind<Choice> {
  return { schema: z.enum(choices), valid: `one of ${choices.join(', ')}`, range: choices.join(', ') };
}

export function path(): SettingKind<string> {
  return { schema: z.string().max(4096), valid: 'the path of a folder', range: '' };
}

/** An IP address or a host name, as Node's `listen` takes it. */
export function host(): SettingKind<string> {
  return {
    schema: z.string().refine((text) => isIP(text) > 0 || isHostName(text)),
    valid: 'an IP address (IPv6 without brackets) or a host name, without scheme and port',
    range: 'IP address or host name',
  };
}

export function httpUri(): SettingKind<string> {
  return {
    schema: z
      .string()
      .max(2048)
      // The parser alone forgives a missing slash and spaces around: such a text is rather a mistake.
      .refine((text) => /^https?:\/\/[^\s/?#]\S*$/i.test(text) && URL.canParse(text)),
    valid: 'a URL that starts with http:// or https://, without spaces',
    range: 'http or https',
  };
}

/** A bearer token: long enough not to be guessed, and of characters that fit into a header as they are. */
export function token(): SettingKind<string> {
  return {
    schema: z.string().regex(/^[\x21-\x7e]{16,512}$/),
    valid: '16 to 512 characters of visible ASCII without spaces, such as the output of: openssl rand -hex 32',
    range: '16 to 512 visible ASCII characters',
  };
}

/** A ping key of Healthchecks: a part of a path, as it is. */
export function pingKey(): SettingKind<string> {
  return {
    schema: z.string().regex(/^[A-Za-z0-9_-]{16,128}$/),
    valid: '16 to 128 letters, digits, - and _, such as the output of: openssl rand -hex 16',
    range: '16 to 128 letters, digits, - and _',
  };
}

/** A secret of Standard Webhooks: `whsec_` and the base64 of 24 to 64 bytes. */
export function webhookSecret(): SettingKind<string> {
  return {
    schema: z.string().refine((text) => {
      if (!text.startsWith('whsec_')) return false;
      const encoded = text.slice('whsec_'.length);
      const bytes = Buffer.from(encoded, 'base64');
      return bytes.toString('base64') === encoded && bytes.length >= 24 && bytes.length <= 64;
    }),
    valid: 'whsec_ and the base64 of 24 to 64 bytes, such as the output of: echo whsec_$(openssl rand -base64 32)',
    range: 'whsec_ and the base64 of 24 to 64 bytes',
  };
}

function isHostName(text: string): boolean {
  const labels = text.split('.');
  const wellFormed = labels.every((label) => /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/i.test(label));
  // A last label of digits is a mistyped IPv4 address; resolvers would still read 127.1 as one.
  return text.length <= 253 && wellFormed && !/^[0-9]+$/.test(labels.at(-1)!);
}

function refuse(context: z.RefinementCtx): never {
  context.addIssue({ code: 'custom' });
  return z.NEVER;
}
