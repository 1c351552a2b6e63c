import { isIP, isIPv6 } from 'node:net';
import { z } from 'zod';
import type { SettingKind } from './setting-kinds.ts';

const entriesMax = 1_000;

/** Where requests may go, or not: entries as `EgressRules` takes them, in lower case. */
export function egressList(): SettingKind<readonly string[]> {
  return {
    schema: z.string().transform((text, context) => {
      const entries = text.split(',').map((entry) => entry.trim());
      const targets = entries.filter((entry) => entry !== '').map(targetOf);
      if (targets.length <= entriesMax && !targets.includes(null)) return targets.filter((target) => target !== null);
      context.addIssue({ code: 'custom' });
      return z.NEVER;
    }),
    valid:
      'addresses, ranges such as 10.0.0.0/8, host names, *.example.org (names below it) or all, separated by commas, ' +
      'without scheme and port',
    range: '',
  };
}

/** An entry as it is compared; null: it is none. */
function targetOf(entry: string): string | null {
  const text = entry.toLowerCase();
  if (text === 'all') return text;
  const [address = '', prefix, ...rest] = text.split('/');
  if (isIP(address) !== 0 && rest.length === 0) {
    const longest = isIPv6(address) ? 128 : 32;
    if (address.includes('%')) return null;
    return prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= longest) ? text : null;
  }
  const suffix = text.startsWith('*.') ? '*.' : '';
  const name = hostName(text.slice(suffix.length));
  return name === null ? null : `${suffix}${name}`;
}

/** A host name as URLs have it; null: it is none. */
function hostName(text: string): string | null {
  const bare = text.replace(/\.$/, '');
  if (bare === '' || /[\s/?#@:[\]*%]/.test(bare) || !URL.canParse(`http://${bare}/`)) return null;
  const { hostname } = new URL(`http://${bare}/`);
  // Such as 0x7f.1: an address after all, though not spelled like one.
  return isIP(hostname) === 0 ? hostname : null;
}
