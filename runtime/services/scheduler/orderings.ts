// Orders between operations, noted before the actions exist.

import { type Action, type Cluster, Order, type Ordering, type Resource } from "./state.ts";
import { contains } from "./tree.ts";

/** One side of an ordering: an operation of a resource by its name, or an action that exists. */
export interface Side {
  readonly resource?: Resource | undefined;
  readonly key?: string | undefined;
  readonly action?: Action | undefined;
}

/** Notes an order. */
export function newOrdering(cluster: Cluster, first: Side, then: Side, flags: number): void {
  const ordering: Ordering = {
    firstResource: first.resource ?? first.action?.resource,
    firstKey: first.key ?? first.action?.key,
    firstAction: first.action,
    alike: undefined,
    thenResource: then.resource ?? then.action?.resource,
    thenKey: then.key ?? then.action?.key,
    thenAction: then.action,
    flags,
  };
  cluster.orderings.push(ordering);
  cluster.explain?.actions.ordered(ordering);
  orderMigrationEquivalents(cluster, ordering);
}

/** Notes that an action which no migration can replace comes before operations of a resource. */
export function orderActionBefore(
  cluster: Cluster,
  first: Action,
  then: Resource,
  thenKey: string,
  flags: number,
): Ordering {
  const ordering: Ordering = {
    firstResource: first.resource,
    firstKey: first.key,
    firstAction: first,
    alike: undefined,
    thenResource: then,
    thenKey,
    thenAction: undefined,
    flags,
  };
  cluster.orderings.push(ordering);
  return ordering;
}

/** Notes the order of two operations of resources. */
export function orderOperations(
  cluster: Cluster,
  first: Resource,
  firstKey: string,
  then: Resource,
  thenKey: string,
  flags: number,
): void {
  newOrdering(cluster, { resource: first, key: firstKey }, { resource: then, key: thenKey }, flags);
}

export function orderStarts(cluster: Cluster, first: Resource, then: Resource, flags: number): void {
  orderOperations(cluster, first, "start", then, "start", flags);
}

export function orderStops(cluster: Cluster, first: Resource, then: Resource, flags: number): void {
  orderOperations(cluster, first, "stop", then, "stop", flags);
}

/** A live migration takes the place of stop and start, so what is ordered with those is ordered with it. */
function orderMigrationEquivalents(cluster: Cluster, ordering: Ordering): void {
  const { firstResource: first, thenResource: then } = ordering;
  if (first === undefined || then === undefined || first === then) return;
  if (!first.migratable && !then.migratable) return;
  if (contains(first, then) || contains(then, first)) return;
  const firstTask = ordering.firstAction?.task ?? ordering.firstKey;
  const thenTask = ordering.thenAction?.task ?? ordering.thenKey;
  const flags = Order.Ordered;
  if (firstTask === "start" && thenTask === "start") {
    if (first.migratable && then.migratable) orderOperations(cluster, first, "migrate_from", then, "migrate_to", flags);
    if (then.migratable) {
      const also = first.migratable ? Order.IfFirstUnmigratable : 0;
      orderOperations(cluster, first, "start", then, "migrate_to", flags | also);
    }
  } else if (!then.migratable) {
    return;
  } else if (firstTask === "stop" && thenTask === "stop") {
    const also = first.migratable ? Order.IfFirstUnmigratable : 0;
    orderOperations(cluster, first, "stop", then, "migrate_to", flags | also);
    if (then.partialMigrationTarget !== undefined) {
      orderOperations(cluster, first, "stop", then, "migrate_from", flags | also);
    }
  } else if (firstTask === "promote" && thenTask === "start") {
    orderOperations(cluster, first, "promote", then, "migrate_to", flags);
  } else if (firstTask === "demote" && thenTask === "stop") {
    orderOperations(cluster, first, "demote", then, "migrate_to", flags);
    if (then.partialMigrationTarget !== undefined) {
      orderOperations(cluster, first, "demote", then, "migrate_from", flags);
    }
  }
}
