// What the history of operations in the status section says: what each resource is on each node, and what has failed.
//
// The history keeps, for each resource on each node, the last result of each operation, numbered in the order of the calls. Read in that
// order, each entry moves the state on.
// Source of the form: <lrm_rsc_op> of Pacemaker's status section (rc-code, op-status, transition-key, call-id, last-rc-change).

import { childNamed, childrenNamed, type Element } from "../../kernel/cib/element.ts";
import type { Activity, FailedOperation } from "./schema.ts";

/** What one resource is on one node. */
export interface ResourceOnNode {
  /** As in the history: the primitive's id, with `:N` for a unique instance. */
  readonly id: string;
  /** Without the number. */
  readonly base: string;
  readonly agent: string;
  readonly node: string;
  readonly activity: Activity;
  readonly failedOperations: readonly FailedOperation[];
  /** A stop failed: only a fence or a person can go on. */
  readonly stopFailed: boolean;
}

/** Words for OCF exit codes. */
const RESULTS: Readonly<Record<number, string>> = {
  0: "ok",
  1: "error",
  2: "wrong parameters",
  3: "not implemented",
  4: "insufficient privileges",
  5: "not installed",
  6: "not configured",
  7: "not running",
  8: "promoted",
  9: "failed while promoted",
  190: "degraded",
  191: "degraded while promoted",
};

const STATUS_PENDING = -1;
const STATUS_CANCELLED = 1;
const STATUS_TIMED_OUT = 2;

interface Entry {
  readonly operation: string;
  readonly intervalMs: number;
  readonly status: number;
  readonly rc: number;
  readonly expected: number | undefined;
  readonly callId: number;
  readonly changed: number;
  readonly element: Element;
}

function readEntry(element: Element): Entry {
  const attributes = element.attributes;
  const number = (name: string): number => Number.parseInt(attributes[name] ?? "", 10);
  const orElse = (value: number, fallback: number): number => (Number.isNaN(value) ? fallback : value);
  const expected = Number.parseInt((attributes["transition-key"] ?? "").split(":")[2] ?? "", 10);
  return {
    operation: attributes["operation"] ?? "",
    intervalMs: orElse(number("interval"), 0),
    status: orElse(number("op-status"), 0),
    rc: orElse(number("rc-code"), 0),
    expected: Number.isNaN(expected) ? undefined : expected,
    callId: orElse(number("call-id"), 0),
    changed: orElse(number("last-rc-change"), 0),
    element,
  };
}

/** Entries in the order in which things happened; what is under way comes last. */
function inOrder(entries: readonly Entry[]): Entry[] {
  const place = (entry: Entry): number => (entry.callId < 0 ? Number.MAX_SAFE_INTEGER : entry.callId);
  return [...entries].sort((a, b) => place(a) - place(b) || a.changed - b.changed);
}

interface State {
  role: Activity["role"];
  pending: string | undefined;
  failed: boolean;
  stopFailed: boolean;
}

const PENDING: Readonly<Record<string, string>> = {
  start: "starting",
  stop: "stopping",
  promote: "promoting",
  demote: "demoting",
  migrate_to: "moving",
  migrate_from: "moving",
};

/** How to read a history. */
export interface HistoryContext {
  /** Running instances that are not promoted are called Unpromoted. */
  readonly promotable: boolean;
  /** Failures older than this are over (failure-timeout); 0 = never. */
  readonly failureTimeoutMs: number;
  readonly epochMs: number;
  readonly fencing: boolean;
}

/** Reads one <lrm_resource>. */
export function readHistory(resource: Element, node: string, context: HistoryContext): ResourceOnNode {
  const id = resource.attributes["id"] ?? "";
  const base = id.replace(/:\d+$/, "");
  const state: State = { role: "Stopped", pending: undefined, failed: false, stopFailed: false };
  const failures = new Map<string, FailedOperation>();
  for (const entry of inOrder(childrenNamed(resource, "lrm_rsc_op").map(readEntry))) {
    if (entry.status === STATUS_CANCELLED) continue;
    if (entry.status === STATUS_PENDING) {
      state.pending = PENDING[entry.operation];
      if (entry.operation === "start" || entry.operation === "migrate_from") state.role = running(context);
      continue;
    }
    state.pending = undefined;
    const failed = hasFailed(entry);
    if (failed && !isOver(entry, context))
      failures.set(`${entry.operation} ${entry.callId}`, failedOperation(entry, id, node));
    apply(entry, failed, state, context);
  }
  const { class: agentClass, provider, type } = resource.attributes;
  const activity: Activity = {
    node,
    role: state.role,
    ...(id === base ? {} : { instance: id }),
    ...(state.pending === undefined ? {} : { pending: state.pending }),
    failed: state.failed,
    blocked: state.stopFailed && !context.fencing,
  };
  const agent = [agentClass, provider, type].filter((part) => part !== undefined).join(":");
  return { id, base, agent, node, activity, failedOperations: [...failures.values()], stopFailed: state.stopFailed };
}

