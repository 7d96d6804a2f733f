// Which attributes of a node differ between two CIBs: those that last as long as it is in the cluster, and those of the configuration.
// What is the same object in both is not looked at.

import { childNamed, childrenNamed, type Element } from "../../kernel/cib/element.ts";
import { compareText } from "../../model/text.ts";
import { nodeState } from "../attributes/edits.ts";

/** An attribute with its new value; null: it is not set any more. */
export interface AttributeChange {
  readonly name: string;
  readonly value: string | null;
}

/** Where a node's attributes stand; of one that is in both, the latter counts. */
function homesOf(cib: Element, nodeId: string): readonly (Element | undefined)[] {
  const nodes = childNamed(childNamed(cib, "configuration"), "nodes");
  return [childNamed(nodes, "node", nodeId), childNamed(nodeState(cib, nodeId), "transient_attributes")];
}

function valuesOf(homes: readonly (Element | undefined)[]): Map<string, string> {
  const values = new Map<string, string>();
  for (const home of homes) {
    const own = new Map<string, string>();
    for (const set of childrenNamed(home, "instance_attributes")) {
      for (const { attributes } of childrenNamed(set, "nvpair")) {
        const { name, value } = attributes;
        if (name !== undefined && value !== undefined && !own.has(name)) own.set(name, value);
      }
    }
    for (const [name, value] of own) values.set(name, value);
  }
  return values;
}

/** What has changed of a node's attributes, by name. */
export function attributeChanges(before: Element, after: Element, nodeId: string): AttributeChange[] {
  const oldHomes = homesOf(before, nodeId);
  const newHomes = homesOf(after, nodeId);
  if (oldHomes.every((home, at) => home === newHomes[at])) return [];
  const old = valuesOf(oldHomes);
  const fresh = valuesOf(newHomes);
  const changes: AttributeChange[] = [];
  for (const [name, value] of fresh) if (old.get(name) !== value) changes.push({ name, value });
  for (const name of old.keys()) if (!fresh.has(name)) changes.push({ name, value: null });
  return changes.sort((a, b) => compareText(a.name, b.name));
}
