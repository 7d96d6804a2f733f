// Stage: orders that nobody writes down: stop before start, members of a group one by one, a clone around its instances.

import { INFINITY } from "../../model/score.ts";
import { newColocation } from "./constraint-colocation.ts";
import { compareNumbers } from "./instances.ts";
import { ABSENT, nodesOf } from "./node-table.ts";
import { newOrdering, orderOperations, orderStarts, orderStops } from "./orderings.ts";
import { type Cluster, Order, type Replica, type Resource, Role } from "./state.ts";
import { guestConnectionIn, topResource } from "./tree.ts";
import { orderRestartVsUnfencing } from "./unfencing.ts";
import { orderByLoad } from "./utilization.ts";

/** A resource that cannot run on remote nodes. */
function avoidRemoteNodes(cluster: Cluster, resource: Resource): void {
  const { scores } = resource.allowed;
  for (let i = 0; i < scores.length; i += 1) {
    if ((scores[i] ?? ABSENT) !== ABSENT && cluster.nodes[i]?.remote !== undefined) scores[i] = -INFINITY;
  }
}

/** Orders within one primitive, and between it and what launches it. */
export function orderPrimitive(cluster: Cluster, resource: Resource): void {
  if (!resource.managed) return;
  const own = (first: string, then: string, flags: number) =>
    orderOperations(cluster, resource, first, resource, then, flags);
  own("stop", "start", Order.Ordered | Order.FirstImpliesThen | Order.IntermediateStop);
  if (topResource(resource).promotable || resource.role > Role.Unpromoted) {
    own("demote", "stop", Order.PromotedThenImpliesFirst);
    own("start", "promote", Order.UnrunnableFirstBlocks);
  }
  own("lrm_delete", "monitor", Order.IfOnSameNode | Order.ThenCancelsFirst);
  const unfencing = !resource.fenceDevice && cluster.unfencing && resource.needsUnfencing;
  const load = resource.utilization.size > 0 && cluster.properties.placement !== "default";
  const allowed = unfencing || load || resource.launcher !== undefined ? nodesOf(cluster, resource.allowed) : [];
  if (unfencing) for (const node of allowed) orderRestartVsUnfencing(cluster, resource, node);
  if (load) orderByLoad(cluster, resource, allowed);
  if (resource.launcher !== undefined) orderLaunched(cluster, resource, resource.launcher);
  if (resource.remoteConnection || resource.fenceDevice) avoidRemoteNodes(cluster, resource);
}

/** What is launched by another resource: inside of the guest it makes, or beside it. */
function orderLaunched(cluster: Cluster, resource: Resource, launcher: Resource): void {
  let connection: Resource | undefined;
  if (resource.remoteConnection) {
    if (!resource.nestingAllowed) avoidRemoteNodes(cluster, launcher);
    orderOperations(cluster, launcher, "monitor", resource, "stop", Order.Ordered);
  } else if (launcher.remoteConnection) {
    connection = launcher;
  } else {
    connection = guestConnectionIn(cluster, launcher);
  }
  if (connection !== undefined) {
    const { scores } = resource.allowed;
    for (let i = 0; i < scores.length; i += 1) {
      if ((scores[i] ?? ABSENT) !== ABSENT && cluster.nodes[i]?.remote !== connection) scores[i] = -INFINITY;
    }
    return;
  }
  orderStarts(cluster, launcher, resource, Order.FirstImpliesThen | Order.UnrunnableFirstBlocks);
  orderStops(cluster, resource, launcher, Order.ThenImpliesFirst);
  newColocation(cluster, {
    id: "#resource-with-container",
    dependent: resource,
    primary: launcher,
    score: resource.nestingAllowed ? 10_000 : INFINITY,
    influence: true,
    explicit: false,
  });
}

/** Orders within a group. */
export function orderGroup(cluster: Cluster, group: Resource): void {
  orderOperations(cluster, group, "stop", group, "stopped", Order.UnrunnableFirstBlocks);
  orderOperations(cluster, group, "stopped", group, "start", Order.Ordered);
  orderOperations(cluster, group, "start", group, "running", Order.UnrunnableFirstBlocks);
  let previous: Resource | undefined;
  let lastActive: Resource | undefined;
  const promotable = topResource(group).promotable;
  for (const member of group.children) {
    orderMember(cluster, group, member, previous, promotable);
    if (member.activeNodes.length > 0) {
      const gap = previous !== undefined && previous.activeNodes.length === 0;
      if (group.group?.ordered && gap && lastActive !== undefined)
        orderStops(cluster, member, lastActive, Order.Ordered);
      lastActive = member;
    }
    previous = member;
  }
}

