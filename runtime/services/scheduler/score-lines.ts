// The table of scores and that of capacities, for those who ask for them.

import { compareNames } from "../../model/text.ts";
import { ABSENT } from "./node-table.ts";
import type { ScoreLine } from "./schedule.ts";
import type { Cluster, Node, Resource } from "./state.ts";
import { isBundleNode, onlyNode } from "./tree.ts";

/** Notes the scores of a resource and of all in it, as they are at a step. */
export function showScores(cluster: Cluster, step: ScoreLine["step"], resource: Resource): void {
  if (cluster.scores === undefined || resource.removed) return;
  const nodes = cluster.nodes.filter((node) => (resource.allowed.scores[node.index] ?? ABSENT) !== ABSENT);
  nodes.sort((one, other) => compareNames(one.name, other.name));
  for (const node of nodes) {
    const score = resource.allowed.scores[node.index] ?? 0;
    cluster.scores.push({ step, resource: resource.id, node: node.name, score });
  }
  for (const child of resource.children) showScores(cluster, step, child);
}

/** Notes how much an instance is worth promoting. */
export function showPromotion(cluster: Cluster, resource: Resource): void {
  cluster.scores?.push({
    step: "promotion",
    resource: resource.id,
    node: onlyNode(resource, "assigned")?.name ?? "none",
    score: resource.promotionPriority,
  });
}

/** Notes what each node has, or has left. */
export function showCapacities(cluster: Cluster, step: "original" | "remaining"): void {
  if (cluster.capacities === undefined) return;
  for (const node of cluster.sortedNodes) {
    // The node that a bundle's container is has no capacity of its own.
    if (isBundleNode(node)) continue;
    cluster.capacities.push({ step, node: node.name, amounts: [...node.utilization] });
  }
}

/** Notes what a resource uses up on the node that it was just assigned to. */
export function showUse(cluster: Cluster, resource: Resource, node: Node): void {
  if (cluster.capacities === undefined) return;
  const amounts = [...resource.utilization];
  cluster.capacities.push({ step: "used", resource: resource.id, node: node.name, amounts });
}
