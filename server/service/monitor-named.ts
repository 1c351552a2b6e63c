import { Code } from '@connectrpc/connect';
import type { Monitor } from '../engine/domain/monitor.ts';
import type { Store } from '../store/store.ts';
import { callError, quoteInput } from './call-error.ts';

/** @throws ConnectError NOT_FOUND when there is no monitor of this name. */
export async function monitorNamed(store: Pick<Store, 'load'>, name: string): Promise<Monitor> {
  const [loaded] = await store.load([{ name }]);
  if (loaded?.monitor) return loaded.monitor;
  throw callError({
    code: Code.NotFound,
    message: `name: no monitor is called ${quoteInput(name)}`,
    field: 'name',
  });
}
