// May never happen: with no-quorum-policy "stop" a node goes on running resources for long in a view of no majority, without so much as
// trying to stop them. But a node on which a stop has failed is to be fenced, and by Pacemaker's rules the fence stands for all its other stops:
// whoever is alone cannot fence itself, so there the rest runs until the others do it. The same holds for a node that has started again: it is
// not taken in before its earlier life was fenced, which a minority may not do. And where a mandatory order has something stop before
// it that may run on a lost node, the stop waits for that one, which nobody can do without a fence: Pacemaker's plan has it wait, too.

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
  /** NODE RESOURCE: when an order last kept it from being stopped. */
  readonly #held = new Map<string, number>();

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
    if (life.cib !== undefined && (isUnmanaged(life.cib) || waitsForItsFence(life.cib, node))) {
      // Once that is over, it has its time to stop what runs.
      this.#since.set(node, { ...since, atMs: facts.nowMs });
      return undefined;
    }
    const sinceMs = Math.max(since.atMs, life.runningSinceMs);
    if (facts.nowMs - sinceMs < PATIENCE_MS || life.cib === undefined) return undefined;
    const single = new Set(singleResources(facts.dials));
    for (const resource of node.active()) {
      if (!single.has(resource) || !this.#handled.has(`${node.name} ${life.incarnation} ${resource}`)) continue;
      const name = `${node.name} ${resource}`;
      if ((this.#stopped.get(name) ?? Number.NEGATIVE_INFINITY) >= sinceMs) continue;
      if (waitsForTheLost(life.cib, resource)) this.#held.set(name, facts.nowMs);
      // What held it may have come back a moment ago.
      if (facts.nowMs - (this.#held.get(name) ?? Number.NEGATIVE_INFINITY) < PATIENCE_MS) continue;
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

/** The status has it lost, though it is here; or the last thing done to some resource there was a stop, and it failed. */
function waitsForItsFence(cib: Element, node: NodeFacts): boolean {
  const state = childNamed(childNamed(cib, "status"), "node_state", `${node.id}`);
  if (state !== undefined && isLost(state)) return true;
  return [...lastOperations(state).values()].some(
    (last) => last["operation"] === "stop" && last["rc-code"] !== "0" && last["op-status"] !== "-1",
  );
}

function isLost({ attributes }: Element): boolean {
  return attributes["in_ccm"] === "false" && attributes["expected"] === "member";
}

/** A mandatory order has some other resource stop before this one, and by the status a lost node may run that other one. */
function waitsForTheLost(cib: Element, resource: string): boolean {
  const orders = childrenNamed(childNamed(childNamed(cib, "configuration"), "constraints"), "rsc_order");
  const lost = childrenNamed(childNamed(cib, "status"), "node_state").filter(isLost);
  return orders.some(({ attributes: { first, then: other, kind = "Mandatory" } }) => {
    if (first !== resource || other === undefined || kind !== "Mandatory") return false;
    return lost.some((state) => {
      const last = lastOperations(state).get(other);
      return last !== undefined && !saysStopped(last);
    });
  });
}

/** It was stopped, or found not to run. */
function saysStopped({ operation, "rc-code": rc }: Element["attributes"]): boolean {
  return (operation === "stop" && rc === "0") || (operation === "monitor" && rc === "7");
}

/** What was last done to each resource of a node. */
function lastOperations(state: Element | undefined): Map<string, Element["attributes"]> {
  const resources = childNamed(childNamed(state, "lrm"), "lrm_resources");
  const last = new Map<string, Element["attributes"]>();
  for (const resource of childrenNamed(resources, "lrm_resource")) {
    const id = resource.attributes["id"] ?? "";
    const operation = childNamed(resource, "lrm_rsc_op", `${id}_last_0`);
    if (operation !== undefined) last.set(id, operation.attributes);
  }
  return last;
}
