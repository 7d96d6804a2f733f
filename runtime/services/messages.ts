// What the services of the nodes say to one another over the reliable channel, and what surrounds the whole node machine
// (kernel and services) on its node: runtime/services/node.ts.

import type { Element } from "../kernel/cib/element.ts";
import type { Tick } from "../kernel/machine.ts";
import type { ChainPosition, Incarnation, NodeId, View } from "../kernel/membership/view.ts";
import type {
  ArbiterCall,
  ArbiterOutcome,
  ChangeOutcome,
  ChangeRequest,
  KernelMessage,
  Standing,
  StoreRecord,
} from "../kernel/messages.ts";
import type {
  AgentCall,
  AgentOutcome,
  AlertCall,
  AlertOutcome,
  DeviceCall,
  DeviceOutcome,
  ResourceIdentity,
} from "./calls.ts";
import type { FenceRecord } from "./fencer/fence.ts";

/** An operation that the coordinator wants run on a node. */
export interface Operation {
  /** Pacemaker's transition key: `ACTION:TRANSITION:TARGET_RC:UUID`; also the operation's identity. */
  readonly transitionKey: string;
  /** RESOURCE_ACTION_INTERVALMS. */
  readonly operationKey: string;
  readonly resource: ResourceIdentity;
  /** start, stop, monitor, promote, demote, notify, reload-agent, migrate_to, migrate_from. */
  readonly action: string;
  readonly intervalMs: number;
  readonly timeoutMs: number;
  /** Wait this long before the first run of a recurring operation (start-delay, interval-origin). */
  readonly startDelayMs: number;
  readonly parameters: Readonly<Record<string, string>>;
  readonly meta: Readonly<Record<string, string>>;
}

/** Pacemaker's op-status values that are used here. `cancelled`: not begun, because the node is in no primary view any more; leaves no trace. */
export type OperationStatus = "done" | "cancelled" | "timeout" | "error" | "not-installed";

/** How an operation ended; for a recurring one, each time its result changes. */
export interface OperationResult {
  readonly operation: Operation;
  readonly node: NodeId;
  readonly incarnation: Incarnation;
  /** Counts the calls of this node's life. */
  readonly callId: number;
  /** OCF exit code: 0 ok, 7 not running, 8 running promoted, 9 failed promoted, 1 to 6 errors. */
  readonly rc: number;
  readonly status: OperationStatus;
  readonly reason: string;
  readonly startedEpochMs: number;
  readonly execTimeMs: number;
  readonly queueTimeMs: number;
}

/** Service to service. */
export type ServiceMessage =
  | { readonly type: "operation"; readonly operation: Operation }
  | {
      readonly type: "operation-cancel";
      readonly transitionKey: string;
      readonly resource: string;
      readonly operationKey: string;
    }
  | { readonly type: "operation-result"; readonly result: OperationResult }
  /** The coordinator has written these results to the CIB: they need not be reported again. */
  | { readonly type: "operation-noted"; readonly callId: number }
  /**
   * What a node is doing, or is to do, of what any coordinator has asked for; to the coordinator when a view was established (that of
   * this number), after the results that are reported again. What the coordinator waits for and is not among it never arrived.
   */
  | {
      readonly type: "operations-under-way";
      readonly viewNumber: number;
      /** Those that have no result yet; of a recurring one the first counts. */
      readonly operations: readonly Operation[];
    }
  /** Forget what is known of a resource here (cleanup), so that it is probed afresh. */
  | { readonly type: "history-clear"; readonly resource: string }
  /** A device call performed on another node than the coordinator. */
  | { readonly type: "device-call"; readonly call: DeviceCall }
  | { readonly type: "device-outcome"; readonly id: number; readonly outcome: DeviceOutcome }
  /** What the coordinator has fenced: new records as they come, and all it knows to those in a new view. */
  | { readonly type: "fence-records"; readonly records: readonly FenceRecord[] }
  | {
      readonly type: "attribute";
      readonly node: string;
      readonly name: string;
      readonly value: string | null;
      readonly dampeningMs: number;
    }
  | { readonly type: "request"; readonly request: ServiceRequest }
  | { readonly type: "request-answer"; readonly requestId: string; readonly outcome: RequestOutcome };

