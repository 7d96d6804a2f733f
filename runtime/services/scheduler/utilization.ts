// Utilization: what resources use up of what nodes have (placement-strategy other than "default").

import { INFINITY, leadingInteger } from "../../model/score.ts";
import { clearFlag } from "./action.ts";
import { pseudoAction } from "./actions.ts";
import { hashOrder } from "./hash-order.ts";
import { addLocation } from "./location-scores.ts";
import { nodesOf, usableIn } from "./node-table.ts";
import { newOrdering } from "./orderings.ts";
import { type Action, type Cluster, Flag, type Node, Order, type Resource } from "./state.ts";

const MAX = 2_147_483_647;

function amount(text: string | undefined): number {
  return text === undefined ? 0 : (leadingInteger(text) ?? 0);
}

function change(table: Map<string, string>, by: ReadonlyMap<string, string>, sign: 1 | -1): void {
  for (const [name, value] of by) {
    const result = amount(table.get(name)) + sign * amount(value);
    table.set(name, String(Math.min(Math.max(result, -MAX - 1), MAX)));
  }
}

/** Takes what a resource uses from a node's capacity. */
export function consumeCapacity(node: Node, resource: Resource): void {
  change(node.utilization, resource.utilization, -1);
}

/** Adds what a resource uses to a table (a node's capacity, or a sum). */
export function releaseCapacity(table: Map<string, string>, resource: Resource): void {
  change(table, resource.utilization, 1);
}

/** Less than 0 when the first node has more left, in more respects. */
export function compareCapacities(one: Node, other: Node): number {
  let result = 0;
  for (const [name, value] of one.utilization) {
    const difference = amount(value) - amount(other.utilization.get(name));
    result -= Math.sign(difference);
  }
  for (const [name, value] of other.utilization) {
    if (!one.utilization.has(name)) result += Math.sign(amount(value));
  }
  return result;
}

function fits(node: Node, needed: ReadonlyMap<string, string>): boolean {
  for (const [name, value] of needed) {
    if (amount(value) > amount(node.utilization.get(name))) return false;
  }
  return true;
}

/**
 * Bans a resource from nodes that have too little left for it and what must be with it.
 * @returns the node that has most left, when none has enough for all of them
 */
export function banTooSmall(cluster: Cluster, resource: Resource): Node | undefined {
  if (cluster.properties.placement === "default") return undefined;
  const together = resource.methods.colocated(resource, undefined, []);
  if (together.length === 0) return undefined;
  if (!together.includes(resource)) together.push(resource);
  const needed = new Map<string, string>();
  for (const member of together) member.methods.addUtilization(member, resource, together, needed);
  const usable = nodesOf(cluster, resource.allowed).filter((node) => usableIn(resource.allowed, node));
  let anyFits = false;
  for (const node of usable) {
    if (fits(node, needed)) anyFits = true;
  }
  const measure = anyFits ? needed : resource.utilization;
  for (const node of usable) {
    if (!fits(node, measure)) addLocation(resource, node, -INFINITY);
  }
  cluster.explain?.capacity(resource, measure);
  return anyFits ? undefined : largestOf(cluster, resource, usable);
}

/** The node with most left; of several, that which comes first in a hash table of all that are allowed. */
function largestOf(cluster: Cluster, resource: Resource, usable: readonly Node[]): Node | undefined {
  const byId = new Map(usable.map((node) => [node.id, node]));
  let largest: Node | undefined;
  for (const id of hashOrder(nodesOf(cluster, resource.allowed).map((node) => node.id))) {
    const node = byId.get(id);
    if (node !== undefined && (largest === undefined || compareCapacities(node, largest) < 0)) largest = node;
  }
  return largest;
}

function loadStopped(cluster: Cluster, node: Node): Action {
  const action = pseudoAction(cluster, `load_stopped_${node.name}`);
  if (action.node === undefined) {
    action.node = node;
    clearFlag(action, Flag.Optional);
  }
  return action;
}

/** What leaves a node makes room before something else comes. */
export function orderByLoad(cluster: Cluster, resource: Resource, allowed: readonly Node[]): void {
  for (const node of resource.activeNodes) {
    newOrdering(cluster, { resource, key: "stop" }, { action: loadStopped(cluster, node) }, Order.IfOnSameNodeOrTarget);
  }
  for (const node of allowed) {
    const action = loadStopped(cluster, node);
    newOrdering(cluster, { action }, { resource, key: "start" }, Order.IfOnSameNodeOrTarget);
    newOrdering(cluster, { action }, { resource, key: "migrate_to" }, Order.IfOnSameNodeOrTarget);
  }
}
