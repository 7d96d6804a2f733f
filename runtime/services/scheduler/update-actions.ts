// Stage: what follows from the orders: an action that must happen makes others happen, one that cannot happen stops others.
//
// Done by passing news along the orders until there is none, because what is decided late can change what was decided early.

import { assert } from "../../kernel/assert.ts";
import { INFINITY } from "../../model/score.ts";
import { actionUuid, clearFlag, hasFlag, setFlag, setReason } from "./action.ts";
import { withThisColocations } from "./colocation-scores.ts";
import { newestAction } from "./find-actions.ts";
import { orderActions } from "./relations.ts";
import {
  type Action,
  type Cluster,
  type Colocation,
  Flag,
  type Node,
  Order,
  type Relation,
  type Resource,
  Role,
  type SequenceRun,
  Variant,
} from "./state.ts";
import { contains, isBundled, isClone, isGroup, onlyNode, topResource } from "./tree.ts";

/** What changed, as bits. */
export const Changed = { None: 0, First: 1, Then: 2 } as const;

/** How deep news may travel before it is taken for a circle. */
const MAX_DEPTH = 20_000;

function flagsForOrdering(action: Action, node: Node | undefined): number {
  const { resource } = action;
  if (resource === undefined || resource.variant === Variant.Primitive) return action.flags;
  const flags = flagsOn(action, resource, undefined);
  if (node === undefined || resource.variant !== Variant.Clone) return flags;
  // On that node it may not be possible, but elsewhere it is, and that counts for a clone.
  const onNode = flagsOn(action, resource, node);
  return (flags & Flag.Runnable) !== 0 ? onNode | Flag.Runnable : onNode;
}

function flagsOn(action: Action, resource: Resource, node: Node | undefined): number {
  const { cluster, wholeFlags: known } = action;
  const before = cluster.actionChanges;
  if (known !== undefined) {
    if (node === undefined) {
      if (known.at === before) return known.flags;
    } else if (known.atByNode[node.index] === before) {
      return known.flagsByNode[node.index] ?? 0;
    }
  }
  const flags = resource.methods.actionFlags(action, node);
  // Finding out can itself change actions; then it is too early to remember.
  if (cluster.actionChanges === before) rememberFlags(action, before, node, flags);
  return flags;
}

function rememberFlags(action: Action, at: number, node: Node | undefined, flags: number): void {
  action.wholeFlags ??= { at: -1, flags: 0, atByNode: [], flagsByNode: [] };
  const known = action.wholeFlags;
  if (node === undefined) {
    known.at = at;
    known.flags = flags;
    return;
  }
  while (known.atByNode.length <= node.index) {
    known.atByNode.push(-1);
    known.flagsByNode.push(0);
  }
  known.atByNode[node.index] = at;
  known.flagsByNode[node.index] = flags;
}

const COMPLETION: Readonly<Record<string, string>> = {
  stop: "stopped",
  stopped: "stopped",
  start: "running",
  running: "running",
  notify: "notified",
  notified: "notified",
  promote: "promoted",
  promoted: "promoted",
  demote: "demoted",
  demoted: "demoted",
};

/** What waits for a group or clone waits for all of it: for the point where it is done, notifications included. */
function completionOf(action: Action): Action {
  const { resource } = action;
  if (resource === undefined || resource.variant < Variant.Group) return action;
  if (actionUuid(action).includes("notify") || action.intervalMs > 0) return action;
  const done = COMPLETION[action.key];
  if (done === undefined) return action;
  const notified = resource.notify && (isClone(resource) || isBundled(resource));
  const key = notified ? `confirmed-post_notify_${done}` : done;
  for (let i = resource.actions.length - 1; i >= 0; i -= 1) {
    const candidate = resource.actions[i];
    if (candidate !== undefined && candidate.key === key && candidate.intervalMs === 0) return candidate;
  }
  return action;
}

/**
 * Whether one kind of order can change anything, by the earlier action's flags. Most orders are between things that
 * happen anyway, so it pays to ask first. What is said in pairs of instances may add orders, whatever the flags.
 */
