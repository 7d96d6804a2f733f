// Questions about how resources and nodes hang together: parents, instances, guests, where something is.

import { type Cluster, type Node, type Resource, Variant } from "./state.ts";

export function isClone(resource: Resource | undefined): resource is Resource {
  return resource?.variant === Variant.Clone;
}

export function isGroup(resource: Resource | undefined): resource is Resource {
  return resource?.variant === Variant.Group;
}

export function isBundle(resource: Resource | undefined): resource is Resource {
  return resource?.variant === Variant.Bundle;
}

export function isPrimitive(resource: Resource | undefined): resource is Resource {
  return resource?.variant === Variant.Primitive;
}

export function isAnonymousClone(resource: Resource | undefined): resource is Resource {
  return isClone(resource) && !resource.unique;
}

export function isUniqueClone(resource: Resource | undefined): resource is Resource {
  return isClone(resource) && resource.unique;
}

/** The outermost resource that contains this one, a bundle not counted. */
export function topResource(resource: Resource): Resource {
  let top = resource;
  while (top.parent !== undefined && top.parent.variant !== Variant.Bundle) top = top.parent;
  return top;
}

/** The outermost resource that contains this one. */
export function outermost(resource: Resource): Resource {
  let top = resource;
  while (top.parent !== undefined) top = top.parent;
  return top;
}

/** Inside a bundle, or one. */
export function isBundled(resource: Resource): boolean {
  return outermost(resource).variant === Variant.Bundle;
}

/** Whether `ancestor` contains `resource`. */
export function contains(ancestor: Resource, resource: Resource): boolean {
  for (let parent = resource.parent; parent !== undefined; parent = parent.parent) {
    if (parent === ancestor) return true;
  }
  return false;
}

/** A guest of another resource (a container or virtual machine), rather than a machine. */
export function isGuestNode(node: Node | undefined): boolean {
  return node?.remote?.launcher !== undefined && node.remoteKind;
}

export function isBundleNode(node: Node): boolean {
  return isGuestNode(node) && node.remote !== undefined && isBundled(node.remote);
}

/** A machine reached through a remote connection. */
export function isRemoteMachine(node: Node | undefined): boolean {
  return node?.remoteKind === true && node.remote?.launcher === undefined;
}

/** What launches the guest that this node is. */
export function launcherOf(node: Node): Resource | undefined {
  return node.remoteKind ? node.remote?.launcher : undefined;
}

/** Where a resource counts as active now. */
export function currentNode(resource: Resource): Node | undefined {
  return resource.methods.activeNode(resource).node;
}

/** Adds the nodes of a resource and all in it to a list, each once. */
export function collectNodes(resource: Resource, kind: "current" | "assigned" | "pending", list: Node[]): void {
  if (resource.children.length > 0) {
    for (const child of resource.children) collectNodes(child, kind, list);
    return;
  }
  if (kind === "assigned") {
    addOnce(resource.assigned, list);
    return;
  }
  for (const node of resource.activeNodes) addOnce(node, list);
  if (kind === "pending") addOnce(resource.pendingNode, list);
}

function addOnce(node: Node | undefined, list: Node[]): void {
  if (node !== undefined && !list.includes(node)) list.push(node);
}

/** The one node where a resource (and all in it) is; undefined when there are none or several. */
export function onlyNode(resource: Resource, kind: "current" | "assigned"): Node | undefined {
  if (resource.children.length === 0) {
    if (kind === "assigned") return resource.assigned;
    return resource.activeNodes.length === 1 ? resource.activeNodes[0] : undefined;
  }
  const list: Node[] = [];
  collectNodes(resource, kind, list);
  return list.length === 1 ? list[0] : undefined;
}

/** Whether a condition holds for a resource or anything in it. */
export function anyIn(resource: Resource, condition: (resource: Resource) => boolean): boolean {
  return condition(resource) || resource.children.some((child) => anyIn(child, condition));
}

/** The id without the number of an instance: "a:12" -> "a". */
export function stripInstance(id: string): string {
  const colon = /^(.+):\d*$/.exec(id);
  return colon?.[1] ?? id;
}

/** A node by name, letters of either case alike. */
export function findNode(cluster: Cluster, name: string | undefined): Node | undefined {
  return name === undefined ? undefined : cluster.nodeByName.get(name.toLowerCase());
}

/** The replica of its bundle that a container stands for: what runs inside. */
export function insideContainer(instance: Resource): Resource | undefined {
  const bundle = outermost(instance).bundle;
  return bundle?.replicas.find((replica) => replica.container === instance)?.child;
}

/** Has a meta attribute with that name said, among what a resource launches, that a guest node is in it? */
export function guestConnectionIn(cluster: Cluster, resource: Resource | undefined): Resource | undefined {
  if (resource === undefined || !cluster.haveRemoteNodes) return undefined;
  return resource.launched.find((launched) => launched.remoteConnection);
}

/** A node attribute; with target "host" for a guest, that of the machine where its container is. */
export function nodeAttribute(
  node: Node | undefined,
  name: string,
  target: string | undefined,
  kind: "current" | "assigned",
): string | undefined {
  if (node === undefined) return undefined;
  if (target?.toLowerCase() !== "host" || !isGuestNode(node)) return node.attributes.get(name);
  const container = launcherOf(node);
  const host = kind === "assigned" ? container?.assigned : container?.activeNodes[0];
  return host?.attributes.get(name);
}

/** Resources with that id, or recorded in the history under it; the first one found from the top. */
export function findResource(cluster: Cluster, id: string): Resource | undefined {
  const byId = cluster.resourcesById.get(id);
  const byHistory = cluster.resourcesByHistoryId.get(id);
  if (byHistory === undefined) {
    if (byId === undefined || byId.length === 1) return byId?.[0];
    return first(byId);
  }
  return first([...(byId ?? []), ...byHistory.filter((resource) => resource.historyId === id)]);
}

function first(candidates: readonly Resource[]): Resource | undefined {
  let best: Resource | undefined;
  for (const candidate of candidates) {
    if (best === undefined || comesBefore(candidate, best)) best = candidate;
  }
  return best;
}

function comesBefore(one: Resource, other: Resource): boolean {
  const difference = outermost(one).position - outermost(other).position;
  return difference < 0 || (difference === 0 && one.serial < other.serial);
}

/** All resources with that id, or recorded in the history under it. Last one first, as it happens. */
export function resourcesMatching(cluster: Cluster, id: string): Resource[] {
  const found = new Set<Resource>(cluster.resourcesById.get(id) ?? []);
  for (const resource of cluster.resourcesByHistoryId.get(id) ?? []) {
    if (resource.historyId === id) found.add(resource);
  }
  if (found.size <= 1) return [...found];
  return [...found].sort((one, other) => (comesBefore(one, other) ? 1 : -1));
}

/** Remembers that the history has a resource under another id. */
export function setHistoryId(cluster: Cluster, resource: Resource, id: string | undefined): void {
  resource.historyId = id;
  if (id === undefined) return;
  const list = cluster.resourcesByHistoryId.get(id);
  if (list === undefined) cluster.resourcesByHistoryId.set(id, [resource]);
  else if (!list.includes(resource)) list.push(resource);
}

export function wasProbed(resource: Resource, node: Node): boolean {
  return resource.probed !== undefined && resource.probed[node.index] === 1;
}

export function isActiveOn(resource: Resource, node: Node): boolean {
  return resource.activeNodes.includes(node);
}
