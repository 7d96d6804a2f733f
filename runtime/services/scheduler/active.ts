// Noting that a resource runs on a node, and what follows when it should not run there, or runs on several.

import { INFINITY } from "../../model/score.ts";
import { addLocation, replaceWithBan } from "./location-scores.ts";
import { type Cluster, type Node, type Resource, Role, Variant } from "./state.ts";
import { isBundle, isGroup } from "./tree.ts";

/** Adds a node to those where a resource (and what contains it) is active. */
export function addActive(cluster: Cluster, resource: Resource, node: Node, failed: boolean): void {
  if (resource.activeNodes.includes(node)) return;
  resource.activeNodes.push(node);
  if (resource.variant === Variant.Primitive) {
    node.running.push(resource);
    addPriority(resource, node, failed);
    if (node.maintenance) {
      resource.managed = false;
      resource.maintenance = true;
    }
  }
  if (!resource.managed) {
    // Nobody may move it, so it wants to be nowhere else.
    addLocation(resource, node, INFINITY);
    cluster.explain?.because(resource, "unmanaged", "it is not managed, so it stays as it is");
    for (let parent = resource.parent; parent !== undefined; parent = parent.parent) parent.activeNodes.push(node);
    return;
  }
  if (activeTooOften(resource)) handleMultiple(cluster, resource);
  if (resource.parent !== undefined) addActive(cluster, resource.parent, node, false);
}

function activeTooOften(resource: Resource): boolean {
  if (resource.variant !== Variant.Primitive) return false;
  const active = resource.methods.activeNode(resource);
  return (resource.needsFencing ? active.all : active.clean) > 1;
}

function handleMultiple(cluster: Cluster, resource: Resource): void {
  if (resource.multipleActive === "stop_only") {
    replaceWithBan(cluster, resource);
    cluster.explain?.because(resource, "multiple-active", "it is active on several nodes (multiple-active=stop_only)", {
      resource: resource.id,
      option: "multiple-active",
    });
  } else if (resource.multipleActive === "block") {
    block(resource);
    const { parent } = resource;
    if ((isGroup(parent) || isBundle(parent)) && parent.multipleActive === "block") parent.children.forEach(block);
  }
}

function block(resource: Resource): void {
  resource.managed = false;
  resource.blocked = true;
}

/** A node is as important as what runs on it; the promoted role counts one more. */
function addPriority(resource: Resource, node: Node, failed: boolean): void {
  if (resource.priority === 0 || failed) return;
  const priority = resource.priority + (resource.role === Role.Promoted ? 1 : 0);
  node.priority += priority;
  const launcher = node.remote?.launcher;
  for (const host of launcher?.activeNodes ?? []) host.priority += priority;
}