function mayAct(first: Action, then: Action, flags: number, type: number): boolean {
  if (type === Order.FirstImpliesThen && (flags & Flag.Optional) === 0) return true;
  if (type === Order.UnrunnableFirstBlocks && (flags & Flag.Runnable) === 0) return true;
  if ((type & (Order.FirstImpliesThen | Order.UnrunnableFirstBlocks | Order.Ordered | Order.MinRunnable)) === 0) {
    return true;
  }
  return isCollective(first.resource) && isCollective(then.resource);
}

function isCollective(resource: Resource | undefined): boolean {
  return resource !== undefined && resource.variant >= Variant.Clone;
}

/** Applies one kind of order to a resource's action, if the order is of that kind. */
function applyKind(
  kind: number,
  relation: Relation,
  first: Action,
  then: Action,
  node: Node | undefined,
  flags: number,
  filter: number,
): number {
  const { resource } = then;
  if ((relation.flags & kind) === 0 || resource === undefined || !mayAct(first, then, flags, kind)) return Changed.None;
  return resource.methods.updateOrdered(first, then, node, flags, filter, kind);
}

/** Lets one order do what its kind says. */
function applyRelation(first: Action, then: Action, firstFlags: number, thenFlags: number, relation: Relation): number {
  let changed: number = Changed.None;
  let { node } = then;
  const thenResource = then.resource;
  const firstResource = first.resource;
  if ((relation.flags & Order.FirstImpliesSameNodeThen) !== 0) {
    relation.flags = (relation.flags & ~Order.FirstImpliesSameNodeThen) | Order.FirstImpliesThen;
    node = first.node;
  }
  const optional = firstFlags & Flag.Optional;
  changed |= applyKind(Order.FirstImpliesThen, relation, first, then, node, optional, Flag.Optional);
  if (thenResource === undefined && (relation.flags & Order.FirstImpliesThen) !== 0) {
    if (optional === 0 && hasFlag(then, Flag.Optional)) {
      clearFlag(then, Flag.Optional);
      changed |= Changed.Then;
    }
  }
  const both = Flag.Optional | Flag.Runnable;
  changed |= applyKind(Order.IntermediateStop, relation, first, then, node, firstFlags, both);
  if ((relation.flags & Order.ThenImpliesFirst) !== 0) {
    if (firstResource !== undefined) {
      const { methods } = firstResource;
      changed |= methods.updateOrdered(first, then, node, firstFlags, Flag.Optional, Order.ThenImpliesFirst);
    } else if (optional === 0 && hasFlag(first, Flag.Runnable)) {
      clearFlag(first, Flag.Runnable);
      changed |= Changed.First;
    }
  }
  changed |= applyKind(Order.PromotedThenImpliesFirst, relation, first, then, node, optional, Flag.Optional);
  changed |= applyRunnable(first, then, firstFlags, relation, node);
  changed |= applyKind(Order.UnmigratableThenBlocks, relation, first, then, node, firstFlags, Flag.Optional);
  changed |= applyKind(Order.FirstElseThen, relation, first, then, node, firstFlags, Flag.Optional);
  changed |= applyKind(Order.Ordered, relation, first, then, node, firstFlags, Flag.Runnable);
  changed |= applyKind(Order.Asymmetric, relation, first, then, node, firstFlags, Flag.Runnable);
  return changed | applyGraphed(first, then, firstFlags, thenFlags, relation);
}

/** Orders that are about whether the later action is possible at all. */
function applyRunnable(
  first: Action,
  then: Action,
  firstFlags: number,
  relation: Relation,
  node: Node | undefined,
): number {
  let changed: number = Changed.None;
  const { resource } = then;
  const firstRunnable = (firstFlags & Flag.Runnable) !== 0;
  if ((relation.flags & Order.MinRunnable) !== 0) {
    if (resource !== undefined) {
      changed |= applyKind(Order.MinRunnable, relation, first, then, node, firstFlags, Flag.Runnable);
    } else if (firstRunnable) {
      const { minimum } = then;
      if (minimum !== undefined) minimum.runnable += 1;
      if ((minimum === undefined || minimum.runnable >= minimum.required) && !hasFlag(then, Flag.Runnable)) {
        setFlag(then, Flag.Runnable);
        changed |= Changed.Then;
      }
    }
  }
  if ((relation.flags & Order.NestedRemoteProbe) !== 0 && resource !== undefined) {
    if (!firstRunnable && first.resource !== undefined && first.resource.activeNodes.length > 0) {
      relation.flags = Order.None;
    } else {
      const { methods } = resource;
      changed |= methods.updateOrdered(first, then, node, firstFlags, Flag.Runnable, Order.UnrunnableFirstBlocks);
    }
  }
  if ((relation.flags & Order.UnrunnableFirstBlocks) !== 0) {
    changed |= applyKind(Order.UnrunnableFirstBlocks, relation, first, then, node, firstFlags, Flag.Runnable);
    if (resource === undefined && !firstRunnable && hasFlag(then, Flag.Runnable)) {
      clearFlag(then, Flag.Runnable);
      changed |= Changed.Then;
    }
  }
  return changed;
}

