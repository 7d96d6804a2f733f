// Rules of location constraints: which constraint a rule belongs to, and when its dates change what it says.

import { childNamed, childrenNamed, type Element } from "../../../kernel/cib/element.ts";
import { ruleHolds } from "../../../model/rule.ts";
import { ruleInput } from "../attributes.ts";
import type { Cluster } from "../state.ts";

/** A rule of a location constraint. */
export interface RuleOfLocation {
  /** Id of the rsc_location. */
  readonly constraint: string;
  /** Absent when no date in it lies ahead. */
  readonly changesInSeconds?: number;
}

/** All rules of location constraints, by id. */
export function rulesOfLocations(cluster: Cluster): ReadonlyMap<string, RuleOfLocation> {
  const rules = new Map<string, RuleOfLocation>();
  const section = childNamed(childNamed(cluster.cib, "configuration"), "constraints");
  for (const location of childrenNamed(section, "rsc_location")) {
    for (const reference of childrenNamed(location, "rule")) {
      const rule = cluster.resolve(reference) ?? reference;
      const at = changesAt(cluster, rule);
      rules.set(rule.attributes["id"] ?? "", {
        constraint: location.attributes["id"] ?? "",
        ...(at === undefined ? {} : { changesInSeconds: at - cluster.now }),
      });
    }
  }
  return rules;
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
