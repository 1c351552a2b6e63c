import { type Html, html } from './html.ts';
import type { PageChannel } from './page-view.ts';
import { timeText } from './time-text.ts';

/** The table of channels: those with trouble first, then by name. */
export function channelTable(channels: readonly PageChannel[], nowMs: number): Html {
  const sorted = [...channels].sort(
    (a, b) => Number(hasTrouble(b)) - Number(hasTrouble(a)) || (a.name < b.name ? -1 : Number(a.name > b.name)),
  );
  return html`<table role="table">
<caption class="away">Channels and how they are doing</caption>
<thead role="rowgroup"><tr role="row">
<th role="columnheader" scope="col">Status</th><th role="columnheader" scope="col">Channel</th>
<th role="columnheader" scope="col">Kind</th><th role="columnheader" scope="col">Last sent</th>
<th role="columnheader" scope="col">Waiting</th><th role="columnheader" scope="col">Trouble</th>
</tr></thead>
<tbody role="rowgroup">
${sorted.map((channel) => row(channel, nowMs))}</tbody>
</table>`;
}

/** Whether alerts do not get out through it. */
export function hasTrouble({ failing, retryMs }: PageChannel): boolean {
  return failing > 0 || retryMs !== null;
}

function row(channel: PageChannel, nowMs: number): Html {
  const { name, kind, lastSentMs, pending } = channel;
  const trouble = hasTrouble(channel);
  const status = trouble ? html`<span class="status down">failing</span>` : plainStatus(channel);
  return html`<tr role="row"${trouble ? html` class="down"` : html``}>
<td role="cell">${status}</td>
<th role="rowheader" scope="row">${name}</th>
<td role="cell" data-label="Kind">${kind}</td>
<td role="cell" data-label="Last sent">${lastSentMs === null ? html`<span class="none">–</span>` : timeText(lastSentMs, nowMs)}</td>
<td role="cell" data-label="Waiting">${pending}</td>
<td role="cell" data-label="Trouble">${trouble ? troubleOf(channel, nowMs) : html`<span class="none">–</span>`}</td>
</tr>
`;
}

function plainStatus({ lastSentMs }: PageChannel): Html {
  return lastSentMs === null
    ? html`<span class="status new">nothing sent since the start</span>`
    : html`<span class="status up">works</span>`;
}

function troubleOf({ lastError, retryMs }: PageChannel, nowMs: number): Html {
  // The error's class is for machines: "network: connection refused".
  const error = lastError.replace(/^[a-z_]+: /, '');
  return retryMs === null ? html`${error}` : html`${error}; tried again ${timeText(retryMs, nowMs)}`;
}
