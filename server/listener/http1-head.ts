/** The head of a request that is plain in every respect. */
export type Http1Head = {
  method: 'GET' | 'POST';
  /** Origin form: begins with "/". */
  target: string;
  fields: Http1Fields;
  /** Bytes of the head, up to and with the empty line. */
  length: number;
};

/** The header fields of a request. */
export type Http1Fields = {
  /** Values by names in lower case. */
  values: ReadonlyMap<string, string>;
  /** The bytes of the body. */
  contentLength: number;
};

/** A line each: a name of token characters (RFC 9110, 5.6.2), no space before the colon, a value of visible ASCII and spaces. */
const plainFields = /^(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[ -~]*\r\n)+$/;
const plainTarget = /^\/[\x21\x22\x24-\x7e]*$/;
const plainLength = /^(?:0|[1-9]\d{0,8})$/;

/** These change how a message is framed, or what the connection is for. */
const notPlain = new Set([
  'transfer-encoding',
  'trailer',
  'te',
  'expect',
  'upgrade',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
]);

/** Node refuses a head with a thousand or more; nobody plain has as many. */
const fieldsMax = 100;
/** Header lines that are longer are not kept to be compared with the next. */
const keptChars = 1024;

const version = ' HTTP/1.1';

/** Heads mostly end within so many bytes; what is behind them is body, which need not become text and be held with it. */
const usualBytes = 1024;

/**
 * Reads the heads of requests, as far as they are plain: GET or POST, a target in origin form, HTTP/1.1, every line ended
 * by CRLF, no header twice, exactly one Host, a body framed by one Content-Length or none. What more than one reading is
 * known for (RFC 9112, 11.2) is not plain, so this never has to choose between them.
 */
export class Http1HeadReader {
  /** Looking at so many bytes, then at so many. */
  readonly #lookBytes: readonly number[];
  #lastText = '';
  #lastFields: Http1Fields | null = null;

  constructor(options: { maxHeaderBytes: number }) {
    const { maxHeaderBytes } = options;
    this.#lookBytes = [Math.min(usualBytes, maxHeaderBytes), maxHeaderBytes];
  }

  /** The head at the start of `bytes`; null when it is not plain, not complete, or over the limit. */
  read(bytes: Buffer): Http1Head | null {
    const text = this.#lines(bytes);
    if (text === null) return null;
    const lineEnd = text.indexOf('\r\n');
    const method = text.startsWith('GET ') ? 'GET' : text.startsWith('POST ') ? 'POST' : null;
    const targetEnd = lineEnd - version.length;
    if (method === null || targetEnd <= method.length || !text.startsWith(version, targetEnd)) return null;
    const target = text.slice(method.length + 1, targetEnd);
    if (!plainTarget.test(target)) return null;
    const fields = this.#fields(text.slice(lineEnd + 2));
    return fields === null ? null : { method, target, fields, length: text.length + 2 };
  }

  /** The lines of the head, without the empty one; null when they have not come in full, or are over the limit. */
  #lines(bytes: Buffer): string | null {
    for (const maxBytes of this.#lookBytes) {
      const text = bytes.toString('latin1', 0, Math.min(bytes.length, maxBytes));
      const end = text.indexOf('\r\n\r\n');
      if (end >= 0) return text.slice(0, end + 2);
    }
    return null;
  }

  /** A caller mostly sends the same headers again, and comparing is cheaper than reading. */
  #fields(text: string): Http1Fields | null {
    if (text === this.#lastText) return this.#lastFields;
    // It is kept for as long as the connection, and idle ones should stay small.
    if (text.length > keptChars) return readFields(text);
    this.#lastText = text;
    this.#lastFields = readFields(text);
    return this.#lastFields;
  }
}

/** The fields of lines that each end with CRLF; null when they are not plain. */
function readFields(text: string): Http1Fields | null {
  if (!plainFields.test(text)) return null;
  const values = new Map<string, string>();
  for (let at = 0; at < text.length; ) {
    const colon = text.indexOf(':', at);
    const lineEnd = text.indexOf('\r\n', colon);
    const name = text.slice(at, colon).toLowerCase();
    if (notPlain.has(name) || values.has(name)) return null;
    if (values.size === fieldsMax) return null;
    values.set(name, text.slice(colon + 1, lineEnd).trim());
    at = lineEnd + 2;
  }
  if (!values.get('host')) return null;
  if ((values.get('connection') ?? 'keep-alive').toLowerCase() !== 'keep-alive') return null;
  const contentLength = values.get('content-length') ?? '0';
  return plainLength.test(contentLength) ? { values, contentLength: Number(contentLength) } : null;
}
