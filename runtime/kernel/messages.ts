// What the kernels of the nodes say to one another over the reliable channel, and what surrounds the kernel on its node.
//
// The kernel joins quorum and the replicated CIB over the views that the pulse agrees on. One view's life in it:
//   view installed -> every member sends `state` to all -> each computes the same standing (quorate, primary, coordinator)
//   -> the coordinator takes the best log, merges the status, sends `catch-up` to whoever lacks something -> `synced` from all
//   -> established: changes flow (`append` -> persist -> `stored` -> `commit`).

import type { Element } from "./cib/element.ts";
import type { Tick } from "./machine.ts";
import type { ChainPosition, Incarnation, NodeId, View, ViewId } from "./membership/view.ts";

/** admin_epoch, epoch, num_updates, as in Pacemaker: compared from left to right. */
export interface CibVersion {
  readonly adminEpoch: number;
  readonly epoch: number;
  readonly numUpdates: number;
}

/** One step of a path in the CIB: an element's name, and its id where it has one. `/cib/status/node_state[@id='1']` */
export interface PathStep {
  readonly name: string;
  readonly id?: string;
}

/** From the root, which is left out: `[{name:"configuration"},{name:"resources"}]`. */
export type CibPath = readonly PathStep[];

/** One change of a patchset (Pacemaker's <diff format="2"> vocabulary; create carries the element, modify the whole new attribute set's difference). */
export type CibChange =
  | { readonly operation: "create"; readonly path: CibPath; readonly position: number; readonly element: Element }
  | {
      readonly operation: "modify";
      readonly path: CibPath;
      readonly set: Readonly<Record<string, string>>;
      readonly unset: readonly string[];
    }
  | { readonly operation: "move"; readonly path: CibPath; readonly position: number }
  | { readonly operation: "delete"; readonly path: CibPath; readonly position: number };

/** What turns one version of the CIB into the next. */
export interface Patchset {
  readonly source: CibVersion;
  readonly target: CibVersion;
  readonly changes: readonly CibChange[];
}

/** What a client wants done to the CIB, before the coordinator has made a patchset of it. */
export type CibEdit =
  /** Creates the element below `parent`, or replaces the one with the same name and id there. */
  | { readonly edit: "put"; readonly parent: CibPath; readonly element: Element }
  /** Merges attributes into the element at `path` (undefined removes), creating the path's elements that are missing. */
  | { readonly edit: "set"; readonly path: CibPath; readonly attributes: Readonly<Record<string, string | null>> }
  | { readonly edit: "delete"; readonly path: CibPath }
  /** Replaces the whole configuration section. */
  | { readonly edit: "replace-configuration"; readonly element: Element };

/** A request to change the CIB. The same id asked again is answered again, never applied twice. */
export interface ChangeRequest {
  readonly id: string;
  readonly edits: readonly CibEdit[];
  /** Refused as stale when the configuration is no longer this version (adminEpoch and epoch). */
  readonly base?: CibVersion;
  readonly who: string;
  readonly why: string;
}

/** The answer: done (durable on every member of the primary view, for the configuration), refused (nothing changed) or unknown (may or may not be in; ask again with the same id). */
export type ChangeOutcome =
  | { readonly outcome: "done"; readonly version: CibVersion }
  | { readonly outcome: "refused"; readonly code: string; readonly reason: string }
  | { readonly outcome: "unknown"; readonly reason: string };

/** Where a node's durable log of the configuration ends, and whether the store is whole. */
export interface LogPosition {
  /** The primary view in which the last entry was appended, then its index; compared from left to right. */
  readonly primaryNumber: number;
  readonly index: number;
  /** The last primary view this node promised (persisted) to be a member of. */
  readonly promisedPrimary: number;
  /** The view id and members of that last primary view, for judging who is missing. */
  readonly promisedMembers: readonly { readonly id: NodeId; readonly incarnation: Incarnation }[];
  /** False: lost or damaged; the node counts no vote until it has caught up from a primary view. */
  readonly intact: boolean;
}

/** A log entry: one change, in the order of the view. */
export interface LogEntry {
  readonly primaryNumber: number;
  readonly index: number;
  readonly requestId: string;
  readonly who: string;
  readonly why: string;
  readonly epochMs: number;
  readonly patchset: Patchset;
  /** Configuration changes are durable; status changes are ordered only. */
  readonly durable: boolean;
}

