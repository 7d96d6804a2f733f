// Stage: what the history of a node says of each resource: where it is, in what role, and what has to follow from failures.

import { childNamed, type Element } from "../../kernel/cib/element.ts";
import { millisecondsToSeconds } from "../../model/duration.ts";
import { INFINITY, leadingInteger } from "../../model/score.ts";
import { setFlag } from "./action.ts";
import { clearHistory, fenceNode, remoteNodeOf, resourceAction, simpleAction } from "./actions.ts";
import { addActive } from "./active.ts";
import { findActions } from "./find-actions.ts";
import { activeRange, readOperation, sortedOperations } from "./history-order.ts";
import { applyOperation } from "./history-result.ts";
import { partOfInstance } from "./instance-parts.ts";
import { addLocation } from "./location-scores.ts";
import {
  type Cluster,
  Flag,
  type HistoryOperation,
  type HistoryResource,
  type HistoryState,
  type Node,
  OnFail,
  type Resource,
  Role,
  Variant,
} from "./state.ts";
import {
  collectNodes,
  findNode,
  findResource,
  isAnonymousClone,
  isBundled,
  isGuestNode,
  isRemoteMachine,
  setHistoryId,
  stripInstance,
  topResource,
} from "./tree.ts";
import { createNode } from "./unpack-nodes.ts";
import { createInstance, createRemoved, linkRemoteNode, targetRoleOf } from "./unpack-resources.ts";

/** Reads all that is recorded of a node. */
export function unpackNodeHistory(cluster: Cluster, node: Node, state: Element): void {
  const section = childNamed(childNamed(state, "lrm"), "lrm_resources");
  if (section === undefined) return;
  for (const element of section.children) {
    const id = element.attributes["id"];
    if (element.name !== "lrm_resource" || id === undefined) continue;
    const operations: HistoryOperation[] = [];
    for (const child of element.children) if (child.name === "lrm_rsc_op") operations.push(readOperation(child));
    node.history.push({ element, id, operations, sorted: [] });
  }
  node.historyById = undefined;
  let removedGuests = false;
  for (const entry of node.history) {
    const resource = unpackHistoryResource(cluster, node, entry);
    if (resource?.removedLaunched) removedGuests = true;
  }
  if (removedGuests) relaunchRemoved(cluster, node);
}

/** A removed connection still belongs to its container, if that exists. */
function relaunchRemoved(cluster: Cluster, node: Node): void {
  for (const entry of node.history) {
    const container = entry.element.attributes["container"];
    if (container === undefined) continue;
    const launcher = findResource(cluster, container);
    const resource = findResource(cluster, entry.id);
    if (launcher === undefined || resource === undefined) continue;
    if (resource.launcher !== undefined || !resource.removedLaunched) continue;
    resource.launcher = launcher;
    launcher.launched.push(resource);
  }
}

function unpackHistoryResource(cluster: Cluster, node: Node, entry: HistoryResource): Resource | undefined {
  const { shutdownLock } = cluster.properties;
  if (!shutdownLock && entry.operations.length === 0) return undefined;
  let resource = findForHistory(cluster, node, entry.id);
  if (resource === undefined) {
    if (entry.operations.length === 0) return undefined;
    resource = removedResource(cluster, entry);
    if (resource === undefined) return undefined;
  }
  if (shutdownLock) readShutdownLock(cluster, resource, node, entry);
  const before = resource.role;
  resource.role = Role.Unknown;
  const state: HistoryState = { cluster, resource, node, lastFailure: undefined, onFail: OnFail.Ignore };
  const sorted = sortedOperations(entry);
  for (const operation of sorted) applyOperation(state, operation);
  noteRecurring(cluster, node, resource, sorted);
  settle(state);
  const wanted = targetRoleOf(cluster, resource);
  if (wanted !== undefined && (resource.nextRole === Role.Unknown || wanted < resource.nextRole)) {
    resource.nextRole = wanted;
  }
  if (before > resource.role) resource.role = before;
  return resource;
}

/** Something that runs although the configuration does not know it. */
function removedResource(cluster: Cluster, entry: HistoryResource): Resource | undefined {
  const resource = createRemoved(cluster, entry.id, entry.element);
  if (resource?.remoteConnection) {
    const node = findNode(cluster, entry.id) ?? createNode(cluster, entry.id, entry.id, true, 0);
    linkRemoteNode(cluster, resource);
    node.shutdown = true;
  }
  return resource;
}

