// The contract of an alert sink: where the cluster says what has happened, so that people and programs outside hear of it.
//
// The cluster never waits for a sink. Each recipient has a queue of its own on the node that sends: alerts come one after the
// other, in the order in which they happened there, and each is tried again for a while when `deliver` rejects or is late. So an
// alert may come twice (a call that was late may have worked all the same), and then with the same `deliveryId`. It may also
// never come: when a recipient could not be reached for long, the oldest alerts are dropped, which an alert of kind
// `dropped` says as soon as the recipient is back; and a node that dies takes with it what it had not delivered.

import type { Static, TObject } from "typebox";
import type { Context } from "./context.ts";
import type { Permissions } from "./permissions.ts";
import { brand, type Plugin } from "./plugin.ts";

/** What every alert has. In brackets: the variable that an alert agent of Pacemaker finds the same fact in. */
export interface AlertFacts {
  /** Names this alert to this recipient: the same again when it is delivered again, and never for another one. */
  readonly deliveryId: string;
  /** Counts the alerts of the node that sends, from 1 at each start of that node: a higher one happened later there. (CRM_alert_node_sequence) */
  readonly sequence: number;
  /** When it happened, by the clock of the node that sends; milliseconds since 1970. (CRM_alert_timestamp_epoch, CRM_alert_timestamp_usec) */
  readonly epochMs: number;
  /** The same in the form that the CIB asks for (`timestamp-format`). (CRM_alert_timestamp) */
  readonly timestamp: string;
  /** The cluster's name (property `cluster-name`), where it has one. */
  readonly cluster?: string;
  /** Name of the node that sends. */
  readonly sender: string;
  /** Value of the recipient, where the alert has recipients. (CRM_alert_recipient) */
  readonly recipient?: string;
  /** What has happened, in one sentence for people. */
  readonly text: string;
}

/** A node has become a member of the cluster, or is none any more. Sent by the coordinator. */
export interface NodeAlert extends AlertFacts {
  readonly kind: "node";
  /** Whose membership has changed: name (CRM_alert_node) and number (CRM_alert_nodeid). */
  readonly node: string;
  readonly nodeId: number;
  /** (CRM_alert_desc) */
  readonly state: "member" | "lost";
  /** Of a lost node: it announced that it leaves, was not heard any more, started again, or is not heard by all. */
  readonly cause?: "left" | "silent" | "restarted" | "unreachable";
  /**
   * Whether the part of the cluster that says so may act. False: the sender sees the others gone and is in a minority; a part that
   * may act, if there is one, says otherwise.
   */
  readonly primary: boolean;
}

/** A fence, or a switching on, has ended. Sent by the coordinator. */
export interface FencingAlert extends AlertFacts {
  readonly kind: "fencing";
  /** The victim. (CRM_alert_node) */
  readonly node: string;
  /** (CRM_alert_task) */
  readonly action: "off" | "on" | "reboot";
  /** Whether the power was read as wanted. (CRM_alert_rc: 0, else 1) */
  readonly ok: boolean;
  /** The devices that did it, or were tried last, and the node that called them. */
  readonly device?: string;
  readonly by?: string;
  readonly durationMs: number;
  /** Why it was asked for, or why it failed. */
  readonly reason: string;
}

/** An operation of a resource has ended; of a recurring one, its result has changed. Sent by the node that ran it. Probes that found what was expected are not told. */
export interface ResourceAlert extends AlertFacts {
  readonly kind: "resource";
  /** Where it ran. (CRM_alert_node) */
  readonly node: string;
  /** Id of the resource; of a clone's instance with its number, `db:0`. (CRM_alert_rsc) */
  readonly resource: string;
  /** start, stop, monitor, promote, demote, notify, reload-agent, migrate_to, migrate_from. (CRM_alert_task) */
  readonly operation: string;
  /** 0 for one that does not recur. (CRM_alert_interval) */
  readonly intervalMs: number;
  /** OCF exit code, and the one that was expected. (CRM_alert_rc, CRM_alert_target_rc) */
  readonly rc: number;
  readonly targetRc: number;
  /** How far it came: `done` means that it ended by itself, with `rc`. (CRM_alert_status as a number, CRM_alert_desc in words) */
  readonly status: "done" | "timeout" | "error" | "not-installed";
  /** Whether it ended as expected. */
  readonly ok: boolean;
  /** (CRM_alert_exec_time) */
  readonly execTimeMs: number;
  /** What the agent said; may be empty. */
  readonly reason: string;
}

/** An attribute of a node has another value. Sent by the coordinator. */
export interface AttributeAlert extends AlertFacts {
  readonly kind: "attribute";
  /** (CRM_alert_node, CRM_alert_nodeid) */
  readonly node: string;
  readonly nodeId: number;
  /** (CRM_alert_attribute_name) */
  readonly name: string;
  /** Null: it is not set any more. (CRM_alert_attribute_value) */
  readonly value: string | null;
}

/** Alerts before this one were given up: the recipient did not take them. Sent by the node that gave them up. */
export interface DroppedAlert extends AlertFacts {
  readonly kind: "dropped";
  /** How many since the last one that was delivered. */
  readonly count: number;
  /** Why the last of them failed. */
  readonly reason: string;
}

/** What a sink is told. */
export type Alert = NodeAlert | FencingAlert | ResourceAlert | AttributeAlert | DroppedAlert;

/** What an author writes. */
export interface AlertSinkSpec<Schema extends TObject = TObject, P extends Permissions = Permissions> {
  /** Also the name of the file; lower case, digits and hyphens. The path in the CIB: `<alert path="systole:NAME">`. */
  readonly name: string;
  /** One line. */
  readonly summary: string;
  /**
   * Instance attributes of the alert, with those of the recipient before them: validated, defaults filled in, shown by
   * `systole plugin describe`. The value of the recipient comes in the alert; in permissions it is `{recipient}`.
   */
  readonly parameters: Schema;
  readonly permissions?: P;
  /** Memory of the plugin's process, all instances together; 128 if not given. With more it is ended and started again. */
  readonly memoryLimitMiB?: number;
  /** Deadline to suggest, such as "10s"; the meta attribute `timeout` in the CIB counts (30s if not given). */
  readonly timeouts?: Partial<Record<"deliver", string>>;
  /**
   * Resolves when the recipient has it. Rejects when it does not: what may pass is tried again later; an AgentError of another code
   * than `generic` says that trying again is of no use, and the alert is dropped. `ctx.resource` is the id of the recipient, or of the alert
   * where there is none.
   */
  deliver(alert: Alert, ctx: Context<Static<Schema>, P>): Promise<void>;
}

/** Defines an alert sink: checks nothing, runs nothing, returns data. Export it by default from a file of the same name. */
export function defineAlertSink<Schema extends TObject, const P extends Permissions = Record<never, never>>(
  spec: AlertSinkSpec<Schema, P>,
): Plugin<"alert", AlertSinkSpec<Schema, P>> {
  return brand("alert", spec);
}
