import type { IncomingHttpHeaders } from 'node:http';

/** The headers of a request, by their names in lower case. */
export type CallerHeaders = { header(name: string): string | null | undefined };

/** Those of a request that Node read. */
export function callerHeaders(headers: IncomingHttpHeaders): CallerHeaders {
  return {
    header: (name) => {
      const value = headers[name];
      return Array.isArray(value) ? value.join(', ') : value;
    },
  };
}
