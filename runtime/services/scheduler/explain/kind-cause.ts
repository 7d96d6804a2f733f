// What keeps a resource off a node by what the two are: connections and remote nodes, bundles, too little room.

import type { Node, Resource } from "../state.ts";
import { isBundleNode, outermost, topResource } from "../tree.ts";
import type { Reason } from "./reason.ts";

/** What lies in the kinds of the resource and of the node. */
export function kindReason(resource: Resource, node: Node): Reason {
  const about = { node: node.name };
  const connection = node.remote;
  if (connection !== undefined && isBundleNode(node) && outermost(connection) !== outermost(resource)) {
    const bundle = outermost(connection);
    const text = `${node.name} is inside of ${bundle.id}, where only what belongs to that runs`;
    return { code: "bundle-node", text, ...about, resource: bundle.id };
  }
  const bundle = outermost(resource);
  if (bundle.bundle?.child !== undefined && topResource(resource) === bundle.bundle.child) {
    return { code: "container", text: `it runs inside of ${bundle.id} only`, ...about, resource: bundle.id };
  }
  const remote = remoteReason(resource, node);
  if (remote !== undefined) return remote;
  if (resource.launcher !== undefined) {
    const text = `it runs inside of ${resource.launcher.id} only`;
    return { code: "container", text, ...about, resource: resource.launcher.id };
  }
  return { code: "internal", text: "what it stands in keeps it elsewhere", ...about };
}

function remoteReason(resource: Resource, node: Node): Reason | undefined {
  if (!node.remoteKind) return undefined;
  const own = resource.replicaContainer ? "a container of a bundle" : "it";
  const what = resource.remoteConnection ? "a connection" : resource.fenceDevice ? "a fence device" : own;
  const text = `${node.name} is a remote or guest node, where ${what} cannot be`;
  return { code: "remote-node", text, node: node.name };
}

/** What a connection to a remote or guest node has against other such nodes. */
export function connectionReason(resource: Resource, node: Node): Reason | undefined {
  return resource.remoteConnection ? remoteReason(resource, node) : undefined;
}

/** What is missing on the node. */
export function capacityReason(resource: Resource, node: Node, needed: ReadonlyMap<string, string>): Reason {
  const left = (name: string) => Number.parseInt(node.utilization.get(name) ?? "0", 10) || 0;
  const short = [...needed].filter(([name, value]) => Number.parseInt(value, 10) > left(name));
  const what = short.map(([name, value]) => `${name} ${value} needed, ${left(name)} left`).join("; ");
  const who = [...needed].every(([name, value]) => resource.utilization.get(name) === value)
    ? "it"
    : "it and what goes with it";
  return {
    code: "utilization",
    text: `${node.name} has too little capacity for ${who}${what === "" ? "" : ` (${what})`}`,
    node: node.name,
  };
}