function applyGraphed(first: Action, then: Action, firstFlags: number, thenFlags: number, relation: Relation): number {
  const { flags } = relation;
  if (
    hasFlag(first, Flag.Runnable) &&
    (flags & Order.FirstImpliesThenGraphed) !== 0 &&
    (firstFlags & Flag.Optional) === 0
  ) {
    setFlag(then, Flag.AlwaysInGraph);
  }
  if ((flags & Order.ThenImpliesFirstGraphed) !== 0 && (thenFlags & Flag.Optional) === 0) {
    setFlag(first, Flag.AlwaysInGraph);
  }
  const binding = Order.FirstImpliesThen | Order.ThenImpliesFirst | Order.IntermediateStop;
  const { resource } = first;
  if ((flags & binding) !== 0 && resource !== undefined && !resource.managed && resource.blocked) {
    if (!hasFlag(first, Flag.Runnable) && first.task === "stop" && hasFlag(then, Flag.Runnable)) {
      clearFlag(then, Flag.Runnable);
      then.cluster.explain?.actions.follows(then, "impossible", first);
      return Changed.Then;
    }
  }
  return Changed.None;
}

function groupNode(action: Action): Node | undefined {
  if (isGroup(action.resource) && action.task === "start") return onlyNode(action.resource, "assigned");
  return action.node;
}

/** Brings an action in line with all that comes before it, and passes on what that changes. */
export function updateForOrderings(cluster: Cluster, then: Action): void {
  cluster.updateDepth += 1;
  assert(cluster.updateDepth <= MAX_DEPTH, `orders around ${actionUuid(then)} run in a circle`);
  const before = then.flags;
  let changed: number = Changed.None;
  if (then.minimum !== undefined) {
    then.minimum.runnable = 0;
    clearFlag(then, Flag.Runnable);
  }
  const single = then.resource === undefined || then.resource.variant === Variant.Primitive;
  for (let relation = then.before; relation !== undefined; ) {
    if (isSequence(relation)) {
      changed &= ~Changed.First;
      if (single) {
        relation = relation.olderBefore;
      } else {
        // Nothing follows; but what stands for several is to know its own flags.
        const { nodes, next } = sequenceRun(relation);
        for (const node of nodes) flagsForOrdering(then, node);
        relation = next;
      }
    } else {
      changed = updateFor(cluster, then, relation, changed);
      relation = relation.olderBefore;
    }
  }
  if (then.minimum !== undefined) {
    changed = before === then.flags ? changed & ~Changed.Then : changed | Changed.Then;
  }
  if ((changed & Changed.Then) !== 0) {
    if ((before & Flag.Runnable) !== 0 && !hasFlag(then, Flag.Runnable)) blockDependents(cluster, then);
    updateForOrderings(cluster, then);
    for (let later = then.after; later !== undefined; later = later.olderAfter) updateForOrderings(cluster, later.then);
  }
  cluster.updateDepth -= 1;
}

/** Whether only the sequence of the two matters, of which the earlier one stands for itself alone. */
function isSequence(relation: Relation): boolean {
  if ((relation.flags & ~Order.Ordered) !== 0) return false;
  const { resource } = relation.first;
  return resource === undefined || resource.variant === Variant.Primitive;
}

/** From an order that is a sequence, all such orders up to one that is not; an order that became one stays one. */
function sequenceRun(from: Relation): SequenceRun {
  if (from.run !== undefined) return from.run;
  const nodes: (Node | undefined)[] = [];
  const add = (node: Node | undefined) => {
    if (!nodes.includes(node)) nodes.push(node);
  };
  let at: Relation | undefined = from;
  while (at !== undefined && isSequence(at)) {
    if (at.run !== undefined) {
      for (const node of at.run.nodes) add(node);
      at = at.run.next;
    } else {
      add(at.first.node);
      at = at.olderBefore;
    }
  }
  from.run = { nodes, next: at };
  return from.run;
}