/** Kernel to kernel. */
export type KernelMessage =
  | {
      readonly type: "state";
      readonly view: ViewId;
      readonly position: LogPosition;
      readonly votes: number;
      readonly cibDigest: string;
      readonly statusDigest: string;
      /** Nodes whose power-off this node has seen confirmed since the last primary view. */
      readonly fenced: readonly { readonly id: NodeId; readonly incarnation: Incarnation }[];
      /** This node's own <node_state> as its services know it (the refresh after a merge); absent when nothing ran yet. */
      readonly nodeState?: Element;
    }
  | { readonly type: "catch-up-request"; readonly view: ViewId; readonly position: LogPosition }
  | {
      readonly type: "catch-up";
      readonly view: ViewId;
      readonly primaryNumber: number;
      /** Entries after the receiver's position, or the whole document. */
      readonly entries?: readonly LogEntry[];
      readonly whole?: { readonly cib: Element; readonly position: LogPosition; readonly recentRequestIds: readonly string[] };
      readonly status?: Element;
    }
  | { readonly type: "synced"; readonly view: ViewId }
  | { readonly type: "established"; readonly view: ViewId; readonly primaryNumber: number }
  | { readonly type: "append"; readonly view: ViewId; readonly entry: LogEntry; readonly digest: string }
  | { readonly type: "stored"; readonly view: ViewId; readonly index: number }
  | { readonly type: "commit"; readonly view: ViewId; readonly index: number }
  | { readonly type: "change"; readonly request: ChangeRequest }
  | { readonly type: "change-answer"; readonly requestId: string; readonly outcome: ChangeOutcome }
  | { readonly type: "fenced"; readonly node: NodeId; readonly incarnation: Incarnation };

/** Whether this node may act, and why; computed from the view alone, so equal on each member. */
export interface Standing {
  readonly view: View;
  readonly coordinator: NodeId;
  readonly quorate: boolean;
  /** Quorate and nothing of the previous primary view can still be acting: changes are acknowledged, resources started. */
  readonly primary: boolean;
  /** The state exchange is over and the CIB is the same on every member. */
  readonly established: boolean;
  readonly primaryNumber: number;
  readonly votes: number;
  readonly expectedVotes: number;
  /** In words, for people. */
  readonly reason: string;
}

export type KernelInput =
  | Tick
  | { readonly type: "view"; readonly view: View }
  | { readonly type: "message"; readonly from: NodeId; readonly message: KernelMessage }
  | { readonly type: "persisted"; readonly id: number }
  | { readonly type: "persist-failed"; readonly id: number; readonly code: string; readonly text: string }
  /** A change asked for on this node (CLI or services). Answered by the effect `answer`. */
  | { readonly type: "change"; readonly request: ChangeRequest }
  /** This node's fencer has read "off" from a device. */
  | { readonly type: "fenced"; readonly node: NodeId; readonly incarnation: Incarnation }
  /** What this node's services know of this node, for the next state exchange. */
  | { readonly type: "node-state"; readonly element: Element }
  /** The wall clock, for log entries and the CIB's stamps. */
  | { readonly type: "wall-clock"; readonly epochMs: number };

/** What goes to disk, in order, in one write and one fsync. */
export type StoreRecord =
  | { readonly record: "entry"; readonly entry: LogEntry }
  | { readonly record: "promise"; readonly primaryNumber: number; readonly members: LogPosition["promisedMembers"] }
  | { readonly record: "whole"; readonly cib: Element; readonly position: LogPosition; readonly recentRequestIds: readonly string[] };

export type KernelEffect =
  | { readonly type: "send"; readonly to: NodeId; readonly message: KernelMessage }
  | { readonly type: "persist"; readonly id: number; readonly records: readonly StoreRecord[] }
  /** The committed CIB is now this. `changed` says which sections differ from the one before. */
  | { readonly type: "cib"; readonly cib: Element; readonly changed: { readonly configuration: boolean; readonly status: boolean } }
  | { readonly type: "standing"; readonly standing: Standing }
  | { readonly type: "answer"; readonly requestId: string; readonly outcome: ChangeOutcome }
  | { readonly type: "chain"; readonly chain: ChainPosition }
  | { readonly type: "note"; readonly code: string; readonly text: string; readonly node?: NodeId }
  /** This node can no longer keep its promises (disk): leave the view and stop. */
  | { readonly type: "step-out"; readonly code: string; readonly text: string };
