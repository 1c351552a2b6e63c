import addressparser from 'nodemailer/lib/addressparser';

/** A mailbox: `name` may be ''. */
export type EmailAddress = { name: string; address: string };

const domainMaxLength = 253;
const localMaxLength = 64;

/** Reads one address, also as "Name <name@example.org>"; null when it is not one. */
export function parseEmailAddress(text: string): EmailAddress | null {
  // What would end a header, or begin another address.
  if (/\p{Cc}/u.test(text)) return null;
  const [parsed, ...others] = addressparser(text);
  if (parsed === undefined || others.length > 0 || parsed.group !== undefined) return null;
  const { name, address } = parsed;
  // The parser takes "a b@example.org" for a name and an address: it is rather a mistake.
  if (name !== '' && !text.includes('<')) return null;
  return isMailbox(address) ? { name, address } : null;
}

/** The domain of an address that `parseEmailAddress` read. */
export function domainOf({ address }: EmailAddress): string {
  return address.slice(address.lastIndexOf('@') + 1);
}

/** Without the quoted local parts that RFC 5322 allows: hardly any server takes them. */
function isMailbox(address: string): boolean {
  const [local = '', domain = '', ...more] = address.split('@');
  if (more.length > 0 || local.length > localMaxLength || domain.length > domainMaxLength) return false;
  const isLocal = /^[^\s\p{C}"(),:;<>[\\\]@.]+(\.[^\s\p{C}"(),:;<>[\\\]@.]+)*$/u.test(local);
  const isDomain = /^[\p{L}\p{N}]([\p{L}\p{N}-]*[\p{L}\p{N}])?(\.[\p{L}\p{N}]([\p{L}\p{N}-]*[\p{L}\p{N}])?)*$/u.test(
    domain,
  );
  return isLocal && isDomain;
}
