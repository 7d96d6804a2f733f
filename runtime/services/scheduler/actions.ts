// Making actions: each operation of a resource on a node is one action however often it is asked for.
//
// Fencing lives here too, because an action that cannot run may need it, and fencing is itself an action.

import { actionMeta, clearFlag, hasFlag, joinNode, setActionMeta, setFlag, setReason } from "./action.ts";
import { operationParameters } from "./digests.ts";
import { priorityFencingDelay, unfencingDigests } from "./fencing-details.ts";
import { firstOn, listOf } from "./find-actions.ts";
import { has } from "./node-table.ts";
import { actionKind } from "./operation-meta.ts";
import {
  type Action,
  type ActionKind,
  type Cluster,
  Flag,
  Needs,
  type Node,
  type NoQuorumPolicy,
  type Relation,
  type Resource,
  Role,
} from "./state.ts";
import { findNode, isGuestNode, isRemoteMachine, launcherOf } from "./tree.ts";

const NO_RELATIONS: readonly Relation[] = [];

function newAction(
  cluster: Cluster,
  resource: Resource | undefined,
  kind: ActionKind | undefined,
  key: string,
  intervalMs: number,
  task: string,
  node: Node | undefined,
  optional: boolean,
): Action {
  const action: Action = {
    id: cluster.nextActionId,
    cluster,
    resource,
    kind,
    task,
    key,
    intervalMs,
    cancelTask: undefined,
    node,
    flags: Flag.Runnable | (optional ? Flag.Optional : 0) | (task === "lrm_delete" ? Flag.OnCoordinator : 0),
    needs: kind === undefined ? Needs.Nothing : kind.needs,
    reason: undefined,
    meta: undefined,
    extra: undefined,
    before: undefined,
    beforeCount: 0,
    after: undefined,
    afterCount: 0,
    inputs: NO_RELATIONS,
    minimum: undefined,
    wholeFlags: undefined,
  };
  cluster.nextActionId += 1;
  cluster.actionChanges += 1;
  cluster.actions.push(action);
  return action;
}

/** Finds or makes the action of a resource with that key; it becomes mandatory unless `optional`. */
export function resourceAction(
  cluster: Cluster,
  resource: Resource,
  key: string,
  intervalMs: number,
  task: string,
  node: Node | undefined,
  optional: boolean,
): Action {
  const list = listOf(resource, key, intervalMs);
  let action = list === undefined ? undefined : firstOn(list.actions, node);
  if (action === undefined) {
    const kind = actionKind(cluster, resource, list, key, intervalMs, task, node);
    action = newAction(cluster, resource, kind, key, intervalMs, task, node, optional);
    // A list that begins with an element is no larger than that; most keep it alone.
    if (list === undefined) resource.actionLists.push({ key, intervalMs, actions: [action], kinds: [kind] });
    else list.actions.push(action);
    resource.actions.push(action);
  }
  updateOptional(action, optional);
  const operation = action.kind?.operation;
  if (action.node !== undefined && operation !== undefined && !hasFlag(action, Flag.AttributesEvaluated)) {
    action.extra = operationParameters(cluster, operation, action.node);
    setFlag(action, Flag.AttributesEvaluated);
  }
  updateRunnable(cluster, action, resource);
  return action;
}

/** The same for an operation that runs once. */
export function simpleAction(
  cluster: Cluster,
  resource: Resource,
  task: string,
  node: Node | undefined,
  optional: boolean,
): Action {
  return resourceAction(cluster, resource, task, 0, task, node, optional);
}

function updateOptional(action: Action, optional: boolean): void {
  const { resource } = action;
  if (
    resource !== undefined &&
    action.node !== undefined &&
    !hasFlag(action, Flag.Pseudo) &&
    !resource.managed &&
    actionMeta(action, "interval") === undefined
  ) {
    setFlag(action, Flag.Optional);
  } else if (!optional) {
    clearFlag(action, Flag.Optional);
  }
}

