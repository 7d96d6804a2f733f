// Stage: finding out what runs where nobody has looked yet, before anything is started.

import { isTrue } from "../../model/text.ts";
import { actionMeta, clearFlag, expectResult, hasFlag } from "./action.ts";
import { fenceNode, simpleAction } from "./actions.ts";
import { findCompatible } from "./compatible.ts";
import { actionsWithKey, findActions } from "./find-actions.ts";
import { compareNumbers } from "./instances.ts";
import { orderAfterProbe } from "./internal-orders.ts";
import { has, remove } from "./node-table.ts";
import { newOrdering, orderActionBefore } from "./orderings.ts";
import { orderActions } from "./relations.ts";
import { connectionFailed } from "./remote-orders.ts";
import {
  type Action,
  type Cluster,
  Flag,
  type Node,
  Order,
  type Ordering,
  ProbeMode,
  type Relation,
  type Replica,
  type Resource,
  Role,
  Variant,
} from "./state.ts";
import {
  guestConnectionIn,
  isActiveOn,
  isBundled,
  isClone,
  isGuestNode,
  isPrimitive,
  launcherOf,
  onlyNode,
  topResource,
  wasProbed,
} from "./tree.ts";
import { orderVsUnfencing } from "./unfencing.ts";

/** Makes the probes of all resources on all nodes that can answer. */
export function scheduleProbes(cluster: Cluster): void {
  for (const node of cluster.sortedNodes) {
    if (!node.online) {
      if (connectionFailed(node)) fenceNode(cluster, node, "the connection is unrecoverable", false);
      continue;
    }
    if (node.unclean || !node.probesAllowed) continue;
    probeAll(cluster.resources, node);
  }
}

function probeAll(resources: readonly Resource[], node: Node): boolean {
  let any = false;
  for (const resource of resources) if (resource.methods.createProbe(resource, node)) any = true;
  return any;
}

/** What can be on a remote node: no devices, no further connections. */
function impossibleOn(cluster: Cluster, resource: Resource, node: Node): boolean {
  if (!node.remoteKind) return false;
  if (resource.fenceDevice || resource.remoteConnection) return true;
  return isGuestNode(node) && guestConnectionIn(cluster, resource) !== undefined;
}

/** Makes the probe of a primitive (or of all in a group). False when none is needed. */
export function probePrimitive(cluster: Cluster, resource: Resource, node: Node): boolean {
  if (!cluster.properties.startupProbes || impossibleOn(cluster, resource, node)) return false;
  if (resource.children.length > 0) return probeAll(resource.children, node);
  if (resource.launcher !== undefined && !resource.remoteConnection) return false;
  if (resource.removed || wasProbed(resource, node)) return false;
  const top = topResource(resource);
  const known = has(resource.allowed, node);
  const mode = known ? (resource.allowed.probes[node.index] ?? ProbeMode.Always) : node.baseProbe;
  if (resource.exclusiveProbes || top.exclusiveProbes) {
    if (!known || mode !== ProbeMode.Exclusive) return false;
  }
  if (mode === ProbeMode.Never) return false;
  if (isGuestNode(node) && guestCannotAnswer(cluster, top, node)) return false;
  const probe = makeProbe(cluster, resource, node);
  const whole = isClone(top) ? top : resource;
  const blocks = !hasFlag(probe, Flag.Runnable) && whole.activeNodes.length === 0;
  const flags = Order.Ordered | (blocks ? Order.UnrunnableFirstBlocks : 0);
  orderBeforeStart(cluster, probe, whole, flags);
  // Reloads are known before probes are made.
  if (actionsWithKey(whole, "reload-agent", 0).length > 0) {
    orderActionBefore(cluster, probe, whole, "reload-agent", Order.Ordered);
  }
  return true;
}

/**
 * Orders a probe before the start. Of most resources there is a probe on each node and nothing else is said of the start in
 * between, so one note is enough for all of them.
 */
function orderBeforeStart(cluster: Cluster, probe: Action, whole: Resource, flags: number): void {
  const known = whole.probeOrdering;
  if (known !== undefined && known.flags === flags) {
    if (known.alike === undefined) known.alike = [probe];
    else known.alike.push(probe);
    return;
  }
  const ordering = orderActionBefore(cluster, probe, whole, "start", flags);
  const others = cluster.haveRemoteNodes || cluster.unfencing || whole.needsUnfencing || isBundled(whole);
  if (whole.variant === Variant.Primitive && !others) whole.probeOrdering = ordering;
}

