import { channelTable, hasTrouble } from './channel-table.ts';
import { howToPing } from './how-to-ping.ts';
import { type Html, html } from './html.ts';
import { monitorTable } from './monitor-table.ts';
import { pageShell } from './page-shell.ts';
import type { PageMonitor, PageView } from './page-view.ts';
import { roughly } from './time-text.ts';

/** The start page as a whole HTML document: what this is, how to ping, the monitors and their state. */
export function renderPage(view: PageView): string {
  const { monitors } = view;
  const down = monitors.filter(({ status }) => status === 'down').length;
  const body = html`<header>
<h1>Tocsin</h1>
<p>A heartbeat monitor: your jobs ping it, and it rings when one fails or goes quiet.
${whereAlertsGo(view)}</p>
</header>
<main>
${alertTrouble(view)}${monitorSection(view)}
${channelSection(view)}
<h2>How to ping</h2>
${howToPing(view)}
</main>`;
  return pageShell({
    title: `${down > 0 ? `(${down} down) ` : ''}Tocsin`,
    alarm: down > 0,
    nowMs: view.nowMs,
    refreshS: 10,
    body,
  });
}

function whereAlertsGo({ alertTarget, routes, channels }: PageView): string {
  const toLog = alertTarget === 'log';
  if (routes === 0 && channels.length < 2) {
    return toLog ? 'Alerts go to the log, because PING_ALERT_URI is not set.' : 'Alerts go to PING_ALERT_URI.';
  }
  const who = routes === 0 ? 'No route sends' : routes === 1 ? '1 route sends' : `${routes} routes send`;
  const target = toLog ? 'the log, because PING_ALERT_URI is not set' : 'PING_ALERT_URI';
  return `${who} alerts to channels${routes === 0 ? ' yet' : ''}. The default channel is ${target}.`;
}

/** Says that people do not hear of what is down; nothing while all is well. */
function alertTrouble({ failingAlerts, nowMs }: PageView): Html {
  if (failingAlerts === null) return html``;
  const { count, oldestMs, error } = failingAlerts;
  const age = roughly(Math.max(0, nowMs - oldestMs));
  const who =
    count === 1
      ? `1 alert could not be delivered yet, for ${age}`
      : `${count} alerts could not be delivered yet, the oldest for ${age}`;
  return html`<p class="note trouble">${who}: ${error}</p>
`;
}

function monitorSection({ monitors, more, nowMs }: PageView): Html {
  if (monitors.length === 0) {
    return html`<h2>Monitors</h2>
<p class="note">There are none yet. The first ping of a name creates its monitor: copy a line from below, and it
shows up here.</p>`;
  }
  const note = html`<p class="note">There are more: only these ${monitors.length} are shown and counted, those that are down before all
others. <code>GET /monitors</code> lists every one, a page at a time.</p>
`;
  return html`<h2>Monitors</h2>
${counts(monitors)}
${more ? note : ''}${monitorTable(monitors, nowMs)}`;
}

/** One that is all there is and does its work is not worth a table: the header says where alerts go. */
function channelSection({ channels, nowMs }: PageView): Html {
  if (channels.length < 2 && !channels.some(hasTrouble)) return html``;
  return html`<h2>Channels</h2>
${channelTable(channels, nowMs)}`;
}

/** "3 down · 1 late · 120 up", without what there is none of. */
function counts(monitors: readonly PageMonitor[]): Html {
  const pieces = (['down', 'late', 'up', 'new', 'paused'] as const).flatMap((status) => {
    const count = monitors.filter((monitor) => monitor.status === status).length;
    return count === 0 ? [] : [html`<span class="status ${status}">${count} ${status}</span>`];
  });
  const joined = pieces.flatMap((piece, index) =>
    index === 0 ? [piece] : [html` <span class="sep">·</span> `, piece],
  );
  return html`<p class="counts">${joined}</p>`;
}
