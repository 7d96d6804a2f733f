// Stage: which instances of a promotable clone are promoted.

import { addScores, INFINITY, parseScore } from "../../model/score.ts";
import { sameText } from "../../model/text.ts";
import { colocationAttribute, intersectNodes, thisWithColocations, withThisColocations } from "./colocation-scores.ts";
import { findCompatible } from "./compatible.ts";
import { hasInfluence } from "./constraint-colocation.ts";
import { requirePromotionTickets } from "./constraint-ticket.ts";
import { partOfInstance } from "./instance-parts.ts";
import { compareInstances } from "./instances.ts";
import { mergeSort } from "./merge-sort.ts";
import { ABSENT, has, nodeUsable, scoreOf } from "./node-table.ts";
import { showPromotion } from "./score-lines.ts";
import { type Cluster, type Colocation, type Location, type Node, type Resource, Role } from "./state.ts";
import {
  collectNodes,
  isActiveOn,
  isGuestNode,
  launcherOf,
  nodeAttribute,
  onlyNode,
  stripInstance,
  topResource,
  wasProbed,
} from "./tree.ts";

/** Whether what a node says of promoting a resource is meant for this instance. */
function scoreApplies(resource: Resource, node: Node): boolean {
  const allowed = scoreOf(resource.allowed, node) >= 0;
  const id = stripInstance(resource.id);
  if (!resource.unique) {
    const clone = topResource(resource);
    let active: Resource | undefined;
    let known = false;
    for (const child of clone.children) {
      const part = partOfInstance(child, id);
      if (part === undefined) continue;
      active ??= isActiveOn(part, node) ? part : undefined;
      known ||= wasProbed(part, node);
    }
    if (active === resource || (active === undefined && known)) return allowed;
  }
  if (resource.activeNodes.length === 0 && resource.probedCount === 0) return allowed;
  return allowed && (wasProbed(resource, node) || isActiveOn(resource, node));
}

/** The agents' own wish (node attribute master-RESOURCE); undefined when there is none. */
function promotionScore(cluster: Cluster, resource: Resource, node: Node): number | undefined {
  if (resource.children.length > 0) {
    let sum: number | undefined;
    for (const child of resource.children) {
      const score = promotionScore(cluster, child, node);
      if (score !== undefined) sum = (sum ?? 0) + score;
    }
    return sum;
  }
  if (!scoreApplies(resource, node)) return undefined;
  const target = resource.meta.get("container-attribute-target");
  const kind = resource.unassigned ? "current" : "assigned";
  const read = (name: string) => nodeAttribute(node, `master-${name}`, target, kind);
  let value = read(resource.historyId ?? resource.id);
  if (value === undefined && !resource.unique) {
    const plain = stripInstance(resource.id);
    if (plain !== resource.id) value = read(plain);
  }
  return value === undefined ? undefined : (parseScore(value, cluster.properties.colors) ?? 0);
}

/** Lets instances prefer nodes where they would be promoted. */
export function addPromotionScores(cluster: Cluster, clone: Resource): void {
  if (clone.clone === undefined || clone.clone.promotionScoresAdded) return;
  clone.clone.promotionScoresAdded = true;
  for (const child of clone.children) {
    const { scores } = child.allowed;
    for (let i = 0; i < scores.length; i += 1) {
      const old = scores[i] ?? ABSENT;
      const node = cluster.nodes[i];
      if (old === ABSENT || node === undefined || !nodeUsable(node)) continue;
      const score = promotionScore(cluster, child, node) ?? 0;
      if (score > 0) scores[i] = addScores(old, score);
      if (score > child.priority) child.priority = score;
    }
    cluster.explain?.promotionScores(child);
  }
}

function markUnpromoted(resource: Resource): void {
  if (resource.role === Role.Started) resource.role = Role.Unpromoted;
  for (const child of resource.children) markUnpromoted(child);
}

function applyPromotedLocations(
  cluster: Cluster,
  resource: Resource,
  locations: readonly Location[],
  node: Node,
): void {
  for (let i = locations.length - 1; i >= 0; i -= 1) {
    const location = locations[i];
    if (location?.role !== Role.Promoted) continue;
    const entry = location.nodes.find((candidate) => candidate.node === node);
    if (entry === undefined) continue;
    resource.priority = addScores(resource.priority, entry.score);
    cluster.explain?.promotionLocation(resource, location, node, entry.score);
  }
}

