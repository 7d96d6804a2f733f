// Stage: live migration in place of stop and start.

import { setActionMeta, setFlag } from "./action.ts";
import { simpleAction } from "./actions.ts";
import { orderOperations } from "./orderings.ts";
import { type Action, type Cluster, Flag, type Node, Order, type Resource } from "./state.ts";

/** Whether a resource can move without being stopped. */
export function canMigrate(resource: Resource, current: Node | undefined): boolean {
  if (!resource.migratable || !resource.managed || resource.failed || resource.startPending) return false;
  if (current === undefined || current.unclean) return false;
  return resource.assigned !== undefined && !resource.assigned.unclean;
}

/** What is left on the source of a migration that ended must be stopped there. */
export function abortDanglingMigrations(cluster: Cluster, resource: Resource): void {
  for (const source of resource.danglingMigrationSources) {
    setFlag(simpleAction(cluster, resource, "stop", source, false), Flag.MigrationAbort);
  }
}

function addSides(action: Action, source: Node, target: Node): void {
  setActionMeta(action, "migrate_source", source.name);
  setActionMeta(action, "migrate_target", target.name);
}

/** Makes the two halves of a migration, and ties stop and start to them. */
export function createMigration(cluster: Cluster, resource: Resource, current: Node): void {
  const target = resource.assigned;
  if (target === undefined) return;
  const begun = resource.partialMigrationTarget !== undefined;
  const start = simpleAction(cluster, resource, "start", target, true);
  const stop = simpleAction(cluster, resource, "stop", current, true);
  const to = begun ? undefined : simpleAction(cluster, resource, "migrate_to", current, true);
  const from = simpleAction(cluster, resource, "migrate_from", target, true);
  setFlag(start, Flag.Migratable | Flag.Pseudo);
  setFlag(stop, Flag.Migratable);
  setFlag(from, Flag.Migratable);
  const order = (first: string, then: string, flags: number) =>
    orderOperations(cluster, resource, first, resource, then, flags);
  if (to !== undefined) {
    setFlag(to, Flag.Migratable);
    to.needs = start.needs;
    order("monitor", "migrate_to", Order.Ordered);
    order("migrate_to", "migrate_from", Order.Ordered | Order.UnmigratableThenBlocks);
  } else {
    from.needs = start.needs;
    order("monitor", "migrate_from", Order.Ordered);
  }
  order("migrate_from", "stop", Order.Ordered | Order.UnmigratableThenBlocks);
  order("migrate_from", "start", Order.Ordered | Order.UnmigratableThenBlocks | Order.FirstElseThen);
  if (to !== undefined) {
    addSides(to, current, target);
    if (!resource.remoteConnection) setActionMeta(to, "record-pending", "true");
  }
  addSides(from, current, target);
}