function readShutdownLock(cluster: Cluster, resource: Resource, node: Node, entry: HistoryResource): void {
  const since = leadingInteger(entry.element.attributes["shutdown-lock"] ?? "") ?? 0;
  if (since === 0) return;
  const limit = cluster.properties.shutdownLockMs;
  if (limit > 0 && cluster.now > since + millisecondsToSeconds(limit)) {
    clearHistory(cluster, resource, node);
  } else {
    resource.lockNode = node;
    resource.lockTime = since;
  }
}

/** The resource, or of an anonymous clone the instance, that an entry of the history is about. */
function findForHistory(cluster: Cluster, node: Node, id: string): Resource | undefined {
  let resource = findResource(cluster, id);
  let parent: Resource | undefined;
  if (resource === undefined) {
    const firstInstance = findResource(cluster, `${stripInstance(id)}:0`);
    if (firstInstance !== undefined && !firstInstance.unique) {
      resource = firstInstance;
      parent = topResource(firstInstance);
    }
  } else if (resource.variant > Variant.Primitive) {
    return undefined;
  } else {
    parent = topResource(resource);
  }
  if (isAnonymousClone(parent)) {
    if (isBundled(parent)) {
      resource = parent.parent?.bundle?.replicas.find((replica) => replica.node === node)?.child;
    } else {
      resource = instanceFor(cluster, node, parent, stripInstance(id));
    }
  }
  if (resource !== undefined && id !== resource.id && id !== resource.historyId) {
    setHistoryId(cluster, resource, id);
  }
  return resource;
}

/** Chooses which instance of an anonymous clone is the one on a node: they are all alike, but none can be in two places. */
function instanceFor(cluster: Cluster, node: Node, clone: Resource, id: string): Resource | undefined {
  let found: Resource | undefined;
  let inactive: Resource | undefined;
  let skipInactive = false;
  for (const child of clone.children) {
    if (found !== undefined) break;
    const places: Node[] = [];
    collectNodes(child, "pending", places);
    if (places.length > 0) {
      if (places[0] !== node) continue;
      found = partOfInstance(child, id);
      if (found !== undefined && found.activeNodes.length > 0) {
        // Two entries for the same node: the second belongs to an instance of its own.
        skipInactive = true;
        found = undefined;
      }
    } else if (!skipInactive && inactive === undefined && !child.blocked) {
      inactive = partOfInstance(child, id);
      if (inactive?.pendingNode !== undefined && inactive.pendingNode !== node) inactive = undefined;
    }
  }
  if (found === undefined && !skipInactive) found = inactive;
  if (found !== undefined && mayBeLeftOut(cluster, found, node, clone)) found = undefined;
  if (found !== undefined) return found;
  const added = createInstance(cluster, clone);
  return added === undefined ? undefined : partOfInstance(added, id);
}

/** An instance on a node that is down need not keep a number from one that is up. */
function mayBeLeftOut(cluster: Cluster, instance: Resource, node: Node, clone: Resource): boolean {
  if (instance.needsFencing || isGuestNode(node)) return false;
  if (node.online && !node.unclean) return false;
  return clone.clone?.cloneMax !== cluster.nodes.length;
}

/** Recurring operations that run now need not be started. */
function noteRecurring(cluster: Cluster, node: Node, resource: Resource, sorted: readonly HistoryOperation[]): void {
  if (!node.online) return;
  const range = activeRange(sorted);
  for (let i = 0; i < sorted.length; i += 1) {
    const operation = sorted[i];
    if (operation === undefined || i < range.start) continue;
    if (range.start < range.stop && i <= range.stop) continue;
    if (operation.intervalMs === 0 || operation.status === -1) continue;
    resourceAction(cluster, resource, operation.task, operation.intervalMs, operation.task, node, true);
  }
}

function markProbed(resource: Resource, node: Node): void {
  for (let part: Resource | undefined = resource; part !== undefined; part = part.parent) {
    part.probed ??= new Uint8Array(64);
    if (part.probed.length <= node.index) {
      const larger = new Uint8Array(node.index * 2);
      larger.set(part.probed);
      part.probed = larger;
    }
    if (part.probed[node.index] === 0) {
      part.probed[node.index] = 1;
      part.probedCount += 1;
    }
    if (part.unique) break;
  }
}

