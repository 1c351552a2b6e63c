import { hash } from 'node:crypto';
import type { MonitorMatcher, Route, Silence } from '../engine/domain/alerting/alert-rules.ts';
import type { CatalogEntry } from '../store/catalog.ts';

/** What people set of a route. */
export type RouteContent = Route & { description: string };

/** A route as it is kept. */
export type KeptRoute = {
  content: RouteContent;
  /** Changes whenever the content does, and with nothing else. */
  etag: string;
  createdMs: number;
  updatedMs: number;
};

/** What people set of a silence. */
export type SilenceContent = Omit<Silence, 'id'> & { comment: string; createdBy: string };

/** A silence as it is kept. */
export type KeptSilence = Silence & SilenceContent & { createdMs: number };

export function keptRoute(content: RouteContent, { createdMs, updatedMs }: Times): KeptRoute {
  return { content, etag: hash('sha256', routeSpec(content)).slice(0, 16), createdMs, updatedMs };
}

export function routeEntry({ content, createdMs, updatedMs }: KeptRoute): CatalogEntry {
  return { name: content.name, spec: routeSpec(content), createdMs, updatedMs };
}

export function routeOfEntry({ name, spec, createdMs, updatedMs }: CatalogEntry): KeptRoute {
  const { description, match, steps, reminderMs, recovery } = JSON.parse(spec) as RouteContent;
  return keptRoute({ name, description, match, steps, reminderMs, recovery }, { createdMs, updatedMs });
}

export function silenceEntry({ id, createdMs, ...content }: KeptSilence, updatedMs: number): CatalogEntry {
  return { name: id, spec: JSON.stringify(content), createdMs, updatedMs };
}

export function silenceOfEntry({ name, spec, createdMs }: CatalogEntry): KeptSilence {
  return { id: name, ...(JSON.parse(spec) as SilenceContent), createdMs };
}

type Times = { createdMs: number; updatedMs: number };

/** The same text for the same content, in whatever order it came. */
function routeSpec({ description, match, steps, reminderMs, recovery }: RouteContent): string {
  const listed = steps.map(({ afterMs, channels }) => ({ afterMs, channels }));
  return JSON.stringify({ description, match: plainMatcher(match), steps: listed, reminderMs, recovery });
}

function plainMatcher({ tags, namePattern, severities }: MonitorMatcher): MonitorMatcher {
  return { tags, namePattern, severities };
}