function running(context: HistoryContext): Activity["role"] {
  return context.promotable ? "Unpromoted" : "Started";
}

/** A probe that finds a resource running, or not, has found out something; it has not failed. */
function hasFailed(entry: Entry): boolean {
  if (entry.status !== 0 && entry.status !== 4 && entry.status !== STATUS_TIMED_OUT) return true;
  if (entry.status === STATUS_TIMED_OUT) return true;
  if (entry.operation === "notify") return false;
  if (entry.operation === "monitor" && entry.intervalMs === 0) return ![0, 7, 8, 190, 191].includes(entry.rc);
  if (entry.rc === 190 || entry.rc === 191) return false;
  return entry.rc !== (entry.expected ?? 0) && !(entry.operation === "stop" && entry.rc === 7);
}

function isOver(entry: Entry, context: HistoryContext): boolean {
  if (context.failureTimeoutMs === 0 || entry.changed === 0) return false;
  return entry.changed * 1000 + context.failureTimeoutMs <= context.epochMs;
}

function apply(entry: Entry, failed: boolean, state: State, context: HistoryContext): void {
  switch (entry.operation) {
    case "start":
    case "migrate_from":
      state.role = running(context);
      state.failed = failed;
      break;
    case "stop":
      if (failed) state.stopFailed = true;
      else state.role = "Stopped";
      state.failed = failed;
      break;
    case "migrate_to":
      if (!failed) state.role = "Stopped";
      state.failed = failed;
      break;
    case "promote":
      if (!failed) state.role = "Promoted";
      state.failed = failed;
      break;
    case "demote":
      if (!failed) state.role = "Unpromoted";
      state.failed = failed;
      break;
    case "monitor":
      applyMonitor(entry, failed, state, context);
      break;
  }
}

function applyMonitor(entry: Entry, failed: boolean, state: State, context: HistoryContext): void {
  const probe = entry.intervalMs === 0;
  if (entry.rc === 7 && entry.status === 0) state.role = "Stopped";
  else if (entry.rc === 8 || entry.rc === 9 || entry.rc === 191) state.role = "Promoted";
  else if (entry.rc === 0 && !failed) state.role = running(context);
  else if (!failed) state.role = state.role === "Stopped" ? running(context) : state.role;
  // An agent that is not there (5) cannot run anything; anything else may be running, not well.
  else if (probe && entry.rc === 5) state.role = "Stopped";
  else if (state.role === "Stopped") state.role = running(context);
  state.failed = failed && !(probe && entry.rc === 5);
}

function failedOperation(entry: Entry, resource: string, node: string): FailedOperation {
  const result = entry.status === STATUS_TIMED_OUT ? "timed out" : (RESULTS[entry.rc] ?? `exit code ${entry.rc}`);
  const execTime = Number.parseInt(entry.element.attributes["exec-time"] ?? "", 10);
  return {
    resource,
    node,
    operation: entry.operation === "monitor" && entry.intervalMs === 0 ? "probe" : entry.operation,
    intervalMs: entry.intervalMs,
    rc: entry.rc,
    result,
    reason: entry.element.attributes["exit-reason"] ?? "",
    ...(entry.changed === 0 ? {} : { epochSeconds: entry.changed }),
    ...(Number.isNaN(execTime) ? {} : { execTimeMs: execTime }),
  };
}

/** The <lrm_resource> elements of a node. */
export function historiesOf(nodeState: Element): readonly Element[] {
  return childrenNamed(childNamed(childNamed(nodeState, "lrm"), "lrm_resources"), "lrm_resource");
}
