import { isUtf8 } from 'node:buffer';

/** Text that was decoded, or what is wrong with it. */
export type DecodedText = { ok: true; text: string } | { ok: false; problem: string };

const badEncoding = 'holds invalid percent-encoding';
const badUtf8 = 'is not valid UTF-8';

/** Decodes percent-encoding, once. `plusIsSpace` as in query strings and forms. */
export function decodePercent(raw: string, plusIsSpace: boolean): DecodedText {
  const spaced = plusIsSpace && raw.includes('+') ? raw.replaceAll('+', ' ') : raw;
  if (!spaced.includes('%')) return { ok: true, text: spaced };
  try {
    return { ok: true, text: decodeURIComponent(spaced) };
  } catch {
    return { ok: false, problem: /%(?![0-9a-fA-F]{2})/.test(spaced) ? badEncoding : badUtf8 };
  }
}

/** The request target as Node hands it over has one character per byte; unescaped bytes past ASCII are read as UTF-8. */
export function decodeTarget(target: string): DecodedText {
  if (/^[\x00-\x7f]*$/.test(target)) return { ok: true, text: target };
  return decodeBytes(Buffer.from(target, 'latin1'));
}

/** A request target without the scheme and authority that one in absolute form begins with (RFC 9112, 3.2.2). */
export function originForm(target: string): string {
  if (target.startsWith('/')) return target;
  const authority = /^https?:\/\/[^/?]*/i.exec(target);
  if (authority === null) return target;
  const rest = target.slice(authority[0].length);
  return rest.startsWith('/') ? rest : `/${rest}`;
}

export function decodeBytes(bytes: Buffer): DecodedText {
  return isUtf8(bytes) ? { ok: true, text: bytes.toString('utf8') } : { ok: false, problem: badUtf8 };
}
