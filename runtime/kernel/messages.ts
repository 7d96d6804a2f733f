// What the kernels of the nodes say to one another over the reliable channel, and what surrounds the kernel on its node.
//
// The kernel joins quorum and the replicated CIB over the views that the pulse agrees on. One view's life in it:
//   view installed -> every member sends `state` to all
//   -> the coordinator gets the best log and the newest status among them (`fetch`, `fetched`), judges quorum on that document
//   -> `catch-up` to all: each has the same document now, in memory, and promises (on disk) the primary number, if there is one
//   -> `synced` from all -> `adopt`: each writes to disk what its log lacks, under that number -> `adopted` from all
//   -> `established`: changes flow (`append` -> persist -> `stored` -> `commit`).
// A view that is not primary leaves out promise and adoption. It can become primary later without a new view, when a fence is
// confirmed: `catch-up` (which then carries nothing but the number) to `established` is gone through again.

import type { Element } from "./cib/element.ts";
import type { Tick } from "./machine.ts";
import type { ChainPosition, Incarnation, NodeId, View, ViewId } from "./membership/view.ts";
import type { ArbiterWord, MissingMember } from "./quorum/votes.ts";

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

/**
 * The answer: done (durable on every member of the primary view, for the configuration), refused (nothing changed) or unknown (may
 * or may not be in; ask again with the same id). A refusal from a view that is not primary (no-quorum, unavailable) speaks of this
 * asking only: when the same id was answered "unknown" before, that is still so.
 */
export type ChangeOutcome =
  | { readonly outcome: "done"; readonly version: CibVersion }
  | { readonly outcome: "refused"; readonly code: string; readonly reason: string }
  | { readonly outcome: "unknown"; readonly reason: string };

/** One life of a node. */
export interface NodeLife {
  readonly id: NodeId;
  readonly incarnation: Incarnation;
}

/**
 * Where a node's durable log of the configuration ends, and whether the store is whole. Of two logs the better one is that with
 * the higher adoptedPrimary, then the higher index.
 */
export interface LogPosition {
  /** The primary view in which the last entry was appended (0: none), and its index, which counts the entries since the founding. */
  readonly primaryNumber: number;
  readonly index: number;
  /** The last primary view whose log this node has taken over as its own: what was committed before is in this log. */
  readonly adoptedPrimary: number;
  /**
   * The last primary view that this log was adopted in as a whole, so that it has all that was acknowledged there. `adoptedPrimary` may be
   * higher: of a catch-up that was interrupted the first entries count as adopted in the view that made them. Absent: not known.
   */
  readonly wholePrimary?: number;
  /** The last primary view this node promised (persisted) to be a member of; it takes part in none of the same or a lower number. */
  readonly promisedPrimary: number;
  /** The members of that last primary view, for judging who is missing. */
  readonly promisedMembers: readonly NodeLife[];
  /** False: lost, damaged or not there yet; the node counts no vote until it has caught up from a primary view. */
  readonly intact: boolean;
  /** True: there is no trace of a store. When all configured nodes are together and say so, they found a new cluster. */
  readonly empty: boolean;
}

/** A log entry: one change, in the order of the view. */
export interface LogEntry {
  readonly primaryNumber: number;
  /** Of a durable entry its place in the log; of another one that of the last durable entry before it. */
  readonly index: number;
  readonly requestId: string;
  readonly who: string;
  readonly why: string;
  readonly epochMs: number;
  /** In the log of the disk and in a catch-up without the changes of the status section, and with numUpdates 0. */
  readonly patchset: Patchset;
  /** Configuration changes are durable; status changes are ordered only. */
  readonly durable: boolean;
}

/** A request that was carried out, remembered so that it is not carried out twice. */
export interface CompletedRequest {
  readonly id: string;
  readonly version: CibVersion;
}

/** A change of the configuration as it is remembered (see cib/history.ts). */
export interface PastChange {
  /** Its place in the log: counts the changes since the founding of the cluster. */
  readonly number: number;
  /** Which version it led to. */
  readonly version: CibVersion;
  readonly who: string;
  readonly why: string;
  readonly epochMs: number;
  /** How many single changes it consists of, and roughly how long it is. */
  readonly changes: number;
  readonly characters: number;
  /** What it did, and what leads back; absent when it is too long to be kept. */
  readonly patch?: { readonly forth: Patchset; readonly back: Patchset };
}

