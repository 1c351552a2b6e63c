import { Code, ConnectError } from '@connectrpc/connect';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../clock.ts';
import type { Monitor } from '../engine/domain/monitor.ts';
import { type Phase, phaseAt } from '../engine/domain/phase.ts';
import type { FoundMonitors, MonitorPlace } from '../store/monitor-query.ts';
import { type Store, StoreError } from '../store/store.ts';
import type { Authenticator } from '../transport/authenticator.ts';
import { sendRestError } from '../transport/rest-error.ts';
import type { BadgeSignatures } from './badge-signatures.ts';
import { type BadgeState, badgeState } from './badge-state.ts';
import { badgeSvg } from './badge-svg.ts';
import { type BadgeFormat, type BadgeSubject, readBadgeUrl, writeBadgeUrl } from './badge-url.ts';

export type BadgeOptions = {
  store: Pick<Store, 'load' | 'find'>;
  clock: Clock;
  authenticator: Authenticator;
  signatures: BadgeSignatures;
};

const pageSize = 500;
const svgColors: Record<Phase, string> = {
  up: '44cc11',
  late: 'fe7d37',
  down: 'e05d44',
  new: '007ec6',
  paused: '9f9f9f',
};
const shieldsColors: Record<Phase, string> = {
  up: 'success',
  late: 'important',
  down: 'critical',
  new: 'informational',
  paused: 'inactive',
};
const headers = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'",
  'x-content-type-options': 'nosniff',
};
const json = 'application/json; charset=utf-8';

/**
 * Serves badges: `/badge/monitor/{name}.{svg,json,shields}`, `/badge/tag/{tag}.…` for the worst of all that have a tag, each
 * with the signature that `GET /badges?monitor={name}` or `?tag={tag}` gives to who has the token. A badge that is not
 * there, and one whose signature is wrong, are the same 404.
 */
export function badgeRoutes(options: BadgeOptions): (scope: FastifyInstance) => void {
  const { authenticator, signatures } = options;
  /** Tags that are being read now: a page that many look at costs one reading. */
  const reading = new Map<string, Promise<Shown | null>>();

  return (scope) => {
    scope.route({ method: ['GET', 'HEAD'], url: '/badge/*', handler: badge });
    scope.route({ method: ['GET', 'HEAD'], url: '/badges', handler: urls });
  };

  async function badge(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const url = readBadgeUrl(request.raw.url ?? '');
    if (url === null) return send(reply, 'svg', null);
    const { subject, format, signature } = url;
    const signed = signatures.matches(subject, signature);
    const mayRead = signed || authenticator.check(request.raw.headers.authorization) === null;
    // Without a token anybody may ask, but the pages of others are not to read it.
    if (signed && !authenticator.isOpen) reply.header('access-control-allow-origin', '*');
    try {
      return send(reply, format, mayRead ? await shown(subject) : null);
    } catch (error) {
      if (!(error instanceof StoreError)) throw error;
      const told = new ConnectError('the store cannot be read now; try again', Code.Unavailable, {
        'retry-after': '1',
      });
      return sendRestError(reply, told);
    }
  }

  function shown(subject: BadgeSubject): Promise<Shown | null> {
    if (subject.kind === 'monitor') return shownOf(subject, options);
    const { name } = subject;
    const begun = reading.get(name);
    if (begun !== undefined) return begun;
    const found = shownOf(subject, options).finally(() => reading.delete(name));
    reading.set(name, found);
    return found;
  }

  async function urls(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const refused = authenticator.check(request.raw.headers.authorization);
    if (refused !== null) return sendRestError(reply, refused);
    const query = new URLSearchParams((request.raw.url ?? '').split('?').slice(1).join('?'));
    const [[kind, name] = ['', ''], ...more] = query;
    if ((kind !== 'monitor' && kind !== 'tag') || name === '' || more.length > 0) {
      return sendRestError(reply, new ConnectError('query: must be monitor={name} or tag={tag}', Code.InvalidArgument));
    }
    const subject = { kind, name } as const;
    const signature = signatures.of(subject);
    const to = (format: BadgeFormat) =>
      `${request.protocol}://${request.host}${writeBadgeUrl({ subject, format, signature })}`;
    const body = { svg: to('svg'), json: to('json'), shields: to('shields') };
    return reply.header('content-type', json).header('cache-control', 'no-store').send(JSON.stringify(body));
  }
}

type Shown = { label: string; state: BadgeState };

async function shownOf(subject: BadgeSubject, { store, clock }: BadgeOptions): Promise<Shown | null> {
  const monitors = subject.kind === 'monitor' ? await named(subject.name, store) : await tagged(subject.name, store);
  const nowMs = clock.wallMs();
  const state = badgeState(monitors.map((monitor) => phaseAt(monitor, nowMs)));
  return state === null ? null : { label: subject.name, state };
}

async function named(name: string, store: BadgeOptions['store']): Promise<Monitor[]> {
  const [found] = await store.load([{ name }]);
  return found?.monitor ? [found.monitor] : [];
}

async function tagged(tag: string, store: BadgeOptions['store']): Promise<Monitor[]> {
  const monitors: Monitor[] = [];
  let after: MonitorPlace | null = null;
  do {
    const page: FoundMonitors = await store.find({ order: 'name', after, limit: pageSize, tag });
    monitors.push(...page.monitors);
    after = page.next;
  } while (after !== null);
  return monitors;
}

function send(reply: FastifyReply, format: BadgeFormat, shown: Shown | null): FastifyReply {
  reply.code(shown === null ? 404 : 200).headers(headers);
  if (format !== 'svg') {
    const body = format === 'json' ? jsonBadge(shown) : shieldsBadge(shown);
    return reply.header('content-type', json).send(JSON.stringify(body));
  }
  const text = shown
    ? { label: shown.label, message: shown.state.status, color: svgColors[shown.state.status] }
    : { label: 'badge', message: 'not found', color: '9f9f9f' };
  return reply.header('content-type', 'image/svg+xml; charset=utf-8').send(badgeSvg(text));
}

/** As Healthchecks: `grace` is what is late. */
function jsonBadge(shown: Shown | null): object {
  if (shown === null) return { code: 'not_found', message: 'there is no such badge' };
  const { status, total, counts } = shown.state;
  return {
    status,
    total,
    new: counts.new,
    up: counts.up,
    grace: counts.late,
    down: counts.down,
    paused: counts.paused,
  };
}

/** What shields.io takes as an endpoint. */
function shieldsBadge(shown: Shown | null): object {
  if (shown === null) {
    return { schemaVersion: 1, label: 'badge', message: 'not found', color: 'inactive', isError: true };
  }
  const { status } = shown.state;
  return { schemaVersion: 1, label: shown.label, message: status, color: shieldsColors[status] };
}
