// Stage: orders become relations of actions, now that all actions are known.

import { clearFlag, hasFlag } from "./action.ts";
import { simpleAction } from "./actions.ts";
import { actionsWithKey } from "./find-actions.ts";
import { graphHasLoop } from "./graph-inputs.ts";
import { orderProbes } from "./probes.ts";
import { orderActions } from "./relations.ts";
import {
  type Action,
  type Cluster,
  Flag,
  type Node,
  Order,
  type Ordering,
  type Relation,
  type Resource,
  Role,
} from "./state.ts";
import { blockDependents, updateForOrderings } from "./update-actions.ts";

/** Applies all orders and what follows from them. */
export function applyOrderings(cluster: Cluster): void {
  for (const ordering of cluster.orderings) {
    const { firstResource, thenResource } = ordering;
    if (firstResource !== undefined) orderFirst(cluster, firstResource, ordering);
    else if (thenResource !== undefined) orderAfter(ordering.firstAction, thenResource, ordering);
    else orderActions(ordering.firstAction, ordering.thenAction, ordering.flags);
  }
  const newestFirst = (visit: (action: Action) => void) => {
    for (let i = cluster.actions.length - 1; i >= 0; i -= 1) {
      const action = cluster.actions[i];
      if (action !== undefined) visit(action);
    }
  };
  newestFirst((action) => {
    if (action.resource !== undefined) blockDependents(cluster, action);
  });
  orderProbes(cluster);
  newestFirst((action) => updateForOrderings(cluster, action));
  if (cluster.haveRemoteNodes || cluster.properties.placement !== "default") newestFirst(dropInvalid);
}

/** Finds (or makes, where it would have an effect) the earlier actions of an order. */
function orderFirst(cluster: Cluster, resource: Resource, ordering: Ordering): void {
  const { firstAction, alike, thenResource } = ordering;
  if (firstAction !== undefined) {
    if (thenResource === undefined) orderActions(firstAction, ordering.thenAction, ordering.flags);
    else orderAfter(firstAction, thenResource, ordering);
    if (alike !== undefined && thenResource !== undefined) {
      for (const first of alike) orderAfter(first, thenResource, ordering);
    }
    return;
  }
  const key = ordering.firstKey ?? "";
  let firsts = actionsWithKey(resource, key, 0);
  if (firsts.length === 0 && resource !== ordering.thenResource) {
    const role = resource.methods.state(resource, true);
    const pointless = (role === Role.Stopped && key === "stop") || (role === Role.Unpromoted && key === "demote");
    if (!pointless) firsts = [simpleAction(cluster, resource, key, undefined, true)];
  }
  const then = ordering.thenResource ?? ordering.thenAction?.resource;
  if (then === undefined && ordering.thenAction === undefined) return;
  for (const first of firsts) {
    if (then === undefined) orderActions(first, ordering.thenAction, ordering.flags);
    else orderAfter(first, then, ordering);
  }
}

function orderAfter(first: Action | undefined, resource: Resource, ordering: Ordering): void {
  let { flags } = ordering;
  const thens =
    ordering.thenAction === undefined ? actionsWithKey(resource, ordering.thenKey ?? "", 0) : [ordering.thenAction];
  if (thens.length === 0) return;
  if (first?.resource === resource && hasFlag(first, Flag.MigrationAbort)) flags &= ~Order.FirstImpliesThen;
  if (first === undefined && (flags & Order.FirstImpliesThen) === 0) return;
  for (const then of thens) {
    if (first === undefined) clearFlag(then, Flag.Runnable);
    else orderActions(first, then, flags);
  }
}

function makesGuest(resource: Resource | undefined, node: Node | undefined): boolean {
  if (resource === undefined || resource.launched.length === 0) return false;
  return node?.remote?.launcher === resource;
}

/** Takes back orders that cannot be: inside before outside, or a circle around a migration. */
function dropInvalid(action: Action): void {
  for (let relation = action.before; relation !== undefined; relation = relation.olderBefore) {
    if (isInvalid(action, relation)) relation.flags = Order.None;
  }
}

function isInvalid(action: Action, relation: Relation): boolean {
  const input = relation.first;
  const guest = (relation.flags & Order.GuestAllowed) === 0 && input.resource !== undefined;
  if (guest && makesGuest(action.resource, input.node)) return true;
  return (
    relation.flags === Order.IfOnSameNodeOrTarget &&
    action.resource !== undefined &&
    action.task === "migrate_to" &&
    graphHasLoop(action, action, relation)
  );
}
