// Adding to the scores of a resource and of everything in it.

import { INFINITY } from "../../model/score.ts";
import { add, fullTable } from "./node-table.ts";
import { type Cluster, type Node, ProbeMode, type Resource } from "./state.ts";

/** Adds to the score of one node. */
export function addLocation(resource: Resource, node: Node, score: number): void {
  for (const child of resource.children) addLocation(child, node, score);
  add(resource.allowed, node, score);
}

/** Adds to the score of every node. */
export function addLocationEverywhere(cluster: Cluster, resource: Resource, score: number): void {
  for (const node of cluster.sortedNodes) addLocation(resource, node, score);
  if (score === -INFINITY) resource.assigned = undefined;
}

/** Never anywhere. */
export function banEverywhere(cluster: Cluster, resource: Resource): void {
  addLocationEverywhere(cluster, resource, -INFINITY);
}

/** Never anywhere, whatever was said before. */
export function replaceWithBan(cluster: Cluster, resource: Resource): void {
  resource.allowed = fullTable(cluster);
  for (const node of cluster.nodes) resource.allowed.scores[node.index] = -INFINITY;
}

/** In a symmetric cluster every node is allowed to begin with; a guest's connection may be anywhere in any case. */
export function addDefaultScores(cluster: Cluster, resource: Resource): void {
  const { symmetric } = cluster.properties;
  if (!symmetric && !(resource.remoteConnection && resource.meta.has("container"))) return;
  for (const node of cluster.sortedNodes) {
    if (symmetric) addDefault(resource, node);
    else addLocation(resource, node, 0);
  }
}

function addDefault(resource: Resource, node: Node): void {
  if (resource.exclusiveProbes || node.baseProbe === ProbeMode.Never) return;
  for (const child of resource.children) addDefault(child, node);
  add(resource.allowed, node, 0);
}
