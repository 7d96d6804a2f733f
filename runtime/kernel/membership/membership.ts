// Who is here: heartbeats, suspicion and agreed views, as one machine.
//
// Each node tells all others, at every interval and on every link, whom it hears. From these rows each node knows who should
// form a view; the lowest of them proposes it, all of them accept, and it is installed. A node that has not yet timed out
// somebody whom the proposal leaves out holds its answer until its own timer fires, which is milliseconds later. So from
// the death of a node to the view without it passes the detection timeout and two round trips, and no other wait.
//
// Sleep. A node that has said nothing for the detection timeout has been given up by the others, even if it does not feel so
// (it was stopped, or its machine was). When it wakes it believes nothing that it knew: before all else it installs a view
// of itself alone, then it joins again. Silence of the others counts only from shortly before it woke, because their
// datagrams of that time wait unread.

import type { Machine, Tick } from "../machine.ts";
import { earliest } from "../machine.ts";
import type { Plantable } from "../planted-fault.ts";
import { Agreement } from "./agreement.ts";
import type { Datagram, Heartbeat, Leave } from "./datagram.ts";
import { learnDeparture } from "./departures.ts";
import { Negotiation } from "./negotiation.ts";
import { bestLink, forget, hear, type Peer, takeHeartbeat } from "./peers.ts";
import { Standing } from "./standing.ts";
import type { ChainPosition, Incarnation, NodeId, View } from "./view.ts";

/** A row that has only grown waits this long before it is told, so that many who start together cost one heartbeat. */
const ROW_GROWTH_DELAY_MS = 5;

/** Newcomers are taken in when nobody new has come for the first, and at the latest after the second. No failure waits for them. */
const JOIN_QUIET_MS = 25;
const JOIN_LIMIT_MS = 100;

/** Rounds of decisions that may follow from one input; more wait for the next step. */
const MAX_SETTLE_ROUNDS = 8;

/** How membership is set up; all times in milliseconds. */
export interface MembershipConfig extends Plantable {
  readonly self: NodeId;
  readonly incarnation: Incarnation;
  readonly featureLevel: number;
  /** The configured nodes besides this one. */
  readonly peers: readonly NodeId[];
  /** How many links the transport has; a heartbeat goes out on each. */
  readonly links: number;
  readonly heartbeatIntervalMs: number;
  /** Silence on all links for this long is a failure: the setting that people know as the token timeout. Default 1,000. */
  readonly detectionTimeoutMs: number;
  /** The main thread must have turned within this time, or the pulse falls silent. */
  readonly mainSilenceMs: number;
  /** Where this node stands in the chain of primary views at its start, from its disk; nowhere when absent. View numbers start above it. */
  readonly chain?: ChainPosition;
}

export type MembershipInput =
  | Tick
  | { readonly type: "datagram"; readonly from: NodeId; readonly link: number; readonly datagram: Datagram }
  | { readonly type: "alive" }
  | { readonly type: "chain"; readonly chain: ChainPosition }
  /** The channel to this node is broken although it is heard: leave it out of the next view, and be without it for a while. */
  | { readonly type: "shun"; readonly node: NodeId }
  | { readonly type: "leave" };

export type MembershipEffect =
  | { readonly type: "send"; readonly to: NodeId; readonly link: number; readonly datagram: Datagram }
  | { readonly type: "view"; readonly view: View; readonly lastHeardMs: Readonly<Record<string, number>> }
  | { readonly type: "note"; readonly code: string; readonly text: string; readonly node?: NodeId }
  | { readonly type: "hung"; readonly silenceMs: number }
  | { readonly type: "gone" };

/** The machine. */
export class Membership implements Machine<MembershipInput, MembershipEffect> {
  /** Datagrams that were dropped: of strangers, of earlier lives, of nodes that left. */
  dropped = 0;
  private readonly config: MembershipConfig;
  private readonly agreement: Agreement;
  private readonly standing: Standing;
  private readonly negotiation: Negotiation;
  private out: MembershipEffect[] = [];
  private state: "new" | "running" | "hung" | "leaving" | "gone" = "new";
  private sequence = 0;
  private lastStepMs = 0;
  /** When this node last said something to all. */
  private spokeMs = 0;
  private aliveMs = 0;
  private nextHeartbeatMs = 0;
  /** No peer times out before this. */
  private timeoutCheckMs = Number.POSITIVE_INFINITY;
  private newcomers: { readonly sinceMs: number; atMs: number } | undefined;
  private leaveUntilMs = 0;
  private leaveRepeatMs = 0;
  private rowStale = false;

