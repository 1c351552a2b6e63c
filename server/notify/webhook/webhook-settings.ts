import { z } from 'zod';
import { placeholderNames, sampleValues } from './placeholders.ts';
import { parseTemplate, renderTemplate, type Template } from './template.ts';
import { isJson, writeInUrl, writerFor } from './template-writers.ts';
import { isWebhookSecret } from './webhook-secret.ts';

export type WebhookSettings = z.output<typeof webhookSettings>;

const bodyMaxBytes = 10_000;
const headersMax = 20;
const placeholderList = placeholderNames.map((name) => `{{${name}}}`).join(', ');
/** What requests say for themselves. */
const ownHeaders = [
  'connection',
  'content-encoding',
  'content-length',
  'content-type',
  'expect',
  'host',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
  'webhook-id',
  'webhook-signature',
  'webhook-timestamp',
];

type Context = z.RefinementCtx;

const templateText = z.string({ error: 'must be a text' }).superRefine(checkPlaceholders);

const bodyText = templateText.refine((text) => Buffer.byteLength(text, 'utf8') <= bodyMaxBytes, {
  error: `must have at most ${bodyMaxBytes} bytes`,
});

const headerName = z
  .string()
  .regex(/^[!#$%&'*+.^_`|~0-9a-z-]{1,100}$/i, { error: 'names must be letters, digits, - and what else HTTP allows' })
  .refine((name) => !ownHeaders.includes(name.toLowerCase()), {
    error: `names must not be one of ${ownHeaders.join(', ')}; there is a field for the content type`,
  });

/** Of the message WebhookChannel, with defaults filled in. */
export const webhookSettings = z
  .strictObject({
    url: templateText.refine(isUrlTemplate, {
      error:
        'must be a URL that starts with http:// or https://, without spaces, with placeholders in path and query only',
    }),
    method: z
      .enum(['', 'GET', 'POST', 'PUT', 'PATCH', 'DELETE'], { error: 'must be GET, POST, PUT, PATCH or DELETE' })
      .default('')
      .transform((method) => (method === '' ? 'POST' : method)),
    headers: z
      .record(
        headerName,
        templateText.regex(/^\P{Cc}*$/u, { error: 'must not have line breaks or control characters' }),
      )
      .refine((headers) => Object.keys(headers).length <= headersMax, {
        error: `must have at most ${headersMax} headers`,
      })
      .refine((headers) => new Set(lowerCaseKeys(headers)).size === Object.keys(headers).length, {
        error: 'must have each name once, whatever its case',
      })
      .default({}),
    body: bodyText.default(''),
    recoveryBody: bodyText.default(''),
    contentType: z
      .string()
      .regex(/^$|^[\w!#$&^.+-]+\/[\w!#$&^.+-]+(;[\x20-\x7e]*)?$/, {
        error: 'must be a content type such as application/json or text/plain; charset=utf-8',
      })
      .default(''),
    signingSecret: z
      .string()
      .refine((text) => text === '' || isWebhookSecret(text), {
        error:
          'must be whsec_ and the base64 of 24 to 64 bytes, such as the output of: echo whsec_$(openssl rand -base64 32)',
      })
      .default(''),
  })
  .superRefine((settings, context) => {
    for (const field of ['body', 'recoveryBody'] as const) {
      const problem = settings[field] === '' ? null : bodyProblem(settings[field], settings);
      if (problem !== null) context.addIssue({ code: 'custom', path: [field], message: problem });
    }
  });

/** The content type of a body: that which is set, or by how the template begins. */
export function contentTypeOf(template: string, { contentType }: { contentType: string }): string {
  if (contentType !== '') return contentType;
  // A placeholder is no beginning of JSON.
  return /^\s*(\[|\{(?!\{))/.test(template) ? 'application/json' : 'text/plain; charset=utf-8';
}

/** @throws never for a text that `webhookSettings` let through */
export function templateOf(text: string): Template {
  const parsed = parseTemplate(text, placeholderNames);
  if (!parsed.ok) throw new Error('a template that was not checked');
  return parsed.template;
}

function bodyProblem(text: string, settings: { method: string; contentType: string }): string | null {
  if (settings.method === 'GET') return 'must be empty with GET, which has no body';
  const parsed = parseTemplate(text, placeholderNames);
  const contentType = contentTypeOf(text, settings);
  if (!parsed.ok || !isJson(contentType)) return null;
  const isValid = sampleValues.every((values) =>
    isJsonText(renderTemplate(parsed.template, values, writerFor(contentType))),
  );
  return isValid ? null : `must be valid JSON once its placeholders are filled in, as it is sent as ${contentType}`;
}

function checkPlaceholders(text: string, context: Context): void {
  const parsed = parseTemplate(text, placeholderNames);
  if (parsed.ok) return;
  const problem = parsed.unknown === null ? 'has {{ without }}' : 'has a placeholder that there is not';
  context.addIssue({ code: 'custom', message: `${problem}; there are ${placeholderList}` });
}

function isUrlTemplate(text: string): boolean {
  const parsed = parseTemplate(text, placeholderNames);
  // What is wrong with placeholders is said elsewhere.
  if (!parsed.ok) return true;
  const [first] = parsed.template;
  // The host ends before the first placeholder. A backslash would end it as well.
  if (typeof first !== 'string' || !/^https?:\/\/[^\s/?#\\]+([/?#]|$)/i.test(first)) return false;
  if (parsed.template.length > 1 && !/^https?:\/\/[^/?#]+[/?#]/i.test(first)) return false;
  return sampleValues.every((values) => {
    const url = renderTemplate(parsed.template, values, writeInUrl);
    return /^[^\s\\]*$/.test(url) && URL.canParse(url);
  });
}

function isJsonText(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function lowerCaseKeys(record: Record<string, unknown>): string[] {
  return Object.keys(record).map((key) => key.toLowerCase());
}
