import { type Html, html } from './html.ts';

const units = [
  { ms: 86_400_000, from: 2 * 86_400_000, name: 'd' },
  { ms: 3_600_000, from: 2 * 3_600_000, name: 'h' },
  { ms: 60_000, from: 2 * 60_000, name: 'min' },
] as const;

/** A moment as people say it, "4 min ago" or "in 3 h", with the exact time for whoever points at it. */
export function timeText(atMs: number, nowMs: number): Html {
  const exact = new Date(atMs).toISOString();
  return html`<time datetime="${exact}" title="${exact.slice(0, 19).replace('T', ' ')} UTC">${relative(atMs - nowMs)}</time>`;
}

/** Rounds towards now, so that what is "in 4 min" is not over after three. */
function relative(deltaMs: number): string {
  const distance = roughly(Math.abs(deltaMs));
  if (distance === '0 s') return 'now';
  return deltaMs < 0 ? `${distance} ago` : `in ${distance}`;
}

/** A span of time in its largest fitting unit, rounded down: "75 s", "4 min". */
export function roughly(ms: number): string {
  const unit = units.find(({ from }) => ms >= from);
  return unit ? `${Math.floor(ms / unit.ms)} ${unit.name}` : `${Math.floor(ms / 1000)} s`;
}
