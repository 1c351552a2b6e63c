/** Where something stands in a document, both from 1. */
export type Place = { line: number; column: number };

/** Something that is wrong with a document. */
export type DocumentProblem = {
  /** Null: nowhere in particular. */
  place: Place | null;
  /** The monitor that it is about; '' when it is none in particular. */
  name: string;
  /** The field that is wrong, by its proto name, such as "tags[1]"; '' when it is none in particular. */
  field: string;
  /** What is wrong, and what is valid; begins with the field. */
  message: string;
};

/** One monitor of a document. */
export type DocumentItem = {
  place: Place;
  /** '' when it has none. */
  name: string;
  /** Its fields by their proto names, as ProtoJSON; only those whose type is right. */
  fields: Record<string, FieldValue>;
  /** Where each field stands. */
  places: Record<string, Place>;
  /** What is wrong with it so far: unknown fields, wrong types, a name that came before. */
  problems: DocumentProblem[];
};

export type FieldValue = string | number | string[] | Record<string, string>[];

/** `text` and `time` are one string, `texts` are strings, `windows` are objects. */
export type FieldKind = 'text' | 'time' | 'count' | 'texts' | 'windows';

/** What people may set of a monitor, by its name in the contract and in the order in which it is written. */
export const monitorFields: Readonly<Record<string, FieldKind>> = {
  name: 'text',
  description: 'text',
  frequency: 'text',
  cron: 'text',
  time_zone: 'text',
  grace: 'text',
  max_run: 'text',
  min_run: 'text',
  min_interval: 'text',
  failures_to_alert: 'count',
  beats_to_recover: 'count',
  tags: 'texts',
  channels: 'texts',
  depends_on: 'texts',
  maintenance: 'windows',
  severity: 'text',
  ping_id: 'text',
};

/** The same of a maintenance window. */
export const windowFields: Readonly<Record<string, FieldKind>> = {
  start: 'time',
  end: 'time',
  cron: 'text',
  duration: 'text',
  time_zone: 'text',
};

/** Monitors in one document. */
export const documentItemsMax = 100_000;
/** Those that may be wrong in themselves: a document with more is refused as a whole. */
export const wrongItemsMax = 1_000;
const wrongItemsTold = 5;
/** A name that is no name may be as long as the document. */
const nameShownBytes = 256;

/** What is said of a document with more than `wrongItemsMax` wrong monitors, of which these are some. */
export function tooManyWrong(problems: readonly DocumentProblem[]): DocumentProblem {
  const told = problems.slice(0, wrongItemsTold).map(problemText).join('; ');
  const message = `more than ${wrongItemsMax} monitors are wrong: ${told}; and more`;
  return { place: null, name: '', field: '', message };
}

/** A problem as one line for people: `line 3, column 5, monitor "a": grace: must be …`. */
export function problemText({ place, name, message }: DocumentProblem): string {
  const where = place === null ? [] : [`line ${place.line}, column ${place.column}`];
  const whose = name === '' ? [] : [`monitor ${JSON.stringify(shownName(name))}`];
  const before = [...where, ...whose].join(', ');
  return before === '' ? message : `${before}: ${message}`;
}

/** A name as answers and the log repeat it: its first 256 bytes of UTF-8, cut between characters. */
export function shownName(name: string): string {
  const { read } = new TextEncoder().encodeInto(name, new Uint8Array(nameShownBytes));
  return name.slice(0, read);
}
