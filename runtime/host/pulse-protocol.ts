// What the main thread and the pulse's worker say to each other. The pulse goes on while the main thread is busy, so nothing
// here waits for an answer but `confirm` and `report`.

import type { TransportPeer } from "../../sdk/mod.ts";
import type { ChainPosition, Incarnation, NodeId, View } from "../kernel/membership/view.ts";
import type { PulseConfig } from "../kernel/pulse.ts";
import type { PluginLogLine } from "./plugins/types.ts";

/** A configured node as the pulse needs it. */
export interface PulseNode extends TransportPeer {
  readonly number: NodeId;
}

/** How the worker is set up; given to it at its start. */
export interface PulseStart {
  readonly cluster: string;
  readonly key: Uint8Array;
  readonly self: PulseNode;
  readonly peers: readonly PulseNode[];
  readonly timing: Pick<PulseConfig, "heartbeatIntervalMs" | "detectionTimeoutMs" | "mainSilenceMs">;
  readonly incarnation: Incarnation;
  readonly featureLevel: number;
  readonly chain: ChainPosition;
  readonly transport: { readonly name: string; readonly parameters: Readonly<Record<string, unknown>> };
  readonly plugins: readonly string[];
  readonly pluginsBase: string;
  readonly stateDirectory: string;
}

/** From the main thread. */
export type ToPulse =
  | { readonly type: "alive" }
  | { readonly type: "submit"; readonly messages: readonly { readonly to: NodeId; readonly bytes: Uint8Array }[] }
  | { readonly type: "chain"; readonly chain: ChainPosition }
  | { readonly type: "shun"; readonly node: NodeId }
  | { readonly type: "leave" }
  /** Is the view still what was said last? What has changed is said before the answer `confirmed`. */
  | { readonly type: "confirm"; readonly id: number }
  | { readonly type: "report"; readonly id: number }
  /** Close the transport and end. */
  | { readonly type: "close" };

/** What the pulse saw of one peer. */
export interface PeerReport {
  readonly number: NodeId;
  readonly name: string;
  /** Silence on each link in milliseconds; undefined when nothing came yet. */
  readonly links: readonly { readonly address: string; readonly silenceMs: number | undefined }[];
  readonly sent: number;
  readonly received: number;
  readonly dropped: Readonly<Record<string, number>>;
  readonly lastDrop: string | undefined;
}

/** What the pulse saw since its start. */
export interface TransportReport {
  readonly peers: readonly PeerReport[];
}

/** To the main thread. */
export type FromPulse =
  | { readonly type: "ready"; readonly links: number }
  /** The transport cannot be opened: an expected failure, already in words. */
  | { readonly type: "failed"; readonly code: string; readonly message: string }
  | { readonly type: "view"; readonly view: View; readonly detectedAfterMs: Readonly<Record<string, number>> }
  | { readonly type: "deliver"; readonly from: NodeId; readonly incarnation: Incarnation; readonly bytes: Uint8Array }
  | { readonly type: "note"; readonly code: string; readonly text: string; readonly node?: NodeId }
  | { readonly type: "hung"; readonly silenceMs: number }
  | { readonly type: "gone" }
  | { readonly type: "confirmed"; readonly id: number }
  | { readonly type: "report"; readonly id: number; readonly report: TransportReport }
  | { readonly type: "log"; readonly line: PluginLogLine }
  | { readonly type: "bug"; readonly text: string };
