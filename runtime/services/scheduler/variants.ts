// The four kinds of resources, each with its own way of doing what all do.

import { applyBundleLocation, applyWithBundle, assignBundle, bundleWith, withBundle } from "./assign-bundle.ts";
import { applyCloneLocation, applyWithClone, assignClone, cloneWith, withClone } from "./assign-clone.ts";
import {
  applyGroupColocation,
  applyGroupLocation,
  assignGroup,
  groupAddScores,
  groupColocated,
  groupWith,
  withGroup,
} from "./assign-group.ts";
import { assignPrimitive } from "./assign-primitive.ts";
import {
  bundleActionFlags,
  collectiveActionFlags,
  createBundleActions,
  createCloneActions,
  createGroupActions,
  groupActionFlags,
} from "./collective-actions.ts";
import { addColocatedScores, applyToPrimitive, colocatedWith } from "./colocation-scores.ts";
import { addAll, addThisWith, addWithThis } from "./constraint-colocation.ts";
import { applyLocation } from "./constraint-location.ts";
import { addBundleToGraph, addCloneToGraph, addResourceToGraph, cloneGraphMeta, primitiveGraphMeta } from "./graph.ts";
import { orderBundle, orderClone, orderGroup, orderPrimitive } from "./internal-orders.ts";
import { probeBundle, probeClone, probePrimitive } from "./probes.ts";
import { createPrimitiveActions } from "./role-actions.ts";
import { lockToNode } from "./shutdown-locks.ts";
import { type ActiveNode, type Colocation, type Methods, type Node, type Resource, Role } from "./state.ts";
import { isClone } from "./tree.ts";
import { updateOrdered } from "./update-actions.ts";
import { updateGroup, updateInstances } from "./update-collective.ts";
import { releaseCapacity } from "./utilization.ts";

type Common = Pick<
  Methods,
  "addColocatedScores" | "activeNode" | "state" | "active" | "maxPerNode" | "graphMeta" | "shutdownLock" | "colocated"
>;

const COMMON: Common = {
  addColocatedScores: (source, target, nodes, colocation, factor, options) =>
    addColocatedScores(source.cluster, source, target, nodes, colocation, factor, options),
  colocated: colocatedWith,
  activeNode: (resource) => activeAmong(resource, resource.activeNodes),
  state: (resource, current) => {
    let role: Role = Role.Unknown;
    for (const child of resource.children) {
      const other = child.methods.state(child, current);
      if (other > role) role = other;
    }
    return role;
  },
  active: (resource, all) =>
    all
      ? resource.children.every((child) => child.methods.active(child, true))
      : resource.children.some((child) => child.methods.active(child, false)),
  maxPerNode: () => 1,
  graphMeta: () => {},
  shutdownLock: () => {},
};

/** Of the nodes where something is, the one that counts: the source of a migration, or the first that is well. */
function activeAmong(resource: Resource, nodes: readonly Node[]): ActiveNode {
  let active: Node | undefined;
  let clean = 0;
  for (const node of nodes) {
    const well = node.online && !node.unclean;
    if (well) clean += 1;
    if (resource.partialMigrationSource !== undefined) {
      if (node === resource.partialMigrationSource) active = node;
    } else if (!resource.needsFencing) {
      if (well && (active === undefined || !active.online || active.unclean)) active = node;
    }
    active ??= node;
  }
  return { node: active, all: nodes.length, clean };
}

function explicitOnly(list: readonly Colocation[]): Colocation[] {
  return list.filter((colocation) => colocation.explicit);
}

const PRIMITIVE: Methods = {
  ...COMMON,
  assign: (resource, prefer, stopIfFail) => assignPrimitive(resource.cluster, resource, prefer, stopIfFail),
  createActions: (resource) => createPrimitiveActions(resource.cluster, resource),
  createProbe: (resource, node) => probePrimitive(resource.cluster, resource, node),
  internalConstraints: (resource) => orderPrimitive(resource.cluster, resource),
  applyColocation: (dependent, primary, colocation, forDependent) =>
    forDependent
      ? primary.methods.applyColocation(dependent, primary, colocation, false)
      : applyToPrimitive(dependent.cluster, dependent, primary, colocation),
  withThisColocations: (resource, origin, list) => {
    if (resource !== origin) {
      for (const colocation of explicitOnly(resource.withThis)) addWithThis(list, colocation);
      return;
    }
    addAll(list, resource.withThis, addWithThis);
    resource.parent?.methods.withThisColocations(resource.parent, origin, list);
  },
  thisWithColocations: (resource, origin, list) => {
    if (resource !== origin) {
      for (const colocation of explicitOnly(resource.thisWith)) addThisWith(list, colocation);
      return;
    }
    addAll(list, resource.thisWith, addThisWith);
    resource.parent?.methods.thisWithColocations(resource.parent, origin, list);
  },
  applyLocation,
  actionFlags: (action) => action.flags,
  updateOrdered: (first, then, _node, flags, filter, type) =>
    updateOrdered(first.cluster, first, then, flags, filter, type),
  addToGraph: (resource) => addResourceToGraph(resource.cluster, resource),
  graphMeta: primitiveGraphMeta,
  addUtilization: (resource, _origin, _all, sum) => {
    if (resource.unassigned) releaseCapacity(sum, resource);
  },
  shutdownLock: (resource) => lockToNode(resource.cluster, resource),
  active: (resource) => resource.activeNodes.some((node) => node.unclean || node.online || !resource.managed),
  state: (resource, current) => (current ? resource.role : resource.nextRole),
};

