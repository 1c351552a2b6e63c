import { hash } from 'node:crypto';

/** Where beats come from. */
export type Source = {
  /** A 48-bit hash of the pair, so that it is the same in every file; never 0. */
  id: number;
  /** '' when it is not known. */
  address: string;
  /** '' when it is not known; at most 200 characters. */
  userAgent: string;
};

/** `epoch`: the one in which it was last defined. */
export type KnownSource = Source & { epoch: number };

const addressMax = 100;
const userAgentMax = 200;
/** Pairs in memory; beyond it they are begun anew, which costs a hash and a definition for each that still comes. */
const pairsMax = 4_096;

/** The sources that beats came from lately, by address and user agent. */
export class SourceIds {
  /** By user agent, then by address: no key has to be put together for a look-up. */
  readonly #byUserAgent = new Map<string, Map<string, KnownSource>>();
  #pairs = 0;
  /** Most beats of a turn come from the same client. */
  #last: KnownSource | null = null;

  /** Null when nothing is known of it. What is too long is cut. */
  find(address: string, userAgent: string): KnownSource | null {
    if (address === '' && userAgent === '') return null;
    const last = this.#last;
    if (last !== null && last.address === address && last.userAgent === userAgent) return last;
    const source = this.#findAmongAll(cut(address, addressMax), cut(userAgent, userAgentMax));
    this.#last = source;
    return source;
  }

  #findAmongAll(address: string, userAgent: string): KnownSource {
    const known = this.#byUserAgent.get(userAgent)?.get(address);
    if (known) return known;
    if (this.#pairs >= pairsMax) {
      this.#byUserAgent.clear();
      this.#pairs = 0;
    }
    const source = { id: sourceId(address, userAgent), address, userAgent, epoch: 0 };
    const byAddress = this.#byUserAgent.get(userAgent);
    if (byAddress) byAddress.set(address, source);
    else this.#byUserAgent.set(userAgent, new Map([[address, source]]));
    this.#pairs += 1;
    return source;
  }
}

/** With a million sources the odds that any two share an id are 1 to 560. */
function sourceId(address: string, userAgent: string): number {
  return hash('sha256', `${address}\n${userAgent}`, 'buffer').readUIntLE(0, 6) || 1;
}

/** Never leaves half of a surrogate pair. */
function cut(text: string, max: number): string {
  if (text.length <= max) return text;
  const isPairSplit = /[\ud800-\udbff]/.test(text[max - 1]!);
  return text.slice(0, isPairSplit ? max - 1 : max);
}