/** What the lack of quorum means for a resource. */
function quorumPolicyFor(cluster: Cluster, resource: Resource): NoQuorumPolicy {
  const policy = cluster.properties.noQuorumPolicy;
  if (cluster.quorate) return "ignore";
  if (policy !== "demote") return policy;
  if (resource.role === Role.Promoted || resource.role === Role.Unpromoted) {
    if (resource.nextRole > Role.Unpromoted) resource.nextRole = Role.Unpromoted;
    return "ignore";
  }
  return "stop";
}

function updateRunnable(cluster: Cluster, action: Action, resource: Resource): void {
  if (hasFlag(action, Flag.Pseudo)) return;
  const { node } = action;
  const onCoordinator = hasFlag(action, Flag.OnCoordinator);
  if (node === undefined) {
    clearFlag(action, Flag.Runnable);
  } else if (!onCoordinator && !node.online && (!isGuestNode(node) || node.remoteReset)) {
    clearFlag(action, Flag.Runnable);
    if (resource.managed && action.task === "stop" && !node.unclean) {
      fenceNode(cluster, node, "stop is unrunnable", false);
    }
  } else if (!onCoordinator && node.pending) {
    clearFlag(action, Flag.Runnable);
  } else if (action.needs === Needs.Nothing) {
    action.reason = undefined;
    if (isGuestNode(node) && !canFence(cluster, node)) clearFlag(action, Flag.Runnable);
    else setFlag(action, Flag.Runnable);
  } else {
    checkQuorum(cluster, action, resource);
  }
}

function checkQuorum(cluster: Cluster, action: Action, resource: Resource): void {
  switch (quorumPolicyFor(cluster, resource)) {
    case "stop":
      clearFlag(action, Flag.Runnable);
      setReason(action, "no quorum", true);
      break;
    case "freeze":
      if (!resource.methods.active(resource, true) || resource.nextRole > resource.role) {
        clearFlag(action, Flag.Runnable);
        setReason(action, "quorum freeze", true);
      }
      break;
    default:
      setFlag(action, Flag.Runnable);
  }
}

/** An action without a resource: fencing, shutdown, points that others are ordered around. */
function clusterAction(cluster: Cluster, key: string, task: string, node: Node | undefined, optional: boolean): Action {
  const known = cluster.singletons.get(key);
  const action = known ?? newAction(cluster, undefined, undefined, key, 0, task, node, optional);
  if (known === undefined) cluster.singletons.set(key, action);
  if (node !== undefined && action.node === undefined) joinNode(action, node);
  updateOptional(action, optional);
  return action;
}

/** A point in the plan at which nothing is done. */
export function pseudoAction(cluster: Cluster, name: string): Action {
  const known = cluster.singletons.get(name);
  if (known !== undefined) return known;
  const action = clusterAction(cluster, name, name, undefined, true);
  setFlag(action, Flag.Pseudo | Flag.Runnable);
  return action;
}

/** A point in the plan that belongs to a group, clone or bundle ("start of all of it"). */
export function resourcePseudoAction(
  cluster: Cluster,
  resource: Resource,
  task: string,
  optional: boolean,
  runnable: boolean,
): Action {
  const action = simpleAction(cluster, resource, task, undefined, optional);
  setFlag(action, Flag.Pseudo);
  if (runnable) setFlag(action, Flag.Runnable);
  return action;
}

/** The clean leaving of a node. */
export function shutdownAction(cluster: Cluster, node: Node): Action {
  return clusterAction(cluster, `do_shutdown-${node.name}`, "do_shutdown", node, false);
}

/** Forgets the counted failures of a resource on a node. */
export function clearFailures(cluster: Cluster, resource: Resource, node: Node): Action {
  const action = simpleAction(cluster, resource, "clear_failcount", node, false);
  setActionMeta(action, "op_no_wait", "true");
  return action;
}

/** Removes what the history has of a resource on a node. */
export function clearHistory(cluster: Cluster, resource: Resource, node: Node): void {
  simpleAction(cluster, resource, "lrm_delete", node, false);
}

