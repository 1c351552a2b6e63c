import type { Configuration } from '../engine/domain/configure.ts';

/**
 * Configurations of different monitors in an order in which each comes after those that it depends on, as far as there is
 * one: where they lead round in a circle, the engine refuses one of them.
 */
export function inApplyOrder<C extends Pick<Configuration, 'name' | 'patch'>>(configurations: readonly C[]): C[] {
  const byName = new Map(configurations.map((configuration) => [configuration.name, configuration]));
  const ordered: C[] = [];
  const begun = new Set<string>();
  for (const first of configurations) {
    if (begun.has(first.name)) continue;
    begun.add(first.name);
    const path = [{ configuration: first, next: 0 }];
    for (let step = path.at(-1); step; step = path.at(-1)) {
      const name = step.configuration.patch.dependsOn?.[step.next++];
      if (name === undefined) {
        ordered.push(step.configuration);
        path.pop();
        continue;
      }
      const dependency = begun.has(name) ? undefined : byName.get(name);
      begun.add(name);
      if (dependency) path.push({ configuration: dependency, next: 0 });
    }
  }
  return ordered;
}
