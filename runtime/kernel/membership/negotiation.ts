// How a node comes from what it wants to a view: it proposes when it is the lowest of those that shall form the view,
// answers the proposals of others, holds those that it cannot answer yet, and repeats what may have been lost.

import { faultPlanted, type Plantable } from "../planted-fault.ts";
import {
  type Agreement,
  type Awaited,
  type HeldProposal,
  MAX_QUICK_REPEATS,
  type OwnProposal,
  sameMembers,
} from "./agreement.ts";
import { compareCliques } from "./clique.ts";
import type { Accept, Datagram, Heard, Install, Propose, Refuse } from "./datagram.ts";
import { type DepartureMap, learnDeparture, listDepartures } from "./departures.ts";
import { Patience } from "./patience.ts";
import type { Peer } from "./peers.ts";
import type { RowChange, Standing } from "./standing.ts";
import { type ShrinkWish, seniorityRank, wishToGrow, wishToShrink } from "./targets.ts";
import type { ChainPosition, Incarnation, NodeId, View, ViewMember } from "./view.ts";

/** An unanswered proposal, accept or install is repeated after a quarter of the heartbeat interval, within these bounds. */
const MIN_REPEAT_MS = 10;
const MAX_REPEAT_MS = 100;

/** What the negotiation has done for it. */
export interface NegotiationPort {
  readonly send: (to: NodeId, datagram: Datagram) => void;
  readonly install: (view: View, nowMs: number) => void;
  readonly note: (code: string, text: string, node?: NodeId) => void;
}

/** The settings it needs. */
export interface NegotiationConfig extends Plantable {
  readonly self: NodeId;
  readonly incarnation: Incarnation;
  readonly featureLevel: number;
  readonly heartbeatIntervalMs: number;
  readonly detectionTimeoutMs: number;
  readonly chain?: ChainPosition;
}

/** One node's part in agreeing on views. */
export class Negotiation {
  chain: ChainPosition;
  readonly repeatMs: number;
  private readonly config: NegotiationConfig;
  private readonly standing: Standing;
  private readonly agreement: Agreement;
  private readonly port: NegotiationPort;
  readonly patience: Patience;
  private shrink: ShrinkWish = { wish: "none" };
  private grow: readonly Heard[] | undefined;
  private shrinkStale = false;
  private growStale = false;
  private heldStale = false;
  private proposalStale = false;

  constructor(config: NegotiationConfig, standing: Standing, agreement: Agreement, port: NegotiationPort) {
    this.config = config;
    this.standing = standing;
    this.agreement = agreement;
    this.port = port;
    this.chain = config.chain ?? { primaryNumber: 0, seniority: 0 };
    this.repeatMs = Math.min(MAX_REPEAT_MS, Math.max(MIN_REPEAT_MS, config.heartbeatIntervalMs / 4));
    this.patience = new Patience(config, standing);
  }

  /** A datagram of this peer came: perhaps it was in doubt. */
  heardFrom(id: NodeId): void {
    if (this.shrink.wish === "wait" && this.shrink.unsettled.includes(id)) this.shrinkStale = true;
  }

  /** The peer's row or view has changed. */
  peerChanged(peer: Peer): void {
    this.heldStale = this.agreement.held.length > 0;
    if (!this.standing.isMember(peer)) return;
    const { row, memberOf } = this.standing;
    const lacksOne = row.some(({ id }) => id !== peer.id && memberOf.has(id) && !peer.hears.has(id));
    const lacksSelf = peer.hears.get(this.config.self) !== this.config.incarnation;
    if (lacksOne || lacksSelf || this.shrink.wish !== "none") this.shrinkStale = true;
  }

  /** This node's own row has changed. */
  rowChanged(change: RowChange): void {
    if (change === "lost") {
      this.shrinkStale = true;
      this.grow = undefined;
      this.proposalStale = true;
    }
    this.heldStale = true;
  }

  /** Looks at everything again. */
  reconsider(): void {
    this.shrinkStale = true;
    this.heldStale = true;
  }

  /** Newcomers have had their time to gather. */
  welcome(): void {
    this.growStale = true;
  }

  deadlineMs(): number {
    const { own, awaited } = this.agreement;
    return Math.min(own?.repeatAtMs ?? Number.POSITIVE_INFINITY, awaited?.repeatAtMs ?? Number.POSITIVE_INFINITY);
  }

