import { type Placeholder, type TemplateValue, valueText } from './template.ts';

/** Writes the value of a placeholder for where it stands. */
export type TemplateWriter = (value: TemplateValue, placeholder: Placeholder) => string;

/** Within a string of JSON its content; outside, the value as JSON: a string with its quotes, a number, null, a list. */
const json: TemplateWriter = (value, { isInString }) =>
  isInString ? JSON.stringify(valueText(value)).slice(1, -1) : JSON.stringify(value);

const plain: TemplateWriter = (value) => valueText(value);

const xmlEntities: Record<string, string> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

const xml: TemplateWriter = (value) =>
  valueText(value)
    // XML has no way to write these.
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '')
    .replace(/[&<>"']/g, (character) => xmlEntities[character]!);

const formPart: TemplateWriter = (value) => encodeURIComponent(valueText(value).toWellFormed());

/** Percent-encoded; what is nothing but dots becomes underscores, as in a path dots lead elsewhere, encoded or not. */
export const writeInUrl: TemplateWriter = (value, placeholder) =>
  formPart(value, placeholder).replace(/^\.+$/, (dots) => '_'.repeat(dots.length));

/** In one line, without control characters. */
export const writeInHeader: TemplateWriter = (value) =>
  valueText(value)
    .replace(/[\s\p{Cc}]+/gu, ' ')
    .trim();

export function isJson(contentType: string): boolean {
  return /^application\/([\w.-]+\+)?json\s*(;|$)/i.test(contentType);
}

/** As text of a content type has it; as it is, where that type needs nothing else. */
export function writerFor(contentType: string): TemplateWriter {
  if (isJson(contentType)) return json;
  if (/^(text\/(html|xml)|application\/([\w.-]+\+)?xml)\s*(;|$)/i.test(contentType)) return xml;
  return /^application\/x-www-form-urlencoded\s*(;|$)/i.test(contentType) ? formPart : plain;
}
