import type { Loaded, MonitorKey, Store } from '../store/store.ts';
import { type Command, nameOf } from './command.ts';
import type { Monitor } from './domain/monitor.ts';
import { plainConfig } from './domain/monitor-config.ts';

/** What the decision about a batch needs of the store. */
export type LoadedBatch = {
  /** One per command, in order. */
  loaded: Loaded[];
  /** One per id that was due, in order. */
  looked: Loaded[];
  related: ReadonlyMap<string, Monitor>;
  pingIds: ReadonlyMap<string, string>;
};

/** Monitors that are looked at to find out whether a new dependency would go round in a circle. */
const relatedMax = 10_000;

export async function loadBatch(
  store: Pick<Store, 'load'>,
  commands: readonly Command[],
  dueIds: readonly number[],
): Promise<LoadedBatch> {
  const all = await store.load([...commands.map(keyOf), ...dueIds.map((id) => ({ id }))]);
  const loaded = all.slice(0, commands.length);
  const looked = all.slice(commands.length);
  const configurations = commands.flatMap((command) => (command.kind === 'configure' ? command.configuration : []));
  const related = new Map<string, Monitor>();
  // One step for an alert, which only waits for what its monitor itself depends on.
  await addRelated(store, { related, names: namesOf(all), steps: 1 });
  const wanted = configurations.flatMap(({ patch }) => patch.dependsOn ?? []);
  await addRelated(store, { related, names: wanted, steps: relatedMax });
  return {
    loaded,
    looked,
    related,
    pingIds: await namesByPingId(
      store,
      configurations.map(({ patch }) => patch.pingId),
    ),
  };
}

function namesOf(found: readonly Loaded[]): string[] {
  const names: string[] = [];
  for (const { monitor } of found) {
    if (monitor !== undefined && monitor.config !== plainConfig) names.push(...monitor.config.dependsOn);
  }
  return names;
}

type Search = { related: Map<string, Monitor>; names: readonly string[]; steps: number };

async function addRelated(store: Pick<Store, 'load'>, { related, names, steps }: Search): Promise<void> {
  let open = [...new Set(names)];
  for (let step = 0; step < steps && open.length > 0 && related.size < relatedMax; step++) {
    const found = await store.load(open.map((name) => ({ name })));
    for (const { monitor } of found) if (monitor) related.set(monitor.name, monitor);
    open = [...new Set(namesOf(found))].filter((name) => !related.has(name));
  }
}

async function namesByPingId(
  store: Pick<Store, 'load'>,
  pingIds: readonly (string | undefined)[],
): Promise<Map<string, string>> {
  const asked = pingIds.flatMap((pingId) => (pingId ? pingId : []));
  if (asked.length === 0) return new Map();
  const found = await store.load(asked.map((pingId) => ({ pingId })));
  return new Map(found.flatMap(({ monitor }, index) => (monitor ? [[asked[index]!, monitor.name] as const] : [])));
}

function keyOf(command: Command): MonitorKey {
  return command.kind === 'beat' ? { name: command.beat.name, beatId: command.beat.beatId } : { name: nameOf(command) };
}
