// Stage: the status section: who is up, who must be fenced, which tickets are granted; then, node by node, what runs there.

import { childNamed, childrenNamed, type Element } from "../../kernel/cib/element.ts";
import { millisecondsToSeconds } from "../../model/duration.ts";
import { INFINITY, leadingInteger } from "../../model/score.ts";
import { isTrue, parseBoolean, sameText } from "../../model/text.ts";
import { fenceNode, simpleAction } from "./actions.ts";
import { recheckBy } from "./attributes.ts";
import { unpackNodeHistory } from "./history.ts";
import { type Cluster, type Node, type Resource, Role } from "./state.ts";
import { currentNode, findNode, isGuestNode, isRemoteMachine } from "./tree.ts";
import { attributeIsTrue, readNodeAttributes, shutdownRequested } from "./unpack-nodes.ts";

/** Reads <status>. */
export function unpackStatus(cluster: Cluster): void {
  const status = childNamed(cluster.cib, "status");
  const states = childrenNamed(status, "node_state");
  for (const entry of status?.children ?? []) {
    if (entry.name === "tickets") unpackTickets(cluster, entry);
    else if (entry.name === "node_state") unpackNodeState(cluster, entry);
  }
  // What runs on a remote node is only known once its connection is, so pass until nothing new is learned.
  while (unpackHistories(cluster, states, false)) {}
  unpackHistories(cluster, states, cluster.properties.fencingEnabled);
  for (const container of cluster.stopNeeded) {
    const node = currentNode(container);
    if (node !== undefined) simpleAction(cluster, container, "stop", node, false);
  }
  for (const node of cluster.sortedNodes) {
    if (!node.remoteKind) continue;
    if (node.shutdown && node.remote !== undefined) node.remote.nextRole = Role.Stopped;
    if (!node.unpacked) decideRemoteOnline(node);
  }
}

function unpackTickets(cluster: Cluster, section: Element): void {
  for (const entry of section.children) {
    const { id, granted, standby, "last-granted": lastGranted } = entry.attributes;
    if (entry.name !== "ticket_state" || !id) continue;
    cluster.tickets.set(id, {
      id,
      granted: isTrue(granted),
      standby: isTrue(standby),
      lastGranted: lastGranted === undefined ? -1 : (leadingInteger(lastGranted) ?? 0),
    });
  }
}

function nodeOfState(cluster: Cluster, state: Element): Node | undefined {
  const { id, uname } = state.attributes;
  if (id === undefined) return undefined;
  return cluster.nodeById.get(id.toLowerCase()) ?? findNode(cluster, uname);
}

function unpackNodeState(cluster: Cluster, state: Element): void {
  const node = nodeOfState(cluster, state);
  if (node === undefined) return;
  if (node.remoteKind) {
    node.remoteFenced = (leadingInteger(state.attributes["node_fenced"] ?? "") ?? 0) !== 0;
    return;
  }
  readNodeAttributes(cluster, node, childNamed(state, "transient_attributes"), true);
  if (attributeIsTrue(node, "standby")) node.standby = true;
  if (attributeIsTrue(node, "maintenance")) node.maintenance = true;
  node.unclean = false;
  node.seen = true;
  decideOnline(cluster, node, state);
  if (!cluster.quorate && node.online && cluster.properties.noQuorumPolicy === "fence") {
    fenceNode(cluster, node, "cluster does not have quorum", false);
  }
}

/** When the node became a member (epoch seconds), 0 when it is none, -1 when that is not recorded. */
function memberSince(cluster: Cluster, state: Element): number {
  const text = state.attributes["in_ccm"];
  if (text === undefined) return -1;
  const yes = parseBoolean(text);
  if (yes !== undefined) return yes ? cluster.now : 0;
  const when = leadingInteger(text);
  return when === undefined || when < 0 ? -1 : when;
}

/** When the node's manager came up, 0 when it is down; 1 when only that it is up is recorded. */
function managerSince(state: Element): number {
  const text = state.attributes["crmd"];
  if (text === undefined || sameText(text, "offline")) return 0;
  if (sameText(text, "online")) return 1;
  const when = leadingInteger(text);
  return when === undefined || when < 0 ? 0 : when;
}

function decideOnline(cluster: Cluster, node: Node, state: Element): void {
  node.shutdown = false;
  if (shutdownRequested(node)) node.shutdown = true;
  else if (sameText(state.attributes["expected"], "member")) node.expectedUp = true;
  const member = memberSince(cluster, state);
  const manager = managerSince(state);
  const online = cluster.properties.fencingEnabled
    ? decideWithFencing(cluster, node, state, member, manager)
    : decideWithoutFencing(cluster, node, state, member, manager);
  if (online) node.online = true;
  if (!online || node.shutdown) node.baseScore = -INFINITY;
}

function decideWithoutFencing(cluster: Cluster, node: Node, state: Element, member: number, manager: number): boolean {
  if (member <= 0) return false;
  if (manager > 0) return sameText(state.attributes["join"], "member");
  if (node.expectedUp) fenceNode(cluster, node, "peer is unexpectedly down", false);
  return false;
}

