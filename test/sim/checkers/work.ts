// When a cluster has done its work: nothing is left to be done, and every resource is where the scheduler wants it.

import { childNamed, type Element } from "../../../runtime/kernel/cib/element.ts";
import { schedule } from "../../../runtime/services/scheduler/schedule.ts";
import { baseName } from "../agents.ts";
import { WORLD_EPOCH_MS } from "../clock.ts";
import { singleResources } from "../configuration.ts";
import { md5Hex } from "../hashes.ts";
import type { Facts } from "../observations.ts";

/** Says what is missing; undefined when nothing is. */
export function workMissing(facts: Facts): string | undefined {
  const cib = facts.nodes[0]?.life?.cib;
  if (cib === undefined) return "there is no CIB";
  // A plan costs much, and of a document that will be another in a moment it tells nothing: at the second look it is made.
  if (!looked.has(cib)) {
    looked.add(cib);
    return "the CIB has just changed";
  }
  const plan = planOf(cib, facts.nowMs);
  if (plan.actions.length > 0) return `still to be done: ${plan.actions.join(", ")}`;
  const wanted = new Set<string>();
  for (const { resource, node, role } of plan.placements) {
    if (node === undefined || role === "Stopped") continue;
    wanted.add(baseName(resource));
    const computer = facts.nodes.find((each) => each.name === node);
    const state = computer?.state(baseName(resource));
    if (
      childNamed(childNamed(childNamed(cib, "configuration"), "resources"), "primitive", resource)?.attributes[
        "class"
      ] === "stonith"
    )
      continue;
    const right = role === "Promoted" ? state === "promoted" : state === "running";
    if (!right) return `${resource} should be ${role} on ${node} and is ${state}`;
  }
  const idle = singleResources(facts.dials).filter((resource) => !wanted.has(resource));
  return idle.length === 0 ? undefined : `nothing runs ${idle.join(", ")}`;
}

interface Plan {
  readonly actions: readonly string[];
  readonly placements: ReturnType<typeof schedule>["placements"];
}

/** Documents that were there at an earlier look. */
const looked = new WeakSet<Element>();
const plans = new WeakMap<Element, Plan>();

function planOf(cib: Element, nowMs: number): Plan {
  const before = plans.get(cib);
  if (before !== undefined) return before;
  const { graph, placements } = schedule(cib, { nowEpochSeconds: Math.floor((WORLD_EPOCH_MS + nowMs) / 1000), md5Hex });
  const real = graph.synapses.filter((synapse) => synapse.action.kind !== "pseudo");
  const plan = { actions: real.map(({ action }) => `${action.operationKey} on ${action.node}`), placements };
  plans.set(cib, plan);
  return plan;
}
