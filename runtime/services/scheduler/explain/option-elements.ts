// Which element of the CIB says something: the nvpair behind a meta attribute, a cluster property or a node attribute.

import { childNamed, childrenNamed, type Element } from "../../../kernel/cib/element.ts";
import { sameText } from "../../../model/text.ts";
import type { Cluster, Node, Resource } from "../state.ts";
import { layers } from "./action-notes.ts";

const PROPERTY_ALIASES: Readonly<Record<string, readonly string[]>> = {
  "fencing-enabled": ["fencing-enabled", "stonith-enabled"],
  "symmetric-cluster": ["symmetric-cluster"],
};

/** The pair with that name, and of several that with the value that counts. */
function pairIn(
  cluster: Cluster,
  owner: Element | undefined,
  set: string,
  name: string,
  value?: string,
): string | undefined {
  const pairs = childrenNamed(owner, set)
    .flatMap((found) => (cluster.resolve(found) ?? found).children)
    .map((child) => cluster.resolve(child) ?? child)
    .filter((pair) => pair.name === "nvpair" && sameText(pair.attributes["name"], name));
  return (pairs.find(({ attributes }) => attributes["value"] === value) ?? pairs[0])?.attributes["id"];
}

/** The nvpair of a meta attribute: of the resource, of what it stands in, or of the defaults. */
export function metaElement(cluster: Cluster, resource: Resource, name: string): string | undefined {
  for (const part of layers(resource)) {
    // The clone in a bundle is nowhere written.
    if (part.parent?.bundle !== undefined && part.clone !== undefined) continue;
    const own = pairIn(cluster, part.config, "meta_attributes", name, resource.meta.get(name));
    if (own !== undefined) return own;
  }
  return pairIn(cluster, cluster.resourceDefaults, "meta_attributes", name, resource.meta.get(name));
}

/** The nvpair of a cluster property. */
export function propertyElement(cluster: Cluster, name: string): string | undefined {
  const section = childNamed(childNamed(cluster.cib, "configuration"), "crm_config");
  for (const alias of PROPERTY_ALIASES[name] ?? [name]) {
    const found = pairIn(cluster, section, "cluster_property_set", alias, cluster.properties.values.get(alias));
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The nvpair of a node attribute: permanent, or until the node leaves. */
export function nodeAttributeElement(cluster: Cluster, node: Node, name: string): string | undefined {
  const nodes = childNamed(childNamed(cluster.cib, "configuration"), "nodes");
  const own = childrenNamed(nodes, "node").find(({ attributes }) => attributes["id"] === node.id);
  const value = node.attributes.get(name);
  const lasting = pairIn(cluster, own, "instance_attributes", name, value);
  if (lasting !== undefined) return lasting;
  const states = childrenNamed(childNamed(cluster.cib, "status"), "node_state");
  const state = states.find(({ attributes }) => attributes["id"] === node.id);
  for (const transient of childrenNamed(state, "transient_attributes")) {
    const found = pairIn(cluster, transient, "instance_attributes", name, value);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The id as it stands behind what is said. */
export function idText(id: string | undefined): string {
  return id === undefined ? "" : ` (${id})`;
}
