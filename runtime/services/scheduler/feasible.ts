// Stage: what of the graph can happen at all. Orders that contradict each other make actions wait for one another for ever, and
// an action may wait for one that is not in the plan. Such actions would never start, nor would what waits for them: they are
// taken out, so that a plan can always be carried out to its end, and it is said why.

import { childNamed, type Element } from "../../kernel/cib/element.ts";
import type { Synapse } from "../transition.ts";
import type { Cluster } from "./state.ts";

/** So many actions are named in a message; the rest is counted. */
const MAX_NAMED = 5;

/** The synapses whose turn comes. */
export function feasible(cluster: Cluster, synapses: readonly Synapse[]): readonly Synapse[] {
  const waiting = new Map<number, number>();
  const followers = new Map<number, number[]>();
  const ready: number[] = [];
  for (const { action, inputs } of synapses) {
    waiting.set(action.id, inputs.length);
    if (inputs.length === 0) ready.push(action.id);
    for (const input of inputs) {
      const list = followers.get(input);
      if (list === undefined) followers.set(input, [action.id]);
      else list.push(action.id);
    }
  }
  for (let i = 0; i < ready.length; i += 1) {
    for (const follower of followers.get(ready[i] ?? 0) ?? []) {
      const left = (waiting.get(follower) ?? 0) - 1;
      waiting.set(follower, left);
      if (left === 0) ready.push(follower);
    }
  }
  if (ready.length === synapses.length) return synapses;
  const never = synapses.filter(({ action }) => waiting.get(action.id) !== 0);
  complain(cluster, never, waiting);
  return synapses.filter(({ action }) => waiting.get(action.id) === 0);
}

function complain(cluster: Cluster, never: readonly Synapse[], waiting: ReadonlyMap<number, number>): void {
  const byId = new Map(cluster.graphed.map((action) => [action.id, action]));
  const missing = never.filter(({ inputs }) => inputs.some((input) => !waiting.has(input)));
  const concerned = missing.length > 0 ? missing : circle(never);
  const resources = concerned.flatMap(({ action }) => byId.get(action.id)?.resource ?? []);
  const ids = new Set(resources.map((resource) => resource.configId));
  for (const resource of resources) {
    for (let above = resource.parent; above !== undefined; above = above.parent) ids.add(above.configId);
  }
  const orders = contradicting(cluster, ids);
  const named = concerned.slice(0, MAX_NAMED).map(({ action }) => action.internalOperationKey ?? action.operationKey);
  const more = concerned.length > MAX_NAMED ? ` and ${concerned.length - MAX_NAMED} more` : "";
  const why = missing.length > 0 ? "wait for something that is not in the plan" : "wait for each other";
  const next =
    orders.length === 0
      ? "Look at the orders between their resources."
      : `Change or remove one of these constraints: ${orders.join(", ")}.`;
  const [element] = orders.length > 0 ? orders : [...ids];
  cluster.problems.push({
    severity: "error",
    code: missing.length > 0 ? "waits-for-nothing" : "order-circle",
    ...(element === undefined ? {} : { element }),
    text: `${named.join(", ")}${more} ${why}, so ${never.length} actions are left out of the plan. ${next}`,
  });
}

/** One way round: from an action to one of those that it waits for, until it comes back to one that was met before. */
function circle(never: readonly Synapse[]): Synapse[] {
  const byId = new Map(never.map((synapse) => [synapse.action.id, synapse]));
  const path: Synapse[] = [];
  const seen = new Set<Synapse>();
  let at = never[0];
  while (at !== undefined && !seen.has(at)) {
    seen.add(at);
    path.push(at);
    at = byId.get(at.inputs.find((input) => byId.has(input)) ?? -1);
  }
  return at === undefined ? path : path.slice(path.indexOf(at)).reverse();
}

/** Orders that speak of at least two of these resources. */
function contradicting(cluster: Cluster, ids: ReadonlySet<string>): string[] {
  const section = childNamed(childNamed(cluster.cib, "configuration"), "constraints");
  const count = (element: Element): number => {
    const { first, then, id } = element.attributes;
    let found = element.name === "resource_ref" && ids.has(id ?? "") ? 1 : 0;
    for (const name of [first, then]) if (name !== undefined && ids.has(name)) found += 1;
    return element.children.reduce((sum, child) => sum + count(child), found);
  };
  const orders = (section?.children ?? []).filter(({ name }) => name === "rsc_order");
  return orders.flatMap((order) => (count(order) > 1 ? (order.attributes["id"] ?? []) : []));
}
