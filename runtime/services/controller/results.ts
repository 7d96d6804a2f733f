// What a result changes in the status section: the operation history, and the counting of failures.
// Source of the rules: Pacemaker's controller (which failures count, and as how much) as observed with 2.1.5.

import { childNamed, childrenNamed, type Element } from "../../kernel/cib/element.ts";
import type { CibEdit } from "../../kernel/messages.ts";
import { attributeEdit, nodeState, nodeStatePath, transientAttribute, transientPairs } from "../attributes/edits.ts";
import {
  entryIds,
  expectedRc,
  forgetOperation,
  isPending,
  isRecorded,
  type OperationDigest,
  recordResult,
} from "../executor/history.ts";
import type { OperationResult } from "../messages.ts";
import type { ConfiguredNode } from "./node-states.ts";

/** The history of a resource on a node, as the status has it. */
export function historyOf(cib: Element, nodeId: string, resource: string): Element | undefined {
  const lrm = childNamed(nodeState(cib, nodeId), "lrm");
  return childNamed(childNamed(lrm, "lrm_resources"), "lrm_resource", resource);
}

/** The <lrm_resources> of a node. */
function historyPath(nodeId: string) {
  return [...nodeStatePath(nodeId), { name: "lrm", id: nodeId }, { name: "lrm_resources" }];
}

/** Writes a result into the history; nothing when something newer stands there. */
export function historyEdits(
  cib: Element,
  node: ConfiguredNode,
  result: OperationResult,
  digest: OperationDigest,
): CibEdit[] {
  const resource = result.operation.resource.id;
  const previous = historyOf(cib, `${node.id}`, resource);
  if (!isRecorded(result.operation)) return [];
  for (const id of entryIds(result)) {
    const entry = childNamed(previous, "lrm_rsc_op", id);
    if (entry !== undefined && Number(entry.attributes["call-id"]) > result.callId) return [];
  }
  const parent = historyPath(`${node.id}`);
  return [
    { edit: "set", path: parent, attributes: {} },
    { edit: "put", parent, element: recordResult(previous, result, node.name, digest) },
  ];
}

/** The number of the youngest result in a resource's history on a node. */
export function lastCallId(cib: Element, nodeId: string, resource: string): number {
  let last = 0;
  for (const entry of historyOf(cib, nodeId, resource)?.children ?? []) {
    last = Math.max(last, Number(entry.attributes["call-id"] ?? 0));
  }
  return last;
}

/** The resources that the history shows as active on a node, in its order. Fence devices run nowhere, so they do not count. */
export function activeResources(cib: Element, nodeId: string): string[] {
  const lrm = childNamed(nodeState(cib, nodeId), "lrm");
  const histories = childrenNamed(childNamed(lrm, "lrm_resources"), "lrm_resource");
  const active = histories.filter((history) => history.attributes["class"] !== "stonith" && isActive(history));
  return active.map((history) => history.attributes["id"] ?? "");
}

/** The youngest operation that says anything decides. */
function isActive(history: Element): boolean {
  const callId = (entry: Element) => Number(entry.attributes["call-id"] ?? 0);
  let active = false;
  for (const entry of [...history.children].sort((a, b) => callId(a) - callId(b))) {
    const { operation, "rc-code": rc, "op-status": status } = entry.attributes;
    const stopped = (operation === "stop" || operation === "migrate_to") && rc === "0" && status === "0";
    if (stopped || (operation === "monitor" && rc === "7")) active = false;
    else if (operation !== "monitor" || rc === "0" || rc === "8" || rc === "9") active = true;
  }
  return active;
}

/** Takes a cancelled recurring operation out of the history. */
export function cancelEdits(cib: Element, nodeId: string, resource: string, operationKey: string): CibEdit[] {
  const history = historyOf(cib, nodeId, resource);
  if (childNamed(history, "lrm_rsc_op", operationKey) === undefined || history === undefined) return [];
  return [{ edit: "put", parent: historyPath(nodeId), element: forgetOperation(history, operationKey) }];
}

/** Takes a resource out of a node's history, so that it is probed there again. */
export function forgetResourceEdits(cib: Element, nodeId: string, resource: string): CibEdit[] {
  if (historyOf(cib, nodeId, resource) === undefined) return [];
  return [{ edit: "delete", path: [...historyPath(nodeId), { name: "lrm_resource", id: resource }] }];
}

