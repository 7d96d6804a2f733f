// Stage: placing a group: its members one after the other, each with the one before it.

import { addScores, INFINITY } from "../../model/score.ts";
import { colocatedWith } from "./colocation-scores.ts";
import { addAll, addThisWith, addWithThis } from "./constraint-colocation.ts";
import { applyLocation } from "./constraint-location.ts";
import { showScores } from "./score-lines.ts";
import type { Cluster, Colocation, Location, Node, NodeTable, Resource, ScoreOptions } from "./state.ts";
import { isClone } from "./tree.ts";

export function lastMember(group: Resource): Resource | undefined {
  return group.children[group.children.length - 1];
}

/** Places a group. */
export function assignGroup(
  cluster: Cluster,
  group: Resource,
  prefer: Node | undefined,
  stopIfFail: boolean,
): Node | undefined {
  const first = group.children[0];
  if (!group.unassigned) return group.assigned;
  if (group.assigning) return undefined;
  if (first === undefined) {
    group.unassigned = false;
    return undefined;
  }
  group.assigning = true;
  group.role = first.role;
  showScores(cluster, "group", group);
  let node: Node | undefined;
  for (const member of group.children) {
    const place = member.methods.assign(member, prefer, stopIfFail);
    node ??= place;
  }
  group.nextRole = first.nextRole;
  group.assigning = false;
  group.unassigned = false;
  return group.group?.colocated ? node : undefined;
}

/** A colocation that a group takes part in is one of its first or last member. */
export function applyGroupColocation(
  dependent: Resource,
  primary: Resource,
  colocation: Colocation,
  forDependent: boolean,
): number {
  return forDependent ? applyToGroup(dependent, primary, colocation) : applyWithGroup(dependent, primary, colocation);
}

function applyToGroup(dependent: Resource, primary: Resource, colocation: Colocation): number {
  const first = dependent.children[0];
  if (first === undefined) return 0;
  let delta = 0;
  if (dependent.group?.colocated) {
    delta = first.methods.applyColocation(first, primary, colocation, true);
  } else {
    if (colocation.score >= INFINITY) return 0;
    for (const member of dependent.children) {
      delta = addScores(delta, member.methods.applyColocation(member, primary, colocation, false));
    }
  }
  if (delta !== 0) dependent.priority = addScores(delta, dependent.priority);
  return delta;
}

function applyWithGroup(dependent: Resource, primary: Resource, colocation: Colocation): number {
  if (primary.unassigned) return 0;
  if (primary.group?.colocated) {
    const member = colocation.score >= INFINITY ? lastMember(primary) : primary.children[0];
    return member === undefined ? 0 : member.methods.applyColocation(dependent, member, colocation, false);
  }
  if (colocation.score >= INFINITY) return 0;
  let delta = 0;
  for (const member of primary.children) {
    delta = addScores(delta, member.methods.applyColocation(dependent, member, colocation, false));
  }
  return delta;
}

/** A preference of the group counts once: with its first member, if all are in one place. */
export function applyGroupLocation(group: Resource, location: Location): void {
  const { nodes } = location;
  applyLocation(group, location);
  const zero = nodes.map(({ node }) => ({ node, score: 0 })).reverse();
  for (const member of group.children) {
    if (group.group?.colocated && member !== group.children[0]) location.nodes = zero;
    member.methods.applyLocation(member, location);
  }
  location.nodes = nodes;
}

export function groupColocated(group: Resource, origin: Resource | undefined, list: Resource[]): Resource[] {
  const from = origin ?? group;
  if (!group.group?.colocated && !isClone(group.parent)) return colocatedWith(group, from, list);
  let found = [group, ...list];
  for (const member of group.children) found = member.methods.colocated(member, from, found);
  return found;
}

/** What is placed with a group is placed with its last member. */
export function withGroup(group: Resource, origin: Resource, list: Colocation[]): void {
  if (origin !== group && origin !== lastMember(group)) return;
  addAll(list, group.withThis, addWithThis);
  group.parent?.methods.withThisColocations(group.parent, origin, list);
  if (!group.group?.colocated) return;
  for (const member of group.children) {
    if (member !== origin) member.methods.withThisColocations(member, origin, list);
  }
}

/** What a group is placed with concerns its first member; later ones follow it, unless it is out of our hands. */
export function groupWith(group: Resource, origin: Resource, list: Colocation[]): void {
  if (group === origin || origin === group.children[0]) {
    addAll(list, group.thisWith, addThisWith);
    group.parent?.methods.thisWithColocations(group.parent, origin, list);
    if (!group.group?.colocated) return;
    for (const member of group.children) {
      if (member !== origin) member.methods.thisWithColocations(member, origin, list);
    }
    return;
  }
  for (const member of group.children) {
    if (member === origin) return;
    if (member.managed) continue;
    for (const colocation of group.thisWith) {
      if (colocation.score === INFINITY) addThisWith(list, colocation);
    }
    return;
  }
}

export function groupAddScores(
  group: Resource,
  target: Resource | undefined,
  nodes: NodeTable | undefined,
  colocation: Colocation | undefined,
  factor: number,
  options: ScoreOptions,
): NodeTable | undefined {
  if (group.updatingNodes) return nodes;
  const member = nodes === undefined ? lastMember(group) : group.children[0];
  if (member === undefined) return nodes;
  group.updatingNodes = true;
  const result = member.methods.addColocatedScores(member, target, nodes, colocation, factor, options);
  group.updatingNodes = false;
  return result;
}
