// May never happen: with no-quorum-policy "stop" a node goes on running resources for long in a view of no majority, without so much as
// trying to stop them. But a node on which a stop has failed is to be fenced, and by Pacemaker's rules the fence stands for all its other stops:
// whoever is alone cannot fence itself, so there the rest runs until the others do it.

import { childNamed, childrenNamed, type Element } from "../../../runtime/kernel/cib/element.ts";
import { singleResources } from "../configuration.ts";
import type { Checker, Facts, NodeFacts, Observation } from "../observations.ts";

/** So long a minority may take to form, to look at what it runs, and to stop it in order. */
const PATIENCE_MS = 45_000;

export class MinorityKeepsRunning implements Checker {
  readonly name = "minority-keeps-running";
  readonly sees = ["agent-call", "view", "second"] as const;
  /** Since when each node is in views of no majority, in one life. */
  readonly #since = new Map<NodeFacts, { readonly incarnation: number; readonly atMs: number }>();
  /** NODE LIFE RESOURCE: an agent was called for it. */
  readonly #handled = new Set<string>();
  /** NODE RESOURCE: when it was last tried to be stopped. */
  readonly #stopped = new Map<string, number>();

  see(seen: Observation, facts: Facts): string | undefined {
    if (seen.seen === "agent-call") {
      this.#handled.add(`${seen.node.name} ${seen.incarnation} ${seen.resource}`);
      if (seen.call.verb === "stop") this.#stopped.set(`${seen.node.name} ${seen.resource}`, facts.nowMs);
    } else if (seen.seen === "view") {
      const minority = seen.view.members.length * 2 <= facts.dials.nodes;
      const known = this.#since.get(seen.node);
      if (!minority) this.#since.delete(seen.node);
      else if (known?.incarnation !== seen.incarnation)
        this.#since.set(seen.node, { incarnation: seen.incarnation, atMs: facts.nowMs });
    } else if (seen.seen === "second") {
      for (const [node, since] of this.#since) {
        const wrong = this.#look(node, since, facts);
        if (wrong !== undefined) return wrong;
      }
    }
    return undefined;
  }

  #look(node: NodeFacts, since: { incarnation: number; atMs: number }, facts: Facts): string | undefined {
    const { life } = node;
    if (facts.dials.noQuorumPolicy !== "stop" || facts.dials.nodes === 2) return undefined;
    // A half may hold the arbiter's vote.
    if (facts.dials.arbiter !== undefined && life?.standing?.primary === true) {
      this.#since.set(node, { ...since, atMs: facts.nowMs });
      return undefined;
    }
    if (life?.incarnation !== since.incarnation || life.runningSinceMs === undefined) return undefined;
    const sinceMs = Math.max(since.atMs, life.runningSinceMs);
    if (facts.nowMs - sinceMs < PATIENCE_MS || life.cib === undefined || isUnmanaged(life.cib)) return undefined;
    if (hasFailedStop(life.cib, node)) return undefined;
    const single = new Set(singleResources(facts.dials));
    for (const resource of node.active()) {
      if (!single.has(resource) || !this.#handled.has(`${node.name} ${life.incarnation} ${resource}`)) continue;
      if ((this.#stopped.get(`${node.name} ${resource}`) ?? Number.NEGATIVE_INFINITY) >= sinceMs) continue;
      this.#since.delete(node);
      return `${node.name} has been without a majority for ${Math.round(facts.nowMs - sinceMs)} ms and lets ${resource} run`;
    }
    return undefined;
  }
}

function isUnmanaged(cib: Element): boolean {
  const options = childNamed(
    childNamed(childNamed(cib, "configuration"), "crm_config"),
    "cluster_property_set",
    "options",
  );
  return childrenNamed(options, "nvpair").some(
    ({ attributes }) => attributes["name"] === "maintenance-mode" && attributes["value"] === "true",
  );
}

/** The last thing done to some resource there was a stop, and it failed. */
function hasFailedStop(cib: Element, node: NodeFacts): boolean {
  const state = childNamed(childNamed(cib, "status"), "node_state", `${node.id}`);
  const resources = childNamed(childNamed(state, "lrm"), "lrm_resources");
  return childrenNamed(resources, "lrm_resource").some((resource) => {
    const last = childNamed(resource, "lrm_rsc_op", `${resource.attributes["id"]}_last_0`)?.attributes;
    return last?.["operation"] === "stop" && last["rc-code"] !== "0" && last["op-status"] !== "-1";
  });
}
