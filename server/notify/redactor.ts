/**
 * Takes secrets out of texts that others wrote, such as a receiver's answer that echoes the request. Each secret is
 * searched for as it is and percent-decoded, and both of these as they stand in JSON (some writers escape slashes there) and
 * percent-encoded.
 */
export class Redactor {
  readonly #secrets: string[];
  readonly #longest: number;

  /** Empty secrets are ignored. */
  constructor(secrets: readonly string[]) {
    const forms = secrets
      .flatMap((secret) => [secret, percentDecoded(secret)].flatMap(formsOf))
      .filter((secret) => secret !== '');
    // The longest first: a short one may be part of it.
    this.#secrets = [...new Set(forms)].sort((a, b) => b.length - a.length);
    this.#longest = this.#secrets[0]?.length ?? 0;
  }

  /** `truncated`: the text goes on, so its end may be the first half of a secret; that much is dropped. */
  redact(text: string, { truncated }: { truncated: boolean }): string {
    let redacted = text;
    for (const secret of this.#secrets) redacted = redacted.replaceAll(secret, '***');
    return truncated && this.#longest > 1 ? redacted.slice(0, -(this.#longest - 1)) : redacted;
  }
}

/**
 * The parts of a URL that may be secrets: credentials, and whatever in the path or the query is long enough to be a
 * token (many receivers have theirs there).
 */
export function secretsOfUrl(url: URL): string[] {
  const { username, password, pathname, search, searchParams } = url;
  const parts = [...pathname.split('/'), ...searchParams.values(), ...search.slice(1).split(/[&=]/)];
  return [username, password, ...parts.filter((part) => part.length >= 8)];
}

function percentDecoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function formsOf(text: string): string[] {
  const inJson = JSON.stringify(text).slice(1, -1);
  // Half a surrogate pair cannot be encoded; whoever sends it sends U+FFFD.
  return [text, inJson, inJson.replaceAll('/', '\\/'), encodeURIComponent(text.toWellFormed())];
}
