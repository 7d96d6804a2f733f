// Rules and sets: which constraint each belongs to, and when the dates of a rule change what it says.

import { childNamed, type Element } from "../../../kernel/cib/element.ts";
import { ruleHolds } from "../../../model/rule.ts";
import { ruleInput } from "../attributes.ts";
import type { Cluster } from "../state.ts";

/** A rule of a location constraint, or a set of another constraint. */
export interface PartOfConstraint {
  /** Id of the constraint. */
  readonly constraint: string;
  /** Of a rule; absent when no date in it lies ahead. */
  readonly changesInSeconds?: number;
}

/** All rules and sets, by id. */
export function partsOfConstraints(cluster: Cluster): ReadonlyMap<string, PartOfConstraint> {
  const parts = new Map<string, PartOfConstraint>();
  const section = childNamed(childNamed(cluster.cib, "configuration"), "constraints");
  for (const owner of section?.children ?? []) {
    const constraint = owner.attributes["id"] ?? "";
    for (const reference of owner.children) {
      if (reference.name !== "rule" && reference.name !== "resource_set") continue;
      const part = cluster.resolve(reference) ?? reference;
      const at = part.name === "rule" ? changesAt(cluster, part) : undefined;
      const changes = at === undefined ? {} : { changesInSeconds: at - cluster.now };
      parts.set(part.attributes["id"] ?? "", { constraint, ...changes });
    }
  }
  return parts;
}

function changesAt(cluster: Cluster, rule: Element): number | undefined {
  let first: number | undefined;
  const note = (at: number) => {
    if (at > cluster.now && at < (first ?? at + 1)) first = at;
  };
  // What stands beside the date may hold on some nodes only, and then nobody looks at the date on the others.
  for (const node of cluster.sortedNodes) {
    ruleHolds(rule, ruleInput(cluster, { nodeAttributes: node.attributes, changesAt: note }));
  }
  return first;
}