function makeProbe(cluster: Cluster, resource: Resource, node: Node): Action {
  const probe = simpleAction(cluster, resource, "monitor", node, false);
  clearFlag(probe, Flag.Optional);
  orderVsUnfencing(cluster, resource, node, probe, Order.Ordered);
  if (!isActiveOn(resource, node)) expectResult(probe, "stopped");
  else if (resource.role === Role.Promoted) expectResult(probe, "promoted");
  return probe;
}

/** A guest that is not up, or will not stay up, has nothing running in it that will stay. */
function guestCannotAnswer(cluster: Cluster, top: Resource, node: Node): boolean {
  const guest = launcherOf(node);
  if (guest === undefined) return false;
  if (guest.role === Role.Stopped) {
    const place = guest.assigned;
    if (place !== undefined && !wasProbed(guest, place)) {
      newOrdering(cluster, { resource: guest, key: "monitor" }, { resource: top, key: "start" }, Order.Ordered);
    }
    return true;
  }
  const moves =
    guest.role > Role.Stopped && guest.assigned !== undefined && !guest.activeNodes.includes(guest.assigned);
  if (node.remoteReset || node.unclean || guest.failed || guest.nextRole === Role.Stopped || moves) {
    newOrdering(cluster, { resource: guest, key: "stop" }, { resource: top, key: "start" }, Order.Ordered);
    return true;
  }
  return false;
}

function anyProbed(resource: Resource, node: Node): boolean {
  if (resource.children.length === 0) return wasProbed(resource, node);
  return resource.children.some((child) => anyProbed(child, node));
}

/** Makes the probes of a clone: one for each node is enough where instances are alike. */
export function probeClone(clone: Resource, node: Node): boolean {
  if (clone.exclusiveProbes) {
    if (!has(clone.allowed, node) || clone.allowed.probes[node.index] !== ProbeMode.Exclusive) {
      remove(clone.allowed, node);
      return false;
    }
  }
  clone.children.sort(compareNumbers);
  if (clone.unique) return probeAll(clone.children, node);
  const child =
    clone.children.find((instance) => anyProbed(instance, node)) ??
    clone.children.find((instance) => onlyNode(instance, "assigned") === node) ??
    clone.children[0];
  return child?.methods.createProbe(child, node) ?? false;
}

/** Makes the probes of a bundle. */
export function probeBundle(cluster: Cluster, bundle: Resource, node: Node): boolean {
  let any = false;
  for (const replica of bundle.bundle?.replicas ?? []) {
    if (probeReplica(cluster, bundle, replica, node)) any = true;
  }
  return any;
}

function probeReplica(cluster: Cluster, bundle: Resource, replica: Replica, node: Node): boolean {
  const { ip, child, container, remote } = replica;
  let any = false;
  if (ip?.methods.createProbe(ip, node)) any = true;
  if (child !== undefined && node === replica.node && child.methods.createProbe(child, node)) any = true;
  if (container.methods.createProbe(container, node)) {
    any = true;
    if (bundle.bundle?.replicasPerHost === 1) {
      for (const other of bundle.bundle.replicas) {
        if (other !== replica) orderAfterProbe(cluster, container, other.container);
      }
    }
  }
  if (remote?.methods.createProbe(remote, node)) {
    const probe = remote.actions.findLast(
      (action) => action.key === "monitor" && action.intervalMs === 0 && action.node === node,
    );
    if (probe !== undefined) {
      any = true;
      newOrdering(
        cluster,
        { resource: container, key: "start" },
        { resource: remote, action: probe },
        Order.NestedRemoteProbe,
      );
    }
  }
  return any;
}

/** Orders probes before what their answers could change. */
export function orderProbes(cluster: Cluster): void {
  for (const resource of cluster.resources) orderStarts(cluster, resource);
  for (const ordering of cluster.orderings) orderBeforeStops(ordering);
}

function orderStarts(cluster: Cluster, resource: Resource): void {
  if (resource.variant !== Variant.Primitive) {
    for (const child of resource.children) orderStarts(cluster, child);
    return;
  }
  // What follows is the same for all probes of a resource: what is ordered here leads nowhere from a probe.
  const known: Restarts[] = [];
  for (const probe of findActions(resource, "monitor", 0, undefined)) {
    // Relations that this adds are newer and need not be visited.
    for (let relation = probe.after; relation !== undefined; relation = relation.olderAfter) {
      orderInstanceStarts(probe, relation);
      if (probe.task !== "monitor") continue;
      for (const stop of restartsAfter(cluster, resource, relation.then, known)) {
        orderActions(probe, stop, Order.Ordered);
      }
    }
  }
}

/** What must not stop before what comes before an action has been looked at, because it would restart with that action. */
interface Restarts {
  readonly after: Action;
  readonly stops: readonly Action[];
}

