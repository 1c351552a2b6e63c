import { lookup as systemLookup } from 'node:dns/promises';
import { isIP, type LookupFunction } from 'node:net';
import { domainToASCII } from 'node:url';
import type { Clock } from '../clock.ts';
import type { NotifierPorts } from './channel-kind.ts';
import { EgressError } from './egress-error.ts';
import type { EgressRules } from './egress-rules.ts';
import { attemptHttp } from './http-attempt.ts';
import { explainRequestFailure } from './request-failure.ts';

type Address = Awaited<ReturnType<NotifierPorts['addressesOf']>>[number];

export type EgressOptions = {
  clock: Clock;
  rules: EgressRules;
  /** All addresses of a host name. Default: those of the system, /etc/hosts included. */
  lookup?: (host: string) => Promise<readonly { address: string; family: number }[]>;
};

/**
 * The way out: all that notifiers send goes through it. The addresses that `rules` look at are the very ones that are
 * connected to: names are looked up here and nowhere else.
 */
export class Egress {
  readonly #clock: Clock;
  readonly #rules: EgressRules;
  readonly #lookup: NonNullable<EgressOptions['lookup']>;
  /** Lookups under way, by host. */
  readonly #pending = new Map<string, Promise<readonly Address[]>>();

  constructor({ clock, rules, lookup = (host) => systemLookup(host, { all: true }) }: EgressOptions) {
    this.#clock = clock;
    this.#rules = rules;
    this.#lookup = lookup;
  }

  readonly http: NotifierPorts['http'] = (request, options) =>
    attemptHttp(request, options, { clock: this.#clock, admit: this.#admit, lookup: this.#lookupFunction });

  readonly addressesOf: NotifierPorts['addressesOf'] = async (host) => {
    // As a URL has it: the system's lookup takes other forms, too.
    const name = isIP(host) === 0 ? domainToASCII(host) || host.toLowerCase() : host;
    this.#admit(name);
    const family = isIP(name);
    if (family !== 0) return [{ address: name, family: family === 6 ? 6 : 4 }];
    const found = await this.#found(name);
    const refusals = found.map(({ address }) => this.#rules.refusal({ host: name, address }));
    const allowed = found.filter((_, index) => refusals[index] === null);
    if (allowed.length === 0) throw new EgressError('refused_address', refusals[0] ?? `${name} has no address`);
    return allowed;
  };

  /** Connections to an address need no lookup, and a name may be refused as such. */
  readonly #admit = (host: string): void => {
    const refusal = isIP(host) === 0 ? this.#rules.refusalOfName(host) : this.#rules.refusal({ host, address: host });
    if (refusal !== null) throw new EgressError('refused_address', refusal);
  };

  /**
   * One at a time for each host: while its name servers are silent, the system's lookup keeps one of Node's four threads,
   * which lookups of other hosts need as well.
   */
  #found(name: string): Promise<readonly Address[]> {
    const underWay = this.#pending.get(name);
    if (underWay) return underWay;
    const found = this.#lookUp(name).finally(() => this.#pending.delete(name));
    this.#pending.set(name, found);
    return found;
  }

  async #lookUp(name: string): Promise<readonly Address[]> {
    try {
      const found = await this.#lookup(name);
      if (found.length === 0) throw new EgressError('dns', 'the host name has no address');
      return found.map(({ address, family }) => ({ address, family: family === 6 ? 6 : 4 }));
    } catch (error) {
      const { detail } = explainRequestFailure(error);
      throw new EgressError('dns', detail);
    }
  }

  readonly #lookupFunction: LookupFunction = (host, { all }, callback) => {
    this.addressesOf(host).then(
      (addresses) => {
        if (all) callback(null, [...addresses]);
        else callback(null, addresses[0]!.address, addresses[0]!.family);
      },
      (error) => callback(error, ''),
    );
  };
}
