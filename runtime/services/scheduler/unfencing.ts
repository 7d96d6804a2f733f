// Unfencing: devices that must let a node in again (a storage switch, say) before something there may use what they guard.

import { fenceAction, triggerUnfencing } from "./actions.ts";
import { newOrdering } from "./orderings.ts";
import { orderActions } from "./relations.ts";
import { type Action, type Cluster, type Node, Order, type Resource } from "./state.ts";
import { nodeAttribute } from "./tree.ts";

export function isUnfenced(node: Node): boolean {
  const value = nodeAttribute(node, "#node-unfenced", undefined, "current");
  return value !== undefined && value !== "0";
}

/** Orders an action after the unfencing of its node, where it needs that. */
export function orderVsUnfencing(
  cluster: Cluster,
  resource: Resource,
  node: Node,
  action: Action,
  order: number,
): void {
  if (!(resource.fenceDevice && cluster.unfencing) && !resource.needsUnfencing) return;
  orderActions(fenceAction(cluster, node, "on", true, undefined, false), action, order);
  if (!isUnfenced(node)) triggerUnfencing(cluster, undefined, node, `required by ${resource.id} ${action.task}`);
}

/** Stop, unfence, start: in that order on each node. */
export function orderRestartVsUnfencing(cluster: Cluster, resource: Resource, node: Node): void {
  const unfence = fenceAction(cluster, node, "on", true, undefined, false);
  newOrdering(cluster, { resource, key: "stop" }, { action: unfence }, Order.Ordered | Order.IfOnSameNode);
  newOrdering(
    cluster,
    { action: unfence },
    { resource, key: "start" },
    Order.FirstImpliesSameNodeThen | Order.IfOnSameNode,
  );
}