/** Draws the conclusions from a resource's state on a node. */
function settle(state: HistoryState): void {
  const { cluster, resource, node } = state;
  const active = resource.role > Role.Stopped;
  if (resource.role !== Role.Unknown) markProbed(resource, node);
  if (active && !node.online && !node.maintenance && resource.managed) fenceForActive(cluster, resource, node);
  const recorded = state.onFail;
  const onFail = node.unclean ? OnFail.Ignore : recorded;
  reactToFailure(cluster, resource, node, onFail, active);
  if (resource.failed && resource.remoteConnection) {
    const remote = remoteNodeOf(cluster, resource);
    if (remote?.unclean) remote.seen = true;
  }
  if (active) {
    addActive(cluster, resource, node, recorded !== OnFail.Ignore);
    if (onFail === OnFail.Demote || onFail === OnFail.Block) resource.failed = true;
    else if (onFail !== OnFail.Ignore) fail(resource);
  } else if (resource.historyId?.includes(":")) {
    setHistoryId(cluster, resource, undefined);
  } else {
    for (const stop of findActions(resource, "stop", 0, node)) setFlag(stop, Flag.Optional);
  }
  const migrating = resource.partialMigrationTarget !== undefined && resource.partialMigrationSource === node;
  if (resource.role === Role.Stopped && resource.activeNodes.length > 0 && migrating) resource.role = Role.Started;
}

function fail(resource: Resource): void {
  resource.failed = true;
  resource.stopIfFailed = true;
}

/** Something is thought to run on a node that is not there: it must not start elsewhere before that node is surely off. */
function fenceForActive(cluster: Cluster, resource: Resource, node: Node): void {
  if (isGuestNode(node)) {
    fail(resource);
  } else if (!cluster.properties.fencingEnabled) {
    return;
  } else if (isRemoteMachine(node) && node.remote !== undefined && !node.remote.failed) {
    node.seen = false;
    const revocable = "(fencing will be revoked if remote connection can be re-established elsewhere)";
    fenceNode(cluster, node, `${resource.id} is active there ${revocable}`, false);
    return;
  }
  fenceNode(cluster, node, `${resource.id} is thought to be active there`, false);
}

function reactToFailure(cluster: Cluster, resource: Resource, node: Node, onFail: OnFail, active: boolean): void {
  switch (onFail) {
    case OnFail.Demote:
      resource.failed = true;
      simpleAction(cluster, resource, "demote", node, false);
      break;
    case OnFail.Fence:
      fenceNode(cluster, node, `${resource.id} failed there`, false);
      break;
    case OnFail.Standby:
      node.standby = true;
      node.failStandby = true;
      break;
    case OnFail.Block:
      resource.managed = false;
      resource.blocked = true;
      break;
    case OnFail.Ban:
      addLocation(resource, node, -INFINITY);
      cluster.explain?.hopeless(resource, resource);
      break;
    case OnFail.Stop:
      resource.nextRole = Role.Stopped;
      break;
    case OnFail.Restart:
      if (active) {
        fail(resource);
        simpleAction(cluster, resource, "stop", node, false);
      }
      break;
    case OnFail.RestartContainer:
      restartContainer(cluster, resource, node, active);
      break;
    case OnFail.ResetRemote:
      resetRemote(cluster, resource, node, active);
      break;
    default:
  }
}

function restartContainer(cluster: Cluster, resource: Resource, node: Node, active: boolean): void {
  fail(resource);
  if (resource.launcher !== undefined && isBundled(resource)) cluster.stopNeeded.unshift(resource.launcher);
  else if (resource.launcher !== undefined) simpleAction(cluster, resource.launcher, "stop", node, false);
  else if (active) simpleAction(cluster, resource, "stop", node, false);
}

function resetRemote(cluster: Cluster, resource: Resource, node: Node, active: boolean): void {
  fail(resource);
  if (cluster.properties.fencingEnabled) {
    const remote = remoteNodeOf(cluster, resource);
    if (remote !== undefined && isRemoteMachine(remote) && !remote.remoteFenced) {
      fenceNode(cluster, remote, "remote connection is unrecoverable", false);
    }
  }
  if (active) simpleAction(cluster, resource, "stop", node, false);
  if (resource.remoteReconnectMs > 0) resource.nextRole = Role.Stopped;
}
