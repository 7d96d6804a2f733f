// OCF's vocabulary: which verb of an agent an operation is, and which exit code an outcome is.
// Source of the codes: OCF Resource Agent API 1.1, "Exit status".

import type { AgentErrorCode, AgentOutcome, AgentVerb, ResourceIdentity } from "../calls.ts";
import type { OperationStatus } from "../messages.ts";

export const OCF_OK = 0;
export const OCF_GENERIC_ERROR = 1;
export const OCF_NOT_RUNNING = 7;
export const OCF_RUNNING_PROMOTED = 8;
export const OCF_FAILED_PROMOTED = 9;

const ERROR_CODES: Readonly<Record<AgentErrorCode, number>> = {
  generic: OCF_GENERIC_ERROR,
  arguments: 2,
  unimplemented: 3,
  privileges: 4,
  "not-installed": 5,
  "not-configured": 6,
};

const VERBS: Readonly<Record<string, AgentVerb>> = {
  monitor: "monitor",
  start: "start",
  stop: "stop",
  promote: "promote",
  demote: "demote",
  notify: "notify",
  reload: "reload",
  "reload-agent": "reload",
  migrate_to: "migrateTo",
  migrate_from: "migrateFrom",
};

/** The agent's verb for an action of the transition graph; undefined when no agent has one. */
export function verbOf(action: string): AgentVerb | undefined {
  return VERBS[action];
}

/** How an operation, or one run of a recurring one, ended. */
export interface Ending {
  readonly rc: number;
  readonly status: OperationStatus;
  readonly reason: string;
}

/** What an outcome says in OCF's terms. `wasPromoted` tells a failure in the promoted role (9) from an ordinary one. */
export function endingOf(outcome: AgentOutcome, wasPromoted: boolean): Ending {
  const reason = outcome.reason ?? "";
  switch (outcome.outcome) {
    case "done":
      return { rc: OCF_OK, status: "done", reason };
    case "state":
      return { rc: stateCode(outcome.state, wasPromoted), status: "done", reason };
    case "error":
      return { rc: ERROR_CODES[outcome.code], status: "done", reason };
    case "timeout":
      return { rc: OCF_GENERIC_ERROR, status: "timeout", reason };
    case "unknown":
      return { rc: OCF_GENERIC_ERROR, status: "error", reason };
  }
}

function stateCode(state: "running" | "promoted" | "stopped" | "failed", wasPromoted: boolean): number {
  if (state === "running") return OCF_OK;
  if (state === "promoted") return OCF_RUNNING_PROMOTED;
  if (state === "stopped") return OCF_NOT_RUNNING;
  return wasPromoted ? OCF_FAILED_PROMOTED : OCF_GENERIC_ERROR;
}

/** Errors that trying again cannot mend. */
export function isLasting(outcome: AgentOutcome): boolean {
  return outcome.outcome === "error" && outcome.code !== "generic";
}

/** What must be read after an action of a native agent before it counts; undefined when its own word is enough. */
export function stateAfter(action: string): "running" | "stopped" | "promoted" | undefined {
  if (action === "start" || action === "demote" || action === "migrate_from") return "running";
  if (action === "stop") return "stopped";
  return action === "promote" ? "promoted" : undefined;
}

/** Native agents observe and act; reading back is the executor's part. A script of OCF or systemd does it itself. */
export function isNative(resource: ResourceIdentity): boolean {
  return resource.class === "ocf" && resource.provider === "systole";
}
