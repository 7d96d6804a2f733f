// May never happen: an agent has ended an action that changes something, the node stays in one view of the cluster for long, and the
// status still says what it said before the action, or that the action is under way.

import { childNamed, childrenNamed, type Element } from "../../../runtime/kernel/cib/element.ts";
import { baseName } from "../agents.ts";
import type { Checker, Facts, NodeFacts, Observation } from "../observations.ts";
import { digestOf } from "./hash.ts";

/** Within this of an undisturbed view the result stands in the status. */
const PATIENCE_MS = 30_000;
/** Bound of the digest of several histories together: products with 31 stay whole numbers below it. */
const HISTORIES = 2 ** 47;
const CHANGING = new Set(["start", "stop", "promote", "demote"]);

interface Action {
  readonly node: NodeFacts;
  readonly incarnation: number;
  readonly resource: string;
  readonly verb: string;
  /** What the status said when it began. */
  readonly before: number;
  endedMs: number | undefined;
  /** The status has said something else since; it may have been cleaned up after that. */
  heard: boolean;
}

export class ActionUnheard implements Checker {
  readonly name = "action-unheard";
  readonly sees = ["view", "agent-call", "agent-answer", "second"] as const;
  /** NODE RESOURCE: the last action of each. */
  readonly #actions = new Map<string, Action>();
  /** When each node came into its present view. */
  readonly #viewSince = new Map<NodeFacts, number>();

  see(seen: Observation, facts: Facts): string | undefined {
    if (seen.seen === "view") this.#viewSince.set(seen.node, facts.nowMs);
    else if (seen.seen === "agent-call" && CHANGING.has(seen.call.verb)) {
      const { node, incarnation, resource, call } = seen;
      const before = historyOf(node.life?.cib, node, resource).digest;
      const action = { node, incarnation, resource, verb: call.verb, before, endedMs: undefined, heard: false };
      this.#actions.set(`${node.name} ${resource}`, action);
    } else if (seen.seen === "agent-answer") {
      // Also a reading: while the node still looks what came of it, it is not over.
      const action = this.#actions.get(`${seen.node.name} ${seen.resource}`);
      if (action !== undefined) action.endedMs = facts.nowMs;
    } else if (seen.seen === "second") return this.#look(facts);
    return undefined;
  }

  #look(facts: Facts): string | undefined {
    for (const [key, action] of this.#actions) {
      const { node, incarnation, resource, endedMs, before } = action;
      const { life } = node;
      if (life?.incarnation !== incarnation) {
        this.#actions.delete(key);
        continue;
      }
      if (!action.heard) {
        const history = historyOf(life.cib, node, resource);
        action.heard = history.digest !== before && !history.pending;
      }
      if (action.heard && endedMs !== undefined) {
        this.#actions.delete(key);
        continue;
      }
      if (endedMs === undefined || life.runningSinceMs === undefined || life.standing?.established !== true) continue;
      const others = facts.nodes.filter((other) => other.life?.view?.members.some(({ id }) => id === node.id) === true);
      if (others.some((other) => other.life?.runningSinceMs === undefined)) continue;
      const undisturbed = [...others.map((other) => this.#viewSince.get(other) ?? 0), endedMs, life.runningSinceMs];
      if (facts.nowMs - Math.max(...undisturbed) < PATIENCE_MS) continue;
      this.#actions.delete(key);
      return `${node.name} has done ${action.verb} of ${resource}, and the status does not know of it after ${PATIENCE_MS} ms`;
    }
    return undefined;
  }
}

/** What the status has of a resource on a node; of a clone's instances, all together. */
function historyOf(cib: Element | undefined, node: NodeFacts, resource: string): { digest: number; pending: boolean } {
  const state = cib === undefined ? undefined : childNamed(childNamed(cib, "status"), "node_state", `${node.id}`);
  const resources = childrenNamed(childNamed(childNamed(state, "lrm"), "lrm_resources"), "lrm_resource");
  let digest = 0;
  let pending = false;
  for (const history of resources) {
    if (baseName(history.attributes["id"] ?? "") !== resource) continue;
    digest = (digest * 31 + digestOf(history)) % HISTORIES;
    pending ||= history.children.some((entry) => entry.attributes["op-status"] === "-1");
  }
  return { digest, pending };
}
