import { z } from 'zod';

/** An http or https URL without user and password. */
export function webUrl(): z.ZodType<string> {
  return z
    .string({ error: 'must be a URL that starts with http:// or https://' })
    .refine((text) => /^https?:\/\/[^\s/?#]\S*$/i.test(text) && URL.canParse(text), {
      error: 'must be a URL that starts with http:// or https://, without spaces',
      abort: true,
    })
    .refine((text) => new URL(text).username === '' && new URL(text).password === '', {
      error: 'must be a URL without user:password@',
    });
}

/** The same, with a standard one for what is not set; without slashes at its end. */
export function baseUrl(standard: string): z.ZodType<string> {
  const url = webUrl().refine((text) => !/[?#]/.test(text), { error: 'must be a URL without query and fragment' });
  return z
    .preprocess((text) => (text === undefined || text === '' ? standard : text), url)
    .transform((text) => text.replace(/\/+$/, ''));
}