  constructor(config: MembershipConfig) {
    this.config = config;
    this.agreement = new Agreement(config.chain?.primaryNumber ?? 0);
    const { self, incarnation, peers, links } = config;
    this.standing = new Standing(self, incarnation, peers, links, this.agreement);
    this.negotiation = new Negotiation(config, this.standing, this.agreement, {
      send: (to, datagram) => this.sendOnAllLinks(to, datagram),
      install: (view, nowMs) => this.install(view, nowMs),
      note: (code, text, node) => this.note(code, text, node),
    });
  }

  /** The installed view; empty before the first step. */
  get view(): View {
    return this.standing.view;
  }

  /** This is the life of the peer that is heard at present, and it has not left. */
  hearsLife(id: NodeId, incarnation: Incarnation): boolean {
    const peer = this.standing.peers.get(id);
    return peer !== undefined && peer.incarnation === incarnation && peer.leftIncarnation !== incarnation;
  }

  /** The link to use for a datagram that goes out once. */
  linkTo(id: NodeId): number {
    const peer = this.standing.peers.get(id);
    return peer === undefined ? 0 : bestLink(peer, 2 * this.config.heartbeatIntervalMs);
  }

  step(input: MembershipInput, nowMs: number): MembershipEffect[] {
    if (this.state === "gone") return [];
    this.out = [];
    if (this.state === "new") this.start(nowMs);
    // Who takes leave has turned: the word that he lives may come after it.
    if (input.type === "alive" || input.type === "leave") this.mainTurned(nowMs);
    this.noticeSleep(nowMs);
    this.lastStepMs = nowMs;
    if (this.state !== "hung") {
      this.take(input, nowMs);
      this.runTimers(nowMs);
      if (this.state === "running") this.settle(nowMs);
    }
    const effects = this.out;
    this.out = [];
    return effects;
  }

  deadlineMs(): number | undefined {
    if (this.state === "new") return 0;
    if (this.state === "gone" || this.state === "hung") return undefined;
    if (this.state === "leaving") return earliest(this.leaveRepeatMs, this.leaveUntilMs, this.timeoutCheckMs);
    return Math.min(
      this.nextHeartbeatMs,
      this.timeoutCheckMs,
      this.newcomers?.atMs ?? Number.POSITIVE_INFINITY,
      this.aliveMs + this.config.mainSilenceMs,
      this.negotiation.deadlineMs(),
    );
  }

  private start(nowMs: number): void {
    this.state = "running";
    this.lastStepMs = nowMs;
    this.spokeMs = nowMs;
    this.aliveMs = nowMs;
    this.negotiation.installAlone(nowMs);
  }

  private mainTurned(nowMs: number): void {
    this.aliveMs = nowMs;
    if (this.state !== "hung") return;
    this.state = "running";
    this.excuseSilence(nowMs);
    this.nextHeartbeatMs = nowMs;
  }

  /** See the head of the file. */
  private noticeSleep(nowMs: number): void {
    if (this.state === "hung") return;
    if (nowMs - this.lastStepMs > 2 * this.config.heartbeatIntervalMs) {
      this.excuseSilence(nowMs);
      this.aliveMs = nowMs;
    }
    if (this.state !== "running" || nowMs - this.spokeMs < this.config.detectionTimeoutMs) return;
    const silentMs = Math.round(nowMs - this.spokeMs);
    this.note(
      "slept",
      `This node said nothing for ${silentMs} ms, so the others have given it up: it joins them anew.`,
    );
    this.agreement.forgetAll();
    for (const peer of this.standing.peerList) forget(peer);
    this.rowStale = true;
    this.spokeMs = nowMs;
    if (this.view.members.length > 1) this.negotiation.installAlone(nowMs);
    this.nextHeartbeatMs = nowMs;
  }

  /** While this node could not listen, the others were not silent: their datagrams get one interval to be read. */
  private excuseSilence(nowMs: number): void {
    const fromMs = nowMs - this.config.detectionTimeoutMs + this.config.heartbeatIntervalMs;
    for (const peer of this.standing.peerList) {
      if (peer.heard) peer.silentFromMs = Math.max(peer.silentFromMs, fromMs);
    }
  }

  private take(input: MembershipInput, nowMs: number): void {
    switch (input.type) {
      case "datagram":
        this.receive(input.from, input.link, input.datagram, nowMs);
        break;
      case "chain":
        this.negotiation.chain = input.chain;
        this.agreement.promised = Math.max(this.agreement.promised, input.chain.primaryNumber);
        break;
      case "shun":
        this.shun(input.node, nowMs);
        break;
      case "leave":
        this.startLeaving(nowMs);
        break;
      case "tick":
      case "alive":
        break;
    }
  }