/** Takes an operation that stands as under way, and never was or is no more, out of the history. */
export function forgetPendingEdits(cib: Element, nodeId: string, resource: string, transitionKey: string): CibEdit[] {
  const entry = historyOf(cib, nodeId, resource)?.children.find(
    ({ attributes }) => isPending(attributes) && attributes["transition-key"] === transitionKey,
  );
  const id = entry?.attributes["id"];
  if (id === undefined) return [];
  const path = [...historyPath(nodeId), { name: "lrm_resource", id: resource }, { name: "lrm_rsc_op", id }];
  return [{ edit: "delete", path }];
}

/** Takes the record of the last failure out of the history. */
export function forgetFailureEdits(cib: Element, nodeId: string, resource: string): CibEdit[] {
  const id = `${resource}_last_failure_0`;
  if (childNamed(historyOf(cib, nodeId, resource), "lrm_rsc_op", id) === undefined) return [];
  const path = [...historyPath(nodeId), { name: "lrm_resource", id: resource }, { name: "lrm_rsc_op", id }];
  return [{ edit: "delete", path }];
}

/** Whether the history knows this very operation: a late word of a monitor that was cancelled is about nothing. */
export function knowsOperation(cib: Element, result: OperationResult): boolean {
  const history = historyOf(cib, `${result.node}`, result.operation.resource.id);
  const key = result.operation.transitionKey;
  return history?.children.some((entry) => entry.attributes["transition-key"] === key) ?? false;
}

/** How much a failed start or stop counts, as the graph says. */
export interface FailureOffsets {
  readonly start: string;
  readonly stop: string;
}

export interface FailureContext {
  /** on-fail=ignore: the time is noted, the failure not counted. */
  readonly ignored: boolean;
  /** Another coordinator asked for the operation, and may have counted its result before it was gone. */
  readonly inherited: boolean;
  readonly nowEpochSeconds: number;
}

/**
 * Counts a failure: fail-count-RESOURCE#OPERATION_INTERVAL and last-failure-... of the node. Nothing when the result was as expected,
 * of a kind that does not count (probes), or counted already.
 */
export function failureEdits(
  cib: Element,
  result: OperationResult,
  offsets: FailureOffsets,
  context: FailureContext,
): CibEdit[] {
  const { operation } = result;
  if (result.rc === expectedRc(operation) && result.status === "done") return [];
  const value = countFor(operation.action, operation.intervalMs, offsets);
  if (value === undefined) return [];
  const nodeId = `${result.node}`;
  const suffix = `${operation.resource.id}#${operation.action}_${operation.intervalMs}`;
  const last = transientAttribute(cib, nodeId, `last-failure-${suffix}`);
  const count = transientAttribute(cib, nodeId, `fail-count-${suffix}`);
  // A result that the coordinator before this one had counted is reported again.
  const endedSeconds = Math.floor((result.startedEpochMs + result.execTimeMs) / 1000);
  if (context.inherited && count !== undefined && Number(last ?? 0) > endedSeconds) return [];
  const edits: (CibEdit | undefined)[] = [];
  if (!context.ignored) {
    const next = value === "INFINITY" || count === "INFINITY" ? "INFINITY" : `${Number(count ?? 0) + 1}`;
    edits.push(attributeEdit(cib, nodeId, `fail-count-${suffix}`, next));
  }
  edits.push(attributeEdit(cib, nodeId, `last-failure-${suffix}`, `${context.nowEpochSeconds}`));
  return edits.filter((edit) => edit !== undefined);
}

function countFor(action: string, intervalMs: number, offsets: FailureOffsets): string | undefined {
  if (intervalMs > 0 || action === "promote" || action === "demote") return "1";
  if (action === "start") return offsets.start;
  return action === "stop" ? offsets.stop : undefined;
}

/** Forgets the failures of a resource on a node: counts and times. `resource` undefined: of all. */
export function clearFailureEdits(cib: Element, nodeId: string, resource: string | undefined): CibEdit[] {
  const edits: CibEdit[] = [];
  for (const pair of transientPairs(cib, nodeId)) {
    const name = pair.attributes["name"] ?? "";
    const match = /^(?:fail-count|last-failure)-([^#]+)(?:#.*)?$/.exec(name);
    if (match === null || (resource !== undefined && match[1] !== resource)) continue;
    const edit = attributeEdit(cib, nodeId, name, null);
    if (edit !== undefined) edits.push(edit);
  }
  return edits;
}
