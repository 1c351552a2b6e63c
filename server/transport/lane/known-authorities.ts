/** Callers use few names for one server; past so many they are looked at each time. */
const maxKnown = 256;

/** Tells whether the authority of a request is one that a URL can hold, as the stock handlers need it. */
export class KnownAuthorities {
  readonly #known = new Set<string>();

  has(authority: string | undefined): boolean {
    if (authority === undefined) return false;
    if (this.#known.has(authority)) return true;
    if (!URL.canParse('/', `http://${authority}`)) return false;
    if (this.#known.size < maxKnown) this.#known.add(authority);
    return true;
  }
}
