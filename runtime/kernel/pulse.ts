// The pulse: membership and the reliable channel between members as one machine. It runs in a worker thread of its own,
// so a busy main thread delays neither a heartbeat nor an agreement; and it stops by itself when the main thread has not
// turned for a bounded time, so a hung node is not reported alive.

import type { Tick } from "./machine.ts";
import type { Datagram } from "./membership/datagram.ts";
import type { ChainPosition, Incarnation, NodeId, View } from "./membership/view.ts";

/** How the pulse is set up; all times in milliseconds. */
export interface PulseConfig {
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
  /** Largest `bytes` of a fragment. */
  readonly fragmentBytes: number;
  /** Where this node stands in the chain of primary views at its start, from its disk; nowhere when absent. View numbers start above it. */
  readonly chain?: ChainPosition;
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
