// Stage: what changed in the configuration since operations ran: agents, parameters, operations that are no longer wanted.

import { formatInterval } from "../../model/duration.ts";
import { setReason } from "./action.ts";
import { clearFailures, resourceAction, simpleAction, triggerUnfencing } from "./actions.ts";
import { compareDigests, needsRemoteName, restartDigestOf } from "./digests.ts";
import { failureCount } from "./fail-counts.ts";
import { activeRange, sortedOperations } from "./history-order.ts";
import { nodeUsable } from "./node-table.ts";
import { operationConfig } from "./operation-meta.ts";
import { newOrdering, orderOperations } from "./orderings.ts";
import { reschedule, scheduleCancel } from "./recurring.ts";
import {
  type Cluster,
  type HistoryOperation,
  type HistoryResource,
  type Node,
  Order,
  type Resource,
  Variant,
} from "./state.ts";
import { isActiveOn, isAnonymousClone, resourcesMatching, topResource } from "./tree.ts";

/** Compares the history of all nodes with the configuration. */
export function handleConfigChanges(cluster: Cluster): void {
  for (const node of cluster.sortedNodes) {
    if (!node.maintenance && !nodeUsable(node)) continue;
    for (const entry of node.history) {
      if (entry.element.children.length === 0) continue;
      for (const resource of resourcesMatching(cluster, entry.id)) {
        if (resource.variant === Variant.Primitive) compareEntry(cluster, resource, node, entry);
      }
    }
  }
}

function compareEntry(cluster: Cluster, resource: Resource, node: Node, entry: HistoryResource): void {
  if (resource.removed) {
    if (!isAnonymousClone(topResource(resource))) scheduleCleanup(cluster, resource, node, false);
    return;
  }
  if (!isActiveOn(resource, node)) {
    if (agentChanged(cluster, resource, node, entry, false)) scheduleCleanup(cluster, resource, node, false);
    return;
  }
  if (agentChanged(cluster, resource, node, entry, true)) scheduleCleanup(cluster, resource, node, false);
  const sorted = sortedOperations(entry);
  const range = activeRange(sorted);
  if (range.start < range.stop) return;
  for (let i = Math.max(0, range.start); i < sorted.length; i += 1) {
    const operation = sorted[i];
    if (operation !== undefined) compareOperation(cluster, resource, node, operation);
  }
}

const CHECKED = new Set(["monitor", "start", "promote", "migrate_from"]);

function compareOperation(cluster: Cluster, resource: Resource, node: Node, operation: HistoryOperation): void {
  const { task, intervalMs } = operation;
  if (intervalMs > 0 && (resource.maintenance || node.maintenance)) {
    scheduleCancel(cluster, resource, operation.element.attributes["call-id"], task, intervalMs, node);
  } else if (intervalMs > 0 || CHECKED.has(task.toLowerCase())) {
    if (needsRemoteName(cluster, resource)) {
      cluster.parameterChecks.push({ resource, node, operation, kind: "active" });
    } else if (checkOperation(cluster, resource, node, operation)) {
      if (failureCount(cluster, resource, node, { effective: true }).count !== 0)
        clearFailures(cluster, resource, node);
    }
  }
}

/** Another class, provider or type is another program: what the old one left must be cleaned away. */
function agentChanged(
  cluster: Cluster,
  resource: Resource,
  node: Node,
  entry: HistoryResource,
  active: boolean,
): boolean {
  let changed = false;
  for (const name of ["type", "class", "provider"]) {
    if (resource.config.attributes[name] === entry.element.attributes[name]) continue;
    changed = true;
    triggerUnfencing(cluster, resource, node, "Device definition changed");
  }
  if (changed && active) {
    simpleAction(cluster, resource, "stop", node, false);
    resource.startPending = true;
  }
  return changed;
}

/** Removes a resource from a node's executor, between its stop and a start. */
export function scheduleCleanup(cluster: Cluster, resource: Resource, node: Node, optional: boolean): void {
  if (resource.failed || node.unclean || !node.online) return;
  const flag = optional ? Order.FirstImpliesThen : Order.Ordered;
  simpleAction(cluster, resource, "delete", node, optional);
  orderOperations(cluster, resource, "stop", resource, "delete", flag);
  orderOperations(cluster, resource, "delete", resource, "start", flag);
}