/** How much an instance is worth promoting where it is. */
function setPriority(cluster: Cluster, clone: Resource, instance: Resource): void {
  if (instance.methods.state(instance, true) === Role.Started) markUnpromoted(instance);
  const chosen = onlyNode(instance, "assigned");
  if (chosen === undefined) return;
  const next = instance.methods.state(instance, false);
  if (next === Role.Started || next === Role.Unknown) {
    instance.priority = promotionScore(cluster, instance, chosen) ?? -1;
  } else if (next === Role.Unpromoted || next === Role.Stopped) {
    instance.priority = -INFINITY;
  }
  applyPromotedLocations(cluster, instance, instance.locations, chosen);
  applyPromotedLocations(cluster, instance, clone.locations, chosen);
  for (const colocation of thisWithColocations(instance)) {
    const before = instance.priority;
    instance.methods.applyColocation(instance, colocation.primary, colocation, true);
    if (instance.priority !== before) cluster.explain?.promotionColocation(instance, colocation, before);
  }
  instance.promotionPriority = next === Role.Promoted ? INFINITY : instance.priority;
}

/** Where those want to be that want to be with the promoted instance. */
function applyToPromoted(clone: Resource, colocation: Colocation): void {
  if (colocation.primaryRole !== Role.Promoted || !hasInfluence(colocation)) return;
  const { dependent } = colocation;
  const factor = Math.fround(colocation.score / INFINITY);
  const options = { thisWith: false, active: true, nonnegative: true };
  const table = dependent.methods.addColocatedScores(dependent, clone, clone.allowed, colocation, factor, options);
  if (table !== undefined) clone.allowed = table;
}

function sortInstances(cluster: Cluster, clone: Resource): void {
  if (clone.clone === undefined || clone.clone.promotionConstrained) return;
  clone.clone.promotionConstrained = true;
  clone.updatingNodes = true;
  for (const child of clone.children) {
    const chosen = child.promotionPriority < 0 ? undefined : onlyNode(child, "assigned");
    if (chosen === undefined || !has(clone.allowed, chosen)) continue;
    clone.allowed.scores[chosen.index] = addScores(child.promotionPriority, scoreOf(clone.allowed, chosen));
  }
  for (const colocation of withThisColocations(clone)) applyToPromoted(clone, colocation);
  requirePromotionTickets(cluster, clone);
  for (const child of clone.children) {
    const chosen = onlyNode(child, "assigned");
    if (!child.managed && child.nextRole === Role.Promoted) child.promotionPriority = INFINITY;
    else if (chosen === undefined) child.promotionPriority = -INFINITY;
    else if (child.promotionPriority >= 0) child.promotionPriority = scoreOf(clone.allowed, chosen);
  }
  const wishes = new Map<Resource, number>();
  clone.children = mergeSort(clone.children, (one, other) => comparePromotable(one, other, wishes));
  clone.updatingNodes = false;
}

function comparePromotable(one: Resource, other: Resource, wishes: Map<Resource, number>): number {
  if (one.promotionPriority !== other.promotionPriority) return other.promotionPriority - one.promotionPriority;
  const roles = other.methods.state(other, true) - one.methods.state(one, true);
  return roles !== 0 ? roles : compareInstances(one, other, wishes);
}

/** The node on which an instance can be promoted. */
function promotionNode(resource: Resource): Node | undefined {
  for (const child of resource.children) if (promotionNode(child) === undefined) return undefined;
  const node = onlyNode(resource, "assigned");
  if (node === undefined) return undefined;
  if (!resource.managed) {
    if (resource.methods.state(resource, true) !== Role.Promoted) return undefined;
  } else if (resource.priority < 0 || !nodeUsable(node) || !guestWillRun(node)) {
    return undefined;
  }
  const clone = topResource(resource);
  if (!has(clone.allowed, node)) return undefined;
  const full = (clone.allowed.counts[node.index] ?? 0) >= (clone.clone?.promotedNodeMax ?? 1);
  return full && resource.managed ? undefined : node;
}