function updateFor(cluster: Cluster, then: Action, relation: Relation, soFar: number): number {
  let { first } = relation;
  const thenNode = groupNode(then);
  const firstNode = groupNode(first);
  if ((relation.flags & Order.IfOnSameNode) !== 0 && firstNode !== undefined && thenNode !== undefined) {
    if (firstNode !== thenNode) {
      relation.flags = Order.None;
      return soFar;
    }
  }
  let changed = soFar & ~Changed.First;
  if (
    first.resource !== undefined &&
    (relation.flags & Order.ThenCancelsFirst) !== 0 &&
    !hasFlag(then, Flag.Optional)
  ) {
    setFlag(first, Flag.Optional);
    if (first.task === "reload-agent") first.resource.reload = false;
  }
  const { resource } = then;
  if (first.resource !== undefined && resource !== undefined && first.resource !== resource) {
    if (!contains(first.resource, resource)) first = completionOf(first);
  }
  if (first === relation.first) {
    const firstFlags = flagsForOrdering(first, thenNode);
    const thenFlags = flagsForOrdering(then, firstNode);
    changed |= applyRelation(first, then, firstFlags, thenFlags, relation);
  } else if (orderActions(first, then, relation.flags)) {
    changed |= Changed.Then;
    relation.flags = Order.None;
  }
  if ((changed & Changed.First) !== 0) {
    for (let later = first.after; later !== undefined; later = later.olderAfter)
      updateForOrderings(cluster, later.then);
    updateForOrderings(cluster, first);
  }
  return changed;
}

/** "unrunnable db start", as a reason. */
function reasonFrom(action: Action, flag: number): string {
  const what = flag === Flag.Runnable ? "unrunnable" : flag === Flag.Migratable ? "unmigrateable" : "required";
  return `${what}${action.resource === undefined ? "" : ` ${action.resource.id}`} ${action.task}`;
}

function clearBecause(action: Action, flag: number, cause: Action): void {
  if ((action.flags & flag) === 0) return;
  clearFlag(action, flag);
  if (flag !== Flag.Migratable) {
    action.cluster.explain?.actions.follows(action, flag === Flag.Optional ? "needed" : "impossible", cause);
  }
  if (action.resource !== cause.resource) setReason(action, reasonFrom(cause, flag), false);
}

/** An order in one direction only: nothing has to be undone when the first cannot be done. */
function applyAsymmetric(first: Action, then: Action): void {
  const { resource } = then;
  if (resource === undefined || hasFlag(first, Flag.Runnable)) return;
  if (hasFlag(then, Flag.Optional)) {
    const role = resource.methods.state(resource, true);
    if (role === Role.Stopped && then.task === "stop") return;
    const there = resource.activeNodes.length === 1 && resource.activeNodes[0] === then.node;
    if (role >= Role.Started && then.task === "start" && there) return;
  }
  clearBecause(then, Flag.Optional, first);
  clearBecause(then, Flag.Runnable, first);
}

/** Stop and start of the same thing: a start that must be done needs the stop, a stop that cannot be done prevents the start. */
function applyRestart(first: Action, then: Action, filter: number): void {
  const { resource } = then;
  const restart = (filter & Flag.Optional) !== 0 && !hasFlag(then, Flag.Optional);
  const stop =
    (filter & Flag.Runnable) !== 0 &&
    !hasFlag(then, Flag.Runnable) &&
    resource?.managed === true &&
    first.resource === resource;
  if (!restart && !stop) return;
  if (hasFlag(first, Flag.Runnable)) clearBecause(first, Flag.Optional, then);
  if (!hasFlag(then, Flag.Optional)) clearBecause(first, Flag.Optional, then);
  if (!hasFlag(then, Flag.Migratable)) clearBecause(first, Flag.Migratable, then);
  if (!hasFlag(first, Flag.Optional) && !hasFlag(first, Flag.Runnable)) clearBecause(then, Flag.Runnable, first);
}

