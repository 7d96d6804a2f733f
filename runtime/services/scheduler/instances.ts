// Stage: placing the instances of a clone (or the replicas of a bundle): which instance is served first, how many go where.

import { INFINITY } from "../../model/score.ts";
import { unassign } from "./choose-node.ts";
import { thisWithColocations, withThisColocations } from "./colocation-scores.ts";
import { hasInfluence } from "./constraint-colocation.ts";
import { banEverywhere } from "./location-scores.ts";
import { ABSENT, copyTable, emptyTable, has, insert, nodeUsable, scoreOf, usableIn } from "./node-table.ts";
import type { Cluster, Node, NodeTable, Resource } from "./state.ts";
import { anyIn, currentNode } from "./tree.ts";

/** The table that counts for an instance: its clone's. */
function sharedTable(instance: Resource): NodeTable {
  return (instance.parent ?? instance).allowed;
}

function instanceNumber(resource: Resource): number {
  const { id } = resource;
  const colon = id.lastIndexOf(":");
  return Number.parseInt(id.slice((colon >= 0 ? colon : id.lastIndexOf("-")) + 1), 10) || 0;
}

/** By number. */
export function compareNumbers(one: Resource, other: Resource): number {
  return instanceNumber(one) - instanceNumber(other);
}

function stillAllowed(instance: Resource, node: Node | undefined): boolean {
  if (node === undefined) return true;
  return scoreOf(instance.allowed, node) >= 0;
}

/**
 * Which of two instances is placed first: that which has most to lose by coming second.
 * @param wishes what others want of each instance, kept while one list is sorted
 */
export function compareInstances(one: Resource, other: Resource, wishes: Map<Resource, number>): number {
  const [left, right] = [one.methods.activeNode(one), other.methods.activeNode(other)];
  if (left.all > 0 && right.all > 0 && left.all !== right.all) return left.all - right.all;
  const canLeft = stillAllowed(one, left.node);
  const canRight = stillAllowed(other, right.node);
  if (canLeft !== canRight) return canLeft ? -1 : 1;
  if (one.priority !== other.priority) return other.priority - one.priority;
  const leftNode = canLeft ? left.node : undefined;
  const rightNode = canRight ? right.node : undefined;
  if (leftNode === undefined || rightNode === undefined) {
    if (leftNode === rightNode) return 0;
    return leftNode === undefined ? 1 : -1;
  }
  const usable = Number(nodeUsable(rightNode)) - Number(nodeUsable(leftNode));
  if (usable !== 0) return usable;
  return compareByPlace(one, leftNode, other, rightNode, wishes);
}

function compareByPlace(
  one: Resource,
  left: Node,
  other: Resource,
  right: Node,
  wishes: Map<Resource, number>,
): number {
  const [leftTable, rightTable] = [sharedTable(one), sharedTable(other)];
  const [inLeft, inRight] = [has(leftTable, left), has(rightTable, right)];
  if (!inLeft || !inRight) return inLeft === inRight ? 0 : inLeft ? -1 : 1;
  const counts = (leftTable.counts[left.index] ?? 0) - (rightTable.counts[right.index] ?? 0);
  if (counts !== 0) return counts;
  const [failedLeft, failedRight] = [didFail(one), didFail(other)];
  if (failedLeft !== failedRight) return failedLeft ? 1 : -1;
  const colocated = colocatedScore(other, wishes) - colocatedScore(one, wishes);
  return colocated !== 0 ? colocated : compareNumbers(one, other);
}

function didFail(resource: Resource): boolean {
  return anyIn(resource, (part) => part.failed);
}

/** How much others want an instance to be where it is. */
function colocatedScore(instance: Resource, wishes: Map<Resource, number>): number {
  const known = wishes.get(instance);
  if (known !== undefined) return known;
  const score = gatherColocated(instance);
  wishes.set(instance, score);
  return score;
}

function gatherColocated(instance: Resource): number {
  const node = currentNode(instance);
  if (node === undefined) return 0;
  let table: NodeTable = emptyTable();
  insert(table, node);
  for (const colocation of thisWithColocations(instance)) {
    const { primary } = colocation;
    const factor = Math.fround(colocation.score / INFINITY);
    const options = { thisWith: false, active: false, nonnegative: false };
    table = primary.methods.addColocatedScores(primary, instance, table, colocation, factor, options) ?? table;
  }
  for (const colocation of withThisColocations(instance)) {
    if (!hasInfluence(colocation, instance)) continue;
    const { dependent } = colocation;
    const factor = Math.fround(colocation.score / INFINITY);
    const options = { thisWith: false, active: false, nonnegative: true };
    table = dependent.methods.addColocatedScores(dependent, instance, table, colocation, factor, options) ?? table;
  }
  return scoreOf(table, node);
}

