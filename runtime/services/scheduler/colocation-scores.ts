// What colocations do to scores: a resource looks at where others are, or would like to be.

import { addScores, INFINITY } from "../../model/score.ts";
import { sameText } from "../../model/text.ts";
import { hasInfluence } from "./constraint-colocation.ts";
import { ABSENT, anyUsable, copyTable, nodeUsable } from "./node-table.ts";
import {
  type Cluster,
  type Colocation,
  type Node,
  type NodeTable,
  type Resource,
  Role,
  type ScoreOptions,
  Variant,
} from "./state.ts";
import {
  insideContainer,
  isBundled,
  isBundleNode,
  isClone,
  isGroup,
  nodeAttribute,
  outermost,
  topResource,
} from "./tree.ts";

/** In place of a score while it is being gathered: no longer counts, but shall not be banned. */
const SPENT = -100 * INFINITY;

/** The attribute by which two resources are together, as it is for a resource on a node. */
export function colocationAttribute(
  node: Node | undefined,
  name: string,
  resource: Resource | undefined,
): string | undefined {
  if (node === undefined) return undefined;
  let target: string | undefined;
  if (resource !== undefined) {
    const inner = isBundled(resource) ? outermost(resource).bundle?.child : undefined;
    if (isBundleNode(node) && inner !== undefined && topResource(resource) === inner) target = "host";
    else target = resource.meta.get("container-attribute-target");
  }
  return nodeAttribute(node, name, target, "assigned");
}

export function withThisColocations(resource: Resource): readonly Colocation[] {
  if (resource.parent === undefined && resource.variant === Variant.Primitive) return resource.withThis;
  const list: Colocation[] = [];
  resource.methods.withThisColocations(resource, resource, list);
  return list;
}

export function thisWithColocations(resource: Resource): readonly Colocation[] {
  if (resource.parent === undefined && resource.variant === Variant.Primitive) return resource.thisWith;
  const list: Colocation[] = [];
  resource.methods.thisWithColocations(resource, resource, list);
  return list;
}

/** A container stands for what runs inside, where roles are asked for. */
function forRole(resource: Resource): Resource {
  return resource.replicaContainer ? (insideContainer(resource) ?? resource) : resource;
}

/** What a colocation has to say about the dependent: where it is placed, whether it is promoted, or nothing. */
export function colocationAffects(
  dependent: Resource,
  primary: Resource,
  colocation: Colocation,
  preview: boolean,
): "nothing" | "location" | "role" {
  if (!preview && primary.unassigned) return "nothing";
  const dependentRole = forRole(dependent);
  const primaryRole = forRole(primary);
  if (colocation.dependentRole >= Role.Unpromoted && dependentRole.parent?.promotable && !dependentRole.unassigned) {
    return "role";
  }
  if (!preview && !dependent.unassigned) return "nothing";
  if (colocation.dependentRole !== Role.Unknown && colocation.dependentRole !== dependentRole.nextRole)
    return "nothing";
  if (colocation.primaryRole !== Role.Unknown && colocation.primaryRole !== primaryRole.nextRole) return "nothing";
  return "location";
}

/** A colocation applied to a single dependent, the primary being a single resource too. */
export function applyToPrimitive(
  cluster: Cluster,
  dependent: Resource,
  primary: Resource,
  colocation: Colocation,
): number {
  switch (colocationAffects(dependent, primary, colocation, false)) {
    case "role":
      return applyToPriority(dependent, primary, colocation);
    case "location":
      applyToScores(cluster, dependent, primary, colocation);
      return 0;
    default:
      return 0;
  }
}

function applyToScores(cluster: Cluster, dependent: Resource, primary: Resource, colocation: Colocation): void {
  const { score, attribute } = colocation;
  if (primary.assigned === undefined && score < 0) return;
  const value = colocationAttribute(primary.assigned, attribute, primary);
  const work = copyTable(dependent.allowed);
  const { scores } = work;
  for (let i = 0; i < scores.length; i += 1) {
    const old = scores[i] ?? ABSENT;
    const node = cluster.nodes[i];
    if (old === ABSENT || node === undefined) continue;
    if (primary.assigned === undefined) scores[i] = addScores(-score, old);
    else if (sameValue(node, attribute, dependent, value, primary.assigned)) {
      if (score < INFINITY) scores[i] = addScores(score, old);
    } else if (score >= INFINITY) scores[i] = -INFINITY;
  }
  if (score <= -INFINITY || score >= INFINITY || anyUsable(cluster, work)) dependent.allowed = work;
}

