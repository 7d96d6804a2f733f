// The table of scores, for those who ask for it.

import { compareNames } from "../../model/text.ts";
import { ABSENT } from "./node-table.ts";
import type { Cluster, Resource } from "./state.ts";
import { onlyNode } from "./tree.ts";

/** Notes the scores of a resource and of all in it, as they are at a step. */
export function showScores(cluster: Cluster, step: string, resource: Resource): void {
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