function guestWillRun(node: Node): boolean {
  if (!isGuestNode(node)) return true;
  const guest = launcherOf(node);
  return guest === undefined || onlyNode(guest, "assigned") !== undefined;
}

function markNextUnpromoted(resource: Resource): void {
  const places: Node[] = [];
  collectNodes(resource, "assigned", places);
  resource.nextRole = places.length === 0 ? Role.Stopped : Role.Unpromoted;
  for (const child of resource.children) markNextUnpromoted(child);
}

function markNextPromoted(resource: Resource): void {
  if (resource.nextRole === Role.Unknown) resource.nextRole = Role.Promoted;
  for (const child of resource.children) markNextPromoted(child);
}

/** Decides which instances are promoted. */
export function setInstanceRoles(cluster: Cluster, clone: Resource): void {
  for (let i = 0; i < clone.allowed.counts.length; i += 1) clone.allowed.counts[i] = 0;
  for (const child of clone.children) setPriority(cluster, clone, child);
  sortInstances(cluster, clone);
  let promoted = 0;
  for (const instance of clone.children) {
    showPromotion(cluster, instance);
    let chosen: Node | undefined;
    const room = promoted < (clone.clone?.promotedMax ?? 1) || !topResource(instance).managed;
    if (instance.promotionPriority >= 0 && room) chosen = promotionNode(instance);
    const frozen = instance.role < Role.Promoted && !cluster.quorate && cluster.properties.noQuorumPolicy === "freeze";
    cluster.explain?.promotion(instance, chosen !== undefined, room, frozen);
    if (chosen === undefined || frozen) {
      markNextUnpromoted(instance);
      continue;
    }
    clone.allowed.counts[chosen.index] = (clone.allowed.counts[chosen.index] ?? 0) + 1;
    markNextPromoted(instance);
    promoted += 1;
  }
}

/** Places a dependent by where instances with a role are. */
export function placeWithPromotable(
  cluster: Cluster,
  primary: Resource,
  dependent: Resource,
  colocation: Colocation,
): void {
  const nodes: Node[] = [];
  const scores: number[] = [];
  for (const instance of primary.children) {
    const node = onlyNode(instance, "assigned");
    if (node === undefined || instance.methods.state(instance, false) !== colocation.primaryRole) continue;
    addWhereEqual(cluster, dependent, primary, node, colocation);
    nodes.push(node);
    scores.push(assignedScore(instance));
  }
  const bothPromoted = colocation.dependentRole === Role.Promoted && colocation.primaryRole === Role.Promoted;
  if (colocation.score >= INFINITY && !bothPromoted) intersectNodes(cluster, dependent, nodes, scores);
}

function assignedScore(resource: Resource): number {
  const first = resource.children[0];
  return first === undefined ? resource.assignedScore : assignedScore(first);
}

function addWhereEqual(
  cluster: Cluster,
  dependent: Resource,
  primary: Resource,
  primaryNode: Node,
  colocation: Colocation,
): void {
  const { attribute, score } = colocation;
  if (score >= INFINITY) return;
  const value = colocationAttribute(primaryNode, attribute, primary);
  const { scores } = dependent.allowed;
  for (let i = 0; i < scores.length; i += 1) {
    const old = scores[i] ?? ABSENT;
    const node = cluster.nodes[i];
    if (old === ABSENT || node === undefined) continue;
    if (sameText(value, colocationAttribute(node, attribute, dependent))) scores[i] = addScores(old, score);
  }
}

/** Raises or takes away a dependent's wish to be promoted, by where instances with a role are. */
export function promoteWithPromotable(
  cluster: Cluster,
  primary: Resource,
  dependent: Resource,
  colocation: Colocation,
): number {
  const { score } = colocation;
  const match = findCompatible(cluster, dependent, primary, colocation.primaryRole, false, colocation.attribute);
  if (match !== undefined) {
    dependent.priority = addScores(dependent.priority, score);
    return score;
  }
  if (score < INFINITY) return 0;
  dependent.priority = -INFINITY;
  return -INFINITY;
}
