// Stage: what of the graph can happen at all. Orders that contradict each other make actions wait for one another for ever, and
// an action may wait for one that is not in the plan. Such actions would never start, nor would what waits for them: they are
// taken out, so that a plan can always be carried out to its end, and it is said why.

import { childNamed, type Element } from "../../kernel/cib/element.ts";
import type { Synapse } from "../transition.ts";
import { actionUuid } from "./action.ts";
import type { Cluster } from "./state.ts";

/** So many actions are named in a message; the rest is counted. */
const MAX_NAMED = 5;
/** In place of the number of actions that one waits for: it is not in the plan. */
const NOT_PLANNED = -1;

/** The synapses whose turn comes. */
export function feasible(cluster: Cluster, synapses: readonly Synapse[]): readonly Synapse[] {
  const waiting = new Int32Array(cluster.nextActionId).fill(NOT_PLANNED);
  // Where in `followers` those that wait for an action begin; they end where those of the next action begin.
  const begins = new Int32Array(cluster.nextActionId + 1);
  for (const { action, inputs } of synapses) {
    waiting[action.id] = inputs.length;
    for (const input of inputs) begins[input] = (begins[input] ?? 0) + 1;
  }
  let total = 0;
  for (let id = 0; id < begins.length; id += 1) {
    total += begins[id] ?? 0;
    begins[id] = total;
  }
  const followers = new Int32Array(total);
  const ready = new Int32Array(synapses.length);
  let known = 0;
  for (const { action, inputs } of synapses) {
    if (inputs.length === 0) {
      ready[known] = action.id;
      known += 1;
    }
    for (const input of inputs) {
      const place = (begins[input] ?? 0) - 1;
      begins[input] = place;
      followers[place] = action.id;
    }
  }
  for (let i = 0; i < known; i += 1) {
    const id = ready[i] ?? 0;
    const end = begins[id + 1] ?? total;
    for (let at = begins[id] ?? 0; at < end; at += 1) {
      const follower = followers[at] ?? 0;
      const left = (waiting[follower] ?? 0) - 1;
      waiting[follower] = left;
      if (left !== 0) continue;
      ready[known] = follower;
      known += 1;
    }
  }
  if (known === synapses.length) return synapses;
  const never = synapses.filter(({ action }) => waiting[action.id] !== 0);
  complain(cluster, never, waiting);
  return synapses.filter(({ action }) => waiting[action.id] === 0);
}

function complain(cluster: Cluster, never: readonly Synapse[], waiting: Int32Array): void {
  const byId = new Map(cluster.graphed.map((action) => [action.id, action]));
  const missing = never.filter(({ inputs }) => inputs.some((input) => waiting[input] === NOT_PLANNED));
  const concerned = missing.length > 0 ? missing : circle(never);
  const resources = concerned.flatMap(({ action }) => byId.get(action.id)?.resource ?? []);
  const ids = new Set(resources.map((resource) => resource.configId));
  for (const resource of resources) {
    for (let above = resource.parent; above !== undefined; above = above.parent) ids.add(above.configId);
  }
  const orders = contradicting(cluster, ids);
  const named = concerned.slice(0, MAX_NAMED).map(({ action }) => action.internalOperationKey ?? action.operationKey);
  const more = concerned.length > MAX_NAMED ? ` and ${concerned.length - MAX_NAMED} more` : "";
  const absent = missing.flatMap(({ inputs }) => inputs).find((input) => waiting[input] === NOT_PLANNED);
  const awaited = cluster.actions.find(({ id }) => id === absent);
  const what = awaited === undefined ? "something that" : `${actionUuid(awaited)}, which`;
  const verb = concerned.length === 1 ? "waits" : "wait";
  const why = `${verb} for ${missing.length > 0 ? `${what} is not in the plan` : "each other"}`;
  const cut = never.length === 1 ? "1 action is" : `${never.length} actions are`;
  const look =
    missing.length > 0 ? "What keeps that from being done has to go first." : "Look at the orders between them.";
  const next = orders.length === 0 ? look : `Change or remove one of these constraints: ${orders.join(", ")}.`;
  const [element] = orders.length > 0 ? orders : [...ids];
  cluster.problems.push({
    severity: "error",
    code: missing.length > 0 ? "waits-for-nothing" : "order-circle",
    ...(element === undefined ? {} : { element }),
    text: `${named.join(", ")}${more} ${why}, so ${cut} left out of the plan. ${next}`,
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
