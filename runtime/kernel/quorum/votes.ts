// May this view act? Votes are counted here and nowhere else, from the configuration, the agreed view and what its members
// said in their `state` messages. A plain function: equal arguments give an equal answer on each member.
//
// Two questions, and the second is the harder one. Quorate: does this view hold enough votes that no other view can hold as
// many? Primary: quorate, and nothing of the previous primary view can still be acting on its own: each member of it that
// is missing here left cleanly, was read "off" by a fence device, or is outvoted by a strict majority of all the votes that
// are configured. So any two primary views share a member or are separated by a fence, and no acknowledged change is lost.

import type { Incarnation, NodeId, View } from "../membership/view.ts";

/** The command that lets a cluster start without a majority of intact stores. */
export const START_OVERRIDE_COMMAND = "systole cib recover --accept-loss";

/** A configured node and its votes (0: a member that never decides). */
export interface QuorumNode {
  readonly id: NodeId;
  readonly name: string;
  readonly votes: number;
}

/** How votes are counted: the quorum section of the configuration, in votequorum's terms. */
export interface QuorumConfig {
  readonly nodes: readonly QuorumNode[];
  /** Votes of the whole cluster; the sum over `nodes` when absent. A changed value is a committed entry of the log. */
  readonly expectedVotes?: number;
  /** Two nodes of one vote each: one vote is a quorum, and the survivor waits for the fence. */
  readonly twoNode: boolean;
  /** After a start of the whole cluster nothing is quorate until all nodes have been seen together once. Wanted with `twoNode`. */
  readonly waitForAll: boolean;
  /** Of two equal halves, the one with the lowest configured id is quorate. */
  readonly autoTieBreaker: boolean;
  /** Expected votes sink with the members that are lost, down to two (see `reducedExpectedVotes` of the verdict). */
  readonly lastManStanding: boolean;
  /** Expected votes sink also with a clean leave. */
  readonly allowDownscale: boolean;
  /** Fencing is enabled and has a device: a missing member can be confirmed off. */
  readonly fencing: boolean;
  /** The operator has accepted that acknowledged changes may be lost. Status shows it. */
  readonly acceptLoss: boolean;
}

/** What one member of the view said of itself in its `state` message. */
export interface MemberState {
  readonly id: NodeId;
  readonly incarnation: Incarnation;
  /** The last primary view it has persisted to be a member of (0: none), and who else was. */
  readonly promisedPrimary: number;
  readonly promisedMembers: readonly { readonly id: NodeId; readonly incarnation: Incarnation }[];
  /** False: its store is lost or damaged; it counts no vote until it has caught up from a primary view. */
  readonly intact: boolean;
  /** Lives whose power-off it has seen confirmed since the last primary view. */
  readonly fenced: readonly { readonly id: NodeId; readonly incarnation: Incarnation }[];
  /** The operator has given START_OVERRIDE_COMMAND on this node. */
  readonly startOverride?: boolean;
}

/** How a member of the previous primary view that is missing now is accounted for; only `unaccounted` stands in the way. */
export type MissingAccount = "left" | "fenced" | "outvoted" | "loss-accepted" | "unaccounted";

/** A member of the previous primary view that is not in this view. */
export interface MissingMember {
  readonly id: NodeId;
  readonly incarnation: Incarnation;
  readonly account: MissingAccount;
}

/** The judgement on a view. */
export interface QuorumVerdict {
  readonly quorate: boolean;
  readonly primary: boolean;
  /** Votes of the members whose store is intact. */
  readonly votes: number;
  readonly expectedVotes: number;
  /** How many votes are a quorum now. */
  readonly quorumVotes: number;
  /** Cause, effect and next step, for people. */
  readonly reason: string;
  /** Sorted by id. */
  readonly missing: readonly MissingMember[];
  /** With lastManStanding or allowDownscale: what a primary view may commit as the new expected votes. */
  readonly reducedExpectedVotes?: number;
}
