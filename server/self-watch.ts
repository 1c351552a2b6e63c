import type { EngineHealth } from './engine/engine-options.ts';

/** Stamps are a second apart; this is a few of them missed, ms. */
const stampMaxMs = 10_000;

/** A part of the server that does not get on, and what is wrong in plain words. */
export type Stuck = { part: 'store' | 'engine' | 'alerts'; problem: string };

/** Which part keeps alerts from being raised and sent; null: none. That receivers fail is no such part. */
export function stuckPart({ engine, outbox }: SelfWatched): Stuck | null {
  const { storeError, unstampedMs } = engine.health();
  if (storeError !== '') return { part: 'store', problem: storeError };
  if (unstampedMs >= stampMaxMs) return { part: 'engine', problem: 'monitors are not watched' };
  const problem = outbox.problem();
  return problem === '' ? null : { part: 'alerts', problem };
}

export type SelfWatched = {
  engine: { health(): EngineHealth };
  outbox: { problem(): string };
};
