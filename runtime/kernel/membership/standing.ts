// Where a node stands: the view it has installed, its peers, and its row, that is whom it hears and would form a view with.
//
// The row is what the node tells the others. Besides those it does not hear, it leaves out those with whom it may not go on
// just now, so that the others see it too: a later life of a member (the view loses the earlier one first), a member that
// has gone to a view this node is not in, and a node that still shows a view which this node has left.

import type { Agreement } from "./agreement.ts";
import type { Heard } from "./datagram.ts";
import { type DepartureMap, learnDeparture } from "./departures.ts";
import { newPeer, type Peer, sameRow } from "./peers.ts";
import type { Knowledge } from "./targets.ts";
import type { DepartureCause, Incarnation, NodeId, View, ViewMember } from "./view.ts";

/** Bounds the views a node remembers to have left; a peer that still shows an older one is told apart by its row. */
const MAX_PAST_VIEWS = 32;

/** How the row differs from the one before. */
export type RowChange = "same" | "grown" | "lost";

/** The state that targets are chosen from. */
export class Standing implements Knowledge {
  readonly self: NodeId;
  readonly incarnation: Incarnation;
  readonly peers: ReadonlyMap<NodeId, Peer>;
  /** The same peers, sorted by id. */
  readonly peerList: readonly Peer[];
  readonly departures: DepartureMap = new Map();
  view: View;
  memberOf: ReadonlyMap<NodeId, ViewMember> = new Map();
  row: readonly Heard[] = [];
  rowIds: ReadonlySet<NodeId> = new Set();
  private readonly agreement: Agreement;
  private readonly pastViews: { readonly id: View["id"]; readonly memberOf: ReadonlyMap<NodeId, ViewMember> }[] = [];

  constructor(self: NodeId, incarnation: Incarnation, peerIds: readonly NodeId[], links: number, agreement: Agreement) {
    this.self = self;
    this.incarnation = incarnation;
    this.agreement = agreement;
    this.peerList = [...new Set(peerIds)]
      .filter((id) => id !== self)
      .sort((a, b) => a - b)
      .map((id) => newPeer(id, links));
    this.peers = new Map(this.peerList.map((peer) => [peer.id, peer]));
    this.view = { id: { number: 0, proposer: self }, members: [], departures: [] };
  }

  /** This life of the peer is a member of the installed view. */
  isMember(peer: Peer): boolean {
    return this.memberOf.get(peer.id)?.incarnation === peer.incarnation;
  }

  /** A member shows a later view that this node never accepted: it is in a view without this node. */
  isDisplaced(peer: Peer): boolean {
    return (
      peer.shown !== undefined &&
      peer.shown.number > this.view.id.number &&
      this.isMember(peer) &&
      !this.agreement.hasAccepted(peer.shown)
    );
  }

  private isUsable(peer: Peer, nowMs: number): boolean {
    const shown = peer.shown;
    if (!peer.heard || shown === undefined || peer.mustPart || nowMs < peer.shunnedUntilMs) return false;
    const member = this.memberOf.get(peer.id);
    if (member !== undefined) return member.incarnation === peer.incarnation && !this.isDisplaced(peer);
    return !this.showsPastView(peer, shown);
  }

  /** It still shows a view in which both were; nodes that all started again may have made another one of that id. */
  private showsPastView(peer: Peer, shown: View["id"]): boolean {
    return this.pastViews.some(
      ({ id, memberOf }) =>
        id.number === shown.number &&
        id.proposer === shown.proposer &&
        memberOf.get(peer.id)?.incarnation === peer.incarnation,
    );
  }

  /** Computes the row anew; the array stays the same object while nothing changes. */
  refreshRow(nowMs: number): RowChange {
    const row: Heard[] = [];
    for (const peer of this.peerList) {
      if (this.isUsable(peer, nowMs)) row.push({ id: peer.id, incarnation: peer.incarnation });
    }
    if (sameRow(row, this.row)) return "same";
    const before = this.row;
    this.row = row;
    this.rowIds = new Set(row.map(({ id }) => id));
    const lost = before.some(({ id, incarnation }) => !this.rowHas(id, incarnation));
    return lost ? "lost" : "grown";
  }

  /** The node, in this life, is in the row. */
  rowHas(id: NodeId, incarnation: Incarnation): boolean {
    return this.rowIds.has(id) && this.peers.get(id)?.incarnation === incarnation;
  }

  /** Everybody of the row and of the view is the same: nothing to gain, nothing to lose. */
  isSettled(): boolean {
    return this.row.length === this.view.members.length - 1 && this.row.every(({ id }) => this.memberOf.has(id));
  }

  /** Notes how the members that `members` leaves out went, as far as this node knows. */
  learnLosses(members: readonly Heard[]): void {
    for (const old of this.view.members) {
      if (
        old.id === this.self ||
        members.some((member) => member.id === old.id && member.incarnation === old.incarnation)
      ) {
        continue;
      }
      learnDeparture(this.departures, { id: old.id, incarnation: old.incarnation, cause: this.causeOf(old) });
    }
  }

  private causeOf(old: ViewMember): DepartureCause {
    const peer = this.peers.get(old.id);
    if (peer === undefined) return "unreachable";
    if (peer.leftIncarnation === old.incarnation) return "left";
    if (peer.incarnation > old.incarnation) return "restarted";
    return peer.heard ? "unreachable" : "silent";
  }

  /** When each member of the present view that `next` leaves out was last heard. */
  lastHeardOfLost(next: View): Record<string, number> {
    const lastHeardMs: Record<string, number> = {};
    for (const old of this.view.members) {
      if (
        old.id === this.self ||
        next.members.some((member) => member.id === old.id && member.incarnation === old.incarnation)
      ) {
        continue;
      }
      const peer = this.peers.get(old.id);
      if (peer === undefined) continue;
      const heardMs = peer.incarnation === old.incarnation ? peer.lastHeardMs : peer.earlierLifeHeardMs;
      if (Number.isFinite(heardMs)) lastHeardMs[String(old.id)] = heardMs;
    }
    return lastHeardMs;
  }

  /** Takes a view as the present one. */
  install(view: View): void {
    this.learnLosses(view.members);
    for (const departure of view.departures) learnDeparture(this.departures, departure);
    for (const member of view.members) this.departures.delete(member.id);
    if (this.view.members.length > 1) {
      this.pastViews.push({ id: this.view.id, memberOf: this.memberOf });
      if (this.pastViews.length > MAX_PAST_VIEWS) this.pastViews.shift();
    }
    this.view = view;
    this.memberOf = new Map(view.members.map((member) => [member.id, member]));
    for (const peer of this.peerList) peer.mustPart &&= this.isMember(peer);
  }
}
