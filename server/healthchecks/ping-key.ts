import { hash, timingSafeEqual } from 'node:crypto';

/**
 * Makes the check of ping keys: only `expected` passes, compared in constant time. Without one, `isOpen` decides for all:
 * a server that needs no token needs no ping key.
 */
export function pingKeyCheck(expected: string | null, { isOpen }: { isOpen: boolean }): (given: string) => boolean {
  if (expected === null) return () => isOpen;
  const digest = hash('sha256', expected, 'buffer');
  return (given) => timingSafeEqual(hash('sha256', given, 'buffer'), digest);
}