function restartsAfter(cluster: Cluster, from: Resource, after: Action, known: Restarts[]): readonly Action[] {
  for (const one of known) if (one.after === after) return one.stops;
  const stops: Action[] = [];
  const visited: Action[] = [];
  collectRestarts(cluster, from, after, visited, stops);
  for (const action of visited) clearFlag(action, Flag.Visited);
  known.push({ after, stops });
  return stops;
}

/** An unrunnable probe of a clone blocks those instances that are not running yet. */
function orderInstanceStarts(probe: Action, relation: Relation): void {
  const whole = relation.then.resource;
  if (whole === undefined || whole.variant <= Variant.Group) return;
  if (hasFlag(probe, Flag.Runnable) || (relation.made & Order.UnrunnableFirstBlocks) !== 0) return;
  if (probe.resource === undefined || topResource(probe.resource) !== whole || relation.then.task !== "start") return;
  for (let next = relation.then.after; next !== undefined; next = next.olderAfter) {
    const { then } = next;
    if (then.resource === undefined || then.task !== "start") continue;
    if (then.resource.activeNodes.length > 0 || topResource(then.resource) !== whole) continue;
    orderActions(probe, then, Order.Ordered | Order.UnrunnableFirstBlocks);
  }
}

/** What must restart because of a start that follows a probe must not stop before the probe either. */
function collectRestarts(cluster: Cluster, from: Resource, after: Action, visited: Action[], stops: Action[]): void {
  if (hasFlag(after, Flag.Visited)) return;
  after.flags |= Flag.Visited;
  visited.push(after);
  const { resource } = after;
  if (isPrimitive(resource) && resource !== from) {
    const opposite = after.task === "start" ? "stop" : after.task === "promote" ? "demote" : undefined;
    if (opposite !== undefined) {
      for (const then of findActions(resource, opposite, 0, undefined)) {
        if (!hasFlag(then, Flag.Pseudo)) stops.push(then);
      }
    }
  }
  let interleave = false;
  let compatible: Resource | undefined;
  if (resource !== undefined && resource.variant > Variant.Group && isTrue(resource.meta.get("interleave"))) {
    interleave = true;
    compatible = findCompatible(cluster, from, resource, Role.Unknown, false, undefined);
  }
  for (let relation = after.after; relation !== undefined; relation = relation.olderAfter) {
    if (followsChain(from, after, relation, interleave, compatible)) {
      collectRestarts(cluster, from, relation.then, visited, stops);
    }
  }
}

function followsChain(
  from: Resource,
  after: Action,
  relation: Relation,
  interleave: boolean,
  compatible: Resource | undefined,
): boolean {
  if ((relation.made & Order.FirstImpliesThen) !== 0) return true;
  const whole = after.resource;
  const chained = relation.then.resource;
  if (whole === undefined || whole.variant < Variant.Group || from.parent === whole || chained === undefined)
    return false;
  if (chained.variant > Variant.Group || chained.parent !== whole) return false;
  return !(whole.variant > Variant.Group && interleave && compatible !== chained);
}

function probeMatters(probe: Action, then: Action): boolean {
  if (then.task === "stonith" && probe.node !== undefined && probe.node === then.node) {
    if (actionMeta(then, "stonith_action")?.toLowerCase() === "on") return false;
  }
  if (then.task === "do_shutdown" && probe.node !== undefined && then.node !== undefined) {
    return probe.node === then.node;
  }
  return true;
}

/** What waits for a stop waits for the probe that may find something to stop. */
function orderBeforeStops(ordering: Ordering): void {
  const { firstAction: first, thenAction: then, firstResource, thenResource, flags } = ordering;
  if (flags === Order.None || firstResource === undefined || firstResource === thenResource) return;
  if ((first?.task ?? ordering.firstKey) !== "stop") return;
  if (then === undefined && ordering.thenKey === undefined) return;
  if (thenResource !== undefined && firstResource.launcher === thenResource) {
    if ((then?.task ?? ordering.thenKey) === "stop") return;
  }
  let probeFlags: number = Order.Ordered | (flags & (Order.IfFirstUnmigratable | Order.IfOnSameNode));
  if (flags === Order.IfRequiredOnSameNode || flags === Order.IfOnSameNodeOrTarget) probeFlags = flags;
  const probes = findActions(firstResource, "monitor", 0, undefined);
  if (probes.length === 0) return;
  let thens: readonly Action[] = [];
  if (then !== undefined) thens = [then];
  else if (thenResource !== undefined && ordering.thenKey !== undefined) {
    thens = findActions(thenResource, ordering.thenKey, 0, undefined);
  }
  for (const probe of probes) {
    for (const other of thens) if (probeMatters(probe, other)) orderActions(probe, other, probeFlags);
  }
}
