// Stage: placing a clone, and what is placed with it.

import { addScores, INFINITY } from "../../model/score.ts";
import { isTrue } from "../../model/text.ts";
import {
  addPromotionScores,
  placeWithPromotable,
  promoteWithPromotable,
  setInstanceRoles,
} from "./assign-promotion.ts";
import { assign } from "./choose-node.ts";
import { addDependentScores, intersectNodes, thisWithColocations, withThisColocations } from "./colocation-scores.ts";
import { findCompatible } from "./compatible.ts";
import { addAll, addThisWith, addWithThis } from "./constraint-colocation.ts";
import { applyLocation } from "./constraint-location.ts";
import { assignInstances, compareInstances } from "./instances.ts";
import { mergeSort } from "./merge-sort.ts";
import { showScores } from "./score-lines.ts";
import { type Cluster, type Colocation, type Location, type Node, type Resource, Role, Variant } from "./state.ts";
import { anyIn, onlyNode } from "./tree.ts";

/** Places a clone's instances. */
export function assignClone(
  cluster: Cluster,
  clone: Resource,
  prefer: Node | undefined,
  stopIfFail: boolean,
): undefined {
  if (!clone.unassigned || clone.assigning || clone.clone === undefined) return;
  clone.assigning = true;
  if (clone.promotable) addPromotionScores(cluster, clone);
  for (const { primary } of thisWithColocations(clone)) primary.methods.assign(primary, prefer, stopIfFail);
  for (const colocation of withThisColocations(clone)) {
    addDependentScores(colocation, clone);
    cluster.explain?.wanted(clone, colocation);
  }
  showScores(cluster, "clone", clone);
  const wishes = new Map<Resource, number>();
  clone.children = mergeSort(clone.children, (one, other) => compareInstances(one, other, wishes));
  assignInstances(cluster, clone, clone.children.slice(), clone.clone.cloneMax, clone.clone.cloneNodeMax);
  if (clone.promotable) setInstanceRoles(cluster, clone);
  clone.unassigned = false;
  clone.assigning = false;
}

/** Whether the instances of the dependent can each follow one of the primary. */
function canInterleave(colocation: Colocation): boolean {
  const { dependent, primary } = colocation;
  if (dependent.variant <= Variant.Group || !isTrue(dependent.meta.get("interleave"))) return false;
  return dependent.methods.maxPerNode(dependent) === primary.methods.maxPerNode(primary);
}

/** A colocation with a clone as the primary. */
export function applyWithClone(
  cluster: Cluster,
  dependent: Resource,
  primary: Resource,
  colocation: Colocation,
): number {
  if (primary.unassigned) return 0;
  if (primary.promotable && colocation.primaryRole !== Role.Unknown) {
    if (dependent.unassigned) {
      placeWithPromotable(cluster, primary, dependent, colocation);
      return 0;
    }
    if (colocation.dependentRole === Role.Promoted) {
      return promoteWithPromotable(cluster, primary, dependent, colocation);
    }
  }
  if (canInterleave(colocation)) {
    const instance = findCompatible(cluster, dependent, primary, Role.Unknown, false, undefined);
    if (instance !== undefined) {
      return dependent.methods.applyColocation(dependent, instance, colocation, true);
    }
    if (colocation.score >= INFINITY) assign(cluster, dependent, undefined, true, true);
    if (colocation.score >= INFINITY) cluster.explain?.withoutPartner(dependent, colocation);
    return 0;
  }
  if (colocation.score >= INFINITY) {
    const nodes: Node[] = [];
    for (const instance of primary.children) {
      const node = onlyNode(instance, "assigned");
      if (node !== undefined && !anyIn(instance, (part) => part.blocked)) nodes.push(node);
    }
    intersectNodes(cluster, dependent, nodes);
    return 0;
  }
  let delta = 0;
  for (const instance of primary.children) {
    delta = addScores(delta, instance.methods.applyColocation(dependent, instance, colocation, false));
  }
  return delta;
}

export function withClone(clone: Resource, origin: Resource, list: Colocation[]): void {
  addAll(list, clone.withThis, addWithThis);
  clone.parent?.methods.withThisColocations(clone.parent, origin, list);
}

export function cloneWith(clone: Resource, origin: Resource, list: Colocation[]): void {
  addAll(list, clone.thisWith, addThisWith);
  clone.parent?.methods.thisWithColocations(clone.parent, origin, list);
}

export function applyCloneLocation(clone: Resource, location: Location): void {
  applyLocation(clone, location);
  for (const instance of clone.children) instance.methods.applyLocation(instance, location);
}
