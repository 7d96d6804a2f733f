// The operation history: what stands in the CIB of what was done with a resource on a node (<lrm_resource> and its <lrm_rsc_op>).
// The executor keeps it for its own node (for the refresh after a merge), the coordinator writes the same into the status section.
// Source of the form: the status section of Pacemaker 2.1.5, checked with crm_simulate.

import { type Element, element, withAttributes } from "../../kernel/cib/element.ts";
import type { Operation, OperationResult, OperationStatus } from "../messages.ts";
import { operationKey, parseTransitionKey } from "../scheduler/operation-key.ts";

/** The feature set of Pacemaker 2.1.5, whose form the history has. */
export const CRM_FEATURE_SET = "3.16.2";

const STATUS_NUMBERS: Readonly<Record<OperationStatus, number>> = {
  done: 0,
  cancelled: 1,
  timeout: 2,
  error: 4,
  "not-installed": 7,
};

/** op-status as the CIB writes it. */
export function statusNumber(status: OperationStatus): number {
  return STATUS_NUMBERS[status];
}

/** The result that the transition expected (7 of a probe, 8 of a monitor in the promoted role, else 0). */
export function expectedRc(operation: Operation): number {
  return parseTransitionKey(operation.transitionKey)?.expectedResult ?? 0;
}

/** Whether a result counts as a failure in the history: not what was expected, or not executed to the end. */
export function isFailure(result: OperationResult): boolean {
  if (result.status === "cancelled") return false;
  return result.status !== "done" || result.rc !== expectedRc(result.operation);
}

/** Recurring monitors end when the state is changed on purpose; probes and notifications change nothing. */
export function endsRecurring(operation: Operation): boolean {
  return operation.intervalMs === 0 && operation.action !== "monitor" && operation.action !== "notify";
}

/** Whether a result is kept in the history at all. */
export function isRecorded(operation: Operation): boolean {
  return operation.action !== "notify" && operation.action !== "cancel" && operation.action !== "delete";
}

/** Computes the digest of an operation's parameters (op-digest). */
export type OperationDigest = (operation: Operation) => string;

/** The history of a resource with a result written into it. `previous` may be absent. */
export function recordResult(
  previous: Element | undefined,
  result: OperationResult,
  nodeName: string,
  digest: OperationDigest,
): Element {
  const { resource } = result.operation;
  const attributes = {
    id: resource.id,
    class: resource.class,
    provider: resource.provider,
    type: resource.type,
  };
  let entries = [...(previous?.children ?? [])];
  if (endsRecurring(result.operation)) entries = entries.filter((entry) => !isRecurring(entry));
  if (isRecorded(result.operation)) {
    for (const id of entryIds(result)) {
      const entry = entryOf(id, result, nodeName, digest);
      const at = entries.findIndex((candidate) => candidate.attributes["id"] === id);
      if (at < 0) entries.push(entry);
      else entries[at] = entry;
    }
  }
  return element("lrm_resource", attributes, entries);
}

/** call-id, rc-code and op-status of an operation that has no result yet, as Pacemaker writes them. */
export const PENDING_CALL_ID = -1;
const PENDING_RC = 193;
const PENDING_STATUS = -1;

/** Whether an entry of the history says that the operation is under way. */
export function isPending(attributes: Element["attributes"]): boolean {
  return attributes["op-status"] === `${PENDING_STATUS}`;
}

/** Operations that make something active: whoever plans must know that they are under way. The others leave what the history says true enough. */
const ACTIVATING = new Set(["start", "promote", "migrate_from"]);

/** The history of a resource with an operation that is under way or waits for its turn; as it was when that activates nothing. */
export function recordPending(
  previous: Element | undefined,
  pending: Pick<OperationResult, "operation" | "node" | "incarnation" | "startedEpochMs">,
  nodeName: string,
  digest: OperationDigest,
): Element | undefined {
  const { operation } = pending;
  if (!ACTIVATING.has(operation.action)) return previous;
  const { resource, transitionKey } = operation;
  const id = operation.action === "migrate_from" ? operation.operationKey : `${resource.id}_last_0`;
  const noResult = { rc: PENDING_RC, status: "cancelled", reason: "", callId: PENDING_CALL_ID } as const;
  const entry = withAttributes(
    entryOf(id, { ...pending, ...noResult, execTimeMs: 0, queueTimeMs: 0 }, nodeName, digest),
    { "op-status": `${PENDING_STATUS}`, "transition-magic": `${PENDING_STATUS}:${PENDING_RC};${transitionKey}` },
  );
  const attributes = { id: resource.id, class: resource.class, provider: resource.provider, type: resource.type };
  const others = previous?.children.filter((candidate) => candidate.attributes["id"] !== id) ?? [];
  return element("lrm_resource", attributes, [...others, entry]);
}

/** The history without a recurring operation that was cancelled. */
export function forgetOperation(history: Element, operationKey: string): Element {
  const kept = history.children.filter((entry) => entry.attributes["id"] !== operationKey);
  return element("lrm_resource", history.attributes, kept);
}

/** Whether an entry of the history is that of an operation that recurs. */
export function isRecurring(entry: Element): boolean {
  const interval = entry.attributes["interval"];
  // The record of a failure stays until it is cleaned up, also when the monitor that found it has ended.
  return interval !== undefined && interval !== "0" && !(entry.attributes["id"] ?? "").endsWith("_last_failure_0");
}

/** Under which ids a result stands. A failure of something that runs once is the last thing done as well. */
export function entryIds(result: OperationResult): string[] {
  const { operation } = result;
  const resource = operation.resource.id;
  const { key } = historyName(result);
  if (operation.action === "migrate_to" || operation.action === "migrate_from") return [key];
  if (isFailure(result)) {
    const failure = `${resource}_last_failure_0`;
    return operation.intervalMs === 0 ? [failure, `${resource}_last_0`] : [failure];
  }
  return [operation.intervalMs > 0 ? key : `${resource}_last_0`];
}

/** A reload that worked stands as a start (its parameters are those in use now), one that failed as a monitor. */
function historyName(result: OperationResult): { readonly task: string; readonly key: string } {
  const { operation } = result;
  let task = operation.action;
  if (task === "reload" || task === "reload-agent") task = result.status === "done" ? "start" : "monitor";
  return { task, key: operationKey(operation.resource.id, task, operation.intervalMs) };
}

function entryOf(id: string, result: OperationResult, nodeName: string, digest: OperationDigest): Element {
  const { operation } = result;
  const { task, key } = historyName(result);
  const status = statusNumber(result.status);
  const migration = task === "migrate_to" || task === "migrate_from";
  return element("lrm_rsc_op", {
    id,
    operation_key: key,
    operation: task,
    "crm-debug-origin": "do_update_resource",
    crm_feature_set: CRM_FEATURE_SET,
    "transition-key": operation.transitionKey,
    "transition-magic": `${status}:${result.rc};${operation.transitionKey}`,
    "exit-reason": isFailure(result) ? result.reason : "",
    on_node: nodeName,
    "call-id": `${result.callId}`,
    "rc-code": `${result.rc}`,
    "op-status": `${status}`,
    interval: `${operation.intervalMs}`,
    "last-rc-change": `${Math.floor(result.startedEpochMs / 1000)}`,
    "exec-time": `${Math.round(result.execTimeMs)}`,
    "queue-time": `${Math.round(result.queueTimeMs)}`,
    migrate_source: migration ? operation.meta["migrate_source"] : undefined,
    migrate_target: migration ? operation.meta["migrate_target"] : undefined,
    "op-digest": digest(operation),
  });
}
