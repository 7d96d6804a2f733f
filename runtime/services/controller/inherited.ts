// What the coordinator before this one has begun: the operations that stand in the history as pending. Each member says of itself what
// is under way there when a view forms, so this is all that may be activating something now.

import { childNamed, childrenNamed, type Element } from "../../kernel/cib/element.ts";
import type { Incarnation, NodeId } from "../../kernel/membership/view.ts";
import { nodeState } from "../attributes/edits.ts";
import type { Flight } from "./flights.ts";
import type { ConfiguredNode } from "./node-states.ts";

/** A node ends each operation at its own deadline and reports it; this only bounds what a fault there could hold up. */
export const INHERITED_PATIENCE_MS = 3_600_000;
/** The transition to which what was inherited belongs: none of this coordinator's. */
const NO_TRANSITION = -1;

/** The operations that are under way on members, as the status says. */
export function inheritedFlights(
  cib: Element,
  nodes: readonly ConfiguredNode[],
  lifeOf: (id: NodeId) => Incarnation | undefined,
  nowMs: number,
): Flight[] {
  const flights: Flight[] = [];
  for (const node of nodes) {
    const incarnation = lifeOf(node.id);
    if (incarnation === undefined) continue;
    const lrm = childNamed(nodeState(cib, `${node.id}`), "lrm");
    for (const history of childrenNamed(childNamed(lrm, "lrm_resources"), "lrm_resource")) {
      for (const entry of history.children) {
        if (entry.attributes["op-status"] !== "-1") continue;
        flights.push(flightOf(history, entry, node.id, incarnation, nowMs));
      }
    }
  }
  return flights;
}

function flightOf(history: Element, entry: Element, node: NodeId, incarnation: Incarnation, nowMs: number): Flight {
  const { id = "", class: resourceClass = "", provider, type = "" } = history.attributes;
  const resource = { id, class: resourceClass, ...(provider === undefined ? {} : { provider }), type };
  return {
    operation: {
      transitionKey: entry.attributes["transition-key"] ?? "",
      operationKey: entry.attributes["operation_key"] ?? "",
      resource,
      action: entry.attributes["operation"] ?? "",
      intervalMs: Number(entry.attributes["interval"] ?? 0),
      timeoutMs: 0,
      startDelayMs: 0,
      parameters: {},
      meta: {},
    },
    node,
    incarnation,
    sinceMs: nowMs,
    deadlineMs: nowMs + INHERITED_PATIENCE_MS,
    transition: NO_TRANSITION,
    actionId: NO_TRANSITION,
  };
}
