export type TemplateValue = string | number | null | readonly string[];
export type TemplateValues = Readonly<Record<string, TemplateValue>>;

/** A text with placeholders such as `{{name}}`. */
export type Template = readonly (string | Placeholder)[];

export type Placeholder = {
  name: string;
  /** As JSON, it stands within a string. */
  isInString: boolean;
};

export type ParsedTemplate =
  | { ok: true; template: Template }
  /** `unknown`: the first placeholder that is not one of `names`; null: braces that are not closed. */
  | { ok: false; unknown: string | null };

/** Finds the placeholders, which must be of `names`; spaces around a name do not count. */
export function parseTemplate(text: string, names: readonly string[]): ParsedTemplate {
  const parts: (string | Placeholder)[] = [];
  let isInString = false;
  // Of the pieces, each second one is what stood between braces.
  for (const [index, piece] of text.split(/\{\{(.*?)\}\}/s).entries()) {
    const name = piece.trim();
    if (index % 2 === 0) {
      if (piece.includes('{{')) return { ok: false, unknown: null };
      if (piece !== '') parts.push(piece);
      isInString = endsInString(piece, isInString);
    } else if (names.includes(name)) parts.push({ name, isInString });
    else return { ok: false, unknown: name };
  }
  return { ok: true, template: parts };
}

/** Fills in the values, each as `write` writes it for where it stands. */
export function renderTemplate(
  template: Template,
  values: TemplateValues,
  write: (value: TemplateValue, placeholder: Placeholder) => string,
): string {
  return template.map((part) => (typeof part === 'string' ? part : write(values[part.name] ?? null, part))).join('');
}

/** A value as text: nothing for null, lists with commas. */
export function valueText(value: TemplateValue): string {
  if (value === null) return '';
  return typeof value === 'string' || typeof value === 'number' ? String(value) : value.join(', ');
}

/** Whether a string of JSON is open after `text`, if one was, or was not, before. */
function endsInString(text: string, isInString: boolean): boolean {
  const quotes = text.match(/\\.|"/gs)?.filter((token) => token === '"') ?? [];
  return (quotes.length % 2 === 1) !== isInString;
}
