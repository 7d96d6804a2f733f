// What is left of a live migration: it may have ended well, stopped half-way, or failed on either side.

import { childNamed, childrenNamed } from "../../kernel/cib/element.ts";
import { sameText } from "../../model/text.ts";
import { addActive } from "./active.ts";
import { historyOf } from "./fail-counts.ts";
import { compareAge, readOperation } from "./history-order.ts";
import { type Cluster, type HistoryOperation, type Judged, type Node, type Resource, Role } from "./state.ts";
import { findNode } from "./tree.ts";

const NOT_RUNNING = 7;
const UNKNOWN = 193;
const DONE = 0;
const PENDING = -1;

/** Operations of a resource on a node as they stand in the CIB, whether or not the node was read yet. */
function operationsOf(cluster: Cluster, id: string, nodeName: string): readonly HistoryOperation[] {
  const node = findNode(cluster, nodeName);
  if (node !== undefined && node.name === nodeName && node.unpacked && node.history.length > 0) {
    return historyOf(node, id).flatMap((entry) => entry.operations);
  }
  const status = childNamed(cluster.cib, "status");
  const found: HistoryOperation[] = [];
  for (const state of childrenNamed(status, "node_state")) {
    if (state.attributes["uname"] !== nodeName) continue;
    const resources = childNamed(childNamed(state, "lrm"), "lrm_resources");
    for (const entry of resources?.children ?? []) {
      if (entry.name !== "lrm_resource" || entry.attributes["id"] !== id) continue;
      for (const child of entry.children) if (child.name === "lrm_rsc_op") found.push(readOperation(child));
    }
  }
  return found;
}

/** The only operation of that kind; undefined when there are none or several. */
function onlyOperation(
  cluster: Cluster,
  id: string,
  task: string,
  nodeName: string,
  peer: string | undefined,
  result?: number,
): HistoryOperation | undefined {
  const peerAttribute = task === "migrate_to" ? "migrate_target" : "migrate_source";
  const matches = operationsOf(cluster, id, nodeName).filter((operation) => {
    if (operation.task !== task) return false;
    if (peer === undefined || (task !== "migrate_to" && task !== "migrate_from")) return true;
    return operation.element.attributes[peerAttribute] === peer;
  });
  const only = matches.length === 1 ? matches[0] : undefined;
  if (only === undefined || result === undefined) return only;
  return only.result === result && only.status === DONE ? only : undefined;
}

/** Nothing is known of the resource on that node. */
function unknownOn(cluster: Cluster, resource: Resource, nodeName: string): boolean {
  return !operationsOf(cluster, resource.id, nodeName).some(
    (operation) => operation.element.attributes["rc-code"] !== undefined && operation.result !== UNKNOWN,
  );
}

function stoppedAfter(cluster: Cluster, id: string, nodeName: string, operation: HistoryOperation): boolean {
  const monitor = onlyOperation(cluster, id, "monitor", nodeName, undefined, NOT_RUNNING);
  return monitor !== undefined && compareAge(monitor, operation) > 0;
}

const MOVES = new Set(["start", "stop", "migrate_to", "migrate_from"]);

function movedAfter(cluster: Cluster, id: string, nodeName: string, operation: HistoryOperation): boolean {
  return operationsOf(cluster, id, nodeName).some(
    (other) => other.element !== operation.element && MOVES.has(other.task) && compareAge(other, operation) > 0,
  );
}

function newerStateAfter(
  cluster: Cluster,
  id: string,
  nodeName: string,
  migrateTo: HistoryOperation | undefined,
  migrateFrom: HistoryOperation | undefined,
): boolean {
  let operation = migrateFrom ?? migrateTo;
  if (operation === undefined) return false;
  const source = operation.element.attributes["migrate_source"];
  if (operation !== migrateTo && migrateTo !== undefined && sameText(nodeName, source)) operation = migrateTo;
  return movedAfter(cluster, id, nodeName, operation) || stoppedAfter(cluster, id, nodeName, operation);
}

