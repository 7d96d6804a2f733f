// Single calls that the services ask the host to perform, and what comes back. Deadlines, retries and read-back are decided
// in the executor's and the fencer's machines; the host performs one call and reports one outcome for it, always.

import type { Alert } from "../../sdk/mod.ts";

/** A resource as an operation names it: `class:provider:type`, under its id (an instance of a clone has its number: `db:0`). */
export interface ResourceIdentity {
  readonly id: string;
  readonly class: string;
  readonly provider?: string;
  readonly type: string;
}

/** What can be asked of an agent. `monitor` observes; the others change. */
export type AgentVerb =
  | "monitor"
  | "start"
  | "stop"
  | "promote"
  | "demote"
  | "notify"
  | "reload"
  | "migrateTo"
  | "migrateFrom";

/** One call of one agent. */
export interface AgentCall {
  /** Unique in this life of the node; the outcome carries it. */
  readonly id: number;
  readonly resource: ResourceIdentity;
  readonly verb: AgentVerb;
  /** Instance parameters as they stand in the CIB: strings. The loader validates them against the agent's schema. */
  readonly parameters: Readonly<Record<string, string>>;
  /** Meta attributes (CRM_meta_NAME in Pacemaker) under their plain names. */
  readonly meta: Readonly<Record<string, string>>;
  /** What is left until the operation's deadline: the agent's AbortSignal fires then. */
  readonly timeoutMs: number;
  /** Interval of a recurring monitor; 0 for a probe and for everything else. */
  readonly intervalMs: number;
}

/** Why an agent refuses or fails, in the terms of OCF exit codes: generic 1, arguments 2, unimplemented 3, privileges 4, not-installed 5, not-configured 6. */
export type AgentErrorCode =
  | "generic"
  | "arguments"
  | "unimplemented"
  | "privileges"
  | "not-installed"
  | "not-configured";

export type AgentOutcome =
  /** Of a monitor: what is true. `failed` = it runs, or half of it, but not well. Of a stop: "stopped" by the host's own word, since it was never started here. */
  | {
      readonly outcome: "state";
      readonly state: "running" | "promoted" | "stopped" | "failed";
      readonly reason?: string;
    }
  | { readonly outcome: "done"; readonly reason?: string }
  | { readonly outcome: "error"; readonly code: AgentErrorCode; readonly reason: string }
  /** The call was aborted at its deadline. */
  | { readonly outcome: "timeout"; readonly reason: string }
  /** The plugin died or spoke nonsense: nothing is known, least of all "stopped". */
  | { readonly outcome: "unknown"; readonly reason: string };

/** One call of one fence device. */
export interface DeviceCall {
  readonly id: number;
  /** The stonith resource's id, its type (`systole:NAME` or a fence agent's name) and its parameters. */
  readonly device: {
    readonly id: string;
    readonly type: string;
    readonly parameters: Readonly<Record<string, string>>;
  };
  /** `power` reads, `setPower` switches, `check` asks whether the device itself answers (the stonith resource's start and monitor). */
  readonly verb: "power" | "setPower" | "check";
  readonly want?: "on" | "off";
  /** The victim, by node name; absent for `check`. */
  readonly target?: string;
  readonly timeoutMs: number;
}

export type DeviceOutcome =
  | { readonly outcome: "power"; readonly power: "on" | "off" | "unknown" }
  | { readonly outcome: "done" }
  | { readonly outcome: "error"; readonly reason: string }
  | { readonly outcome: "timeout"; readonly reason: string };

/** Where alerts go, as the CIB says: a recipient of an alert, or an alert that has none. */
export interface AlertSink {
  /** Of the recipient, or of the alert. */
  readonly id: string;
  /** `systole:NAME`, or the path of a program. */
  readonly path: string;
  readonly parameters: Readonly<Record<string, string>>;
  /** The recipient's value. */
  readonly recipient?: string;
}

/** One call of one alert sink. */
export interface AlertCall {
  readonly id: number;
  readonly sink: AlertSink;
  /** What is delivered; without it, only whether this could be done here at all is looked at. */
  readonly alert?: Alert;
  readonly timeoutMs: number;
}

export type AlertOutcome =
  | { readonly outcome: "done" }
  /** Trying again is of no use: the plugin is not here, its parameters are wrong, or it says so itself. */
  | { readonly outcome: "refused"; readonly reason: string }
  | { readonly outcome: "error"; readonly reason: string }
  | { readonly outcome: "timeout"; readonly reason: string };
