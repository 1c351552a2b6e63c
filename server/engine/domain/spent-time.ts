/** A span of time, Unix ms, `toMs` not included. */
export type Span = { fromMs: number; toMs: number };

/** How a span of a monitor was spent, ms. They add up to the span. */
export type SpentTime = {
  upMs: number;
  downMs: number;
  /** The server itself was not listening. */
  unknownMs: number;
  /** Nothing was expected of it: before its first beat, paused, in maintenance. */
  excludedMs: number;
};

/** What decides how a monitor's time was spent. Spans may overlap, and reach beyond what is asked for. */
export type SpentTimeFacts = {
  /** From then on it counts; null: it does not yet. */
  firstBeatMs: number | null;
  incidents: readonly Span[];
  pauses: readonly Span[];
  maintenance: readonly Span[];
  blinds: readonly Span[];
};

export const dayMs = 86_400_000;

/** The UTC day that a time is in, counted from 1970-01-01. */
export function dayOf(atMs: number): number {
  return Math.floor(atMs / dayMs);
}

/**
 * How the time of `span` was spent: what is excluded counts for nothing else, then what is unknown, then what is down; the
 * rest is up.
 */
export function spentTime(span: Span, facts: SpentTimeFacts): SpentTime {
  const wholeMs = Math.max(0, span.toMs - span.fromMs);
  const countsFromMs = facts.firstBeatMs ?? span.toMs;
  if (countsFromMs <= span.fromMs && areNone(facts)) return { upMs: wholeMs, downMs: 0, unknownMs: 0, excludedMs: 0 };
  const beforeFirst = { fromMs: span.fromMs, toMs: countsFromMs };
  const excluded = union([beforeFirst, ...facts.pauses, ...facts.maintenance], span);
  const excludedMs = lengthOf(excluded);
  const notJudgedMs = lengthOf(union([...excluded, ...facts.blinds], span));
  if (facts.incidents.length === 0) {
    return { upMs: wholeMs - notJudgedMs, downMs: 0, unknownMs: notJudgedMs - excludedMs, excludedMs };
  }
  const notUpMs = lengthOf(union([...excluded, ...facts.blinds, ...facts.incidents], span));
  return {
    upMs: wholeMs - notUpMs,
    downMs: notUpMs - notJudgedMs,
    unknownMs: notJudgedMs - excludedMs,
    excludedMs,
  };
}

/** As of nearly all monitors, nearly always. */
function areNone({ incidents, pauses, maintenance, blinds }: SpentTimeFacts): boolean {
  return incidents.length + pauses.length + maintenance.length + blinds.length === 0;
}

/** The parts of `within` that any of the spans covers: apart from each other, in order. */
function union(spans: readonly Span[], within: Span): Span[] {
  const parts: Span[] = [];
  for (const { fromMs, toMs } of spans) {
    const part = { fromMs: Math.max(fromMs, within.fromMs), toMs: Math.min(toMs, within.toMs) };
    if (part.fromMs < part.toMs) parts.push(part);
  }
  if (parts.length < 2) return parts;
  parts.sort((a, b) => a.fromMs - b.fromMs);
  const united: Span[] = [];
  for (const part of parts) {
    const last = united.at(-1);
    if (last && part.fromMs <= last.toMs) last.toMs = Math.max(last.toMs, part.toMs);
    else united.push(part);
  }
  return united;
}

function lengthOf(apart: readonly Span[]): number {
  return apart.reduce((sum, { fromMs, toMs }) => sum + toMs - fromMs, 0);
}