/** The replicated durable state as a whole: the document has no status section. */
export interface LogSnapshot {
  readonly cib: Element;
  readonly position: LogPosition;
  /** Oldest first, bounded by RECENT_REQUESTS. */
  readonly recentRequests: readonly CompletedRequest[];
  /** Oldest first, bounded by HISTORY_CHANGES and HISTORY_CHARACTERS. */
  readonly history: readonly PastChange[];
}

/** What brings another log up to this one: the entries after a point that both have, or everything. */
export type LogDifference =
  | { readonly difference: "entries"; readonly entries: readonly LogEntry[] }
  | { readonly difference: "whole"; readonly snapshot: LogSnapshot };

/**
 * A view for as long as anybody remembers it. Its id alone is not enough: a proposer that has started again counts from the
 * last primary view, so two of its lives can give the same number to different views.
 */
export interface PastView extends ViewId {
  readonly proposerIncarnation: Incarnation;
}

/** Kernel to kernel. Each names its view: a message of an older view is dropped, one of a newer view waits until that is installed here. */
export type KernelMessage =
  | {
      readonly type: "state";
      readonly view: ViewId;
      readonly position: LogPosition;
      /** Of the CIB as seen here. */
      readonly version: CibVersion;
      /** The last view that was established here, and how many changes of it are in this node's status. */
      readonly lastView?: PastView;
      readonly sequence: number;
      readonly statusDigest: string;
      /** Nodes whose power-off this node has seen confirmed since the last primary view. */
      readonly fenced: readonly NodeLife[];
      /** The operator has told this node to start without a majority of intact stores. */
      readonly startOverride: boolean;
      /** This node's own <node_state> as its services know it (the refresh after a merge); absent when nothing ran yet. */
      readonly nodeState?: Element;
    }
  /** Asks for the log after `after`, for the status section, or both. */
  | { readonly type: "fetch"; readonly view: ViewId; readonly after?: LogPosition; readonly status: boolean }
  | { readonly type: "fetched"; readonly view: ViewId; readonly log?: LogDifference; readonly status?: Element }
  | {
      readonly type: "catch-up";
      readonly view: ViewId;
      /** To be promised, durably, before the answer; 0: the view is not primary. */
      readonly primaryNumber: number;
      /** The grounds for that, beyond the view and the states, so that each member can judge for itself. */
      readonly fenced: readonly NodeLife[];
      readonly startOverride: boolean;
      /** What the arbiter has said, where its vote decides. */
      readonly arbiter?: ArbiterWord;
      /** Absent: the receiver has it already. */
      readonly log?: LogDifference;
      readonly status?: Element;
      /** Of the document that the receiver has when all of this is applied, and the digest of its configuration. */
      readonly version: CibVersion;
      readonly digest: string;
    }
  | { readonly type: "synced"; readonly view: ViewId; readonly primaryNumber: number }
  | { readonly type: "adopt"; readonly view: ViewId; readonly primaryNumber: number }
  | { readonly type: "adopted"; readonly view: ViewId; readonly primaryNumber: number }
  | { readonly type: "established"; readonly view: ViewId; readonly primaryNumber: number }
  /** `sequence` counts all entries of the view; all up to `committed` may be shown. `digest` of the configuration, now and then. */
  | {
      readonly type: "append";
      readonly view: ViewId;
      readonly sequence: number;
      readonly entry: LogEntry;
      readonly committed: number;
      readonly digest?: string;
    }
  /** Every durable entry up to this sequence is on the sender's disk. */
  | { readonly type: "stored"; readonly view: ViewId; readonly sequence: number }
  | { readonly type: "commit"; readonly view: ViewId; readonly sequence: number }
  | { readonly type: "change"; readonly view: ViewId; readonly request: ChangeRequest }
  | {
      readonly type: "change-answer";
      readonly view: ViewId;
      readonly requestId: string;
      readonly outcome: ChangeOutcome;
    }
  | { readonly type: "fenced"; readonly view: ViewId; readonly node: NodeId; readonly incarnation: Incarnation }
  | { readonly type: "start-override"; readonly view: ViewId };