/** Compares one operation with its configuration; true when something has to be done about it. */
export function checkOperation(cluster: Cluster, resource: Resource, node: Node, operation: HistoryOperation): boolean {
  const { intervalMs } = operation;
  if (intervalMs > 0 && operationConfig(resource, operation.task, intervalMs, false) === undefined) {
    if (cluster.properties.cancelRemoved) {
      const callId = operation.element.attributes["call-id"];
      scheduleCancel(cluster, resource, callId, operation.task, intervalMs, node);
    }
    return true;
  }
  const startsIt = intervalMs === 0 && ["monitor", "migrate_from", "promote"].includes(operation.task);
  const task = startsIt ? "start" : operation.task;
  const digests = compareDigests(cluster, resource, operation, node);
  if (cluster.secretsRemoved && digests.verdict !== "match") {
    const secure = operation.element.attributes["op-secure-digest"];
    if (secure !== undefined && secure === digests.secure()) {
      const magic = operation.element.attributes["transition-magic"];
      cluster.notices.push(
        `Only 'private' parameters to ${formatInterval(intervalMs)}-interval ${task} for ${resource.id} on ${node.name} changed: ${magic}`,
      );
      return false;
    }
  }
  if (digests.verdict !== "match" && intervalMs === 0) cluster.explain?.changed.set(resource, { operation, digests });
  switch (digests.verdict) {
    case "restart":
      forceRestart(cluster, resource, task, intervalMs, node);
      return true;
    case "unknown":
    case "mismatch":
      if (intervalMs > 0) {
        reschedule(cluster, resource, task, intervalMs, node);
      } else if (restartDigestOf(operation) !== undefined) {
        triggerUnfencing(cluster, resource, node, "Device parameters changed (reload)");
        scheduleReload(cluster, resource, node);
      } else {
        forceRestart(cluster, resource, task, intervalMs, node);
      }
      return true;
    default:
      return false;
  }
}

function forceRestart(cluster: Cluster, resource: Resource, task: string, intervalMs: number, node: Node): void {
  const required = resourceAction(cluster, resource, task, intervalMs, task, undefined, false);
  setReason(required, "resource definition change", true);
  triggerUnfencing(cluster, resource, node, "Device parameters changed");
}

/** Tells the agent its new parameters without stopping the service. */
function scheduleReload(cluster: Cluster, resource: Resource, node: Node): void {
  if (!resource.managed || resource.failed) return;
  if (resource.startPending) {
    simpleAction(cluster, resource, "stop", node, false);
    return;
  }
  resource.reload = true;
  const reload = simpleAction(cluster, resource, "reload-agent", node, false);
  setReason(reload, "resource definition change", false);
  for (const key of ["stop", "demote"]) {
    newOrdering(cluster, { action: reload }, { resource, key }, Order.Ordered | Order.ThenCancelsFirst);
  }
}

/** Checks that had to wait until the hosts of bundles were known. */
export function runDelayedChecks(cluster: Cluster): void {
  for (const { resource, node, operation, kind } of cluster.parameterChecks.slice().reverse()) {
    let clear = false;
    if (kind === "active") {
      clear =
        checkOperation(cluster, resource, node, operation) &&
        failureCount(cluster, resource, node, { effective: true }).count !== 0;
    } else {
      const { verdict } = compareDigests(cluster, resource, operation, node);
      clear = verdict !== "unknown" && verdict !== "match";
    }
    if (clear) clearFailures(cluster, resource, node);
  }
}

/** Failures of what no longer exists are forgotten. */
export function clearRemovedFailures(cluster: Cluster): void {
  for (const resource of cluster.resources) {
    if (!resource.removed) continue;
    for (const node of cluster.sortedNodes) {
      if (!node.online || failureCount(cluster, resource, node, { effective: true }).count === 0) continue;
      const clear = clearFailures(cluster, resource, node);
      newOrdering(cluster, { action: clear }, { resource, key: "stop" }, Order.Ordered);
    }
  }
}
