import { type Alias, isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument, visit } from 'yaml';
import {
  type DocumentItem,
  type DocumentProblem,
  documentItemsMax,
  type FieldKind,
  type FieldValue,
  monitorFields,
  type Place,
  tooManyWrong,
  windowFields,
  wrongItemsMax,
} from './document-item.ts';

export type ReadDocument = { ok: true; items: DocumentItem[] } | { ok: false; problem: DocumentProblem };

/** Characters of all values, those behind aliases counted each time: so many per character of the text. */
const expansionMax = 20;
const expansionFree = 100_000;
/** Problems told of one monitor. */
const problemsMax = 20;

/**
 * Reads a document of monitors: YAML 1.2 (and so JSON), an object whose only field is `monitors`, a list of objects. What is
 * wrong with one monitor stands in its item, what is wrong with the document is the result; nothing of it is guessed at.
 * Aliases are followed, but not to more than `expansionMax` times the text.
 *
 * @param options.itemsMax More monitors are a problem, and so are more than `documentItemsMax`, or `wrongItemsMax` wrong ones.
 */
export function readDocument(text: string, options: { itemsMax: number }): ReadDocument {
  try {
    return { ok: true, items: new DocumentReading(text).items(options.itemsMax) };
  } catch (error) {
    if (error instanceof Unreadable) return { ok: false, problem: error.problem };
    // The parser, and `visit`, go one call deeper for each level.
    if (error instanceof RangeError) return { ok: false, problem: problemAt(null, tooDeep) };
    throw error;
  }
}

class Unreadable extends Error {
  readonly problem: DocumentProblem;

  constructor(problem: DocumentProblem) {
    super(problem.message);
    this.problem = problem;
  }
}

type Entry = { key: string; at: Place; value: Node | null };

class DocumentReading {
  readonly #lines = new LineCounter();
  readonly #root: Node | null;
  readonly #targets = new Map<Alias, Node>();
  #room: number;

