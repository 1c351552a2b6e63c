import { Html, html } from './html.ts';
import { pageStyle } from './page-style.ts';

/** A whole HTML document that asks for itself anew after `refreshS` seconds. `alarm`: something is down. */
export function pageShell(page: {
  title: string;
  alarm: boolean;
  nowMs: number;
  refreshS: number;
  body: Html;
}): string {
  const { title, alarm, nowMs, refreshS, body } = page;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="refresh" content="${refreshS}">
<title>${title}</title>
<link rel="icon" href="${icon(alarm)}">
<style>${new Html(pageStyle)}</style>
</head>
<body>
${body}
<footer>Times are as of ${new Date(nowMs).toISOString().slice(0, 19).replace('T', ' ')} UTC; the page refreshes every ${refreshS} seconds.</footer>
</body>
</html>
`.text;
}

/** A bell as a data URL, red while something is down. */
function icon(alarm: boolean): string {
  const colour = alarm ? '#d93025' : '#17803d';
  const bell =
    'M8 1a1 1 0 0 1 1 1v.6A4.5 4.5 0 0 1 12.500 7v3l1.500 2v1H2v-1l1.500-2V7A4.500 4.500 0 0 1 7 2.600V2a1 1 0 0 1 1-1zM6 14h4a2 2 0 0 1-4 0z';
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16"><path fill="${colour}" d="${bell}"/></svg>`;
  return `data:image/svg+xml,${encodeURIComponent(svg)}`;
}
