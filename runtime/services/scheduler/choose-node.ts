// Which node comes first: the order of nodes for placing one resource, and the act of assigning.

import { INFINITY } from "../../model/score.ts";
import { compareText } from "../../model/text.ts";
import { actionMeta, clearFlag } from "./action.ts";
import { ABSENT, nodeUsable, scoreOf, usableIn } from "./node-table.ts";
import { showUse } from "./score-lines.ts";
import { type Cluster, Flag, type Node, type NodeTable, type Resource, Role } from "./state.ts";
import { currentNode, isGuestNode, isUniqueClone } from "./tree.ts";
import { banTooSmall, compareCapacities, consumeCapacity, releaseCapacity } from "./utilization.ts";

/** Nodes of a table, best first. */
export function sortNodes(cluster: Cluster, table: NodeTable | undefined, active: Node | undefined): Node[] {
  const nodes: Node[] = [];
  const { placement } = cluster.properties;
  const rank: number[] = [];
  for (const node of cluster.nodes) {
    const score = table === undefined ? node.baseScore : (table.scores[node.index] ?? ABSENT);
    if (score === ABSENT) continue;
    nodes.push(node);
    rank[node.index] = nodeUsable(node) ? score : -INFINITY;
  }
  const compare = (one: Node, other: Node): number => {
    const difference = (rank[other.index] ?? 0) - (rank[one.index] ?? 0);
    if (difference !== 0) return difference;
    if (placement !== "minimal") {
      if (placement === "balanced") {
        const capacities = compareCapacities(one, other);
        if (capacities !== 0) return capacities;
      }
      if (one.assignedCount !== other.assignedCount) return one.assignedCount - other.assignedCount;
      if (active !== undefined && one === active) return -1;
      if (active !== undefined && other === active) return 1;
    }
    return compareText(one.name, other.name);
  };
  return placement === "balanced" ? nodes.sort(compare) : sortInPlace(nodes, compare);
}

/** There are few nodes, and many lists of them to sort: this needs no memory. */
function sortInPlace(nodes: Node[], compare: (one: Node, other: Node) => number): Node[] {
  for (let from = 1; from < nodes.length; from += 1) {
    const moved = nodes[from];
    if (moved === undefined) continue;
    let place = from;
    for (; place > 0; place -= 1) {
      const before = nodes[place - 1];
      if (before === undefined || compare(before, moved) <= 0) break;
      nodes[place] = before;
    }
    nodes[place] = moved;
  }
  return nodes;
}

/** Assigns a resource to the best node that it may use. False when there is none. */
export function assignBest(
  cluster: Cluster,
  resource: Resource,
  wanted: Node | undefined,
  stopIfFail: boolean,
): boolean {
  const largest = banTooSmall(cluster, resource);
  cluster.explain?.discovery(resource);
  const prefer = wanted ?? largest;
  if (!resource.unassigned) return resource.assigned !== undefined;
  const { allowed } = resource;
  const nodes = sortNodes(cluster, allowed, currentNode(resource));
  const best = nodes[0];
  let chosen: Node | undefined;
  if (prefer !== undefined && best !== undefined && scoreOf(allowed, prefer) !== ABSENT) {
    const goodEnough = scoreOf(allowed, prefer) >= scoreOf(allowed, best);
    if (goodEnough && usableIn(allowed, prefer)) chosen = prefer;
  }
  if (chosen === undefined && best !== undefined) chosen = stayIfEqual(resource, nodes, best);
  assign(cluster, resource, chosen, false, stopIfFail);
  cluster.explain?.chose(resource, nodes, wanted);
  return resource.assigned !== undefined;
}

/** Of nodes that are equally good, the one where it runs. */
function stayIfEqual(resource: Resource, nodes: readonly Node[], best: Node): Node {
  const { allowed } = resource;
  const score = scoreOf(allowed, best);
  if (isUniqueClone(resource.parent) || score <= 0 || !nodeUsable(best)) return best;
  const running = currentNode(resource);
  if (running === undefined || !nodeUsable(running) || running.baseScore < 0) return best;
  let chosen = best;
  for (let i = 1; i < nodes.length; i += 1) {
    const node = nodes[i];
    if (node === undefined || scoreOf(allowed, node) !== score) break;
    if (node === running) chosen = node;
  }
  return chosen;
}

/**
 * Assigns a resource and all in it to a node (undefined: to none, which stops it if `stopIfFail`).
 * @param force even to a node that it may not use
 * @returns whether that is another node than before
 */
export function assign(
  cluster: Cluster,
  resource: Resource,
  target: Node | undefined,
  force: boolean,
  stopIfFail: boolean,
): boolean {
  if (resource.children.length > 0) {
    let any = false;
    for (const child of resource.children) if (assign(cluster, child, target, force, stopIfFail)) any = true;
    return any;
  }
  let node = target;
  if (!force && node !== undefined) {
    const score = scoreOf(resource.allowed, node);
    if (score < 0 || (!nodeUsable(node) && !isGuestNode(node))) {
      if (stopIfFail) resource.nextRole = Role.Stopped;
      node = undefined;
    }
  }
  const changed = resource.assigned !== node;
  unassign(resource);
  resource.unassigned = false;
  if (node === undefined) {
    if (stopIfFail) stopInstead(resource);
    return changed;
  }
  resource.assigned = node;
  resource.assignedScore = force ? node.baseScore : scoreOf(resource.allowed, node);
  node.assignedCount += 1;
  consumeCapacity(node, resource);
  showUse(cluster, resource, node);
  return changed;
}

function stopInstead(resource: Resource): void {
  resource.nextRole = Role.Stopped;
  for (const action of resource.actions) {
    if (action.task === "stop") {
      clearFlag(action, Flag.Optional);
    } else if (action.task === "start") {
      clearFlag(action, Flag.Runnable);
    } else {
      const interval = actionMeta(action, "interval");
      const target = actionMeta(action, "op_target_rc");
      if (interval !== undefined && interval !== "0" && target !== "7") clearFlag(action, Flag.Runnable);
    }
  }
}

/** Takes an assignment back. */
export function unassign(resource: Resource): void {
  const old = resource.assigned;
  resource.unassigned = true;
  if (resource.children.length > 0) {
    for (const child of resource.children) unassign(child);
    return;
  }
  if (old === undefined) return;
  resource.assigned = undefined;
  old.assignedCount -= 1;
  releaseCapacity(old.utilization, resource);
}
