// Stage: operations that run again and again: started where the resource is, cancelled where its role is another.

import { actionMeta, clearFlag, hasFlag, setActionMeta, setFlag } from "./action.ts";
import { resourceAction, simpleAction, triggerUnfencing } from "./actions.ts";
import { findActions, findActionsOn } from "./find-actions.ts";
import { operationConfig } from "./operation-meta.ts";
import { newOrdering } from "./orderings.ts";
import { orderActions } from "./relations.ts";
import { parseRole } from "./roles.ts";
import {
  type Action,
  type Cluster,
  Flag,
  type Node,
  type OperationConfig,
  Order,
  type Resource,
  Role,
} from "./state.ts";

const NOT_RECURRING = new Set(["stop", "start", "demote", "promote", "reload-agent", "migrate_to", "migrate_from"]);

interface Recurring {
  readonly name: string;
  readonly intervalMs: number;
  readonly role: Role;
}

function isDuplicate(resource: Resource, operation: OperationConfig): boolean {
  let seen = false;
  for (const other of resource.operations) {
    if (other.name !== operation.name || other.intervalMs !== operation.intervalMs || other.id === undefined) continue;
    if (seen) return true;
    seen = true;
  }
  return false;
}

function asRecurring(resource: Resource, operation: OperationConfig): Recurring | undefined {
  const { name, intervalMs } = operation;
  if (intervalMs === 0 || !operation.id || name === undefined || NOT_RECURRING.has(name)) return undefined;
  if (isDuplicate(resource, operation)) return undefined;
  const role = parseRole(operation.role);
  if (operation.role !== undefined && role === Role.Unknown) return undefined;
  if (operationConfig(resource, name, intervalMs, false) === undefined) return undefined;
  return { name, intervalMs, role };
}

/** Makes the recurring operations of a primitive. */
export function createRecurring(cluster: Cluster, resource: Resource): void {
  if (resource.blocked || resource.maintenance) return;
  const node = resource.assigned;
  let start: Action | undefined;
  if (node !== undefined && !node.maintenance && (resource.nextRole !== Role.Stopped || !resource.managed)) {
    start = simpleAction(cluster, resource, "start", node, true);
  }
  for (const operation of resource.operations) {
    const recurring = asRecurring(resource, operation);
    if (recurring === undefined) continue;
    if (start !== undefined) recurWhereActive(cluster, resource, start, node, recurring);
    recurWhereInactive(cluster, resource, node, recurring);
  }
}

/** Whether it runs there already, and goes on running. */
function mayBeOptional(resource: Resource, node: Node | undefined, start: Action, recurring: Recurring): boolean {
  if (node === undefined) return false;
  if ((resource.methods.actionFlags(start, undefined) & Flag.Optional) === 0) return false;
  const running = findActionsOn(resource, recurring.name, recurring.intervalMs, node);
  return running.length > 0 && !running.some((action) => hasFlag(action, Flag.Reschedule));
}

function recurWhereActive(
  cluster: Cluster,
  resource: Resource,
  start: Action,
  node: Node | undefined,
  recurring: Recurring,
): void {
  if (recurring.role === Role.Stopped) return;
  const optional = mayBeOptional(resource, node, start, recurring);
  const fits =
    recurring.role === Role.Unknown ? resource.nextRole !== Role.Promoted : resource.nextRole === recurring.role;
  if (!fits) {
    if (optional) cancelForRole(cluster, resource, node, recurring);
    return;
  }
  const { name, intervalMs } = recurring;
  const action = resourceAction(cluster, resource, name, intervalMs, name, node, optional);
  if (!hasFlag(start, Flag.Runnable)) clearFlag(action, Flag.Runnable);
  else if (node === undefined || !node.online || node.unclean) clearFlag(action, Flag.Runnable);
  if (resource.nextRole === Role.Promoted) setActionMeta(action, "op_target_rc", "8");
  if (node !== undefined && !resource.managed) return;
  const needed = Order.FirstImpliesThen | Order.UnrunnableFirstBlocks;
  newOrdering(cluster, { resource, key: "start" }, { action }, needed);
  newOrdering(cluster, { resource, key: "reload-agent" }, { action }, needed);
  const change =
    resource.nextRole === Role.Promoted ? "promote" : resource.role === Role.Promoted ? "demote" : undefined;
  if (change !== undefined) {
    newOrdering(cluster, { resource, key: change }, { resource, action }, Order.Ordered | Order.UnrunnableFirstBlocks);
  }
}

