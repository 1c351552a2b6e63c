import { fromJsonString } from '@bufbuild/protobuf';
import { EmptySchema } from '@bufbuild/protobuf/wkt';
import { Code, ConnectError } from '@connectrpc/connect';
import { callError, quoteInput } from '../../service/call-error.ts';
import { jsonProblem } from './json-problem.ts';

/** Levels of objects and arrays; no message of ours comes near it. */
const maxDepth = 64;

/** Parses the JSON text of a request; it must be an object, with no key twice. Throws a ConnectError. */
export function parseJsonObject(text: string): object {
  if (isTooDeep(text)) throw invalid(`body: must not be nested deeper than ${maxDepth} levels`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw invalid(`body: is not valid JSON: ${jsonProblem(error as Error)}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalid(`body: must be a JSON object; got ${quoteInput(value)}`);
  }
  if (!hasDistinctKeys(text, value)) rejectDuplicateKeys(text);
  return value;
}

/** Whether no object in `text`, which parses to `value`, has a key twice. */
function hasDistinctKeys(text: string, value: object): boolean {
  // JSON.parse keeps the last of equal keys: then there are fewer keys than colons.
  return countColons(text) === countKeys(value);
}

/** Looked at before parsing: a megabyte of brackets would keep the thread for a third of a second. */
function isTooDeep(text: string): boolean {
  let depth = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x22) {
      at = endOfString(text, at);
      // It does not end: that is for the parser to say.
      if (at < 0) return false;
    } else if (code === 0x5b || code === 0x7b) {
      depth += 1;
      if (depth > maxDepth) return true;
    } else if (code === 0x5d || code === 0x7d) depth -= 1;
  }
  return false;
}

function countColons(text: string): number {
  let colons = 0;
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === 0x3a) colons += 1;
    else if (code === 0x22) at = endOfString(text, at);
  }
  return colons;
}

/** The index of the quote that ends the string beginning at `start`; -1 when none does. */
function endOfString(text: string, start: number): number {
  let end = text.indexOf('"', start + 1);
  for (;;) {
    if (end < 0) return -1;
    let backslashes = 0;
    while (text.charCodeAt(end - 1 - backslashes) === 0x5c) backslashes += 1;
    if (backslashes % 2 === 0) return end;
    end = text.indexOf('"', end + 1);
  }
}

function countKeys(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  const values = Array.isArray(value) ? value : Object.values(value);
  let keys = Array.isArray(value) ? 0 : values.length;
  for (const each of values) if (typeof each === 'object') keys += countKeys(each);
  return keys;
}

/** Protobuf's parser looks at the text itself, and names the key. */
function rejectDuplicateKeys(text: string): void {
  try {
    fromJsonString(EmptySchema, text, { ignoreUnknownFields: true });
  } catch (error) {
    const key = /duplicate object key "(.*)"$/s.exec((error as Error).message)?.[1];
    if (key === undefined) throw error;
    throw callError({
      code: Code.InvalidArgument,
      message: `${key.slice(0, 64)}: is given more than once`,
      field: key.slice(0, 64),
    });
  }
}

function invalid(message: string): ConnectError {
  return new ConnectError(message, Code.InvalidArgument);
}
