import { dayStrip, percent } from './day-strip.ts';
import { type Html, html } from './html.ts';
import type { MonitorView, ViewAlert, ViewBeat, ViewFact, ViewIncident } from './monitor-view.ts';
import { pageShell } from './page-shell.ts';
import { roughly, timeText } from './time-text.ts';

/** The page of one monitor as a whole HTML document: its state, its last days, its incidents and its beats. */
export function renderMonitor(view: MonitorView): string {
  const { name, status, description, tags, remark, nowMs } = view;
  const body = html`<header>
<p class="back"><a href="/">All monitors</a></p>
<h1><bdi class="name">${name}</bdi> <span class="status ${status}">${status}</span></h1>
${description === '' ? '' : html`<p>${description}</p>`}
${tags.length === 0 ? '' : html`<p>${tags.map((tag) => html`<span class="tag">${tag}</span> `)}</p>`}
</header>
<main>
${remark === '' ? '' : html`<p class="note">${remark}</p>`}
<dl class="facts">
${view.facts.map((fact) => factItem(fact, nowMs))}</dl>
${view.alert === null ? '' : alertSection(view.alert, nowMs)}<h2>Last ${view.days.length} days</h2>
<p class="uptimes">${view.uptimes.map(
    ({ days, ratio }) =>
      html`<span><strong>${ratio === null ? '–' : percent(ratio)}</strong> up in ${days} days</span> `,
  )}</p>
${dayStrip(view.days)}
${runSection(view)}${incidentSection(view.incidents, nowMs)}${beatSection(view.beats, nowMs)}</main>`;
  return pageShell({ title: `${status}: ${name}, Tocsin`, alarm: status === 'down', nowMs, refreshS: 30, body });
}

function factItem({ label, value }: ViewFact, nowMs: number): Html {
  return html`<div><dt>${label}</dt><dd>${'atMs' in value ? timeText(value.atMs, nowMs) : value.text}</dd></div>
`;
}

function alertSection({ state, told, nextMs, acknowledged }: ViewAlert, nowMs: number): Html {
  const items = told.map(({ channel, atMs, reminders, pending }) => {
    if (pending && reminders === 0) {
      return html`<li><code>${channel}</code>: not delivered yet, made ${timeText(atMs, nowMs)}</li>
`;
    }
    const late = pending ? '; not all of it is delivered yet' : '';
    const reminded =
      reminders === 0 ? '' : reminders === 1 ? ', and reminded once' : `, and reminded ${reminders} times`;
    return html`<li><code>${channel}</code> was told ${timeText(atMs, nowMs)}${reminded}${late}</li>
`;
  });
  const { by = '', note = '' } = acknowledged ?? {};
  const said = note === '' ? '' : `: ${note}`;
  const caring = acknowledged
    ? html`<li>Acknowledged${by === '' ? '' : ` by ${by}`} ${timeText(acknowledged.atMs, nowMs)}${said}</li>
`
    : '';
  const next =
    nextMs === null
      ? ''
      : html`<li>Next: ${timeText(nextMs, nowMs)}</li>
`;
  return html`<h2>Alert</h2>
<p class="note">${state}</p>
<ul>
${caring}${items}${next}</ul>
`;
}

function runSection({ runs, nowMs }: MonitorView): Html {
  if (runs.length === 0) return html``;
  const items = runs.map(({ id, startedMs, limitMs }) => {
    const limit = limitMs === null ? html`` : html`, must end ${timeText(limitMs, nowMs)}`;
    return html`<li>${id === '' ? 'a run without an id' : html`<code>${id}</code>`}, begun ${timeText(startedMs, nowMs)}${limit}</li>
`;
  });
  return html`<h2>Running now</h2>
<ul>
${items}</ul>
`;
}

function incidentSection(incidents: readonly ViewIncident[], nowMs: number): Html {
  if (incidents.length === 0)
    return html`<h2>Incidents</h2>
<p class="note">There has been none.</p>
`;
  return html`<h2>Incidents</h2>
<table role="table">
<thead role="rowgroup"><tr role="row"><th role="columnheader" scope="col">Began</th>
<th role="columnheader" scope="col">Lasted</th><th role="columnheader" scope="col">Cause</th></tr></thead>
<tbody role="rowgroup">
${incidents.map(({ startedMs, endedMs, cause, heldBy }) => {
  const held = heldBy === '' ? '' : `; the alert waited for ${heldBy}`;
  const lasted =
    endedMs === null
      ? html`<span class="status down">${roughly(Math.max(0, nowMs - startedMs))} so far</span>`
      : roughly(endedMs - startedMs);
  return html`<tr role="row"><td role="cell" data-label="Began">${timeText(startedMs, nowMs)}</td>
<td role="cell" data-label="Lasted">${lasted}</td><td role="cell" data-label="Cause" class="wrap">${cause}${held}</td></tr>
`;
})}</tbody>
</table>
`;
}

function beatSection(beats: readonly ViewBeat[], nowMs: number): Html {
  if (beats.length === 0)
    return html`<h2>Beats</h2>
<p class="note">None is kept.</p>
`;
  return html`<h2>Beats</h2>
<table role="table">
<thead role="rowgroup"><tr role="row"><th role="columnheader" scope="col">When</th>
<th role="columnheader" scope="col">Status</th><th role="columnheader" scope="col">Took</th>
<th role="columnheader" scope="col">Said</th><th role="columnheader" scope="col">From</th></tr></thead>
<tbody role="rowgroup">
${beats.map((beat) => beatRow(beat, nowMs))}</tbody>
</table>
`;
}

/** A cell without it would let its label, on a phone, lie over the next one. */
const none = html`<span class="none">–</span>`;

function beatRow(
  { atMs, status, durationMs, exitCode, run, message, body, address, userAgent }: ViewBeat,
  nowMs: number,
): Html {
  const kind = status === 'ok' ? 'up' : status === 'fail' ? 'down' : 'new';
  const code = exitCode === null ? '' : ` (exit code ${exitCode})`;
  const saysNothing = message === '' && body === '' && run === '';
  const more = body === '' ? '' : html`<details><summary>output</summary><pre>${body}</pre></details>`;
  return html`<tr role="row"><td role="cell" data-label="When">${timeText(atMs, nowMs)}</td>
<td role="cell" data-label="Status"><span class="status ${kind}">${status.replace('_', ' ')}</span>${code}</td>
<td role="cell" data-label="Took">${durationMs === null ? none : durationText(durationMs)}</td>
<td role="cell" data-label="Said" class="wrap">${saysNothing ? none : html`${message}${more}${run === '' ? '' : html` <span class="soft">run ${run}</span>`}`}</td>
<td role="cell" data-label="From" class="wrap soft">${address === '' && userAgent === '' ? none : `${address} ${userAgent}`}</td></tr>
`;
}

function durationText(ms: number): string {
  return ms < 1_000 ? `${Math.round(ms)} ms` : ms < 120_000 ? `${Math.round(ms / 100) / 10} s` : roughly(ms);
}