function canRun(instance: Resource, node: Node, perNode: number): boolean {
  if (instance.removed || !nodeUsable(node)) return false;
  const table = sharedTable(instance);
  const score = scoreOf(table, node);
  return score >= 0 && (table.counts[node.index] ?? 0) < perNode;
}

/** Takes nodes out of question that the clone as a whole cannot use, or has filled. */
function banUnavailable(cluster: Cluster, instance: Resource, perNode: number): void {
  const { scores } = instance.allowed;
  for (let i = 0; i < scores.length; i += 1) {
    const node = cluster.nodes[i];
    if (node === undefined || (scores[i] ?? ABSENT) === ABSENT || canRun(instance, node, perNode)) continue;
    scores[i] = -INFINITY;
    for (const child of instance.children) if (has(child.allowed, node)) child.allowed.scores[i] = -INFINITY;
  }
}

function assignInstance(
  cluster: Cluster,
  instance: Resource,
  prefer: Node | undefined,
  perNode: number,
): Node | undefined {
  if (instance.assigning) return undefined;
  banUnavailable(cluster, instance, perNode);
  cluster.explain?.noRoom(instance, perNode);
  const chosen = instance.methods.assign(instance, prefer, prefer === undefined);
  countPlace(instance, chosen);
  return chosen;
}

function countPlace(instance: Resource, node: Node | undefined): void {
  const table = sharedTable(instance);
  if (node !== undefined && has(table, node)) table.counts[node.index] = (table.counts[node.index] ?? 0) + 1;
}

interface Backup {
  readonly resource: Resource;
  readonly table: NodeTable;
}

function backUp(resource: Resource, list: Backup[]): Backup[] {
  list.push({ resource, table: copyTable(resource.allowed) });
  for (const child of resource.children) backUp(child, list);
  return list;
}

/** Tries to leave an instance where it is, as long as there is room for those that would have to take its other places. */
function assignEarly(cluster: Cluster, instance: Resource, current: Node, perNode: number, available: number): boolean {
  if (!usableIn(instance.allowed, current)) return false;
  const parent = instance.parent;
  const parentTable = parent?.allowed;
  if (parent === undefined || parentTable === undefined) return false;
  const backups = backUp(instance, []);
  parent.allowed = copyTable(parentTable);
  let chosen: Node | undefined;
  for (let reserved = 0; reserved < available; ) {
    chosen = assignInstance(cluster, instance, current, perNode);
    if (chosen !== undefined && chosen === current) break;
    for (const backup of backups) backup.resource.allowed = copyTable(backup.table);
    cluster.explain?.takeBack(instance);
    if (chosen === undefined) {
      instance.unassigned = true;
      break;
    }
    reserved += 1;
    unassign(instance);
    chosen = undefined;
  }
  parent.allowed = parentTable;
  if (chosen === undefined) return false;
  countPlace(instance, chosen);
  return true;
}

function preferredNode(instance: Resource, optimal: number): Node | undefined {
  if (instance.activeNodes.length === 0 || !instance.unassigned || instance.failed) return undefined;
  const node = currentNode(instance);
  if (node === undefined || !nodeUsable(node) || node.baseScore < 0) return undefined;
  const table = sharedTable(instance);
  if (has(table, node) && (table.counts[node.index] ?? 0) >= optimal) return undefined;
  return node;
}

/** Places instances, at most `total` of them and `perNode` on each node. */
export function assignInstances(
  cluster: Cluster,
  collective: Resource,
  instances: readonly Resource[],
  total: number,
  perNode: number,
): void {
  const { allowed } = collective;
  let usable = 0;
  for (const node of cluster.nodes) {
    if (!has(allowed, node)) continue;
    allowed.counts[node.index] = 0;
    if (nodeUsable(node)) usable += 1;
  }
  const optimal = Math.max(1, usable > 0 ? Math.floor(total / usable) : 0);
  let assigned = 0;
  for (const instance of instances) {
    if (assigned >= total) break;
    if (!instance.unassigned) continue;
    const current = preferredNode(instance, optimal);
    if (current !== undefined && assignEarly(cluster, instance, current, perNode, total - assigned)) assigned += 1;
  }
  for (const instance of instances) {
    if (!instance.unassigned) continue;
    if (assigned < total) {
      if (assignInstance(cluster, instance, undefined, perNode) !== undefined) assigned += 1;
      continue;
    }
    banEverywhere(cluster, instance);
    cluster.explain?.tooMany(instance, total);
  }
}
