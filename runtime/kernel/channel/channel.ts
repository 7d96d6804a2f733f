// The reliable channel between members of a view: messages arrive whole, in order and once, as long as both lives stay in a
// common chain of views.
//
// A stream begins when two nodes come into a common view and is numbered by that view; it goes on through later views that
// still have both. Who drops out of the view loses its stream with all that waits in it; should it come again, a later
// number makes a new one, so nothing of before can be taken for something of now. Pieces may arrive before the view that
// makes their sender a member (its install was faster elsewhere): they are kept, and delivered after the view.

import type { Machine, Tick } from "../machine.ts";
import type { Acknowledge, Fragment } from "../membership/datagram.ts";
import type { Incarnation, NodeId, View } from "../membership/view.ts";
import type { Plantable } from "../planted-fault.ts";
import { Receiver } from "./receiver.ts";
import { Sender } from "./sender.ts";

/** How the channel is set up. */
export interface ChannelConfig extends Plantable {
  readonly self: NodeId;
  readonly incarnation: Incarnation;
  /** Largest `bytes` of a fragment. */
  readonly fragmentBytes: number;
}

export type ChannelInput =
  | Tick
  | { readonly type: "view"; readonly view: View }
  /** From the life of the peer that is heard at present. */
  | { readonly type: "datagram"; readonly from: NodeId; readonly datagram: Fragment | Acknowledge }
  | { readonly type: "submit"; readonly to: NodeId; readonly bytes: Uint8Array };

export type ChannelEffect =
  | { readonly type: "send"; readonly to: NodeId; readonly datagram: Fragment | Acknowledge }
  | { readonly type: "deliver"; readonly from: NodeId; readonly incarnation: Incarnation; readonly bytes: Uint8Array }
  /** The promise to this member cannot be kept: too much waits, or nothing gets through. It should leave the view. */
  | { readonly type: "broken"; readonly peer: NodeId; readonly text: string };

/** Both directions with one peer. */
interface Link {
  readonly peer: NodeId;
  /** The member's life while it is a member. */
  member: Incarnation | undefined;
  /** The latest view of this node in which the peer was not a member: streams up to that number are over. */
  absentNumber: number;
  sender: Sender | undefined;
  receiver: Receiver | undefined;
}

/** The machine. */
export class Channel implements Machine<ChannelInput, ChannelEffect> {
  private readonly config: ChannelConfig;
  private readonly links = new Map<NodeId, Link>();
  private viewNumber = 0;
  private out: ChannelEffect[] = [];
  private nextMs = Number.POSITIVE_INFINITY;

  constructor(config: ChannelConfig) {
    this.config = config;
  }

  step(input: ChannelInput, nowMs: number): ChannelEffect[] {
    this.out = [];
    switch (input.type) {
      case "tick":
        for (const link of this.links.values()) this.work(link, nowMs);
        break;
      case "view":
        this.takeView(input.view, nowMs);
        break;
      case "datagram":
        this.takeDatagram(input.from, input.datagram, nowMs);
        break;
      case "submit":
        this.submit(input.to, input.bytes, nowMs);
        break;
    }
    const effects = this.out;
    this.out = [];
    this.nextMs = this.earliestDeadlineMs(nowMs);
    return effects;
  }

  deadlineMs(): number | undefined {
    return Number.isFinite(this.nextMs) ? this.nextMs : undefined;
  }

  private earliestDeadlineMs(nowMs: number): number {
    let next = Number.POSITIVE_INFINITY;
    for (const { sender, receiver } of this.links.values()) {
      if (sender?.isEager()) return nowMs;
      if (sender !== undefined) next = Math.min(next, sender.deadlineMs());
      if (receiver !== undefined) next = Math.min(next, receiver.deadlineMs());
    }
    return next;
  }

  private linkOf(peer: NodeId): Link {
    let link = this.links.get(peer);
    if (link === undefined) {
      link = { peer, member: undefined, absentNumber: this.viewNumber, sender: undefined, receiver: undefined };
      this.links.set(peer, link);
    }
    return link;
  }

