// Which transient attributes differ between two states of the cluster. What is the same object in both is not looked at.

import { childNamed, type Element } from "../../kernel/cib/element.ts";
import { compareText } from "../../model/text.ts";
import { nodeState, transientPairs } from "../attributes/edits.ts";

/** An attribute with its new value; null: it is not set any more. */
export interface AttributeChange {
  readonly name: string;
  readonly value: string | null;
}

function valuesOf(cib: Element, nodeId: string): Map<string, string> {
  const values = new Map<string, string>();
  for (const { attributes } of transientPairs(cib, nodeId)) {
    const { name, value } = attributes;
    if (name !== undefined && value !== undefined && !values.has(name)) values.set(name, value);
  }
  return values;
}

function transientOf(cib: Element, nodeId: string): Element | undefined {
  return childNamed(nodeState(cib, nodeId), "transient_attributes");
}

/** What has changed of a node's attributes, by name. */
export function attributeChanges(before: Element, after: Element, nodeId: string): AttributeChange[] {
  if (transientOf(before, nodeId) === transientOf(after, nodeId)) return [];
  const old = valuesOf(before, nodeId);
  const fresh = valuesOf(after, nodeId);
  const changes: AttributeChange[] = [];
  for (const [name, value] of fresh) if (old.get(name) !== value) changes.push({ name, value });
  for (const name of old.keys()) if (!fresh.has(name)) changes.push({ name, value: null });
  return changes.sort((a, b) => compareText(a.name, b.name));
}
