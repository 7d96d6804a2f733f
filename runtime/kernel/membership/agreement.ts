// The two phases of agreeing on a view, as far as they concern one node: its own proposal, the proposals of others that it
// still holds, and what it has promised.
//
// A node accepts each view number at most once, and only numbers above all that it has accepted or installed. So two
// different views of one id cannot exist, the numbers a node installs only grow, and a view that shows a number above one's
// own without having been accepted here is a view that one is not in.

import type { Accept, Heard } from "./datagram.ts";
import type { NodeId, View, ViewId } from "./view.ts";

/** Bounds the ids a node remembers to have accepted; forgetting one only makes it leave a view and join again. */
const MAX_ACCEPTED = 64;

/** Bounds the proposals held for an answer: one a proposer, and no more than this. */
export const MAX_HELD_PROPOSALS = 128;

/** How often an unanswered proposal or accept is repeated at the short interval; after that at the heartbeat's. */
export const MAX_QUICK_REPEATS = 10;

/** A view this node has proposed and waits to see accepted. */
export interface OwnProposal {
  readonly id: ViewId;
  readonly members: readonly Heard[];
  readonly accepts: Map<NodeId, Accept>;
  /** How often its number was raised because somebody had promised a higher one. */
  readonly raises: number;
  repeats: number;
  repeatAtMs: number;
}

/** A proposal that is not answered yet: this node still hears a node that it leaves out, or does not yet hear one that it names. */
export interface HeldProposal {
  readonly id: ViewId;
  readonly members: readonly Heard[];
  readonly sinceMs: number;
}

/** A view this node has accepted and waits to see installed. */
export interface Awaited {
  readonly id: ViewId;
  readonly members: readonly Heard[];
  repeats: number;
  repeatAtMs: number;
}

/** What one node has said, promised and not yet answered. */
export class Agreement {
  /** The highest view number this node has proposed, accepted or installed. */
  promised: number;
  own: OwnProposal | undefined;
  awaited: Awaited | undefined;
  /** Newest last; one a proposer. */
  held: HeldProposal[] = [];
  private accepted: ViewId[] = [];

  constructor(promised: number) {
    this.promised = promised;
  }

  /** A number nobody here has promised. */
  nextNumber(promisedByOthers: number): number {
    return Math.max(this.promised, promisedByOthers) + 1;
  }

  /** Gives one's word for an id; own proposals are accepted by this too. */
  promise(id: ViewId): void {
    this.promised = Math.max(this.promised, id.number);
    this.accepted.push(id);
    if (this.accepted.length > MAX_ACCEPTED) this.accepted.shift();
  }

  hasAccepted(id: ViewId): boolean {
    return this.accepted.some((accepted) => accepted.number === id.number && accepted.proposer === id.proposer);
  }

  /** Keeps a proposal for a later answer. A proposer's later proposal of the same members keeps its place in time. */
  hold(id: ViewId, members: readonly Heard[], nowMs: number): void {
    const before = this.held.find((held) => held.id.proposer === id.proposer);
    const sinceMs = before !== undefined && sameMembers(before.members, members) ? before.sinceMs : nowMs;
    this.held = this.held.filter((held) => held !== before);
    if (this.held.length < MAX_HELD_PROPOSALS) this.held.push({ id, members, sinceMs });
  }

  drop(proposal: HeldProposal): void {
    this.held = this.held.filter((held) => held !== proposal);
  }

  /** A view is installed: what is older than it is settled. */
  installed(view: View): void {
    this.promised = Math.max(this.promised, view.id.number);
    this.own = undefined;
    this.awaited = undefined;
    this.held = this.held.filter((held) => held.id.number > view.id.number);
    this.accepted = this.accepted.filter((id) => id.number > view.id.number);
  }

  /** The proposer has started again and may give its numbers a second time: what was accepted from its earlier life is void. */
  forgetProposer(proposer: NodeId): void {
    this.accepted = this.accepted.filter((id) => id.proposer !== proposer);
    this.held = this.held.filter((held) => held.id.proposer !== proposer);
    if (this.awaited?.id.proposer === proposer) this.awaited = undefined;
  }

  /** This node has slept: nothing that it said before binds it to a view any more; the promised number stays. */
  forgetAll(): void {
    this.own = undefined;
    this.awaited = undefined;
    this.held = [];
    this.accepted = [];
  }
}

/** The same nodes in the same lives; both sorted by id. */
export function sameMembers(a: readonly Heard[], b: readonly Heard[]): boolean {
  return (
    a.length === b.length && a.every((member, i) => member.id === b[i]!.id && member.incarnation === b[i]!.incarnation)
  );
}
