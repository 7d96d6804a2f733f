// Interleaving: which instance of one clone goes with which of another.

import { sameText } from "../../model/text.ts";
import { sortNodes } from "./choose-node.ts";
import { colocationAttribute } from "./colocation-scores.ts";
import { type Cluster, type Node, type Resource, Role } from "./state.ts";
import { anyIn, isBundleNode, launcherOf, onlyNode } from "./tree.ts";

/** Instances of a clone, or containers of a bundle. */
export function instancesOf(collective: Resource): readonly Resource[] {
  return collective.bundle?.replicas.map((replica) => replica.container) ?? collective.children;
}

/** Whether an instance is (or with `current`, was) in a role on a node. */
export function instanceMatches(
  instance: Resource,
  node: Node,
  role: Role,
  current: boolean,
  attribute: string | undefined,
): boolean {
  if (role !== Role.Unknown && role !== instance.methods.state(instance, current)) return false;
  if (anyIn(instance, (part) => part.blocked)) return false;
  const place = onlyNode(instance, current ? "current" : "assigned");
  if (place === undefined) return false;
  if (attribute === undefined) return place === node;
  const theirs = colocationAttribute(place, attribute, instance);
  return sameText(theirs, colocationAttribute(node, attribute, instance));
}

/** The instance that is where another resource is, or would best be. */
export function findCompatible(
  cluster: Cluster,
  resource: Resource,
  collective: Resource,
  role: Role,
  current: boolean,
  attribute: string | undefined,
): Resource | undefined {
  const on = (node: Node) =>
    instancesOf(collective).find((instance) => instanceMatches(instance, node, role, current, attribute));
  const node = onlyNode(resource, current ? "current" : "assigned");
  if (node !== undefined) return on(node);
  for (const candidate of sortNodes(cluster, resource.allowed, undefined)) {
    const instance = on(candidate);
    if (instance !== undefined) return instance;
  }
  return undefined;
}

/** The machine behind a bundle's node; other nodes are machines themselves. */
function hostOf(node: Node | undefined): Node | undefined {
  if (node === undefined || !isBundleNode(node)) return node;
  const container = launcherOf(node);
  return container === undefined ? undefined : onlyNode(container, "assigned");
}

/** The container of a bundle on the machine where another resource is, or would best be. */
export function findContainer(cluster: Cluster, resource: Resource, bundle: Resource): Resource | undefined {
  const on = (node: Node | undefined) =>
    node === undefined
      ? undefined
      : instancesOf(bundle).find((container) => instanceMatches(container, node, Role.Unknown, false, undefined));
  const place = hostOf(onlyNode(resource, "assigned"));
  if (place !== undefined) return on(place);
  for (const candidate of sortNodes(cluster, resource.allowed, undefined)) {
    const container = on(hostOf(candidate));
    if (container !== undefined) return container;
  }
  return undefined;
}
