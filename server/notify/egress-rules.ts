import { BlockList, isIP } from 'node:net';
import { embeddedIpv4 } from './embedded-ipv4.ts';

/**
 * Where alerts have no business unless somebody says so: link-local addresses and those at which clouds give out the
 * credentials of a machine, and "this host". Private networks and loopback are not among them: people alert their own.
 */
const refusedByDefault = [
  '0.0.0.0/8',
  '::',
  '169.254.0.0/16',
  'fe80::/10',
  // Metadata beside link-local: EC2 (and, at ::23, credentials of pods), Google, Scaleway; Alibaba, Oracle (two), Azure.
  'fd00:ec2::/32',
  'fd20:ce::254',
  'fd00:42::42',
  '100.100.100.200',
  '192.0.0.192',
  'fd00:c1::a9fe:a9fe',
  '168.63.129.16',
];

/**
 * Decides where requests may go. In this order, the first that applies: what DENY names is refused; what ALLOW names is
 * allowed; what is refused by default is refused, which is everything if DENY has `all`; the rest is allowed.
 */
export class EgressRules {
  readonly #allow: TargetList;
  readonly #deny: TargetList;
  readonly #default: TargetList;

  /**
   * Entries are addresses, ranges in CIDR form, host names, `*.` and a domain (names below it), or `all`; as the settings
   * check them.
   */
  constructor({ allow, deny }: { allow: readonly string[]; deny: readonly string[] }) {
    this.#allow = new TargetList(allow);
    this.#deny = new TargetList(deny.filter((entry) => !isEverything(entry)));
    this.#default = new TargetList([...refusedByDefault, ...deny.filter(isEverything)]);
  }

  /**
   * Why requests to `address`, of a host that was called `host`, are refused; null: they are not.
   *
   * @param host lower case, without brackets; may be an address itself
   */
  refusal({ host, address }: { host: string; address: string }): string | null {
    const target = { host, forms: formsOf(address) };
    if (this.#deny.has(target)) return `${address} is refused by TOCSIN_EGRESS_DENY`;
    if (this.#allow.has(target) || !this.#default.has(target)) return null;
    return `${address} is refused unless TOCSIN_EGRESS_ALLOW names it`;
  }

  /** Why no address of a host needs to be looked up; null: that depends on its addresses. */
  refusalOfName(host: string): string | null {
    return this.#deny.has({ host, forms: [] }) ? `${host} is refused by TOCSIN_EGRESS_DENY` : null;
  }
}

type AddressForm = { address: string; family: 'ipv4' | 'ipv6' };
type Target = { host: string; forms: readonly AddressForm[] };

class TargetList {
  readonly #addresses = new BlockList();
  readonly #names = new Set<string>();
  /** Such as ".example.org". */
  readonly #suffixes: string[] = [];
  readonly #hasAll: boolean;

  constructor(entries: readonly string[]) {
    this.#hasAll = entries.includes('all');
    for (const entry of entries) {
      const [address = '', prefix] = entry.split('/');
      const family = familyOf(address);
      if (family !== null && prefix !== undefined) this.#addresses.addSubnet(address, Number(prefix), family);
      else if (family !== null) this.#addresses.addAddress(address, family);
      else if (entry.startsWith('*.')) this.#suffixes.push(entry.slice(1));
      else this.#names.add(entry);
    }
  }

  has({ host, forms }: Target): boolean {
    if (this.#hasAll) return true;
    const name = host.replace(/\.$/, '');
    if (this.#names.has(name) || this.#suffixes.some((suffix) => name.endsWith(suffix))) return true;
    return forms.some(({ address, family }) => this.#addresses.check(address, family));
  }
}

/** All that an address means: itself, and the IPv4 address that it leads to. */
function formsOf(address: string): AddressForm[] {
  // A zone, as in fe80::1%eth0, says through which interface.
  const bare = address.replace(/%.*$/, '');
  const family = familyOf(bare);
  if (family === null) return [];
  const embedded = family === 'ipv6' ? embeddedIpv4(bare) : null;
  return [{ address: bare, family }, ...(embedded === null ? [] : [{ address: embedded, family: 'ipv4' as const }])];
}

function familyOf(address: string): 'ipv4' | 'ipv6' | null {
  const version = isIP(address);
  return version === 0 ? null : version === 4 ? 'ipv4' : 'ipv6';
}

function isEverything(entry: string): boolean {
  return entry === 'all' || entry.endsWith('/0');
}
