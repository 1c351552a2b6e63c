import { create, type DescField, type DescMessage, type Message } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import { HttpBodySchema } from '../../gen/ts/google/api/httpbody_pb.ts';
import { callError, quoteInput } from '../service/call-error.ts';
import { parseJsonObject } from './codec/json-object.ts';
import { fieldByKey, MessageReader } from './codec/message-reader.ts';
import { readObject } from './codec/read-object.ts';
import { type DecodedText, decodeBytes, decodePercent, decodeTarget } from './request-text.ts';
import { HttpError } from './rest-error.ts';
import type { RestTemplate, TemplateField } from './rest-template.ts';

/** How a binding puts a message together. */
export type RequestShape = {
  template: RestTemplate;
  /** The message field that the body is; null: the body is the whole message, where the binding takes one. */
  bodyField: (DescField & { fieldKind: 'message' }) | null;
  /** The google.protobuf.FieldMask that, when it is not given, names the fields that the body has; null: there is none. */
  maskField: DescField | null;
  /** What `if-match` and the parameter `etag` set: a field of the body where that is a field, else of the message; null: none. */
  etagField: DescField | null;
};

/** What a REST request consists of. */
export type RestRequest = {
  /** The request target as Node gives it: path and query, undecoded. */
  target: string;
  /** Undefined when there is none, or when the binding takes none. */
  body: Buffer | undefined;
  contentType: string | undefined;
  contentEncoding: string | undefined;
  ifMatch: string | undefined;
};

/**
 * Puts a request message together from path, query and body. Unknown parameters and JSON fields are ignored; a field
 * given twice, anywhere, is an error (but for one of the body that is as in the path). Throws a ConnectError, or an HttpError where HTTP has a status of its own.
 */
export function readRestRequest(input: DescMessage, shape: RequestShape, request: RestRequest): Message {
  const { template, bodyField } = shape;
  const queryAt = request.target.indexOf('?');
  // Nothing but a body: then no field can come twice.
  if (queryAt < 0 && template.fields.length === 0 && bodyField === null && hasBody(request)) {
    const body = readBodyText(request);
    if (body.type === 'json') return readObject(input, parseJsonObject(body.text));
  }
  const reader = new MessageReader(input);
  const isRaw = bodyField?.message.typeName === HttpBodySchema.typeName;
  const inner = bodyField === null ? reader : new MessageReader(bodyField.message);
  const { maskField, etagField } = shape;
  const etags = etagField === null ? [] : ifMatch(request);
  const path = pathTexts(template, queryAt < 0 ? request.target : request.target.slice(0, queryAt));
  for (const { field, within, text } of path) if (within === null) reader.setText(field, text);
  if (queryAt >= 0) {
    const query = decoded(decodeTarget(request.target.slice(queryAt + 1)), 'query');
    readParameters(reader, input, query, (key, value) => key === etagField?.name && etags.push(value));
  }
  if (hasBody(request) && !isRaw) {
    const { type, text } = readBodyText(request);
    if (type === 'json') inner.setObject(parseJsonObject(text));
    else readForm(inner, bodyField?.message ?? input, text);
  }
  if (maskField !== null && !reader.given().includes(maskField.name)) reader.setText(maskField, inner.given().join());
  if (etagField !== null) for (const etag of etags) inner.setSame(etagField, etag, 'is given more than once');
  // A body that was read from the server before has them as well.
  for (const { field, within, text } of path) if (within !== null) inner.setPath(field, text);
  const message = reader.finish();
  if (bodyField === null) return message;
  const value = isRaw ? rawBody(request) : inner.finish();
  return Object.assign(message, { [bodyField.localName]: value });
}

function pathTexts(template: RestTemplate, target: string): (TemplateField & { text: string })[] {
  if (template.fields.length === 0) return [];
  const values = template.match(decoded(decodeTarget(target), 'path')) ?? [];
  return template.fields.map((each, index) => {
    return { ...each, text: decoded(decodePercent(values[index] ?? '', false), each.field.name) };
  });
}

/** A body that is taken as it is. */
function rawBody(request: RestRequest): Message {
  const { body, contentType = '' } = request;
  checkEncoding(request);
  return create(HttpBodySchema, { contentType, data: new Uint8Array(body ?? []) });
}

function hasBody(request: RestRequest): boolean {
  return request.body !== undefined && request.body.length > 0;
}

function readBodyText(request: RestRequest): { type: 'json' | 'form'; text: string } {
  checkEncoding(request);
  const type = mediaType(request.contentType);
  if (type === null) {
    const valid = 'must be application/json or application/x-www-form-urlencoded, in UTF-8';
    throw unsupported('content-type', valid, request.contentType ?? '');
  }
  return { type, text: decoded(decodeBytes(request.body!), 'body') };
}

function checkEncoding({ contentEncoding }: RestRequest): void {
  if (contentEncoding === undefined || contentEncoding.toLowerCase() === 'identity') return;
  throw unsupported('content-encoding', 'must be identity', contentEncoding);
}

function readForm(reader: MessageReader, input: DescMessage, text: string): void {
  if (text.startsWith('{')) {
    throw invalid('body: looks like JSON; send it with "content-type: application/json"');
  }
  readParameters(reader, input, text);
}

/** The etag of the header (RFC 9110, 13.1.1), if there is one. */
function ifMatch(request: RestRequest): string[] {
  if (request.ifMatch === undefined) return [];
  const etag = /^"([^"]*)"$/.exec(request.ifMatch.trim())?.[1];
  if (etag !== undefined) return [etag];
  throw invalid(`if-match: must be one etag in double quotes; got ${quoteInput(request.ifMatch)}`);
}

/** `onOther` gets the parameters that are no fields. */
function readParameters(
  reader: MessageReader,
  input: DescMessage,
  text: string,
  onOther: (key: string, value: string) => void = () => {},
): void {
  for (const pair of text.split('&')) {
    if (pair === '') continue;
    const equals = pair.indexOf('=');
    const key = decoded(decodePercent(equals < 0 ? pair : pair.slice(0, equals), true), 'parameter name');
    const field = fieldByKey(input, key);
    // Decoded even when unknown: broken encoding is an error wherever it is.
    const value = decoded(decodePercent(equals < 0 ? '' : pair.slice(equals + 1), true), key.slice(0, 64));
    if (field === undefined) onOther(key, value);
    else reader.setText(field, value);
  }
}

function mediaType(contentType: string | undefined): 'json' | 'form' | null {
  const [type = '', ...parameters] = (contentType ?? '')
    .toLowerCase()
    .split(';')
    .map((part) => part.trim());
  const charset = parameters
    .find((parameter) => parameter.startsWith('charset='))
    ?.slice(8)
    .replaceAll('"', '');
  if (charset !== undefined && charset !== 'utf-8' && charset !== 'utf8') return null;
  if (type === 'application/json') return 'json';
  return type === 'application/x-www-form-urlencoded' ? 'form' : null;
}

function decoded(result: DecodedText, what: string): string {
  if (result.ok) return result.text;
  throw callError({ code: Code.InvalidArgument, message: `${what}: ${result.problem}`, field: what });
}

function invalid(message: string): ConnectError {
  return new ConnectError(message, Code.InvalidArgument);
}

function unsupported(header: string, valid: string, got: string): HttpError {
  return new HttpError(415, new ConnectError(`${header}: ${valid}; got ${quoteInput(got)}`, Code.InvalidArgument));
}
