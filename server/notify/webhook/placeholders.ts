import { alertText, latestOfEach } from '../alert-text.ts';
import type { Attempt } from '../notifier.ts';
import type { TemplateValue, TemplateValues } from './template.ts';
import { seconds } from './webhook-payload.ts';

const namesMax = 20;
const tagsMax = 50;

type Name = (typeof placeholderNames)[number];
type Values = Readonly<Record<Name, TemplateValue>>;

/** Every placeholder, in the order of the documentation. */
export const placeholderNames = [
  'name',
  'status',
  'severity',
  'title',
  'text',
  'incident_id',
  'reason',
  'message',
  'exit_code',
  'tags',
  'down_since',
  'recovered_at',
  'last_ping',
  'due_at',
  'deadline',
  'repeat',
  'count',
  'timestamp',
  'id',
] as const;

/** What the placeholders stand for in one delivery. Times are whole Unix seconds, `timestamp` is ISO 8601. */
export function placeholderValues({ id, notices }: Attempt): TemplateValues {
  const { title, text, status, severity } = alertText(notices);
  const latest = latestOfEach(notices);
  const newestMs = latest.reduce((ms, { atMs }) => Math.max(ms, atMs), 0);
  const common = { id, title, text, severity, count: latest.length, timestamp: new Date(newestMs).toISOString() };
  const [notice] = latest;
  if (notice !== undefined && latest.length === 1) {
    return {
      ...common,
      name: notice.name,
      status: notice.type,
      incident_id: notice.incidentId,
      reason: notice.reason,
      message: notice.message,
      exit_code: notice.exitCode,
      tags: notice.tags,
      down_since: seconds(notice.downSinceMs),
      recovered_at: seconds(notice.recoveredMs),
      last_ping: seconds(notice.lastBeatMs),
      due_at: seconds(notice.dueMs),
      deadline: seconds(notice.deadlineMs),
      repeat: notice.repeat,
    } satisfies Values;
  }
  const names = latest.slice(0, namesMax).map(({ name }) => name);
  const omitted = latest.length - names.length;
  return {
    ...common,
    name: `${names.join(', ')}${omitted === 0 ? '' : ` and ${omitted} more`}`,
    status: { firing: 'down', resolved: 'up', info: 'test' }[status],
    incident_id: id,
    reason: '',
    message: '',
    exit_code: null,
    tags: [...new Set(latest.flatMap(({ tags }) => tags))].slice(0, tagsMax),
    down_since: seconds(latest.reduce((ms, { downSinceMs }) => Math.min(ms, downSinceMs), newestMs)),
    recovered_at: null,
    last_ping: null,
    due_at: null,
    deadline: null,
    repeat: 0,
  } satisfies Values;
}

/** Values to try a template with: as awkward as values can be, and as empty. */
export const sampleValues: readonly TemplateValues[] = [
  sample({ text: 'a "b" \\ {c}\r\n\t\u0000 <d> & ü \u{1f514}', number: 1_773_457_860, list: ['a', '"b"'] }),
  sample({ text: '', number: null, list: [] }),
];

function sample({ text, number, list }: { text: string; number: number | null; list: readonly string[] }): Values {
  return {
    name: text,
    status: 'down',
    severity: 'critical',
    title: text,
    text,
    incident_id: text,
    reason: text,
    message: text,
    exit_code: number,
    tags: list,
    down_since: 0,
    recovered_at: number,
    last_ping: number,
    due_at: number,
    deadline: number,
    repeat: 0,
    count: 1,
    timestamp: '2026-03-14T03:11:00.004Z',
    id: text,
  };
}