  private receive(from: NodeId, link: number, datagram: Datagram, nowMs: number): void {
    const peer = this.standing.peers.get(from);
    if (peer === undefined) {
      this.dropped += 1;
      return;
    }
    // A heartbeat older than the last one was on its way for long: that the peer lived then is no news.
    if (
      datagram.type === "heartbeat" &&
      datagram.incarnation === peer.incarnation &&
      datagram.sequence < peer.sequence
    ) {
      this.dropped += 1;
      return;
    }
    const hearing = hear(peer, datagram.incarnation, link, nowMs);
    if (hearing === "stale") {
      this.dropped += 1;
      return;
    }
    if (hearing === "new-life") this.greet(peer);
    if (this.state === "leaving") {
      if (datagram.type === "heartbeat") takeHeartbeat(peer, datagram, nowMs);
      return;
    }
    this.negotiation.heardFrom(from);
    if (datagram.type === "heartbeat") this.takeBeat(peer, datagram, nowMs);
    else if (datagram.type === "leave") this.takeLeave(peer, datagram);
    else this.negotiation.receive(peer, datagram, nowMs);
  }

  private greet(peer: Peer): void {
    this.rowStale = true;
    this.agreement.forgetProposer(peer.id);
    if (!this.standing.memberOf.has(peer.id)) return;
    this.note("peer-restarted", `Node ${peer.id} has started again: its earlier life has failed.`, peer.id);
  }

  private takeBeat(peer: Peer, beat: Heartbeat, nowMs: number): void {
    const first = !peer.heard;
    const counted = this.countsOnThis(peer);
    const news = takeHeartbeat(peer, beat, nowMs);
    if (news === undefined) return;
    // It has come to another view, or counts on this node anew: it may choose otherwise now.
    if (news.viewChanged || (!counted && this.countsOnThis(peer))) {
      this.negotiation.patience.forgive(peer);
      this.rowStale = true;
    }
    if (first) {
      this.timeoutCheckMs = Math.min(this.timeoutCheckMs, nowMs + this.config.detectionTimeoutMs);
      this.note("peer-heard", `Node ${peer.id} is heard.`, peer.id);
    }
    if (news.rowChanged || news.viewChanged) {
      if (first) this.rowStale = true;
      this.negotiation.peerChanged(peer);
      this.expectNewcomers(nowMs);
    }
    this.negotiation.repeatInstallTo(peer, nowMs);
  }

  private shun(node: NodeId, nowMs: number): void {
    const peer = this.standing.peers.get(node);
    if (peer === undefined) return;
    this.negotiation.patience.shun(peer, nowMs);
    // That it shows another view would forgive it; but what was lost between the two makes the next view with both wait for ever.
    peer.mustPart = this.standing.isMember(peer);
    this.rowStale = true;
  }

  private countsOnThis(peer: Peer): boolean {
    return peer.hears.get(this.config.self) === this.config.incarnation;
  }

  private takeLeave(peer: Peer, leave: Leave): void {
    peer.leftIncarnation = leave.incarnation;
    forget(peer);
    this.rowStale = true;
    learnDeparture(this.standing.departures, { id: peer.id, incarnation: leave.incarnation, cause: "left" });
    this.note("peer-left", `Node ${peer.id} has stopped cleanly and left.`, peer.id);
  }

  private runTimers(nowMs: number): void {
    if (this.state === "running" && nowMs >= this.aliveMs + this.config.mainSilenceMs) {
      this.state = "hung";
      this.out.push({ type: "hung", silenceMs: nowMs - this.aliveMs });
      return;
    }
    if (nowMs >= this.timeoutCheckMs) this.findSilentPeers(nowMs);
    if (this.state === "leaving") this.continueLeaving(nowMs);
    else this.negotiation.runTimers(nowMs);
  }

  private findSilentPeers(nowMs: number): void {
    const timeoutMs = this.config.detectionTimeoutMs;
    this.timeoutCheckMs = Number.POSITIVE_INFINITY;
    for (const peer of this.standing.peerList) {
      if (!peer.heard) continue;
      // The same sum as the deadline: a difference may round to the other side of it, and the tick would come for ever.
      if (nowMs < peer.silentFromMs + timeoutMs) {
        this.timeoutCheckMs = Math.min(this.timeoutCheckMs, peer.silentFromMs + timeoutMs);
        continue;
      }
      forget(peer);
      this.rowStale = true;
      const silentMs = Math.round(nowMs - peer.lastHeardMs);
      this.note("peer-silent", `Nothing was heard of node ${peer.id} for ${silentMs} ms on any link.`, peer.id);
    }
  }