  constructor(text: string) {
    const options = { lineCounter: this.#lines, prettyErrors: false, uniqueKeys: false } as const;
    const document = parseDocument(text, options);
    const [error] = [...document.errors, ...document.warnings];
    if (error) throw new Unreadable(problemAt(this.#placeOf(error.pos[0]), yamlMessage(error)));
    this.#root = document.contents;
    this.#room = expansionFree + expansionMax * text.length;
    const anchors = new Map<string, Node>();
    // An alias stands for the last node before it that has its anchor.
    visit(document, {
      Node: (_, node) => {
        if (isAlias(node)) {
          const target = anchors.get(node.source);
          if (target) this.#targets.set(node, target);
        } else if (node.anchor !== undefined) anchors.set(node.anchor, node);
      },
    });
  }

  items(itemsMax: number): DocumentItem[] {
    const root = this.#entries(this.#root);
    const shape = 'must be an object with one field, `monitors`, a list of monitors';
    if (!root) throw new Unreadable(problemAt(this.#at(this.#root), `the document ${shape}`));
    let list: Node | null | undefined;
    for (const { key, at, value } of root) {
      if (key !== 'monitors')
        throw new Unreadable(problemAt(at, `${quote(key)} is no field here: the document ${shape}`));
      if (list !== undefined) throw new Unreadable(problemAt(at, '`monitors` is there twice'));
      list = value;
    }
    // An empty file must not read as "no monitors": it may be one that was cut short.
    if (list === undefined) throw new Unreadable(problemAt(this.#at(this.#root), `the document ${shape}; [] for none`));
    const seq = this.#followed(list);
    if (!isSeq(seq)) throw new Unreadable(problemAt(this.#at(list), 'monitors: must be a list; [] for none'));
    if (seq.items.length > Math.min(itemsMax, documentItemsMax)) {
      const most =
        itemsMax > documentItemsMax ? `${documentItemsMax} in one document` : `${itemsMax} (TOCSIN_MAX_MONITORS)`;
      const message = `monitors: must be at most ${most}; got ${seq.items.length}`;
      throw new Unreadable(problemAt(this.#at(list), message));
    }
    const lines = new Map<string, number>();
    const wrong: DocumentProblem[] = [];
    return seq.items.map((node) => {
      const item = this.#item(node as Node | null);
      const before = lines.get(item.name);
      if (before === undefined) lines.set(item.name, item.place.line);
      else if (item.name !== '') {
        const message = `name: there is another monitor of this name, on line ${before}`;
        item.problems.push({ place: item.places.name ?? item.place, name: item.name, field: 'name', message });
      }
      if (item.problems.length > 0) wrong.push(item.problems[0]!);
      if (wrong.length > wrongItemsMax) throw new Unreadable(tooManyWrong(wrong));
      return item;
    });
  }

  #item(node: Node | null): DocumentItem {
    const place = this.#at(node) ?? { line: 1, column: 1 };
    const item: DocumentItem = { place, name: '', fields: {}, places: {}, problems: [] };
    const entries = this.#entries(node);
    if (!entries) {
      item.problems.push(problemAt(place, 'monitors: each must be an object with a name'));
      return item;
    }
    const problem = (at: Place | null, field: string, text: string): void => {
      if (item.problems.length >= problemsMax) return;
      item.problems.push({ place: at, name: '', field, message: `${field}: ${text}` });
    };
    for (const { key, at, value } of entries) {
      const kind = Object.hasOwn(monitorFields, key) ? monitorFields[key]! : null;
      if (kind === null) problem(at, clip(key), `is no field of a monitor: there are ${knownFields}`);
      else if (item.places[key]) problem(at, key, 'is there twice');
      else {
        item.places[key] = at;
        const read = this.#value(kind, value, key, problem);
        if (read !== null) item.fields[key] = read;
      }
    }
    item.name = typeof item.fields.name === 'string' ? item.fields.name : '';
    for (const each of item.problems) each.name = item.name;
    return item;
  }

  /** Null when it is left out, or was wrong. */
  #value(kind: FieldKind, given: Node | null, field: string, problem: Tell): FieldValue | null {
    const node = this.#followed(given);
    const at = this.#at(given);
    if (node === null || (isScalar(node) && node.value === null)) return null;
    switch (kind) {
      case 'texts':
      case 'windows': {
        if (!isSeq(node)) return wrong('must be a list');
        this.#spend(node.items.length, at);
        const values = node.items.map((each, index) => {
          const part = `${field}[${index}]`;
          return kind === 'texts'
            ? this.#value('text', each as Node | null, part, problem)
            : this.#window(each as Node | null, part, problem);
        });
        return values.filter((value) => value !== null) as string[] | Record<string, string>[];
      }
      case 'count': {
        const value = isScalar(node) ? node.value : undefined;
        if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value < 2 ** 32) return value;
        return wrong('must be a whole number');
      }
      default: {
        if (!isScalar(node)) return wrong('must be a text');
        const { value, source = '' } = node;
        this.#spend(source.length, at);
        if (typeof value !== 'string') return wrong(`must be a text: put it into quotes, as in "${clip(source)}"`);
        if (kind === 'time' && !isTime(value)) return wrong('must be an RFC 3339 time, such as 2026-01-01T00:00:00Z');
        return value;
      }
    }
    function wrong(text: string): null {
      problem(at, field, text);
      return null;
    }
  }

  #window(node: Node | null, field: string, problem: Tell): Record<string, string> | null {
    const entries = this.#entries(node);
    if (!entries) {
      problem(this.#at(node), field, 'must be an object with start and end, or with cron and duration');
      return null;
    }
    const window: Record<string, string> = {};
    const seen = new Set<string>();
    for (const { key, at, value } of entries) {
      const kind = Object.hasOwn(windowFields, key) ? windowFields[key]! : null;
      const part = `${field}.${clip(key)}`;
      if (kind === null)
        problem(at, part, `is no field of a window: there are ${Object.keys(windowFields).join(', ')}`);
      else if (seen.has(key)) problem(at, part, 'is there twice');
      else {
        const read = this.#value(kind, value, part, problem);
        if (typeof read === 'string') window[key] = read;
      }
      seen.add(key);
    }
    return window;
  }

  /** What an object holds; null when the node is none. */
  #entries(given: Node | null): Entry[] | null {
    const node = this.#followed(given);
    if (!isMap(node)) return null;
    this.#spend(node.items.length, this.#at(given));
    return node.items.map(({ key, value }) => ({
      key: isScalar(key) ? String(key.value) : '',
      at: this.#at(key as Node | null) ?? this.#at(node)!,
      value: value as Node | null,
    }));
  }

  #followed(node: Node | null): Node | null {
    if (!isAlias(node)) return node;
    const target = this.#targets.get(node);
    if (target) return target;
    throw new Unreadable(problemAt(this.#at(node), `*${clip(node.source)} is an alias of nothing before it`));
  }

  #spend(amount: number, at: Place | null): void {
    this.#room -= amount + 1;
    if (this.#room < 0)
      throw new Unreadable(problemAt(at, 'aliases make the document too large; write out what they stand for'));
  }

  #at(node: Node | null): Place | null {
    return node?.range ? this.#placeOf(node.range[0]) : null;
  }

  #placeOf(offset: number): Place {
    const { line, col } = this.#lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  }
}

type Tell = (at: Place | null, field: string, text: string) => void;

const tooDeep = 'the document is nested too deeply';
const knownFields = Object.keys(monitorFields).join(', ');

const timeForm = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/;

function isTime(text: string): boolean {
  return timeForm.test(text) && !Number.isNaN(Date.parse(text));
}

function problemAt(place: Place | null, message: string): DocumentProblem {
  return { place, name: '', field: '', message };
}

function yamlMessage({ code, message }: { code: string; message: string }): string {
  if (code === 'RESOURCE_EXHAUSTION') return tooDeep;
  if (code === 'MULTIPLE_DOCS') return 'there must be one document: no line of three dashes between monitors';
  return `this is not valid YAML: ${clip(message, 200)}`;
}

function quote(text: string): string {
  return JSON.stringify(clip(text));
}

/** A document may hold keys and texts of any length; an error shows the beginning. */
function clip(text: string, length = 64): string {
  return text.length > length ? `${text.slice(0, length)}…` : text;
}
