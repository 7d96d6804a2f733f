// Where a transient node attribute stands in the status section, and the edits that write or remove it.
// Source of the form: <transient_attributes> as Pacemaker's attribute manager writes it (ids from the node's id and the name).

import { childNamed, childrenNamed, type Element } from "../../kernel/cib/element.ts";
import type { CibEdit, CibPath } from "../../kernel/messages.ts";

/** The <node_state> of a node. */
export function nodeStatePath(nodeId: string): CibPath {
  return [{ name: "status" }, { name: "node_state", id: nodeId }];
}

/** A node's <node_state>, where it has one. */
export function nodeState(cib: Element, nodeId: string): Element | undefined {
  return childNamed(childNamed(cib, "status"), "node_state", nodeId);
}

/** All <nvpair> of a node's transient attributes. */
export function transientPairs(cib: Element, nodeId: string): Element[] {
  const attributes = childNamed(nodeState(cib, nodeId), "transient_attributes");
  return childrenNamed(attributes, "instance_attributes").flatMap((set) => childrenNamed(set, "nvpair"));
}

/** The value of a node's transient attribute; undefined when it is not set. */
export function transientAttribute(cib: Element, nodeId: string, name: string): string | undefined {
  return transientPairs(cib, nodeId).find((pair) => pair.attributes["name"] === name)?.attributes["value"];
}

/** Sets a transient attribute, or (null) removes it; undefined when there is nothing to remove. */
export function attributeEdit(cib: Element, nodeId: string, name: string, value: string | null): CibEdit | undefined {
  const attributes = childNamed(nodeState(cib, nodeId), "transient_attributes");
  for (const set of childrenNamed(attributes, "instance_attributes")) {
    const found = childrenNamed(set, "nvpair").find((pair) => pair.attributes["name"] === name);
    if (found === undefined) continue;
    const path = pairPath(nodeId, set.attributes["id"] ?? "", found.attributes["id"] ?? "");
    return value === null ? { edit: "delete", path } : { edit: "set", path, attributes: { value } };
  }
  if (value === null) return undefined;
  const set = `status-${nodeId}`;
  // An id may not have these characters; Pacemaker puts a full stop in their place, too.
  const id = `${set}-${name}`.replaceAll(/[^A-Za-z0-9_.-]/g, ".");
  return { edit: "set", path: pairPath(nodeId, set, id), attributes: { name, value } };
}

function pairPath(nodeId: string, set: string, pair: string): CibPath {
  return [
    ...nodeStatePath(nodeId),
    { name: "transient_attributes", id: nodeId },
    { name: "instance_attributes", id: set },
    { name: "nvpair", id: pair },
  ];
}