  private expectNewcomers(nowMs: number): void {
    this.newcomers ??= { sinceMs: nowMs, atMs: nowMs };
    this.newcomers.atMs = Math.min(nowMs + JOIN_QUIET_MS, this.newcomers.sinceMs + JOIN_LIMIT_MS);
  }

  /** Decides all that follows from what has changed, then says so. */
  private settle(nowMs: number): void {
    const beating = nowMs >= this.nextHeartbeatMs;
    if (beating) {
      // From the state, not from the event: whatever was missed is seen here again.
      this.rowStale = true;
      const settled = this.standing.isSettled();
      if (!settled && this.newcomers === undefined) this.expectNewcomers(nowMs);
      if (!settled || this.agreement.held.length > 0) this.negotiation.reconsider();
    }
    for (let round = 0; round < MAX_SETTLE_ROUNDS; round++) {
      if (this.rowStale) this.refreshRow(nowMs);
      if (this.newcomers !== undefined && nowMs >= this.newcomers.atMs) {
        this.newcomers = undefined;
        this.negotiation.welcome();
      }
      if (!this.negotiation.decide(nowMs) && !this.rowStale) break;
    }
    if (nowMs >= this.nextHeartbeatMs) this.sendHeartbeats(nowMs);
  }

  private refreshRow(nowMs: number): void {
    this.rowStale = false;
    const change = this.standing.refreshRow(nowMs);
    if (change === "same") return;
    this.negotiation.rowChanged(change);
    this.expectNewcomers(nowMs);
    const soonMs = change === "lost" ? nowMs : nowMs + ROW_GROWTH_DELAY_MS;
    this.nextHeartbeatMs = Math.min(this.nextHeartbeatMs, soonMs);
  }

  private sendHeartbeats(nowMs: number): void {
    this.nextHeartbeatMs = nowMs + this.config.heartbeatIntervalMs;
    this.spokeMs = nowMs;
    this.sequence += 1;
    const beat: Heartbeat = {
      type: "heartbeat",
      incarnation: this.config.incarnation,
      sequence: this.sequence,
      heard: this.standing.row,
      view: this.view.id,
      promised: this.agreement.promised,
      featureLevel: this.config.featureLevel,
    };
    for (const peer of this.standing.peerList) this.sendOnAllLinks(peer.id, beat);
  }

  private sendOnAllLinks(to: NodeId, datagram: Datagram): void {
    for (let link = 0; link < this.config.links; link++) this.out.push({ type: "send", to, link, datagram });
  }

  private install(view: View, nowMs: number): void {
    const lastHeardMs = this.standing.lastHeardOfLost(view);
    this.standing.install(view);
    this.agreement.installed(view);
    for (const peer of this.standing.peerList) peer.installSentMs = nowMs;
    this.rowStale = true;
    this.expectNewcomers(nowMs);
    this.nextHeartbeatMs = nowMs;
    this.out.push({ type: "view", view, lastHeardMs });
  }

  private note(code: string, text: string, node?: NodeId): void {
    this.out.push({ type: "note", code, text, ...(node === undefined ? {} : { node }) });
  }

  private startLeaving(nowMs: number): void {
    if (this.state !== "running") return;
    this.state = "leaving";
    this.agreement.own = undefined;
    this.agreement.awaited = undefined;
    this.leaveUntilMs = nowMs + this.config.detectionTimeoutMs + this.config.heartbeatIntervalMs;
    this.leaveRepeatMs = nowMs;
  }

  /** Says goodbye until each member that is heard shows a view without this node, or a bounded time has passed. */
  private continueLeaving(nowMs: number): void {
    const waitsFor = this.standing.peerList.filter(
      (peer) => this.standing.isMember(peer) && peer.heard && !this.standing.isDisplaced(peer),
    );
    const first = this.leaveRepeatMs <= nowMs;
    if (first) {
      this.leaveRepeatMs = nowMs + this.negotiation.repeatMs;
      const leave: Leave = { type: "leave", incarnation: this.config.incarnation };
      for (const peer of this.standing.peerList) this.sendOnAllLinks(peer.id, leave);
    }
    if (waitsFor.length > 0 && nowMs < this.leaveUntilMs) return;
    this.state = "gone";
    this.out.push({ type: "gone" });
  }
}
