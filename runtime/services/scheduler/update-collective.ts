// What an order does to a group, clone or bundle: to the point that stands for it, and to each of its parts.

import { isTrue } from "../../model/text.ts";
import { assign } from "./choose-node.ts";
import { originalTask } from "./collective-actions.ts";
import { findCompatible, instancesOf } from "./compatible.ts";
import { newestAction } from "./find-actions.ts";
import { orderActions } from "./relations.ts";
import { type Action, type Cluster, Flag, type Node, Order, type Resource, Role, Variant } from "./state.ts";
import { insideContainer } from "./tree.ts";
import { Changed, updateForOrderings, updateOrdered } from "./update-actions.ts";

/** For a group: itself and all members. */
export function updateGroup(
  cluster: Cluster,
  first: Action,
  then: Action,
  node: Node | undefined,
  flags: number,
  filter: number,
  type: number,
): number {
  let changed = updateOrdered(cluster, first, then, flags, filter, type);
  // The order may be that of the group being first, in which case `then` belongs to something else.
  for (const member of then.resource?.children ?? []) {
    const part = newestAction(member, then.task, node);
    if (part !== undefined) changed |= member.methods.updateOrdered(first, part, node, flags, filter, type);
  }
  return changed;
}

function mayInterleave(first: Action, then: Action): boolean {
  const [one, other] = [first.resource, then.resource];
  if (one === undefined || other === undefined || one === other) return false;
  if (one.variant < Variant.Clone || other.variant < Variant.Clone) return false;
  // Whoever depends decides; when things go down that is the one that was first up.
  const down = /(^|_)(stop|demote)$/.test(then.key) && then.intervalMs === 0;
  return isTrue((down ? one : other).meta.get("interleave"));
}

/** For a clone or bundle: itself and all instances, or only those pairs that are together. */
export function updateInstances(
  cluster: Cluster,
  first: Action,
  then: Action,
  node: Node | undefined,
  flags: number,
  filter: number,
  type: number,
): number {
  const { resource } = then;
  if (resource === undefined) return Changed.None;
  if (mayInterleave(first, then)) return updatePairs(cluster, first, then, node, filter, type);
  let changed = updateOrdered(cluster, first, then, flags, filter, type);
  for (const instance of instancesOf(resource)) {
    changed |= updateInstance(cluster, instance, first, then, node, flags, filter, type);
  }
  return changed;
}

function updateInstance(
  cluster: Cluster,
  instance: Resource,
  first: Action,
  then: Action,
  node: Node | undefined,
  flags: number,
  filter: number,
  type: number,
): number {
  const part = newestAction(instance, then.task, node);
  if (part === undefined || (instance.methods.actionFlags(part, node) & Flag.Runnable) === 0) return Changed.None;
  const changed = instance.methods.updateOrdered(first, part, node, flags, filter, type);
  if ((changed & Changed.Then) !== 0) {
    for (let later = part.after; later !== undefined; later = later.olderAfter) updateForOrderings(cluster, later.then);
  }
  return changed;
}

const ROLE_TASKS = new Set(["promote", "promoted", "demote", "demoted"]);

/** The action of one instance; roles of a bundle's replica are a matter of what runs inside. */
function actionOf(
  whole: Action,
  instance: Resource,
  task: string,
  node: Node | undefined,
  isFirst: boolean,
): Action | undefined {
  const looksInside = isFirst ? whole.task !== "stop" && whole.task !== "stopped" : ROLE_TASKS.has(whole.task);
  const inside = looksInside ? insideContainer(instance) : undefined;
  return inside === undefined ? newestAction(instance, task, node) : newestAction(inside, task, undefined);
}

function updatePairs(
  cluster: Cluster,
  first: Action,
  then: Action,
  node: Node | undefined,
  filter: number,
  type: number,
): number {
  const { resource } = then;
  const firstWhole = first.resource;
  if (resource === undefined || firstWhole === undefined) return Changed.None;
  let changed: number = Changed.None;
  const task = originalTask(first);
  const current = first.intervalMs === 0 && /(^|_)(stopped|demoted)$/.test(first.key);
  for (const instance of instancesOf(resource)) {
    const partner = findCompatible(cluster, instance, firstWhole, Role.Unknown, current, undefined);
    if (partner === undefined) {
      const mandatory = (type & (Order.UnrunnableFirstBlocks | Order.FirstImpliesThen)) !== 0;
      if (!current && mandatory && assign(cluster, instance, undefined, true, true)) {
        changed |= Changed.Then;
        cluster.explain?.alone(instance, first, then);
      }
      continue;
    }
    const firstPart = actionOf(first, partner, task, node, true);
    if (firstPart === undefined) continue;
    const thenPart = actionOf(then, instance, then.task, node, false);
    if (thenPart === undefined) continue;
    if (orderActions(firstPart, thenPart, type)) changed |= Changed.First | Changed.Then;
    const firstFlags = partner.methods.actionFlags(firstPart, node);
    changed |= instance.methods.updateOrdered(firstPart, thenPart, node, firstFlags, filter, type);
  }
  return changed;
}
