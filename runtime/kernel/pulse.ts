// The pulse: membership and the reliable channel between members as one machine. It runs in a worker thread of its own,
// so a busy main thread delays neither a heartbeat nor an agreement; and it stops by itself when the main thread has not
// turned for a bounded time, so a hung node is not reported alive.

import { assert } from "./assert.ts";
import { Channel, type ChannelInput } from "./channel/channel.ts";
import { earliest, type Machine, type Tick } from "./machine.ts";
import type { Acknowledge, Datagram, Fragment } from "./membership/datagram.ts";
import { Membership, type MembershipConfig, type MembershipInput } from "./membership/membership.ts";
import type { ChainPosition, Incarnation, NodeId, View } from "./membership/view.ts";

/** How the pulse is set up: membership, and how large a piece of a message may be. */
export interface PulseConfig extends MembershipConfig {
  /** Largest `bytes` of a fragment. */
  readonly fragmentBytes: number;
}

export type PulseInput =
  | Tick
  | { readonly type: "datagram"; readonly from: NodeId; readonly link: number; readonly datagram: Datagram }
  /** The main thread has turned. */
  | { readonly type: "alive" }
  /** A message for a member of the current view (or this node itself, which is delivered back); dropped if it is no member. */
  | { readonly type: "submit"; readonly to: NodeId; readonly bytes: Uint8Array }
  /** Where this node stands in the chain of primary views, from the kernel. */
  | { readonly type: "chain"; readonly chain: ChainPosition }
  /** The kernel cannot go on with this member: form a view without it. */
  | { readonly type: "shun"; readonly node: NodeId }
  /** Everything here has stopped: tell the others and be gone. Answered by the effect `gone`. */
  | { readonly type: "leave" };

export type PulseEffect =
  | { readonly type: "send"; readonly to: NodeId; readonly link: number; readonly datagram: Datagram }
  /** A new view is installed. Messages delivered after this are from members of it. */
  | { readonly type: "view"; readonly view: View; readonly lastHeardMs: Readonly<Record<string, number>> }
  /** A whole message, in the order in which its sender submitted it, each once, as long as both stay in a common chain of views. */
  | { readonly type: "deliver"; readonly from: NodeId; readonly incarnation: Incarnation; readonly bytes: Uint8Array }
  /** Something worth a line in the log or the status. */
  | { readonly type: "note"; readonly code: string; readonly text: string; readonly node?: NodeId }
  /** The main thread hangs: heartbeats have stopped. */
  | { readonly type: "hung"; readonly silenceMs: number }
  /** The leave was heard by the others, or waiting for that has ended. */
  | { readonly type: "gone" };

/** Makes the machine. Its first step, of whatever input, installs the view of this node alone. */
export function createPulse(config: PulseConfig): Machine<PulseInput, PulseEffect> {
  assert(config.links >= 1, "a pulse needs at least one link");
  assert(config.fragmentBytes >= 1, "a fragment must hold at least one byte");
  assert(
    config.heartbeatIntervalMs * 2 <= config.detectionTimeoutMs,
    "the detection timeout must hold at least two heartbeat intervals; the configuration is checked before it comes here",
  );
  return new Pulse(config);
}

class Pulse implements Machine<PulseInput, PulseEffect> {
  private readonly membership: Membership;
  private readonly channel: Channel;
  /** While the main thread hangs, and for ever once this node has left. */
  private silent = false;
  private gone = false;

  constructor(config: PulseConfig) {
    this.membership = new Membership(config);
    this.channel = new Channel(config);
  }

  step(input: PulseInput, nowMs: number): PulseEffect[] {
    const out: PulseEffect[] = [];
    // A message to submit still lets membership see the time first: a node that slept knows that it is alone before it speaks. After a hang
    // it may come before the word that the main thread turns, and says so itself: dropped, the others would wait for it for ever.
    const seen = input.type !== "submit" ? input : this.silent ? ALIVE : TICK;
    if (seen.type === "alive" || seen.type === "leave") this.silent = this.gone;
    this.stepMembership(seen, out, nowMs);
    if (this.silent) return out;
    if (input.type === "submit") this.stepChannel(input, out, nowMs);
    else if (input.type === "datagram" && isChannelDatagram(input.datagram)) {
      const { from, datagram } = input;
      if (this.membership.hearsLife(from, datagram.incarnation)) {
        this.stepChannel({ type: "datagram", from, datagram }, out, nowMs);
      }
    }
    if (nowMs >= (this.channel.deadlineMs() ?? Number.POSITIVE_INFINITY)) this.stepChannel(TICK, out, nowMs);
    return out;
  }

  deadlineMs(): number | undefined {
    const membershipMs = this.membership.deadlineMs();
    return this.silent || membershipMs === undefined ? membershipMs : earliest(membershipMs, this.channel.deadlineMs());
  }

  private stepMembership(input: MembershipInput, out: PulseEffect[], nowMs: number): void {
    for (const effect of this.membership.step(input, nowMs)) {
      out.push(effect);
      if (effect.type === "view") this.stepChannel({ type: "view", view: effect.view }, out, nowMs);
      else if (effect.type === "hung" || effect.type === "gone") {
        this.silent = true;
        this.gone ||= effect.type === "gone";
      }
    }
  }

  private stepChannel(input: ChannelInput, out: PulseEffect[], nowMs: number): void {
    for (const effect of this.channel.step(input, nowMs)) {
      switch (effect.type) {
        case "send":
          {
            const { to, datagram } = effect;
            out.push({ type: "send", to, link: this.membership.linkTo(to), datagram });
          }
          break;
        case "deliver":
          out.push(effect);
          break;
        case "broken":
          out.push({ type: "note", code: "channel-broken", text: effect.text, node: effect.peer });
          this.stepMembership({ type: "shun", node: effect.peer }, out, nowMs);
          break;
      }
    }
  }
}

const TICK: Tick = { type: "tick" };
const ALIVE = { type: "alive" } as const;

function isChannelDatagram(datagram: Datagram): datagram is Fragment | Acknowledge {
  return datagram.type === "fragment" || datagram.type === "acknowledge";
}
