const DELAY_MS_MIN = 1_000;
const DELAY_MS_MAX = 60_000;

/**
 * How long to wait after the `failures`-th failure in a row (from 1): evenly drawn between 1 s and a ceiling that doubles
 * from 2 s up to 60 s, so that many clients of one server that comes back do not arrive together.
 *
 * @param draw 0 to 1, the random number to use.
 */
export function backOffMs(failures: number, draw: number): number {
  const ceilingMs = Math.min(DELAY_MS_MAX, DELAY_MS_MIN * 2 ** Math.min(failures, 10));
  return DELAY_MS_MIN + share(draw) * (ceilingMs - DELAY_MS_MIN);
}

/** 30 to 60 s: for what only a person can mend. */
export function slowBackOffMs(draw: number): number {
  return DELAY_MS_MAX * (0.5 + 0.5 * share(draw));
}

/** A random source that was handed in may be anything. */
function share(draw: number): number {
  return draw >= 0 && draw <= 1 ? draw : 0.5;
}