/** A monitor for the role that the resource leaves ends before that. */
function cancelForRole(cluster: Cluster, resource: Resource, node: Node | undefined, recurring: Recurring): void {
  const cancel = cancelAction(cluster, resource, recurring.name, recurring.intervalMs, node);
  let before: string | undefined;
  if (resource.role === Role.Unpromoted || resource.role === Role.Started) {
    if (resource.nextRole === Role.Promoted) before = "promote";
    else if (resource.nextRole === Role.Stopped) before = "stop";
  } else if (resource.role === Role.Promoted) {
    before = "demote";
  }
  if (before !== undefined) {
    newOrdering(cluster, { resource, action: cancel }, { resource, key: before }, Order.UnrunnableFirstBlocks);
  }
}

/** Monitors that watch that the resource is NOT running, on all other nodes. */
function recurWhereInactive(cluster: Cluster, resource: Resource, node: Node | undefined, recurring: Recurring): void {
  if (recurring.role !== Role.Stopped || !resource.unique) return;
  const { name, intervalMs } = recurring;
  for (const other of cluster.sortedNodes) {
    if (other === node) {
      cancelWhereActive(cluster, resource, other, recurring);
      continue;
    }
    const running = findActionsOn(resource, name, intervalMs, other).length > 0;
    const action = resourceAction(cluster, resource, name, intervalMs, name, other, running);
    setActionMeta(action, "op_target_rc", "7");
    if (resource.managed) {
      for (const probe of findActions(resource, "monitor", 0, other)) {
        orderActions(probe, action, Order.UnrunnableFirstBlocks);
      }
    }
    orderAfterStops(cluster, resource, other, action);
    if (!other.online || other.unclean) clearFlag(action, Flag.Runnable);
  }
}

function cancelWhereActive(cluster: Cluster, resource: Resource, node: Node, recurring: Recurring): void {
  if (findActionsOn(resource, recurring.name, recurring.intervalMs, node).length === 0) return;
  const cancel = cancelAction(cluster, resource, recurring.name, recurring.intervalMs, node);
  if (resource.nextRole === Role.Started || resource.nextRole === Role.Unpromoted) {
    newOrdering(cluster, { resource, action: cancel }, { resource, key: "start" }, Order.UnrunnableFirstBlocks);
  }
}

function orderAfterStops(cluster: Cluster, resource: Resource, node: Node, action: Action): void {
  for (const stop of findActionsOn(resource, "stop", 0, node)) {
    const needed = !hasFlag(stop, Flag.Optional) && !hasFlag(action, Flag.Optional);
    if (needed && !resource.managed) setFlag(action, Flag.Optional);
    if (!hasFlag(stop, Flag.Runnable)) clearFlag(action, Flag.Runnable);
    if (resource.managed) {
      newOrdering(
        cluster,
        { resource, key: "stop", action: stop },
        { action },
        Order.FirstImpliesThen | Order.UnrunnableFirstBlocks,
      );
    }
  }
}

/** Ends a recurring operation. */
export function cancelAction(
  cluster: Cluster,
  resource: Resource,
  name: string,
  intervalMs: number,
  node: Node | undefined,
): Action {
  const action = resourceAction(cluster, resource, name, intervalMs, "cancel", node, false);
  action.task = "cancel";
  action.cancelTask = name;
  setActionMeta(action, "operation", name);
  setActionMeta(action, "interval", String(intervalMs));
  return action;
}

/** Ends a recurring operation that the configuration does not want any more. */
export function scheduleCancel(
  cluster: Cluster,
  resource: Resource,
  callId: string | undefined,
  name: string,
  intervalMs: number,
  node: Node,
): void {
  const cancel = cancelAction(cluster, resource, name, intervalMs, node);
  if (callId !== undefined) setActionMeta(cancel, "call-id", callId);
  newOrdering(cluster, { resource, key: "stop" }, { resource, action: cancel }, Order.Ordered);
}

/** Starts a recurring operation anew, with other parameters. */
export function reschedule(cluster: Cluster, resource: Resource, name: string, intervalMs: number, node: Node): void {
  triggerUnfencing(cluster, resource, node, "Device parameters changed (reschedule)");
  setFlag(resourceAction(cluster, resource, name, intervalMs, name, node, true), Flag.Reschedule);
}

export function isRecurring(action: Action): boolean {
  return Number(actionMeta(action, "interval") ?? 0) > 0;
}