/** Whether fencing this node is possible now. */
export function canFence(cluster: Cluster, node: Node | undefined): boolean {
  const launcher = node === undefined ? undefined : launcherOf(node);
  if (launcher !== undefined) {
    return launcher.activeNodes.every((host) => host.online || canFence(cluster, host));
  }
  if (!cluster.properties.fencingEnabled || !cluster.haveFencing) return false;
  if (cluster.quorate || cluster.properties.noQuorumPolicy === "ignore") return true;
  if (node === undefined || !node.online) return false;
  if (node.remoteKind && !cluster.properties.fenceRemoteWithoutQuorum) {
    const connection = node.remote;
    if (connection === undefined) return true;
    return cluster.nodes.every((host) => !has(connection.allowed, host) || host.online);
  }
  return true;
}

/** Marks a node as unclean, and plans its fencing as far as that is possible. */
export function fenceNode(cluster: Cluster, node: Node, reason: string, priorityDelay: boolean): void {
  const launcher = launcherOf(node);
  if (launcher !== undefined) {
    if (!launcher.failed && launcher.managed) {
      node.remoteReset = true;
      launcher.failed = true;
      launcher.stopIfFailed = true;
    }
  } else if (node.remote?.removedLaunched && node.remoteKind) {
    node.remote.failed = true;
    node.remote.stopIfFailed = true;
  } else if (isRemoteMachine(node)) {
    if (node.remote === undefined || node.remote.managed) node.remoteReset = true;
    node.unclean = true;
    fenceAction(cluster, node, undefined, true, reason, false);
  } else if (!node.unclean) {
    node.unclean = true;
    fenceAction(cluster, node, undefined, true, reason, priorityDelay);
  }
}

/** Finds or makes the fencing (or with "on", unfencing) of a node. */
export function fenceAction(
  cluster: Cluster,
  node: Node,
  operation: string | undefined,
  optional: boolean,
  reason: string | undefined,
  priorityDelay: boolean,
): Action {
  const how = operation ?? cluster.properties.fencingAction;
  const key = `stonith-${node.name}-${how}`;
  let wanted = !optional;
  let action = cluster.singletons.get(key);
  if (action === undefined) {
    action = clusterAction(cluster, key, "stonith", node, true);
    setActionMeta(action, "on_node", node.name);
    setActionMeta(action, "on_node_uuid", node.id);
    setActionMeta(action, "stonith_action", how);
    if (cluster.unfencing) {
      const { all, secure, changed } = unfencingDigests(cluster, node);
      setActionMeta(action, "digests-all", all);
      setActionMeta(action, "digests-secure", secure);
      if (changed) wanted = true;
    }
  }
  if (
    cluster.properties.priorityFencingMs > 0 &&
    (priorityDelay || actionMeta(action, "priority-fencing-delay") !== undefined)
  ) {
    setActionMeta(action, "priority-fencing-delay", String(priorityFencingDelay(cluster, node)));
  }
  if (wanted && canFence(cluster, node)) {
    clearFlag(action, Flag.Optional);
    if (reason !== undefined) setReason(action, reason, false);
  } else if (reason !== undefined && action.reason === undefined) {
    action.reason = reason;
  }
  return action;
}

/** A device must be switched on again for nodes before something may use it. */
export function triggerUnfencing(
  cluster: Cluster,
  resource: Resource | undefined,
  node: Node | undefined,
  reason: string,
): void {
  if (!cluster.unfencing || (resource !== undefined && !resource.fenceDevice)) return;
  if (node?.online && !node.unclean && !node.shutdown) {
    fenceAction(cluster, node, "on", false, reason, false);
  } else if (resource !== undefined) {
    for (const candidate of cluster.sortedNodes) {
      if (!has(resource.allowed, candidate)) continue;
      if (candidate.online && !candidate.unclean && !candidate.shutdown) {
        triggerUnfencing(cluster, resource, candidate, reason);
      }
    }
  }
}

/** What the node behind a connection is called, when it was fenced instead of the connection. */
export function remoteNodeOf(cluster: Cluster, connection: Resource): Node | undefined {
  return connection.remoteConnection ? findNode(cluster, connection.id) : undefined;
}