/** What a person or a program asks of the services, beyond a change of the CIB. Forwarded to the coordinator. */
export type ServiceRequest =
  | {
      readonly id: string;
      readonly request: "fence";
      readonly node: string;
      readonly action: "off" | "on" | "reboot";
      readonly who: string;
    }
  /** A person has seen to it that the node is off: counts like a fence. Refused for a member of the view. */
  | { readonly id: string; readonly request: "fence-confirm"; readonly node: string; readonly who: string }
  /** Forgets failures and history, so that the resource is probed again; everywhere, or on one node. */
  | {
      readonly id: string;
      readonly request: "cleanup";
      readonly resource?: string;
      readonly node?: string;
      readonly who: string;
    }
  | {
      readonly id: string;
      readonly request: "attribute";
      readonly node: string;
      readonly name: string;
      readonly value: string | null;
      readonly dampeningMs: number;
      readonly who: string;
    };

export type RequestOutcome =
  | { readonly outcome: "done"; readonly text: string }
  | { readonly outcome: "refused"; readonly code: string; readonly reason: string };

/** Something that happened, for the log, `status` and the live view. */
export interface ClusterEvent {
  readonly epochMs: number;
  /** view, standing, transition, operation, fence, change, disk, plugin, denied, alert, note. */
  readonly kind: string;
  readonly code: string;
  /** One sentence: what happened, to what, because of what. */
  readonly text: string;
  readonly severity: "info" | "warning" | "error";
  readonly node?: string;
  readonly resource?: string;
  readonly durationMs?: number;
}

/** Everything that goes between the main threads of two nodes. */
export type Message = KernelMessage | ServiceMessage;

export type NodeInput =
  | Tick
  | { readonly type: "view"; readonly view: View; readonly detectedAfterMs: Readonly<Record<string, number>> }
  | { readonly type: "message"; readonly from: NodeId; readonly incarnation: Incarnation; readonly message: Message }
  | { readonly type: "persisted"; readonly id: number }
  | { readonly type: "persist-failed"; readonly id: number; readonly code: string; readonly text: string }
  | { readonly type: "change"; readonly request: ChangeRequest }
  | { readonly type: "request"; readonly request: ServiceRequest }
  | { readonly type: "agent-outcome"; readonly id: number; readonly outcome: AgentOutcome }
  | { readonly type: "device-outcome"; readonly id: number; readonly outcome: DeviceOutcome }
  | { readonly type: "alert-outcome"; readonly id: number; readonly outcome: AlertOutcome }
  | { readonly type: "arbiter-outcome"; readonly id: string; readonly outcome: ArbiterOutcome }
  | { readonly type: "wall-clock"; readonly epochMs: number }
  /** An agent on this node sets (or, null, takes back) an attribute of this node: the promotion score `master-RESOURCE`. */
  | { readonly type: "attribute"; readonly name: string; readonly value: string | null }
  /** The operator accepts that acknowledged changes may be missing (START_OVERRIDE_COMMAND). */
  | { readonly type: "start-override" }
  /** Stop this node gracefully: move everything away, leave the view, exit. */
  | { readonly type: "shutdown" };

export type NodeEffect =
  | { readonly type: "send"; readonly to: NodeId; readonly message: Message }
  | { readonly type: "persist"; readonly id: number; readonly records: readonly StoreRecord[] }
  | { readonly type: "chain"; readonly chain: ChainPosition }
  /** Tell the pulse to form a view without this member. */
  | { readonly type: "shun"; readonly node: NodeId }
  | { readonly type: "agent-call"; readonly call: AgentCall }
  /** Abort the call now; its outcome still comes. */
  | { readonly type: "agent-abort"; readonly id: number; readonly why: string }
  | { readonly type: "device-call"; readonly call: DeviceCall }
  | { readonly type: "device-abort"; readonly id: number; readonly why: string }
  | { readonly type: "alert-call"; readonly call: AlertCall }
  /** The recipient is not configured any more. */
  | { readonly type: "alert-abort"; readonly id: number; readonly why: string }
  /** Ask the arbiter; exactly one outcome comes back under the same id, after this time at the latest. */
  | { readonly type: "arbiter-call"; readonly id: string; readonly call: ArbiterCall; readonly timeoutMs: number }
  | { readonly type: "change-answer"; readonly requestId: string; readonly outcome: ChangeOutcome }
  | { readonly type: "request-answer"; readonly requestId: string; readonly outcome: RequestOutcome }
  /** For everyone who looks on: API clients, the live view. */
  | { readonly type: "cib"; readonly cib: Element }
  | { readonly type: "standing"; readonly standing: Standing }
  | { readonly type: "event"; readonly event: ClusterEvent }
  /** Tell the pulse to leave; then exit. */
  | { readonly type: "leave" }
  | { readonly type: "exit"; readonly code: number; readonly text: string };
