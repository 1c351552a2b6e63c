import type { DescField, DescMessage } from '@bufbuild/protobuf';

/** A path of a google.api.http binding, compiled. */
export type RestTemplate = {
  /** The path in Fastify's terms. */
  routePath: string;
  /** The fields that the path holds, in order. */
  fields: DescField[];
  /** The still percent-encoded values of `fields` in a path (without the query); null when it does not fit. */
  match(path: string): string[] | null;
};

/**
 * Compiles a template such as "/ping/{name=**}" or "/monitors/{name}:pause". Supported are `{field}`, `{field=*}`,
 * `{field=**}` as the last segment, and a verb; anything else, or a field that the request does not have, throws.
 */
export function compileTemplate(template: string, input: DescMessage): RestTemplate {
  const verbAt = template.lastIndexOf(':');
  const verb = verbAt > template.lastIndexOf('/') && verbAt > template.lastIndexOf('}') ? template.slice(verbAt) : '';
  const segments = template.slice(1, template.length - verb.length).split('/');
  const fields: DescField[] = [];
  let routePath = '';
  let pattern = '^';
  segments.forEach((segment, index) => {
    const variable = /^\{([a-z0-9_]+)(?:=(\*\*?))?\}$/.exec(segment);
    if (!variable) {
      if (/[{}*:]/.test(segment)) throw new Error(`${template}: ${segment} is not supported`);
      routePath += `/${segment}`;
      pattern += `/${escapeRegExp(segment)}`;
      return;
    }
    const field = input.fields.find(({ name }) => name === variable[1]);
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

function escapeRegExp(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}