  /** One round of decisions; true when something changed that may lead to more. */
  decide(nowMs: number): boolean {
    if (this.shrinkStale) {
      this.shrinkStale = false;
      this.shrink = wishToShrink(this.standing);
      if (this.shrink.wish !== "none") this.grow = undefined;
      this.heldStale = true;
      this.proposalStale = true;
    }
    if (this.growStale) {
      this.growStale = false;
      if (this.shrink.wish === "none" && this.agreement.awaited === undefined) {
        this.grow = wishToGrow(this.standing);
        this.heldStale = true;
        this.proposalStale = true;
      }
    }
    const installedBefore = this.standing.view.id;
    if (this.heldStale) {
      this.heldStale = false;
      if (this.agreement.held.length > 0) this.answerHeld(nowMs);
    }
    if (this.proposalStale) {
      this.proposalStale = false;
      this.pursue(nowMs);
    }
    return this.standing.view.id !== installedBefore;
  }

  /** Sees to it that the wanted view is on its way, if it is for this node to propose it. */
  private pursue(nowMs: number): void {
    const wanted = this.shrink.wish === "target" ? this.shrink.members : this.grow;
    const { agreement } = this;
    if (wanted === undefined || this.shrink.wish === "wait") {
      agreement.own = undefined;
      return;
    }
    if (agreement.awaited !== undefined && !sameMembers(agreement.awaited.members, wanted)) {
      if (this.shrink.wish !== "target") return;
      agreement.awaited = undefined;
    }
    if (wanted.length === 1) this.installAlone(nowMs);
    else if (wanted[0]!.id !== this.config.self) this.waitFor(wanted, nowMs);
    else if (agreement.own === undefined || !sameMembers(agreement.own.members, wanted)) this.propose(wanted, 0, nowMs);
  }

  /** Another one is to propose. If it never does it wants something else, and this node must look for others. */
  private waitFor(wanted: readonly Heard[], nowMs: number): void {
    this.agreement.own = undefined;
    const unwilling = this.patience.waitFor(wanted, nowMs);
    if (unwilling !== undefined) this.giveUpOn(unwilling, wanted, nowMs);
  }

  private giveUpOn(peer: Peer, wanted: readonly Heard[], nowMs: number): void {
    this.patience.giveUpOn(peer, wanted, this.shrink.wish === "target", nowMs);
    const text = `Node ${peer.id} does not agree to a view of ${wanted.length} nodes: going on without it for a while.`;
    this.port.note("peer-disagrees", text, peer.id);
  }

  private propose(members: readonly Heard[], raises: number, nowMs: number): void {
    let promised = 0;
    for (const { id } of members) promised = Math.max(promised, this.standing.peers.get(id)?.promised ?? 0);
    const id = { number: this.agreement.nextNumber(promised), proposer: this.config.self };
    this.agreement.promise(id);
    this.agreement.awaited = undefined;
    const own: OwnProposal = { id, members, accepts: new Map(), raises, repeats: 0, repeatAtMs: nowMs + this.repeatMs };
    this.agreement.own = own;
    this.sendProposal(own);
  }

  private sendProposal(own: OwnProposal): void {
    const { self, incarnation } = this.config;
    const proposal: Propose = { type: "propose", incarnation, id: own.id, members: own.members };
    for (const { id } of own.members) {
      if (id !== self && !own.accepts.has(id)) this.port.send(id, proposal);
    }
  }

  /** A view of this node alone needs nobody's word. */
  installAlone(nowMs: number): void {
    const { self, incarnation, featureLevel } = this.config;
    const id = { number: this.agreement.nextNumber(0), proposer: self };
    this.agreement.promise(id);
    const alone: ViewMember = { id: self, incarnation, featureLevel, ...this.chain };
    this.standing.learnLosses([alone]);
    this.finish({ id, members: [alone], departures: listDepartures(this.standing.departures, [alone]) }, nowMs);
  }

  private finish(view: View, nowMs: number): void {
    this.shrink = { wish: "none" };
    this.grow = undefined;
    this.patience.reset();
    this.shrinkStale = true;
    this.heldStale = true;
    this.port.install(view, nowMs);
  }

