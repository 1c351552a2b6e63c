import type { MaintenanceWindow } from './maintenance.ts';
import type { NextOccurrence } from './schedule.ts';
import type { Span } from './spent-time.ts';

/** Recurrences looked at per window; one a minute is done with some days. */
const recurrencesMax = 10_000;

/** All times of maintenance that reach into a span. They may overlap, and reach beyond it. */
export function maintenanceSpans(
  windows: readonly MaintenanceWindow[],
  span: Span,
  nextOccurrence: NextOccurrence,
): Span[] {
  const spans: Span[] = [];
  for (const window of windows) {
    if (window.kind === 'once') {
      if (window.fromMs < span.toMs && window.toMs > span.fromMs)
        spans.push({ fromMs: window.fromMs, toMs: window.toMs });
      continue;
    }
    const { cron, durationMs } = window;
    let fromMs = nextOccurrence(cron, span.fromMs - durationMs);
    for (let n = 0; fromMs !== null && fromMs < span.toMs && n < recurrencesMax; n++) {
      spans.push({ fromMs, toMs: fromMs + durationMs });
      fromMs = nextOccurrence(cron, fromMs);
    }
  }
  return spans;
}
