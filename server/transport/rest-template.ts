import type { DescField, DescMessage } from '@bufbuild/protobuf';

/** A field that a path holds. */
export type TemplateField = {
  field: DescField;
  /** It is a field of this message field of the request; null: of the request itself. */
  within: DescField | null;
};

/** A path of a google.api.http binding, compiled. */
export type RestTemplate = {
  /** The path in Fastify's terms. */
  routePath: string;
  /** The fields that the path holds, in order. */
  fields: TemplateField[];
  /** The still percent-encoded values of `fields` in a path (without the query); null when it does not fit. */
  match(path: string): string[] | null;
};

/**
 * Compiles a template such as "/ping/{name=**}" or "/monitors/{name}:pause". Supported are `{field}`, `{field=*}`,
 * `{field=**}` as the last segment, `{message.field}`, and a verb; anything else, or a field that the request does not
 * have, throws.
 */
export function compileTemplate(template: string, input: DescMessage): RestTemplate {
  const verbAt = template.lastIndexOf(':');
  const verb = verbAt > template.lastIndexOf('/') && verbAt > template.lastIndexOf('}') ? template.slice(verbAt) : '';
  const segments = template.slice(1, template.length - verb.length).split('/');
  const fields: TemplateField[] = [];
  let routePath = '';
  let pattern = '^';
  segments.forEach((segment, index) => {
    const variable = /^\{([a-z0-9_.]+)(?:=(\*\*?))?\}$/.exec(segment);
    if (!variable) {
      if (/[{}*:]/.test(segment)) throw new Error(`${template}: ${segment} is not supported`);
      routePath += `/${segment}`;
      pattern += `/${escapeRegExp(segment)}`;
      return;
    }
    const field = fieldAt(input, variable[1]!);
    if (!field) throw new Error(`${template}: ${input.typeName} has no field ${variable[1]}`);
    fields.push(field);
    if (variable[2] === '**') {
      if (index !== segments.length - 1 || verb !== '') throw new Error(`${template}: ** must come last`);
      routePath += '/*';
      pattern += '/(.*)';
    } else {
      routePath += verb !== '' && index === segments.length - 1 ? `/:p${index}(^[^:]+)` : `/:p${index}`;
      pattern += '/([^/]+?)';
    }
  });
  // In Fastify's paths a literal colon is doubled.
  routePath += verb.replace(':', '::');
  const expression = new RegExp(`${pattern}${escapeRegExp(verb)}$`, 's');
  return { routePath, fields, match: (path) => expression.exec(path)?.slice(1) ?? null };
}

/** The field at a path such as "name" or "monitor.name". */
function fieldAt(input: DescMessage, path: string): TemplateField | undefined {
  const [first, second, ...more] = path.split('.');
  const outer = input.fields.find(({ name }) => name === first);
  if (!outer || more.length > 0) return undefined;
  if (second === undefined) return { field: outer, within: null };
  const field = outer.message?.fields.find(({ name }) => name === second);
  return field && { field, within: outer };
}

function escapeRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
