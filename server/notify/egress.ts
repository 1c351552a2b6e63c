import { lookup } from 'node:dns/promises';
import type { Clock } from '../clock.ts';
import type { NotifierPorts } from './channel-kind.ts';
import { attemptHttp } from './http-attempt.ts';

/** The way out: all that notifiers send goes through it. */
export class Egress implements Pick<NotifierPorts, 'http' | 'addressesOf'> {
  readonly http: NotifierPorts['http'];

  constructor({ clock }: { clock: Clock }) {
    this.http = (request, options) => attemptHttp(request, { ...options, clock });
  }

  readonly addressesOf: NotifierPorts['addressesOf'] = async (host) => {
    const found = await lookup(host, { all: true });
    return found.map(({ address, family }) => ({ address, family: family === 6 ? 6 : 4 }));
  };
}