const GROUP: Methods = {
  ...COMMON,
  assign: (resource, prefer, stopIfFail) => assignGroup(resource.cluster, resource, prefer, stopIfFail),
  createActions: (resource) => createGroupActions(resource.cluster, resource),
  createProbe: (resource, node) => probePrimitive(resource.cluster, resource, node),
  internalConstraints: (resource) => orderGroup(resource.cluster, resource),
  applyColocation: applyGroupColocation,
  colocated: groupColocated,
  withThisColocations: withGroup,
  thisWithColocations: groupWith,
  addColocatedScores: groupAddScores,
  applyLocation: applyGroupLocation,
  actionFlags: groupActionFlags,
  updateOrdered: (first, then, node, flags, filter, type) =>
    updateGroup(first.cluster, first, then, node, flags, filter, type),
  addToGraph: (resource) => addResourceToGraph(resource.cluster, resource),
  addUtilization: addGroupUtilization,
  shutdownLock: (resource) => {
    for (const member of resource.children) member.methods.shutdownLock(member);
  },
  active: (resource, all) => {
    const active = resource.children.filter((child) => child.methods.active(child, all)).length;
    return active > 0 && (!all || active === resource.children.length);
  },
};

function addGroupUtilization(
  group: Resource,
  origin: Resource,
  all: readonly Resource[],
  sum: Map<string, string>,
): void {
  if (!group.unassigned) return;
  const whole = group.group?.colocated === true || isClone(group.parent);
  for (const member of whole ? group.children : group.children.slice(0, 1)) {
    if (member.unassigned && !all.includes(member)) member.methods.addUtilization(member, origin, all, sum);
  }
}

const CLONE: Methods = {
  ...COMMON,
  assign: (resource, prefer, stopIfFail) => assignClone(resource.cluster, resource, prefer, stopIfFail),
  createActions: (resource) => createCloneActions(resource.cluster, resource),
  createProbe: probeClone,
  internalConstraints: (resource) => orderClone(resource.cluster, resource),
  applyColocation: (dependent, primary, colocation) =>
    applyWithClone(dependent.cluster, dependent, primary, colocation),
  withThisColocations: withClone,
  thisWithColocations: cloneWith,
  applyLocation: applyCloneLocation,
  actionFlags: (action, node) => collectiveActionFlags(action, action.resource?.children ?? [], node),
  updateOrdered: (first, then, node, flags, filter, type) =>
    updateInstances(first.cluster, first, then, node, flags, filter, type),
  addToGraph: (resource) => addCloneToGraph(resource.cluster, resource),
  graphMeta: cloneGraphMeta,
  addUtilization: addCloneUtilization,
  maxPerNode: (resource) => resource.clone?.cloneNodeMax ?? 1,
};

function addCloneUtilization(
  clone: Resource,
  origin: Resource,
  all: readonly Resource[],
  sum: Map<string, string>,
): void {
  if (!clone.unassigned) return;
  let existing = false;
  for (const child of clone.children) {
    if (all.includes(child)) {
      existing = true;
    } else if (child.children.some((member) => all.includes(member))) {
      child.methods.addUtilization(child, origin, all, sum);
      existing = true;
    }
  }
  const [first] = clone.children;
  if (!existing && first !== undefined) first.methods.addUtilization(first, origin, all, sum);
}

const BUNDLE: Methods = {
  ...COMMON,
  assign: (resource, prefer, stopIfFail) => assignBundle(resource.cluster, resource, prefer, stopIfFail),
  createActions: (resource) => createBundleActions(resource.cluster, resource),
  createProbe: (resource, node) => probeBundle(resource.cluster, resource, node),
  internalConstraints: (resource) => orderBundle(resource.cluster, resource),
  applyColocation: (dependent, primary, colocation) =>
    applyWithBundle(dependent.cluster, dependent, primary, colocation),
  withThisColocations: withBundle,
  thisWithColocations: bundleWith,
  applyLocation: applyBundleLocation,
  actionFlags: bundleActionFlags,
  updateOrdered: (first, then, node, flags, filter, type) =>
    updateInstances(first.cluster, first, then, node, flags, filter, type),
  addToGraph: (resource) => addBundleToGraph(resource.cluster, resource),
  addUtilization: (resource, origin, all, sum) => {
    const container = resource.bundle?.replicas[0]?.container;
    if (resource.unassigned) container?.methods.addUtilization(container, origin, all, sum);
  },
  state: () => Role.Unknown,
  active: bundleActive,
  activeNode: bundleActiveNode,
  maxPerNode: (resource) => resource.bundle?.replicasPerHost ?? 1,
};

function bundleActive(bundle: Resource, all: boolean): boolean {
  for (const { ip, child, container, remote } of bundle.bundle?.replicas ?? []) {
    for (const part of [ip, child, container, remote]) {
      if (part === undefined) continue;
      const active = part.methods.active(part, all);
      if (active !== all) return active;
    }
  }
  return all;
}

function bundleActiveNode(bundle: Resource): ActiveNode {
  const containers = (bundle.bundle?.replicas ?? [])
    .map((replica) => replica.container)
    .filter((container) => container.activeNodes.length > 0);
  const [only] = containers;
  if (containers.length === 1 && only !== undefined) return only.methods.activeNode(only);
  return activeAmong(bundle, [...new Set(containers.flatMap((container) => container.activeNodes))]);
}

/** The methods of each kind, by `Variant`. */
export const VARIANTS: readonly [Methods, Methods, Methods, Methods] = [PRIMITIVE, GROUP, CLONE, BUNDLE];
