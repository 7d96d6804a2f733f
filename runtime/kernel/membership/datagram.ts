// What the pulses of the nodes say to one another, one datagram each. Loss, duplicates and any order are legal.
// The host turns these into bytes and back (runtime/host/codec.ts), validates them there and seals them; a machine sees
// only datagrams that a configured peer made with the cluster's key.

import type { ChainPosition, Departure, Incarnation, NodeId, View, ViewId } from "./view.ts";

/** A node that the sender hears, and the incarnation it hears. */
export interface Heard {
  readonly id: NodeId;
  readonly incarnation: Incarnation;
}

/** "I am here, and these I hear." Sent every heartbeatIntervalMs on every link, and at once when `heard` changes. */
export interface Heartbeat {
  readonly type: "heartbeat";
  readonly incarnation: Incarnation;
  /** Counts the sender's heartbeats; a receiver keeps the highest, so late duplicates from a slow link change nothing. */
  readonly sequence: number;
  readonly heard: readonly Heard[];
  /** The view the sender has installed, and the highest view number it has promised. */
  readonly view: ViewId;
  readonly promised: number;
  readonly featureLevel: number;
}

/** The proposer asks: shall these be the view of this id? */
export interface Propose {
  readonly type: "propose";
  readonly incarnation: Incarnation;
  readonly id: ViewId;
  readonly members: readonly Heard[];
}

/** A member answers: yes, and this is where I stand. */
export interface Accept {
  readonly type: "accept";
  readonly incarnation: Incarnation;
  readonly id: ViewId;
  readonly chain: ChainPosition;
  readonly featureLevel: number;
  readonly departures: readonly Departure[];
}

/** A member answers: no; I have promised a higher number, or I do not hear all of these. */
export interface Refuse {
  readonly type: "refuse";
  readonly incarnation: Incarnation;
  readonly id: ViewId;
  readonly promised: number;
}

/** All have accepted: this is the view. Repeated to a member whose heartbeats show an older one. */
export interface Install {
  readonly type: "install";
  readonly incarnation: Incarnation;
  readonly view: View;
}

/** The sender has stopped everything and goes. Costs the others no detection time. */
export interface Leave {
  readonly type: "leave";
  readonly incarnation: Incarnation;
}

/** A piece of a message of the reliable channel between two members (runtime/kernel/channel). */
export interface Fragment {
  readonly type: "fragment";
  readonly incarnation: Incarnation;
  /** The incarnation of the receiver that this is for: a channel lives between two lives, not two nodes. */
  readonly to: Incarnation;
  /** Number of the view in which the receiver joined the sender's view; a later stream ends the one before. */
  readonly stream: number;
  /** Counts the pieces of the stream from 1. */
  readonly sequence: number;
  /** Last piece of its message. */
  readonly last: boolean;
  readonly bytes: Uint8Array;
}

/** Everything of the channel up to `upTo` has arrived, and the pieces listed after it (at most a few). */
export interface Acknowledge {
  readonly type: "acknowledge";
  readonly incarnation: Incarnation;
  readonly to: Incarnation;
  readonly stream: number;
  readonly upTo: number;
  readonly also: readonly number[];
}

/** Everything one pulse can say to another. */
export type Datagram = Heartbeat | Propose | Accept | Refuse | Install | Leave | Fragment | Acknowledge;