  /** Takes everything that is neither a heartbeat nor a leave. */
  receive(peer: Peer, datagram: Datagram, nowMs: number): void {
    switch (datagram.type) {
      case "propose":
        this.takeProposal(peer, datagram, nowMs);
        break;
      case "accept":
        this.takeAccept(peer, datagram, nowMs);
        break;
      case "refuse":
        this.takeRefusal(peer, datagram, nowMs);
        break;
      case "install":
        this.takeInstall(datagram, nowMs);
        break;
      default:
        // Pieces of the channel count as a sign of life and nothing else here.
        break;
    }
  }

  private takeProposal(peer: Peer, proposal: Propose, nowMs: number): void {
    const { id, members } = proposal;
    const { self, incarnation } = this.config;
    if (id.proposer !== peer.id || id.number <= this.standing.view.id.number) {
      if (id.proposer === peer.id && id.number < this.standing.view.id.number) this.refuse(id);
      return;
    }
    if (!members.some((member) => member.id === self && member.incarnation === incarnation)) return;
    if (this.agreement.hasAccepted(id)) this.sendAccept(id, members);
    else if (id.number <= this.agreement.promised) this.refuse(id);
    else {
      this.agreement.hold(id, members, nowMs);
      this.heldStale = true;
    }
  }

  private refuse(id: View["id"]): void {
    const { incarnation } = this.config;
    this.port.send(id.proposer, { type: "refuse", incarnation, id, promised: this.agreement.promised });
  }

  private answerHeld(nowMs: number): void {
    const best = [...this.agreement.held].sort(
      (a, b) => b.members.length - a.members.length || b.id.number - a.id.number,
    );
    for (const held of best) {
      const outdone = held.id.number <= this.agreement.promised;
      if (!outdone && this.isAcceptable(held)) this.accept(held, nowMs);
      else if (outdone || nowMs - held.sinceMs >= this.patience.holdLimitMs) this.refuse(held.id);
      else continue;
      this.agreement.drop(held);
    }
  }

  private isAcceptable(held: HeldProposal): boolean {
    const { standing } = this;
    const { self, incarnation } = this.config;
    for (const member of held.members) {
      const fits =
        member.id === self ? member.incarnation === incarnation : standing.rowHas(member.id, member.incarnation);
      if (!fits) return false;
    }
    const ids = held.members.map(({ id }) => id);
    const own = this.agreement.own;
    if (
      own !== undefined &&
      compareCliques(
        ids,
        own.members.map(({ id }) => id),
      ) < 0
    )
      return false;
    const proposed = new Set(ids);
    if (standing.view.members.every(({ id }) => proposed.has(id))) return true;
    // It leaves members behind: to go over to a larger view, or because they are gone.
    if (!ids.every((id) => standing.memberOf.has(id))) {
      return this.shrink.wish === "none" && ids.length > standing.view.members.length;
    }
    if (this.shrink.wish !== "target") return false;
    const wanted = this.shrink.members;
    return (
      compareCliques(
        ids,
        wanted.map(({ id }) => id),
        seniorityRank(standing.view),
      ) >= 0
    );
  }

  private accept(held: HeldProposal, nowMs: number): void {
    this.agreement.promise(held.id);
    this.agreement.own = undefined;
    const awaited: Awaited = { id: held.id, members: held.members, repeats: 0, repeatAtMs: nowMs + this.repeatMs };
    this.agreement.awaited = awaited;
    this.sendAccept(held.id, held.members);
  }

  private sendAccept(id: View["id"], members: readonly Heard[]): void {
    const { incarnation, featureLevel } = this.config;
    this.standing.learnLosses(members);
    const departures = listDepartures(this.standing.departures, members);
    this.port.send(id.proposer, { type: "accept", incarnation, id, chain: this.chain, featureLevel, departures });
  }

  private takeAccept(peer: Peer, accept: Accept, nowMs: number): void {
    const { own } = this.agreement;
    if (own !== undefined && sameId(own.id, accept.id)) {
      const named = own.members.some(({ id, incarnation }) => id === peer.id && incarnation === peer.incarnation);
      if (!named) return;
      if (accept.chain.primaryNumber >= own.id.number) {
        // Its chain is ahead of this number: primary views are numbered by their view, so the view needs a higher one.
        this.agreement.promised = Math.max(this.agreement.promised, accept.chain.primaryNumber);
        this.propose(own.members, own.raises + 1, nowMs);
        return;
      }
      own.accepts.set(peer.id, accept);
      if (own.accepts.size === own.members.length - 1) this.installOwn(own, nowMs);
    } else if (sameId(this.standing.view.id, accept.id) && this.standing.isMember(peer)) {
      this.sendInstall(peer.id, this.standing.view);
    }
  }