/** What one kind of order does to two actions of which at least the later belongs to a resource. */
export function updateOrdered(
  cluster: Cluster,
  first: Action,
  then: Action,
  flags: number,
  filter: number,
  type: number,
): number {
  const [thenBefore, firstBefore] = [then.flags, first.flags];
  const aboutOptional = (filter & Flag.Optional) !== 0;
  if (type === Order.Asymmetric) applyAsymmetric(first, then);
  if (type === Order.ThenImpliesFirst && (thenBefore & Flag.Optional) === 0) {
    if (aboutOptional && (flags & Flag.Optional) === 0 && (firstBefore & Flag.Optional) !== 0) {
      clearBecause(first, Flag.Optional, then);
    }
    if ((flags & Flag.Migratable) !== 0 && !hasFlag(then, Flag.Migratable)) clearBecause(first, Flag.Migratable, then);
  }
  if (type === Order.PromotedThenImpliesFirst && then.resource?.role === Role.Promoted && aboutOptional) {
    if (!hasFlag(then, Flag.Optional)) {
      clearBecause(first, Flag.Optional, then);
      if (!hasFlag(then, Flag.Migratable)) clearBecause(first, Flag.Migratable, then);
    }
  }
  if (type === Order.UnmigratableThenBlocks && aboutOptional) {
    if (!hasFlag(then, Flag.Migratable | Flag.Runnable)) clearBecause(first, Flag.Runnable, then);
    if (!hasFlag(then, Flag.Optional)) clearBecause(first, Flag.Optional, then);
  }
  if (type === Order.FirstElseThen && aboutOptional && !hasFlag(first, Flag.Runnable)) {
    clearBecause(then, Flag.Migratable, first);
    clearFlag(then, Flag.Pseudo);
  }
  if (
    type === Order.UnrunnableFirstBlocks &&
    (filter & flags & Flag.Runnable) === 0 &&
    (filter & Flag.Runnable) !== 0
  ) {
    if (hasFlag(then, Flag.Runnable)) {
      clearBecause(then, Flag.Runnable, first);
      clearBecause(then, Flag.Migratable, first);
    }
  }
  if (type === Order.FirstImpliesThen && aboutOptional && hasFlag(then, Flag.Optional)) {
    if ((flags & Flag.Optional) === 0 && !hasFlag(first, Flag.Migratable)) clearBecause(then, Flag.Optional, first);
  }
  if (type === Order.IntermediateStop) applyRestart(first, then, filter);
  let changed: number = Changed.None;
  if (thenBefore !== then.flags) {
    changed |= Changed.Then;
    if (then.resource?.parent !== undefined) updateForOrderings(cluster, then);
  }
  if (firstBefore !== first.flags) changed |= Changed.First;
  return changed;
}

function markBlocked(cluster: Cluster, resource: Resource, task: string, cause: Action, colocation: Colocation): void {
  for (let i = resource.actions.length - 1; i >= 0; i -= 1) {
    const action = resource.actions[i];
    if (action === undefined || action.task !== task || !hasFlag(action, Flag.Runnable)) continue;
    clearFlag(action, Flag.Runnable);
    setReason(action, `colocation with ${cause.resource?.id}`, false);
    cluster.explain?.actions.follows(action, "impossible", cause, colocation.id);
    blockDependents(cluster, action);
    updateForOrderings(cluster, action);
  }
  for (const child of resource.children) markBlocked(cluster, child, task, cause, colocation);
}

/** What must be with something that cannot start cannot start either. */
export function blockDependents(cluster: Cluster, action: Action): void {
  if (hasFlag(action, Flag.Runnable) || action.resource === undefined) return;
  const isStart = action.task === "start";
  if (!isStart && action.task !== "promote") return;
  let resource = topResource(action.resource);
  if (resource.parent !== undefined) resource = resource.parent;
  for (const child of resource.children) {
    const other = newestAction(child, action.task, undefined);
    if (other === undefined || hasFlag(other, Flag.Runnable)) return;
  }
  for (const colocation of withThisColocations(resource)) {
    if (colocation.score < INFINITY || (!isStart && colocation.primaryRole !== Role.Promoted)) continue;
    const task = colocation.dependentRole === Role.Promoted ? "promote" : "start";
    markBlocked(cluster, colocation.dependent, task, action, colocation);
  }
}