  private takeView(view: View, nowMs: number): void {
    const lives = new Map(view.members.map((member) => [member.id, member.incarnation]));
    for (const link of this.links.values()) {
      if (link.member === undefined || lives.get(link.peer) === link.member) continue;
      link.member = undefined;
      link.sender = undefined;
      link.receiver = undefined;
    }
    for (const { id, incarnation } of view.members) {
      if (id !== this.config.self) this.join(this.linkOf(id), incarnation, view.id.number);
    }
    this.viewNumber = view.id.number;
    for (const link of this.links.values()) {
      if (link.member === undefined) this.takeAbsence(link, view.id.number);
      this.work(link, nowMs);
    }
  }

  private takeAbsence(link: Link, viewNumber: number): void {
    link.absentNumber = viewNumber;
    if (link.receiver !== undefined && link.receiver.stream <= viewNumber) link.receiver = undefined;
  }

  private join(link: Link, life: Incarnation, stream: number): void {
    if (link.member === life) return;
    link.member = life;
    const { incarnation, fragmentBytes } = this.config;
    link.sender = new Sender({ incarnation, to: life, stream, fragmentBytes });
    if (link.receiver?.from !== life) link.receiver = undefined;
  }

  private takeDatagram(from: NodeId, datagram: Fragment | Acknowledge, nowMs: number): void {
    if (datagram.to !== this.config.incarnation) return;
    const link = this.linkOf(from);
    if (datagram.type === "acknowledge") {
      const ends = link.sender?.ends;
      if (ends?.stream === datagram.stream && ends.to === datagram.incarnation)
        link.sender?.acknowledge(datagram, nowMs);
    } else this.takeFragment(link, datagram, nowMs);
    this.work(link, nowMs);
  }

  private takeFragment(link: Link, fragment: Fragment, nowMs: number): void {
    if (fragment.stream <= link.absentNumber) return;
    if (link.member !== undefined && link.member !== fragment.incarnation) return;
    const known = link.receiver;
    if (known === undefined || known.from !== fragment.incarnation || known.stream < fragment.stream) {
      link.receiver = new Receiver(fragment.incarnation, fragment.stream, this.config);
    } else if (known.stream > fragment.stream) return;
    link.receiver?.take(fragment, link.member === undefined, nowMs);
  }

  private submit(to: NodeId, bytes: Uint8Array, nowMs: number): void {
    const { self, incarnation } = this.config;
    if (to === self) {
      this.out.push({ type: "deliver", from: self, incarnation, bytes });
      return;
    }
    const link = this.links.get(to);
    if (link?.sender === undefined) return;
    if (link.sender.submit(bytes, nowMs)) this.work(link, nowMs);
    else this.breakLink(link, `Node ${to} takes messages too slowly: its queue is full, so it cannot stay a member.`);
  }

  private breakLink(link: Link, text: string): void {
    link.sender = undefined;
    this.out.push({ type: "broken", peer: link.peer, text });
  }

  /** Delivers, acknowledges, repeats and sends what is due with one peer. */
  private work(link: Link, nowMs: number): void {
    const { peer, receiver, sender } = link;
    if (receiver !== undefined) {
      if (link.member !== undefined) {
        for (const bytes of receiver.drain()) {
          this.out.push({ type: "deliver", from: peer, incarnation: receiver.from, bytes });
        }
      }
      const datagram = receiver.acknowledgement(this.config.incarnation, nowMs);
      if (datagram !== undefined) this.out.push({ type: "send", to: peer, datagram });
    }
    if (sender === undefined) return;
    sender.expire(nowMs);
    for (const datagram of sender.pump(nowMs)) this.out.push({ type: "send", to: peer, datagram });
    if (sender.isStalled(nowMs)) {
      this.breakLink(link, `Node ${peer} is heard, but no message gets through to it: it cannot stay a member.`);
    }
  }
}
