import t from 'tap';
import { ManagedMonitors, type ManagedMonitorsOptions } from '../server/managed-monitors.ts';

t.test('what fails in the middle is told as such, not as a change that did not happen', async (t) => {
  const lines: [details: object, message: string][] = [];
  const monitors = new ManagedMonitors({
    path: 'monitors.yaml',
    engine: { remove: async () => Promise.reject(new Error('the engine broke')) },
    logger: { info: () => t.fail('nothing went well'), error: (...line: [object, string]) => lines.push(line) },
  } as unknown as ManagedMonitorsOptions);
  await monitors.apply({ items: [], removed: ['a', 'b'] });
  t.strictSame(lines, [[{ path: 'monitors.yaml', problems: ['Error: the engine broke'] }, 'monitors not all applied']]);
});
