import { formatDuration } from '../engine/domain/duration.ts';
import { type Html, html } from './html.ts';
import type { PageMonitor } from './page-view.ts';
import { timeText } from './time-text.ts';

/** What needs a look comes first, then by name. */
const rank = { down: 0, late: 1, new: 2, up: 2, paused: 3 };

/** The table of monitors. The roles keep it a table for screen readers where the style makes it a list of cards. */
export function monitorTable(monitors: readonly PageMonitor[], nowMs: number): Html {
  const sorted = [...monitors].sort(
    (a, b) => rank[a.status] - rank[b.status] || (a.name < b.name ? -1 : Number(a.name > b.name)),
  );
  return html`<table role="table">
<caption class="away">Monitors and their state</caption>
<thead role="rowgroup"><tr role="row">
<th role="columnheader" scope="col">Status</th><th role="columnheader" scope="col">Monitor</th>
<th role="columnheader" scope="col">Last beat</th><th role="columnheader" scope="col">Next beat due</th>
<th role="columnheader" scope="col">Deadline</th><th role="columnheader" scope="col">Every</th>
<th role="columnheader" scope="col">Grace</th>
</tr></thead>
<tbody role="rowgroup">
${sorted.map((monitor) => row(monitor, nowMs))}</tbody>
</table>`;
}

function row(monitor: PageMonitor, nowMs: number): Html {
  const { name, status, lastBeatMs, dueMs, schedule, graceMs } = monitor;
  return html`<tr role="row" class="${status}">
<td role="cell"><span class="status ${status}">${status}</span></td>
<th role="rowheader" scope="row"><a href="/view?name=${encodeURIComponent(name)}"><bdi>${name}</bdi></a></th>
<td role="cell" data-label="Last beat">${time(lastBeatMs, nowMs)}</td>
<td role="cell" data-label="Next beat due">${time(status === 'down' ? null : dueMs, nowMs)}</td>
<td role="cell" data-label="Deadline">${deadline(monitor, nowMs)}</td>
<td role="cell" data-label="Every">${schedule}</td>
<td role="cell" data-label="Grace">${formatDuration(graceMs)}</td>
</tr>
`;
}

function deadline({ status, incident, heldUntilMs, deadlineMs }: PageMonitor, nowMs: number): Html {
  if (incident) {
    return html`down since ${timeText(incident.startedMs, nowMs)}: ${incident.cause}`;
  }
  if (status === 'late' && heldUntilMs !== null)
    return html`held until ${timeText(heldUntilMs, nowMs)}: the server was not listening`;
  return time(deadlineMs, nowMs);
}

function time(atMs: number | null, nowMs: number): Html {
  return atMs === null ? html`<span class="none">–</span>` : timeText(atMs, nowMs);
}
