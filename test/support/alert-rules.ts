import type { AlertRules } from '../../server/engine/domain/alerting/alert-rules.ts';

/** Rules of a server with channels of these names and nothing else set up; the first is the default. */
export function alertRules(fields: Partial<AlertRules> = {}, names: readonly string[] = ['default']): AlertRules {
  return {
    channels: new Map(names.map((name) => [name, { refreshMs: null, keepsOpen: false }])),
    defaultChannel: names[0]!,
    routes: [],
    silences: [],
    flapDowns: null,
    reminderMs: null,
    ...fields,
  };
}