  private installOwn(own: OwnProposal, nowMs: number): void {
    const { self, incarnation, featureLevel } = this.config;
    this.standing.learnLosses(own.members);
    const departures: DepartureMap = new Map(this.standing.departures);
    const members: ViewMember[] = [];
    for (const member of own.members) {
      const accept = own.accepts.get(member.id);
      if (accept === undefined) members.push({ id: self, incarnation, featureLevel, ...this.chain });
      else {
        const { primaryNumber, seniority } = accept.chain;
        members.push({ ...member, primaryNumber, seniority, featureLevel: accept.featureLevel });
        for (const departure of accept.departures) learnDeparture(departures, departure);
      }
    }
    const view: View = { id: own.id, members, departures: listDepartures(departures, members) };
    for (const { id } of members) if (id !== self) this.sendInstall(id, view);
    this.finish(view, nowMs);
  }

  private sendInstall(to: NodeId, view: View): void {
    const install: Install = { type: "install", incarnation: this.config.incarnation, view };
    this.port.send(to, install);
  }

  private takeRefusal(peer: Peer, refusal: Refuse, nowMs: number): void {
    const { own } = this.agreement;
    if (own === undefined || !sameId(own.id, refusal.id)) return;
    peer.promised = Math.max(peer.promised, refusal.promised);
    if (refusal.promised >= own.id.number) {
      this.agreement.promised = Math.max(this.agreement.promised, refusal.promised);
      // Two proposers that keep outdoing each other calm down by the repeats of the slower pace.
      if (own.raises < MAX_QUICK_REPEATS) this.propose(own.members, own.raises + 1, nowMs);
      return;
    }
    this.giveUpOn(peer, own.members, nowMs);
    this.agreement.own = undefined;
  }

  private takeInstall(install: Install, nowMs: number): void {
    const { view } = install;
    const { self, incarnation } = this.config;
    const isNew = view.id.number > this.standing.view.id.number && this.agreement.hasAccepted(view.id);
    if (!isNew && !faultPlanted(this.config, "stale-view-accepted")) return;
    if (!view.members.some((member) => member.id === self && member.incarnation === incarnation)) return;
    this.finish(view, nowMs);
  }

  /** A member that shows an older view has not got the install. The proposer repeats it, or whoever is left when it is gone. */
  repeatInstallTo(peer: Peer, nowMs: number): void {
    const { view, rowIds } = this.standing;
    if (peer.shown === undefined || peer.shown.number >= view.id.number || !this.standing.isMember(peer)) return;
    if (view.id.proposer !== this.config.self && rowIds.has(view.id.proposer)) return;
    if (nowMs - peer.installSentMs < this.repeatMs) return;
    peer.installSentMs = nowMs;
    this.sendInstall(peer.id, view);
  }

  /** Repeats what was not answered. */
  runTimers(nowMs: number): void {
    const { own, awaited } = this.agreement;
    if (own !== undefined && nowMs >= own.repeatAtMs) {
      own.repeats += 1;
      own.repeatAtMs = nowMs + this.pause(own.repeats);
      if (this.agreement.promised > own.id.number) this.propose(own.members, 0, nowMs);
      else this.sendProposal(own);
    }
    if (awaited !== undefined && nowMs >= awaited.repeatAtMs) {
      awaited.repeats += 1;
      awaited.repeatAtMs = nowMs + this.pause(awaited.repeats);
      if (awaited.repeats > MAX_QUICK_REPEATS) this.agreement.awaited = undefined;
      else this.sendAccept(awaited.id, awaited.members);
    }
  }

  private pause(repeats: number): number {
    return repeats > MAX_QUICK_REPEATS ? this.config.heartbeatIntervalMs : this.repeatMs;
  }
}

function sameId(a: View["id"], b: View["id"]): boolean {
  return a.number === b.number && a.proposer === b.proposer;
}