/** Whether a node is "the same place" as the primary's. */
function sameValue(
  node: Node,
  attribute: string,
  dependent: Resource,
  value: string | undefined,
  primaryNode: Node,
): boolean {
  if (attribute === "#uname" && node === primaryNode) {
    // The common case; a guest may stand for its host, though.
    if (!node.remoteKind) return true;
  }
  return sameText(colocationAttribute(node, attribute, dependent), value);
}

function applyToPriority(dependent: Resource, primary: Resource, colocation: Colocation): number {
  const { attribute } = colocation;
  if (dependent.assigned === undefined) return 0;
  if (primary.assigned !== undefined && colocation.primaryRole !== Role.Unknown) {
    if (colocation.primaryRole !== forRole(primary).nextRole) return 0;
  }
  const mine = colocationAttribute(dependent.assigned, attribute, dependent);
  const theirs = colocationAttribute(primary.assigned, attribute, primary);
  let sign = 1;
  if (!sameText(mine, theirs)) {
    if (colocation.score !== INFINITY || colocation.dependentRole !== Role.Promoted) return 0;
    sign = -1;
  } else if (colocation.dependentRole === Role.Unpromoted) {
    sign = -1;
  }
  const delta = sign * colocation.score;
  dependent.priority = addScores(delta, dependent.priority);
  return delta;
}

/** Scores of a source; a later member of a group has no preferences of its own, so those of its group count. */
function sourceScores(cluster: Cluster, colocation: Colocation, source: Resource): readonly number[] {
  const { parent, allowed } = source;
  if (source !== colocation.dependent || !colocation.explicit || !isGroup(parent) || source === parent.children[0]) {
    return allowed.scores;
  }
  source.allowed = copyTable(allowed);
  for (let i = cluster.locations.length - 1; i >= 0; i -= 1) {
    const location = cluster.locations[i];
    if (location?.resource === parent) source.methods.applyLocation(source, location);
  }
  const { scores } = source.allowed;
  source.allowed = allowed;
  return scores;
}

/** Best of the scores on a usable node where the attribute has that value. */
function bestScore(
  cluster: Cluster,
  scores: readonly number[],
  source: Resource,
  attribute: string,
  value: string | undefined,
): number {
  let best = -INFINITY;
  for (let i = 0; i < scores.length; i += 1) {
    const score = scores[i] ?? ABSENT;
    const node = cluster.nodes[i];
    if (score <= best || node === undefined || !nodeUsable(node)) continue;
    if (sameText(value, colocationAttribute(node, attribute, source))) best = score;
  }
  return best;
}

function allowedOnOne(resource: Resource): boolean {
  let count = 0;
  for (const score of resource.allowed.scores) {
    if (score >= 0) count += 1;
    if (count > 1) return false;
  }
  return count === 1;
}

/** A number as C keeps it in a float, where Pacemaker does so. */
const single = Math.fround;

function addMatching(
  cluster: Cluster,
  table: NodeTable,
  source: Resource,
  target: Resource | undefined,
  colocation: Colocation,
  factor: number,
  onlyPositive: boolean,
): NodeTable {
  const { attribute } = colocation;
  // Mostly nothing changes, and then there is no need for a table of its own.
  let result = table;
  let { scores } = table;
  const wishes = sourceScores(cluster, colocation, source);
  // Without guests a node's name is its own and nobody else's, so there is nothing to search.
  const byName = attribute === "#uname" && !cluster.haveRemoteNodes;
  for (let i = 0; i < scores.length; i += 1) {
    const old = scores[i] ?? ABSENT;
    const node = cluster.nodes[i];
    if (old === ABSENT || node === undefined) continue;
    const score = byName
      ? Math.max(-INFINITY, nodeUsable(node) ? (wishes[i] ?? ABSENT) : ABSENT)
      : bestScore(cluster, wishes, source, attribute, colocationAttribute(node, attribute, target));
    if (factor < 0 && score < 0) {
      // Avoiding a place that the other cannot use anyway is worth something only if it must be in one place.
      const sticky = colocation.primary.stickiness >= -score;
      if (sticky || !hasInfluence(colocation) || !allowedOnOne(colocation.dependent)) continue;
    }
    if (old === SPENT) continue;
    const exact = single(factor * score);
    let delta = Math.trunc(exact < 0 ? exact - 0.5 : exact + 0.5);
    if (delta === 0 && score !== 0) delta = Math.sign(factor);
    const sum = addScores(delta, old);
    const spent = onlyPositive && sum < 0;
    if (spent && old === 0) continue;
    const next = spent && old > 0 ? SPENT : sum;
    if (next === old) continue;
    if (result === table) {
      result = copyTable(table);
      scores = result.scores;
    }
    scores[i] = next;
  }
  return result;
}

