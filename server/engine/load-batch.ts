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
  /** There are more than were looked at: what is to depend on others may close a circle. */
  isRelatedCut: boolean;
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
  await addRelated(store, related, namesOf(all));
  const wanted = configurations.flatMap(({ patch }) => patch.dependsOn ?? []);
  const isRelatedCut = !(await addAllRelated(store, related, wanted));
  return {
    loaded,
    looked,
    related,
    isRelatedCut,
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

type Related = Map<string, Monitor>;

async function addRelated(store: Pick<Store, 'load'>, related: Related, names: readonly string[]): Promise<void> {
  const unknown = [...new Set(names)].filter((name) => !related.has(name));
  if (unknown.length === 0) return;
  const found = await store.load(unknown.map((name) => ({ name })));
  for (const { monitor } of found) if (monitor) related.set(monitor.name, monitor);
}

/** With all that they depend on in turn. False when there are more than `relatedMax`. */
async function addAllRelated(store: Pick<Store, 'load'>, related: Related, names: readonly string[]): Promise<boolean> {
  const seen = new Set<string>();
  let open = [...new Set(names)];
  while (open.length > 0) {
    if (seen.size + open.length > relatedMax) return false;
    for (const name of open) seen.add(name);
    await addRelated(store, related, open);
    const next = open.flatMap((name) => related.get(name)?.config.dependsOn ?? []);
    open = [...new Set(next)].filter((name) => !seen.has(name));
  }
  return true;
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
