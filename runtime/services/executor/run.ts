// One operation, from its start to its result, as steps that each end in a single call of the agent.
//
// A native agent observes and acts; whether the act worked is read, not believed. `start` is: call start, then monitor, at once and
// then with a growing pause, until it is read as running or the time is over; `stop`, `promote` and `demote` likewise.
//
// Before a start, the agent is asked first whether the service runs already, because `start` is only called when it is stopped. That
// call is saved where it would tell nothing new: when the last thing read in this life of the node was "stopped" and nothing has been
// done to the resource since. Nobody but this executor starts it here, and a service that was started by hand in the meantime is
// what the reading afterwards, and idempotent agents, are for. Each call may cost a process, and this one is on the way of a failover.

import type { AgentCall, AgentOutcome, AgentVerb } from "../calls.ts";
import type { Operation } from "../messages.ts";
import {
  type Ending,
  endingOf,
  isLasting,
  isNative,
  OCF_FAILED_PROMOTED,
  OCF_GENERIC_ERROR,
  OCF_NOT_RUNNING,
  OCF_OK,
  OCF_RUNNING_PROMOTED,
  stateAfter,
  verbOf,
} from "./ocf.ts";

/** Time for an operation that names none. */
export const DEFAULT_OPERATION_TIMEOUT_MS = 20_000;
/** Pause before the second reading back; the first is at once. Doubled each time. */
export const READ_BACK_FIRST_MS = 20;
/** The longest pause between two readings back. */
export const READ_BACK_MAX_MS = 1000;

/** What was last read of a resource in this life of the node, as long as it holds: any action unsettles it. */
export interface Seen {
  readonly rc: number;
  readonly atMs: number;
}

/** What a run wants next. */
export type Next =
  | { readonly next: "call"; readonly verb: AgentVerb; readonly timeoutMs: number }
  | { readonly next: "pause"; readonly untilMs: number }
  | { readonly next: "end"; readonly ending: Ending };

/** An operation that is being carried out. */
export class Run {
  readonly operation: Operation;
  readonly startedMs: number;
  readonly deadlineMs: number;
  private readonly wasPromoted: boolean;
  private readonly native: boolean;
  private phase: "look" | "act" | "read" = "act";
  private pauseMs = READ_BACK_FIRST_MS;
  private lastRead = "";

  constructor(operation: Operation, wasPromoted: boolean, nowMs: number) {
    this.operation = operation;
    this.wasPromoted = wasPromoted;
    this.native = isNative(operation.resource);
    this.startedMs = nowMs;
    const timeoutMs = operation.timeoutMs > 0 ? operation.timeoutMs : DEFAULT_OPERATION_TIMEOUT_MS;
    this.deadlineMs = nowMs + timeoutMs;
  }

  /** The first step. */
  begin(seen: Seen | undefined, nowMs: number): Next {
    if (this.native && this.operation.action === "start" && seen?.rc !== OCF_NOT_RUNNING) {
      this.phase = "look";
      return this.call("monitor", nowMs);
    }
    return this.act(nowMs);
  }

  /** The step after the outcome of a call. */
  outcome(outcome: AgentOutcome, nowMs: number): Next {
    if (this.phase === "act") return this.acted(outcome, nowMs);
    if (this.phase === "look") return this.looked(outcome, nowMs);
    return this.wasRead(outcome, nowMs);
  }

  /** The step after a pause. */
  resume(nowMs: number): Next {
    this.phase = "read";
    return this.call("monitor", nowMs);
  }

  /** How it ends when its time is over. */
  expire(nowMs: number): Ending {
    const took = Math.round(nowMs - this.startedMs);
    const read = this.lastRead === "" ? "" : `; last read: ${this.lastRead}`;
    const { action, resource } = this.operation;
    return {
      rc: OCF_GENERIC_ERROR,
      status: "timeout",
      reason: `${action} of ${resource.id} did not end within ${took} ms${read}`,
    };
  }

  private act(nowMs: number): Next {
    const verb = verbOf(this.operation.action);
    if (verb === undefined) {
      const reason = `no agent has an action ${this.operation.action}`;
      return { next: "end", ending: { rc: 3, status: "error", reason } };
    }
    this.phase = "act";
    return this.call(verb, nowMs);
  }

  private call(verb: AgentVerb, nowMs: number): Next {
    return { next: "call", verb, timeoutMs: Math.max(1, this.deadlineMs - nowMs) };
  }

  private looked(outcome: AgentOutcome, nowMs: number): Next {
    if (outcome.outcome === "state" && outcome.state === "running") {
      return { next: "end", ending: { rc: OCF_OK, status: "done", reason: "" } };
    }
    if (isLasting(outcome)) return { next: "end", ending: endingOf(outcome, this.wasPromoted) };
    return this.act(nowMs);
  }

  private acted(outcome: AgentOutcome, nowMs: number): Next {
    const { action } = this.operation;
    if (action === "notify") return { next: "end", ending: { rc: OCF_OK, status: "done", reason: "" } };
    // The host, which knows better than an agent that was never called: nothing was ever started.
    if (outcome.outcome === "state" && action === "stop" && outcome.state === "stopped")
      return { next: "end", ending: { rc: OCF_OK, status: "done", reason: "" } };
    const succeeded = outcome.outcome === "done" || outcome.outcome === "state";
    if (!this.native || !succeeded || stateAfter(action) === undefined) {
      return { next: "end", ending: endingOf(outcome, this.wasPromoted) };
    }
    return this.resume(nowMs);
  }

  private wasRead(outcome: AgentOutcome, nowMs: number): Next {
    const wanted = stateAfter(this.operation.action);
    if (outcome.outcome === "state" && outcome.state === wanted) {
      return { next: "end", ending: { rc: OCF_OK, status: "done", reason: "" } };
    }
    if (isLasting(outcome)) return { next: "end", ending: endingOf(outcome, this.wasPromoted) };
    this.lastRead = outcome.outcome === "state" ? outcome.state : (outcome.reason ?? outcome.outcome);
    if (outcome.outcome === "state" && outcome.reason) this.lastRead += ` (${outcome.reason})`;
    const untilMs = nowMs + this.pauseMs;
    this.pauseMs = Math.min(this.pauseMs * 2, READ_BACK_MAX_MS);
    return { next: "pause", untilMs };
  }
}

/** What is known of the resource after an operation ended so; undefined when it has to be looked at again. */
export function seenAfter(operation: Operation, ending: Ending, nowMs: number): Seen | undefined {
  if (ending.status !== "done") return undefined;
  if (operation.action === "monitor") {
    const known = [OCF_OK, OCF_NOT_RUNNING, OCF_RUNNING_PROMOTED, OCF_FAILED_PROMOTED].includes(ending.rc);
    return known ? { rc: ending.rc, atMs: nowMs } : undefined;
  }
  if (!isNative(operation.resource) || ending.rc !== OCF_OK) return undefined;
  switch (stateAfter(operation.action)) {
    case "running":
      return { rc: OCF_OK, atMs: nowMs };
    case "stopped":
      return { rc: OCF_NOT_RUNNING, atMs: nowMs };
    case "promoted":
      return { rc: OCF_RUNNING_PROMOTED, atMs: nowMs };
    case undefined:
      return undefined;
  }
}

/** The call that carries out one step of an operation. */
export function agentCall(id: number, operation: Operation, verb: AgentVerb, timeoutMs: number): AgentCall {
  const { resource, parameters, meta } = operation;
  const intervalMs = verb === "monitor" && operation.action === "monitor" ? operation.intervalMs : 0;
  return { id, resource, verb, parameters, meta, timeoutMs, intervalMs };
}