function orderMember(
  cluster: Cluster,
  group: Resource,
  member: Resource,
  previous: Resource | undefined,
  promotable: boolean,
): void {
  const ordered = group.group?.ordered === true;
  let downFlags: number = Order.ThenImpliesFirstGraphed;
  let afterDownFlags: number = Order.FirstImpliesThenGraphed;
  member.methods.internalConstraints(member);
  if (previous === undefined) {
    if (ordered) {
      downFlags |= Order.Ordered;
      afterDownFlags = Order.FirstImpliesThen;
    }
  } else if (group.group?.colocated) {
    newColocation(cluster, {
      id: "#group-members",
      dependent: member,
      primary: previous,
      score: INFINITY,
      influence: member.critical,
      explicit: false,
    });
  }
  const upFlags = Order.UnrunnableFirstBlocks | Order.FirstImpliesThen | Order.FirstImpliesThenGraphed;
  if (promotable) {
    orderOperations(cluster, group, "demote", member, "demote", downFlags);
    orderOperations(cluster, member, "demote", group, "demoted", afterDownFlags);
    orderOperations(cluster, member, "promote", group, "promoted", upFlags);
    orderOperations(cluster, group, "promote", member, "promote", Order.ThenImpliesFirstGraphed);
  }
  orderStops(cluster, group, member, downFlags);
  orderOperations(cluster, member, "stop", group, "stopped", afterDownFlags);
  orderStarts(cluster, group, member, Order.ThenImpliesFirstGraphed);
  orderOperations(cluster, member, "start", group, "running", upFlags);
  if (!ordered) orderUnorderedMember(cluster, group, member, promotable);
  else if (previous === undefined) {
    orderStarts(cluster, group, member, Order.None);
    if (promotable) orderOperations(cluster, group, "promote", member, "promote", Order.None);
  } else orderAfterMember(cluster, previous, member, promotable);
}

function orderUnorderedMember(cluster: Cluster, group: Resource, member: Resource, promotable: boolean): void {
  const flags = Order.FirstImpliesThen | Order.UnrunnableFirstBlocks | Order.ThenImpliesFirstGraphed;
  orderStarts(cluster, group, member, flags);
  if (promotable) orderOperations(cluster, group, "promote", member, "promote", flags);
}

function orderAfterMember(cluster: Cluster, previous: Resource, member: Resource, promotable: boolean): void {
  const flags = Order.FirstImpliesThen | Order.UnrunnableFirstBlocks;
  orderStarts(cluster, previous, member, flags);
  orderStops(cluster, member, previous, Order.Ordered | Order.IntermediateStop);
  if (member.activeNodes.length > 0 && previous.activeNodes.length === 0) {
    const gapFlags = Order.ThenImpliesFirst | Order.UnrunnableFirstBlocks;
    orderOperations(cluster, member, "stop", previous, "start", gapFlags);
  }
  if (promotable) {
    orderOperations(cluster, previous, "promote", member, "promote", flags);
    orderOperations(cluster, member, "demote", previous, "demote", Order.Ordered);
  }
}

/** Orders within a clone. */
export function orderClone(cluster: Cluster, clone: Resource): void {
  orderOperations(cluster, clone, "stopped", clone, "start", Order.Ordered);
  orderOperations(cluster, clone, "start", clone, "running", Order.UnrunnableFirstBlocks);
  orderOperations(cluster, clone, "stop", clone, "stopped", Order.UnrunnableFirstBlocks);
  if (clone.promotable) {
    orderOperations(cluster, clone, "demoted", clone, "stop", Order.Ordered);
    orderOperations(cluster, clone, "running", clone, "promote", Order.UnrunnableFirstBlocks);
  }
  const ordered = clone.clone?.ordered === true;
  if (ordered) clone.children.sort(compareNumbers);
  for (let i = 0; i < clone.children.length; i += 1) {
    const instance = clone.children[i];
    if (instance === undefined) continue;
    instance.methods.internalConstraints(instance);
    orderStarts(cluster, clone, instance, Order.UnrunnableFirstBlocks | Order.ThenImpliesFirstGraphed);
    orderOperations(cluster, instance, "start", clone, "running", Order.FirstImpliesThenGraphed);
    orderStops(cluster, clone, instance, Order.ThenImpliesFirstGraphed);
    orderOperations(cluster, instance, "stop", clone, "stopped", Order.FirstImpliesThenGraphed);
    if (!ordered) continue;
    for (const later of clone.children.slice(i + 1)) {
      orderStarts(cluster, instance, later, Order.Ordered);
      orderStops(cluster, later, instance, Order.Ordered);
    }
  }
  if (clone.promotable) orderPromotable(cluster, clone, ordered);
}

