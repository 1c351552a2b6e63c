import type { Clock } from '../../server/clock.ts';
import type { NotifierPorts } from '../../server/notify/channel-kind.ts';
import { Egress } from '../../server/notify/egress.ts';
import { EgressRules } from '../../server/notify/egress-rules.ts';

/** Ports of a notifier that may speak to local receivers; `timeoutMs`: no HTTP attempt takes longer. Nothing is logged. */
export function portsForTests(clock: Clock, { timeoutMs = Infinity }: { timeoutMs?: number } = {}): NotifierPorts {
  const { http, addressesOf } = new Egress({ clock, rules: new EgressRules({ allow: [], deny: [] }) });
  return {
    clock,
    logger: { info: () => {}, warn: () => {} },
    http: (request, options) => http(request, { ...options, timeoutMs: Math.min(timeoutMs, options.timeoutMs) }),
    addressesOf,
    signingSecret: `whsec_${'A'.repeat(32)}`,
    execDir: null,
    programs: { environment: { PATH: process.env.PATH ?? '' }, killGroup: (pid) => process.kill(-pid, 'SIGKILL') },
  };
}
