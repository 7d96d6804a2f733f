// What an alert says, from what has happened: the facts that Pacemaker's alerts have, and a sentence.

import type { AttributeAlert, FencingAlert, NodeAlert, ResourceAlert } from "../../../sdk/mod.ts";
import type { DepartureCause } from "../../kernel/membership/view.ts";
import { resultWords } from "../controller/words.ts";
import { expectedRc, isFailure } from "../executor/history.ts";
import type { FenceRecord } from "../fencer/fence.ts";
import type { OperationResult } from "../messages.ts";

/** What is the same for every recipient; the rest is put on when it is queued. */
type Told = "text" | "kind" | "node";
type Facts<Alert, Own extends keyof Alert> = Pick<Alert, Own | Extract<Told, keyof Alert>>;

/** An event before it is addressed to anybody. */
export type AlertEvent =
  | Facts<NodeAlert, "nodeId" | "state" | "cause" | "primary">
  | Facts<FencingAlert, "action" | "ok" | "device" | "by" | "durationMs" | "reason">
  | Facts<
      ResourceAlert,
      "resource" | "operation" | "intervalMs" | "rc" | "targetRc" | "status" | "ok" | "execTimeMs" | "reason"
    >
  | Facts<AttributeAlert, "nodeId" | "name" | "value">;

/** A node, by number and name. */
export interface NamedNode {
  readonly id: number;
  readonly name: string;
}

const CAUSES: Readonly<Record<DepartureCause, string>> = {
  left: "it said that it leaves",
  silent: "it was not heard any more",
  restarted: "it has started again",
  unreachable: "not all of the others hear it",
};

/** A node has joined. */
export function joined({ id, name }: NamedNode): AlertEvent {
  return {
    kind: "node",
    node: name,
    nodeId: id,
    state: "member",
    primary: true,
    text: `${name} is a member of the cluster`,
  };
}

/** A node is gone. `sender`: who says so; `primary`: whether its part of the cluster may act. */
export function lost({ id, name }: NamedNode, cause: DepartureCause, sender: string, primary: boolean): AlertEvent {
  const by = primary ? "" : `, says ${sender}, whose part of the cluster may not act`;
  const text = `${name} is no member of the cluster any more (${CAUSES[cause]})${by}`;
  return { kind: "node", node: name, nodeId: id, state: "lost", cause, primary, text };
}

/** A fence has ended. */
export function fenced(record: FenceRecord, ok: boolean): AlertEvent {
  const { target, action, device, by, durationMs = 0, text: reason = "" } = record;
  const is = action === "on" ? "on" : "off";
  const done = `${target} is ${is}: ${device ?? "its device"} says so after ${Math.round(durationMs)} ms`;
  const why = reason === "" ? "no reason given" : reason;
  return {
    kind: "fencing",
    node: target,
    action,
    ok,
    ...(device === undefined ? {} : { device }),
    ...(by === undefined ? {} : { by }),
    durationMs,
    reason,
    text: ok ? `${done} (${action}: ${why})` : `Fencing of ${target} (${action}) has failed: ${why}`,
  };
}

/** An operation has ended; undefined for one that was never begun, and for a probe that found what was expected. */
export function operationEnded(result: OperationResult, node: string): AlertEvent | undefined {
  const { operation, rc, status, reason, execTimeMs } = result;
  if (status === "cancelled") return undefined;
  const { action, intervalMs } = operation;
  const failed = isFailure(result);
  if (!failed && action === "monitor" && intervalMs === 0) return undefined;
  const words = resultWords(result, node, failed);
  return {
    kind: "resource",
    node,
    resource: operation.resource.id,
    operation: action,
    intervalMs,
    rc,
    targetRc: expectedRc(operation),
    status,
    ok: !failed,
    execTimeMs,
    reason,
    text: words ?? `${action} of ${operation.resource.id} on ${node} found what was expected`,
  };
}

/** An attribute has another value. */
export function attributeChanged({ id, name: node }: NamedNode, name: string, value: string | null): AlertEvent {
  const text = value === null ? `${name} of ${node} is not set any more` : `${name} of ${node} is ${value}`;
  return { kind: "attribute", node, nodeId: id, name, value, text };
}