/** Down before up, everywhere. */
function orderRoleChanges(cluster: Cluster, resource: Resource): void {
  const pairs = [
    ["stopped", "start"],
    ["stopped", "promote"],
    ["demoted", "stop"],
    ["demoted", "start"],
    ["demoted", "promote"],
    ["running", "promote"],
    ["demote", "demoted"],
  ] as const;
  for (const [first, then] of pairs) orderOperations(cluster, resource, first, resource, then, Order.Ordered);
}

function orderPromotable(cluster: Cluster, clone: Resource, ordered: boolean): void {
  orderRoleChanges(cluster, clone);
  let previous: Resource | undefined;
  for (const instance of clone.children) {
    orderOperations(cluster, instance, "demote", instance, "promote", Order.Ordered);
    orderOperations(cluster, clone, "promote", instance, "promote", Order.Ordered);
    orderOperations(cluster, instance, "promote", clone, "promoted", Order.Ordered);
    if (previous !== undefined && ordered) {
      orderOperations(cluster, previous, "promote", instance, "promote", Order.Ordered);
    }
    orderOperations(cluster, clone, "demote", instance, "demote", Order.ThenImpliesFirstGraphed);
    orderOperations(cluster, instance, "demote", clone, "demoted", Order.FirstImpliesThenGraphed);
    if (previous !== undefined && ordered) {
      orderOperations(cluster, instance, "demote", previous, "demote", Order.Ordered);
    }
    previous = instance;
  }
}

/** Orders within a bundle. */
export function orderBundle(cluster: Cluster, bundle: Resource): void {
  for (const replica of bundle.bundle?.replicas ?? []) orderReplica(cluster, bundle, replica);
  const child = bundle.bundle?.child;
  if (child === undefined) return;
  const down = Order.ThenImpliesFirstGraphed;
  const up = Order.FirstImpliesThenGraphed;
  orderOperations(cluster, bundle, "start", child, "start", down);
  orderOperations(cluster, child, "running", bundle, "running", up);
  orderOperations(cluster, bundle, "stop", child, "stop", down);
  orderOperations(cluster, child, "stopped", bundle, "stopped", up);
  child.methods.internalConstraints(child);
  if (!child.promotable) return;
  orderRoleChanges(cluster, bundle);
  orderOperations(cluster, bundle, "demote", child, "demote", down);
  orderOperations(cluster, child, "demoted", bundle, "demoted", up);
  orderOperations(cluster, bundle, "promote", child, "promote", down);
  orderOperations(cluster, child, "promoted", bundle, "promoted", up);
}

function orderReplica(cluster: Cluster, bundle: Resource, replica: Replica): void {
  const { container, child, ip, remote } = replica;
  container.methods.internalConstraints(container);
  orderStarts(cluster, bundle, container, Order.UnrunnableFirstBlocks | Order.ThenImpliesFirstGraphed);
  if (child !== undefined) orderStops(cluster, bundle, child, Order.ThenImpliesFirstGraphed);
  orderStops(cluster, bundle, container, Order.ThenImpliesFirstGraphed);
  orderOperations(cluster, container, "start", bundle, "running", Order.FirstImpliesThenGraphed);
  orderOperations(cluster, container, "stop", bundle, "stopped", Order.FirstImpliesThenGraphed);
  if (ip !== undefined) {
    ip.methods.internalConstraints(ip);
    orderStarts(cluster, ip, container, Order.UnrunnableFirstBlocks | Order.GuestAllowed);
    orderStops(cluster, container, ip, Order.ThenImpliesFirst | Order.GuestAllowed);
    newColocation(cluster, {
      id: "#ip-with-container",
      dependent: ip,
      primary: container,
      score: INFINITY,
      influence: true,
      explicit: false,
    });
  }
  remote?.methods.internalConstraints(remote);
}

/** Orders the start of one replica after the probes of another on the same node. */
export function orderAfterProbe(cluster: Cluster, probed: Resource, other: Resource): void {
  newOrdering(
    cluster,
    { resource: probed, key: "monitor" },
    { resource: other, key: "start" },
    Order.Ordered | Order.IfOnSameNode,
  );
}
