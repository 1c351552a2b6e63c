import { decodePercent, decodeTarget } from '../transport/request-text.ts';

/** What a badge is about: one monitor, or all that have a tag. */
export type BadgeSubject = { kind: 'monitor' | 'tag'; name: string };

export type BadgeFormat = 'svg' | 'json' | 'shields';

export type BadgeUrl = {
  subject: BadgeSubject;
  format: BadgeFormat;
  /** '' when the URL has none. */
  signature: string;
};

const badgePath = /^\/badge\/(monitor|tag)\/(.+)\.(svg|json|shields)$/s;

/**
 * Reads `/badge/<monitor or tag>/<name>.<format>?sig=<signature>`, a request target; null when it is none. The name is
 * percent-encoded, and everything up to the last dot: it may hold slashes and dots.
 */
export function readBadgeUrl(target: string): BadgeUrl | null {
  const [path = '', ...query] = target.split('?');
  const bytes = decodeTarget(path);
  const found = bytes.ok ? badgePath.exec(bytes.text) : null;
  if (found === null) return null;
  const [, kind, encoded, format] = found as unknown as [string, BadgeSubject['kind'], string, BadgeFormat];
  const name = decodePercent(encoded, false);
  if (!name.ok) return null;
  const signature = new URLSearchParams(query.join('?')).get('sig') ?? '';
  return { subject: { kind, name: name.text }, format, signature };
}

/** The path and query that `readBadgeUrl` reads. */
export function writeBadgeUrl({ subject, format, signature }: BadgeUrl): string {
  return `/badge/${subject.kind}/${encodeURIComponent(subject.name)}.${format}?sig=${signature}`;
}
