import t from 'tap';
import type { Notice } from '../../../server/engine/domain/notice.ts';
import { LogNotifier } from '../../../server/notify/log/log-notifier.ts';
import { downNotice } from '../notifier-contract.ts';

const down = downNotice(1_800_000_000_000, { name: 'backup' });

type Line = { level: 'info' | 'warn'; details: { alert: Record<string, unknown> }; message: string };

async function linesOf(...notices: [Notice, ...Notice[]]): Promise<Line[]> {
  const lines: Line[] = [];
  const write = (level: Line['level']) => (details: object, message: string) =>
    lines.push({ level, details: details as Line['details'], message });
  const notifier = new LogNotifier({ logger: { info: write('info'), warn: write('warn') } });
  const verdict = await notifier.send({ id: 'msg_1', notices, attempt: 1, endedDigests: [] });
  t.match(verdict, { kind: 'ok', detail: 'written to the log' });
  return lines;
}

t.test('a notice is a line; what is not well is a warning', async (t) => {
  const up: Notice = { ...down, type: 'up', recoveredMs: down.atMs + 1 };
  const levels = [down, { ...down, type: 'flapping' as const, flaps: 5 }, { ...up, merged: true }, up].map(
    async (notice) => (await linesOf(notice)).map(({ level }) => level),
  );
  t.same(await Promise.all(levels), [['warn'], ['warn'], ['warn'], ['info']]);
  t.match(await linesOf(down), [
    { details: { alert: { id: 'msg_1', type: 'down', name: 'backup' } }, message: /backup/ },
  ]);
});

t.test('a digest is one line, however much it tells', async (t) => {
  const downs = Array.from({ length: 10_000 }, (_, index) => ({ ...down, name: `job-${index}` }));
  const lines = await linesOf(...(downs as [Notice, ...Notice[]]));
  t.match(lines, [{ level: 'warn', details: { alert: { id: 'msg_1', monitors: 10_000 } }, message: /10,000/ }]);
  t.match(lines[0]!.details.alert.names, ['job-0', 'job-1']);
  t.equal((lines[0]!.details.alert.names as string[]).length, 100);
  t.ok(lines[0]!.message.length < 20_000);
});

t.test('a log that cannot be written is tried again', async (t) => {
  const broken = () => {
    throw new Error('disk full');
  };
  const notifier = new LogNotifier({ logger: { info: broken, warn: broken } });
  const verdict = await notifier.send({ id: 'msg_1', notices: [down], attempt: 1, endedDigests: [] });
  t.match(verdict, { kind: 'retryable', reason: 'internal' });
});
