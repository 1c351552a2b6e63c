import { type Html, html } from './html.ts';
import type { ViewDay } from './monitor-view.ts';
import { roughly } from './time-text.ts';

/** The days as a row of bars, oldest first; each says how it was spent to whoever points at it or has it read out. */
export function dayStrip(days: readonly ViewDay[]): Html {
  return html`<ol class="days">
${days.map(
  (day) => html`<li class="${kindOf(day)}" title="${titleOf(day)}"><span class="away">${titleOf(day)}</span></li>
`,
)}</ol>
<p class="days-ends"><span>${days[0]?.date ?? ''}</span><span>today</span></p>
<p class="legend"><span class="bar up"></span> up <span class="bar some"></span> partly down <span class="bar down"></span> down most of the day
<span class="bar unknown"></span> Tocsin was not listening <span class="bar none"></span> not watched</p>`;
}

function kindOf({ upMs, downMs, unknownMs }: ViewDay): string {
  if (downMs > upMs) return 'down';
  if (downMs > 0) return 'some';
  if (upMs > 0) return 'up';
  return unknownMs > 0 ? 'unknown' : 'none';
}

function titleOf({ date, upMs, downMs, unknownMs, beats, failures }: ViewDay): string {
  const parts = [
    upMs + downMs > 0 ? `${percent(upMs / (upMs + downMs))} up` : 'not watched',
    ...(downMs > 0 ? [`down for ${roughly(downMs)}`] : []),
    ...(unknownMs > 0 ? [`unknown for ${roughly(unknownMs)}`] : []),
    `${beats} ${beats === 1 ? 'beat' : 'beats'}`,
    ...(failures > 0 ? [`${failures} failed`] : []),
  ];
  return `${date}: ${parts.join(', ')}`;
}

/** Rounded down, so that 100 % means that nothing was missing. */
export function percent(ratio: number): string {
  const hundredths = Math.floor(ratio * 10_000) / 100;
  return `${hundredths} %`;
}
