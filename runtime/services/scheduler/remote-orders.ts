// Stage: what happens on a remote or guest node is ordered with the connection to it.

import { hasFlag } from "./action.ts";
import { fenceNode } from "./actions.ts";
import { newOrdering } from "./orderings.ts";
import { isRecurring } from "./recurring.ts";
import { type Action, type Cluster, Flag, type Node, Order, type Resource, Role } from "./state.ts";
import { currentNode, isRemoteMachine } from "./tree.ts";
import { shutdownRequested } from "./unpack-nodes.ts";

type ConnectionState = "unknown" | "alive" | "resting" | "failed" | "stopped";

function stateOf(node: Node, connection: Resource): ConnectionState {
  const host = currentNode(connection);
  if (connection.nextRole === Role.Stopped || connection.assigned === undefined) {
    if (host?.unclean) return "failed";
    if (!connection.failed) return "stopped";
    const waiting =
      connection.nextRole === Role.Stopped &&
      connection.remoteReconnectMs > 0 &&
      node.remoteFenced &&
      !shutdownRequested(node);
    return waiting ? "unknown" : "failed";
  }
  if (host === undefined) return "unknown";
  if (host.unclean || !host.online) return "resting";
  const migrating = connection.partialMigrationSource !== undefined && connection.partialMigrationTarget !== undefined;
  return connection.activeNodes.length > 1 && migrating ? "resting" : "alive";
}

/** Nothing can be done on that remote node any more, not even stopping what runs there. */
export function connectionFailed(node: Node): boolean {
  return isRemoteMachine(node) && node.remote !== undefined && stateOf(node, node.remote) === "failed";
}

function startThen(cluster: Cluster, first: Resource, then: Action, extra: number): void {
  newOrdering(
    cluster,
    { resource: first, key: "start" },
    { resource: then.resource, action: then },
    Order.GuestAllowed | Order.UnrunnableFirstBlocks | extra,
  );
}

function thenStop(cluster: Cluster, first: Action, then: Resource, extra: number): void {
  newOrdering(
    cluster,
    { resource: first.resource, action: first },
    { resource: then, key: "stop" },
    Order.GuestAllowed | extra,
  );
}

/** Ending somewhere, for whatever reason, counts as a stop. */
function kindOf(action: Action): string {
  return action.task === "migrate_to" || action.task === "migrate_from" ? "stop" : action.task;
}

function orderOnRemote(cluster: Cluster, action: Action, node: Node, connection: Resource): void {
  const state = stateOf(node, connection);
  switch (kindOf(action)) {
    case "start":
    case "promote":
      startThen(cluster, connection, action, state === "failed" ? Order.FirstImpliesThen : 0);
      break;
    case "stop":
      if (state === "alive") thenStop(cluster, action, connection, Order.ThenImpliesFirst);
      else if (state === "failed") {
        fenceNode(cluster, node, "resources are active but connection is unrecoverable", false);
      } else if (connection.nextRole === Role.Stopped) thenStop(cluster, action, connection, Order.ThenImpliesFirst);
      else startThen(cluster, connection, action, 0);
      break;
    case "demote":
      if (state === "resting" || state === "unknown") startThen(cluster, connection, action, 0);
      break;
    default:
      orderOther(cluster, action, node, connection, state);
  }
}

function orderOther(cluster: Cluster, action: Action, node: Node, connection: Resource, state: ConnectionState): void {
  if (isRecurring(action)) {
    startThen(cluster, connection, action, Order.FirstImpliesThen);
    return;
  }
  const host = currentNode(connection);
  if (action.task === "monitor" && state === "failed") {
    fenceNode(cluster, node, "resources are in unknown state and connection is unrecoverable", false);
  }
  if (host !== undefined && state === "stopped") thenStop(cluster, action, connection, Order.UnrunnableFirstBlocks);
  else startThen(cluster, connection, action, 0);
}

const NAMED = new Set([
  "stop",
  "stopped",
  "start",
  "running",
  "monitor",
  "notify",
  "notified",
  "promote",
  "promoted",
  "demote",
  "demoted",
  "do_shutdown",
  "stonith",
]);

function orderInGuest(cluster: Cluster, action: Action, node: Node, connection: Resource, launcher: Resource): void {
  if (launcher.failed) fenceNode(cluster, node, "container failed", false);
  const kind = kindOf(action);
  switch (kind) {
    case "start":
    case "promote":
      startThen(cluster, launcher, action, Order.FirstImpliesThen);
      startThen(cluster, connection, action, 0);
      break;
    case "stop":
    case "demote":
      // A failed container stops what is in it by itself.
      if (!launcher.failed) thenStop(cluster, action, connection, 0);
      break;
    default:
      if (!isRecurring(action)) startThen(cluster, connection, action, 0);
      else if (NAMED.has(kind)) startThen(cluster, connection, action, Order.FirstImpliesThen);
  }
}

/** Orders all actions on remote and guest nodes. */
export function orderRemoteActions(cluster: Cluster): void {
  if (!cluster.haveRemoteNodes) return;
  for (let i = cluster.actions.length - 1; i >= 0; i -= 1) {
    const action = cluster.actions[i];
    if (action?.resource !== undefined) orderRemoteAction(cluster, action, action.resource);
  }
}

function orderRemoteAction(cluster: Cluster, action: Action, resource: Resource): void {
  if (resource.remoteConnection && action.task === "clear_failcount") {
    newOrdering(cluster, { resource, action }, { resource, key: "start" }, Order.Ordered);
    return;
  }
  const { node } = action;
  if (node === undefined || !node.remoteKind || hasFlag(action, Flag.Pseudo) || node.remote === undefined) return;
  const connection = node.remote;
  if (action.task === "start") {
    for (let i = resource.actions.length - 1; i >= 0; i -= 1) {
      const other = resource.actions[i];
      if (other !== undefined && other.task === "stop" && other.node !== node) {
        newOrdering(cluster, { resource: connection, key: "start" }, { resource, action: other }, Order.Ordered);
      }
    }
  }
  if (connection.launcher !== undefined) orderInGuest(cluster, action, node, connection, connection.launcher);
  else orderOnRemote(cluster, action, node, connection);
}

/** The machine whose executor reaches a remote node, at the time of an action. */
export function routerFor(action: Action, notifiedTask: string | undefined): Node | undefined {
  const { node } = action;
  const connection = node?.remote;
  if (action.task === "stonith" || !node?.remoteKind || connection === undefined) return undefined;
  const before = currentNode(connection);
  const after = connection.assigned;
  const partial = connection.launcher === undefined && connection.partialMigrationTarget !== undefined;
  if (before === undefined || after === undefined || before === after) return before ?? after;
  const task = action.task === "notify" ? notifiedTask : action.task;
  const early = ["cancel", "stop", "demote", "migrate_from", "migrate_to"];
  return task !== undefined && early.includes(task) && !partial ? before : after;
}