/** Names of both sides; undefined when they do not fit where the operation is recorded. */
function sides(
  operation: HistoryOperation,
  sourceNode: Node | undefined,
  targetNode: Node | undefined,
): { source: string; target: string } | undefined {
  const { migrate_source: source, migrate_target: target } = operation.element.attributes;
  if (source === undefined || target === undefined) return undefined;
  if (sourceNode !== undefined && !sameText(source, sourceNode.name)) return undefined;
  if (targetNode !== undefined && !sameText(target, targetNode.name)) return undefined;
  return { source, target };
}

function cannotMigrate(resource: Resource): void {
  resource.failed = true;
  resource.stopIfFailed = true;
  resource.migratable = false;
}

/** The source sent the resource away: it is on the target if that took it, or on both if that is not known yet. */
export function migrateToSucceeded(judged: Judged): void {
  const { cluster, resource, node } = judged.state;
  const names = sides(judged.operation, node, undefined);
  if (names === undefined) return;
  const { source, target } = names;
  const sourceNewer = movedAfter(cluster, resource.id, source, judged.operation);
  const from = onlyOperation(cluster, resource.id, "migrate_from", target, source);
  if (from !== undefined && sourceNewer) return;
  const fromResult = from?.result ?? 0;
  const fromStatus = from === undefined ? PENDING : (from.status ?? PENDING);
  const targetNewer = newerStateAfter(cluster, resource.id, target, judged.operation, from);
  if (sourceNewer && targetNewer) return;
  if (fromResult === 0 && fromStatus === DONE) {
    // The target has it; what is left on the source must be cleaned away by a stop.
    resource.role = Role.Stopped;
    resource.danglingMigrationSources.unshift(node);
    return;
  }
  resource.role = Role.Started;
  const targetNode = findNode(cluster, target);
  const activeOnTarget = !targetNewer && targetNode?.online === true;
  if (fromStatus !== PENDING) {
    if (activeOnTarget && targetNode !== undefined) addActive(cluster, resource, targetNode, true);
    else cannotMigrate(resource);
    return;
  }
  if (targetNode?.online && unknownOn(cluster, resource, target)) return;
  if (activeOnTarget && targetNode !== undefined) {
    addActive(cluster, resource, targetNode, false);
    const sourceNode = findNode(cluster, source);
    if (sourceNode?.online) {
      resource.partialMigrationTarget = targetNode;
      resource.partialMigrationSource = sourceNode;
    }
  } else if (!sourceNewer) {
    cannotMigrate(resource);
  }
}

/** The source failed to send it away: it may be on either side. */
export function migrateToFailed(judged: Judged): void {
  const { cluster, resource, node } = judged.state;
  const names = sides(judged.operation, node, undefined);
  if (names === undefined) return;
  const { source, target } = names;
  resource.role = Role.Started;
  const from = onlyOperation(cluster, resource.id, "migrate_from", target, source, 0);
  if (!unknownOn(cluster, resource, target) && !newerStateAfter(cluster, resource.id, target, judged.operation, from)) {
    const targetNode = findNode(cluster, target);
    if (targetNode?.online) addActive(cluster, resource, targetNode, false);
  } else if (!movedAfter(cluster, resource.id, source, judged.operation)) {
    resource.danglingMigrationSources.unshift(node);
  }
}

/** The target failed to take it: the source may still have it. */
export function migrateFromFailed(judged: Judged): void {
  const { cluster, resource, node } = judged.state;
  const names = sides(judged.operation, undefined, node);
  if (names === undefined) return;
  const { source, target } = names;
  resource.role = Role.Started;
  const to = onlyOperation(cluster, resource.id, "migrate_to", source, target, 0);
  if (!unknownOn(cluster, resource, source) && !newerStateAfter(cluster, resource.id, source, to, judged.operation)) {
    const sourceNode = findNode(cluster, source);
    if (sourceNode?.online) addActive(cluster, resource, sourceNode, true);
  }
}