/**
 * Adds to a table what a resource, and those colocated with it, would make of it.
 * @param nodes the table, or undefined to begin with the source's own
 * @returns the new table (the old one when nothing was added)
 */
export function addColocatedScores(
  cluster: Cluster,
  source: Resource,
  target: Resource | undefined,
  nodes: NodeTable | undefined,
  colocation: Colocation | undefined,
  factor: number,
  options: ScoreOptions,
): NodeTable | undefined {
  if (source.updatingNodes) return nodes;
  source.updatingNodes = true;
  let aim = target;
  let work: NodeTable;
  if (nodes === undefined) {
    work = copyTable(source.allowed);
    aim = source;
  } else {
    work = nodes;
    if (colocation !== undefined) {
      work = addMatching(cluster, nodes, source, target, colocation, factor, options.nonnegative);
    }
  }
  if (anyUsable(cluster, work)) {
    work = addFurther(source, aim, work, factor, options);
  } else if (options.active) {
    source.updatingNodes = false;
    return nodes;
  }
  if (options.nonnegative) {
    const { scores } = work;
    for (let i = 0; i < scores.length; i += 1) if (scores[i] === SPENT) scores[i] = 1;
  }
  source.updatingNodes = false;
  return work;
}

function addFurther(
  source: Resource,
  target: Resource | undefined,
  table: NodeTable,
  factor: number,
  options: ScoreOptions,
): NodeTable {
  let work = table;
  const list = options.thisWith ? thisWithColocations(source) : withThisColocations(source);
  if (list.length === 0) return table;
  const inner: ScoreOptions = options.active ? options : { ...options, active: true };
  for (const colocation of list) {
    if (!options.thisWith && !hasInfluence(colocation)) continue;
    const other = options.thisWith ? colocation.primary : colocation.dependent;
    const otherFactor = single(single(factor * colocation.score) / INFINITY);
    work = other.methods.addColocatedScores(other, target, work, colocation, otherFactor, inner) ?? work;
  }
  return work;
}

/** Lets the wishes of a dependent count for its primary. */
export function addDependentScores(colocation: Colocation, primary: Resource): void {
  if (!hasInfluence(colocation)) return;
  const { dependent } = colocation;
  const factor = single(colocation.score / INFINITY);
  const options: ScoreOptions = { thisWith: false, active: true, nonnegative: isClone(primary) };
  const table = dependent.methods.addColocatedScores(dependent, primary, primary.allowed, colocation, factor, options);
  if (table !== undefined) primary.allowed = table;
}

/** Bans the dependent from all nodes but some; to theirs, scores are added (of a node that is there twice, the last). */
export function intersectNodes(
  cluster: Cluster,
  dependent: Resource,
  nodes: readonly Node[],
  scoresToAdd?: readonly number[],
): void {
  const { scores } = dependent.allowed;
  for (let i = 0; i < scores.length; i += 1) {
    const old = scores[i] ?? ABSENT;
    if (old === ABSENT) continue;
    const node = cluster.nodes[i];
    const found = node === undefined ? -1 : nodes.lastIndexOf(node);
    if (found < 0) scores[i] = -INFINITY;
    else if (scoresToAdd !== undefined) scores[i] = addScores(old, scoresToAdd[found] ?? 0);
  }
}

/** Everything that has to be where a resource is. */
export function colocatedWith(resource: Resource, originOrSelf: Resource | undefined, list: Resource[]): Resource[] {
  const origin = originOrSelf ?? resource;
  if (list.includes(resource)) return list;
  let found = [resource, ...list];
  for (const colocation of thisWithColocations(resource)) {
    const { primary } = colocation;
    if (primary === origin || colocation.score !== INFINITY) continue;
    if (colocationAffects(resource, primary, colocation, true) === "location") {
      found = primary.methods.colocated(primary, origin, found);
    }
  }
  for (const colocation of withThisColocations(resource)) {
    const { dependent } = colocation;
    if (dependent === origin || (isClone(resource) && !isClone(dependent))) continue;
    if (colocation.score !== INFINITY) continue;
    if (colocationAffects(dependent, resource, colocation, true) === "location") {
      found = dependent.methods.colocated(dependent, origin, found);
    }
  }
  return found;
}
