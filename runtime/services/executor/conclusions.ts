// What follows from an operation before it begins and after it has ended, for the kinds of operations and resources that there are.

import type { AgentOutcome, AgentVerb, DeviceOutcome } from "../calls.ts";
import type { Operation } from "../messages.ts";
import {
  type Ending,
  OCF_FAILED_PROMOTED,
  OCF_GENERIC_ERROR,
  OCF_NOT_RUNNING,
  OCF_OK,
  OCF_RUNNING_PROMOTED,
} from "./ocf.ts";
import type { Next } from "./run.ts";

/** How an operation ends that was not begun because the view is not primary: another one may have it. */
export const NOT_PRIMARY: Ending = {
  rc: OCF_GENERIC_ERROR,
  status: "cancelled",
  reason: "not begun: this node is in no primary view any more",
};

/** How a recurring operation ends that was ended before its first result. */
export const ENDED_BEFORE: Ending = {
  rc: OCF_GENERIC_ERROR,
  status: "cancelled",
  reason: "ended before it had a first result",
};

/** A fence device is not started or stopped anywhere: it is checked, and what asks for less than that is done at once. */
export function nothingToDo(operation: Operation): Next | undefined {
  if (operation.resource.class !== "stonith") return undefined;
  const { action, intervalMs } = operation;
  if (action === "start" || (action === "monitor" && intervalMs > 0)) return undefined;
  // A probe: nothing of the device runs on a node before it was started there in this life.
  const rc = action === "monitor" ? OCF_NOT_RUNNING : OCF_OK;
  return { next: "end", ending: { rc, status: "done", reason: "" } };
}

/** What a check of a fence device says, in the terms of an agent. */
export function checkOutcome(outcome: DeviceOutcome): AgentOutcome {
  if (outcome.outcome === "error") return { outcome: "error", code: "generic", reason: outcome.reason };
  return outcome.outcome === "timeout" ? outcome : { outcome: "done" };
}

/** Whether the resource is in the promoted role after an operation, as far as it says. */
export function promotedAfter(before: boolean, operation: Operation, ending: Ending): boolean {
  if (operation.action === "monitor") {
    if (ending.rc === OCF_RUNNING_PROMOTED || ending.rc === OCF_FAILED_PROMOTED) return true;
    return ending.rc === OCF_OK || ending.rc === OCF_NOT_RUNNING ? false : before;
  }
  if (ending.rc !== OCF_OK) return before;
  if (operation.action === "promote") return true;
  return operation.action === "notify" ? before : false;
}

/** A call that makes something active. Fence devices are only checked. */
export function activates(operation: Operation, verb: AgentVerb): boolean {
  return operation.resource.class !== "stonith" && (verb === "start" || verb === "promote" || verb === "migrateFrom");
}

/** Whether the resource runs here after an operation, or may. */
export function activeAfter(before: boolean, operation: Operation, ending: Ending): boolean {
  if (operation.resource.class === "stonith") return false;
  if (operation.action === "notify") return before;
  if (operation.action === "monitor") {
    if (ending.rc === OCF_NOT_RUNNING) return false;
    return before || [OCF_OK, OCF_RUNNING_PROMOTED, OCF_FAILED_PROMOTED].includes(ending.rc);
  }
  // Only a stop that worked says that nothing runs; a start that failed may have left something.
  return operation.action !== "stop" || ending.rc !== OCF_OK || ending.status !== "done";
}
