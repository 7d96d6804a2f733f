// When a cluster is whole: one primary, established view of all nodes, and equal documents.

import type { Facts } from "../observations.ts";
import { viewName } from "../trace-lines.ts";
import { digestOf } from "./hash.ts";

/** Says what is missing; undefined when nothing is. */
export function membersMissing(facts: Facts): string | undefined {
  let viewId: string | undefined;
  let digest: number | undefined;
  for (const { name, power, life } of facts.nodes) {
    if (power === "off") return `${name} is off`;
    const standing = life?.standing;
    if (life?.cib === undefined || standing === undefined) return `${name} has no standing`;
    if (!standing.established) return `${name}: the view is not established`;
    if (!standing.primary) return `${name}: the view is not primary: ${standing.reason}`;
    if (standing.view.members.length !== facts.dials.nodes) return `${name} sees ${standing.view.members.length} nodes`;
    const id = viewName(standing.view);
    const own = digestOf(life.cib);
    if ((viewId ?? id) !== id) return `${name} is in another view`;
    if ((digest ?? own) !== own) return `${name} has another CIB`;
    viewId = id;
    digest = own;
  }
  return undefined;
}