function terminateRequested(node: Node): boolean {
  const text = node.attributes.get("terminate");
  return parseBoolean(text) ?? (text !== undefined && (leadingInteger(text) ?? 0) > 0);
}

function pendingTooLong(cluster: Cluster, member: number, manager: number): boolean {
  const { nodePendingMs } = cluster.properties;
  if (nodePendingMs === 0 || member <= 0 || manager > 0) return false;
  const timeout = member + millisecondsToSeconds(nodePendingMs);
  if (cluster.now >= timeout) return true;
  recheckBy(cluster, timeout);
  return false;
}

function decideWithFencing(cluster: Cluster, node: Node, state: Element, member: number, manager: number): boolean {
  const { join, expected } = state.attributes;
  const fence = (reason: string, delay = false) => fenceNode(cluster, node, reason, delay);
  if (node.shutdown) return manager > 0;
  if (member < 0) {
    fence("peer has not been seen by the cluster");
    return false;
  }
  if (join === "banned") {
    fence("peer failed Pacemaker membership criteria");
  } else if (terminateRequested(node)) {
    if (member <= 0 && manager <= 0 && join === "down") return false;
    fence("fencing was requested");
  } else if (expected === undefined || expected === "down") {
    if (pendingTooLong(cluster, member, manager)) {
      fence("peer pending timed out on joining the process group");
    } else if (member > 0 || manager > 0) {
      node.standby = true;
      node.pending = true;
    }
  } else if (member <= 0) {
    fence("peer is no longer part of the cluster", true);
  } else if (manager <= 0) {
    fence("peer process is no longer available");
  } else if (join === "pending" || join === "down") {
    node.standby = true;
    node.pending = true;
  } else if (join !== "member") {
    fence("peer was in an unknown state");
  }
  return member > 0;
}

/** Reads what is recorded of each node that can be judged now; true when something was read. */
function unpackHistories(cluster: Cluster, states: readonly Element[], fencing: boolean): boolean {
  let learned = false;
  for (const state of states) {
    if (state.attributes["id"] === undefined || state.attributes["uname"] === undefined) continue;
    const node = nodeOfState(cluster, state);
    if (node === undefined || node.unpacked) continue;
    if (!fencing && !canBeJudged(cluster, node)) continue;
    if (node.remoteKind) {
      decideRemoteOnline(node);
      readRemoteAttributes(cluster, node, state);
    }
    node.unpacked = true;
    unpackNodeHistory(cluster, node, state);
    learned = true;
  }
  return learned;
}

function canBeJudged(cluster: Cluster, node: Node): boolean {
  const connection = node.remote;
  if (isGuestNode(node)) {
    return connection?.role === Role.Started && connection.launcher?.role === Role.Started;
  }
  if (isRemoteMachine(node)) {
    return connection !== undefined && (cluster.properties.shutdownLock || connection.role === Role.Started);
  }
  return cluster.properties.fencingEnabled || cluster.properties.shutdownLock || node.online;
}

/** Whether a node that is reached through a connection is up, from what is known of the connection. */
function decideRemoteOnline(node: Node): void {
  const connection = node.remote;
  if (connection === undefined) {
    node.online = false;
    return;
  }
  const { launcher } = connection;
  const host = launcher !== undefined && connection.activeNodes.length === 1 ? connection.activeNodes[0] : undefined;
  if (connection.role === Role.Started) node.online = true;
  if (connection.role === Role.Started && connection.nextRole === Role.Stopped) node.shutdown = true;
  if (launcher?.failed) {
    node.online = false;
    node.remoteReset = true;
  } else if (connection.failed) {
    node.online = false;
  } else if (connection.role === Role.Stopped || launcher?.role === Role.Stopped) {
    node.online = false;
    node.remoteReset = false;
  } else if (host !== undefined && !host.online && host.unclean) {
    node.online = false;
    node.remoteReset = true;
  }
}

function readRemoteAttributes(cluster: Cluster, node: Node, state: Element): void {
  const connection: Resource | undefined = node.remote;
  node.remoteMaintenance = (leadingInteger(state.attributes["node_in_maintenance"] ?? "") ?? 0) !== 0;
  if (!node.remoteReset) {
    node.unclean = false;
    node.seen = true;
  }
  readNodeAttributes(cluster, node, childNamed(state, "transient_attributes"), true);
  if (shutdownRequested(node)) node.shutdown = true;
  if (attributeIsTrue(node, "standby")) node.standby = true;
  if (attributeIsTrue(node, "maintenance") || (connection !== undefined && !connection.managed)) {
    node.maintenance = true;
  }
  const discovery = node.attributes.get("resource-discovery-enabled");
  const ignored = isRemoteMachine(node) && !cluster.properties.fencingEnabled;
  if (discovery !== undefined && !isTrue(discovery) && !ignored) node.probesAllowed = false;
}
