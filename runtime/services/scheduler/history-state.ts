// What is recorded of operations, and what a run makes of it while it reads them.

import type { Element } from "../../kernel/cib/element.ts";
import type { OnFail } from "./kinds.ts";
import type { Cluster, Node, Resource } from "./state.ts";

/** One operation of the history (lrm_rsc_op), read once. */
export interface HistoryOperation {
  readonly element: Element;
  readonly id: string;
  readonly task: string;
  readonly intervalMs: number;
  readonly callId: number;
  /** op-status and rc-code; undefined when the text is no number. */
  readonly status: number | undefined;
  readonly result: number | undefined;
  /** Result that was wanted, -1 when not recorded. */
  readonly expected: number;
  readonly transitionKey: string | undefined;
  /** When the result became what it is, epoch seconds. */
  readonly changedAt: number | undefined;
  /** The operation is to run again because its failure expired. */
  rescheduled: boolean;
}

/** All that is recorded of a resource on a node (lrm_resource). */
export interface HistoryResource {
  readonly element: Element;
  readonly id: string;
  /** In the order in which they stand. */
  readonly operations: readonly HistoryOperation[];
  /** Oldest first, as far as that can be told. */
  sorted: readonly HistoryOperation[];
}

/** A result that people should see (a failure). */
export interface FailedOperation {
  readonly resource: Resource;
  readonly node: Node;
  readonly key: string;
  readonly operation: HistoryOperation;
}

/** A check of parameters that has to wait until a bundle's host is known. */
export interface ParameterCheck {
  readonly resource: Resource;
  readonly node: Node;
  readonly operation: HistoryOperation;
  readonly kind: "active" | "last-failure";
}

/** What the operations of one resource on one node come to. */
export interface HistoryState {
  readonly cluster: Cluster;
  readonly resource: Resource;
  readonly node: Node;
  lastFailure: HistoryOperation | undefined;
  onFail: OnFail;
}

/** One operation while it is being judged. */
export interface Judged {
  readonly state: HistoryState;
  readonly operation: HistoryOperation;
  status: number;
  result: number;
}