/**
 * Whether this node may act, and why. Equal on each member once it is established. Before that (each new view begins so) nothing
 * is decided: `quorate` and `primary` are false because nobody knows yet, not because quorum is lost; wait for the next standing.
 */
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
  /** In words, for people: cause, effect, next step. */
  readonly reason: string;
  /** Members of the previous primary view that are not here, and how each is accounted for; sorted by id. */
  readonly missing: readonly MissingMember[];
}

/** One call of the arbiter: a register at a third place, that can be read and replaced if it is still what was read. */
export type ArbiterCall =
  | { readonly verb: "read" }
  /** Without a tag: only if nothing stands there. */
  | { readonly verb: "replace"; readonly expectedTag?: string; readonly text: string };

/**
 * What came of a call, exactly once for each. "error" and "timeout" of a replacement: perhaps it was done, perhaps it will be; only reading
 * tells. "conflict": something else stands there, and nothing was done.
 */
export type ArbiterOutcome =
  | { readonly outcome: "read"; readonly text: string; readonly tag: string }
  | { readonly outcome: "absent" }
  | { readonly outcome: "replaced" }
  | { readonly outcome: "conflict" }
  | { readonly outcome: "error" | "timeout"; readonly reason: string };

export type KernelInput =
  | Tick
  | { readonly type: "view"; readonly view: View }
  | { readonly type: "message"; readonly from: NodeId; readonly message: KernelMessage }
  | { readonly type: "persisted"; readonly id: number }
  | { readonly type: "persist-failed"; readonly id: number; readonly code: string; readonly text: string }
  /**
   * A change asked for on this node (CLI or services). Answered by the effect `answer`. With `thisViewOnly` it is not taken over into
   * another view: what it says was true in this one.
   */
  | { readonly type: "change"; readonly request: ChangeRequest; readonly thisViewOnly?: true }
  /** This node's fencer has read "off" from a device. */
  | { readonly type: "fenced"; readonly node: NodeId; readonly incarnation: Incarnation }
  /** The operator accepts that acknowledged changes may be missing (START_OVERRIDE_COMMAND): counts for this life of the node. */
  | { readonly type: "start-override" }
  | { readonly type: "arbiter-outcome"; readonly id: string; readonly outcome: ArbiterOutcome }
  /** What this node's services know of this node, for the next state exchange. */
  | { readonly type: "node-state"; readonly element: Element }
  /** The wall clock, for log entries and the CIB's stamps. */
  | { readonly type: "wall-clock"; readonly epochMs: number };

/**
 * What goes to disk, in order, in one write and one fsync. `adopt`: the log up to here is that of this primary view. `whole` replaces
 * everything before it.
 */
export type StoreRecord =
  | { readonly record: "entry"; readonly entry: LogEntry }
  | { readonly record: "promise"; readonly primaryNumber: number; readonly members: readonly NodeLife[] }
  | { readonly record: "adopt"; readonly primaryNumber: number }
  | { readonly record: "whole"; readonly snapshot: LogSnapshot };

/** What a check of a new configuration has to say against it. */
export interface ConfigurationProblem {
  readonly code: string;
  /** Element, id and what is wrong, in a sentence. */
  readonly text: string;
}

export type KernelEffect =
  | { readonly type: "send"; readonly to: NodeId; readonly message: KernelMessage }
  | { readonly type: "persist"; readonly id: number; readonly records: readonly StoreRecord[] }
  /** The committed CIB is now this. `changed` says which sections differ from the one before. */
  | {
      readonly type: "cib";
      readonly cib: Element;
      readonly changed: { readonly configuration: boolean; readonly status: boolean };
    }
  | { readonly type: "standing"; readonly standing: Standing }
  | { readonly type: "answer"; readonly requestId: string; readonly outcome: ChangeOutcome }
  | { readonly type: "chain"; readonly chain: ChainPosition }
  /** Ask the arbiter; the outcome comes back under the same id. */
  | { readonly type: "arbiter-call"; readonly id: string; readonly call: ArbiterCall; readonly timeoutMs: number }
  | { readonly type: "note"; readonly code: string; readonly text: string; readonly node?: NodeId }
  /** This member holds everybody up and does not go by itself: form a view without it. */
  | { readonly type: "shun"; readonly node: NodeId }
  /** This node can no longer keep its promises (disk): leave the view and stop. */
  | { readonly type: "step-out"; readonly code: string; readonly text: string };
