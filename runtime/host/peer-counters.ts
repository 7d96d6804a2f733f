// What came from each peer, what was dropped and why, and the words for it: once a minute for each peer and cause.

import type { Rejection } from "./codec.ts";
import type { PulseNode, TransportReport } from "./pulse-protocol.ts";
import { type SealFault, WIRE_VERSION } from "./seal.ts";

/** How long a cause is not said again of the same peer. */
const SAY_AGAIN_AFTER_MS = 60_000;

/** Why a datagram was dropped before the kernel saw it. */
export type DropCause = SealFault | Rejection["code"] | "wrong-life";

/** A drop in words, when it is time to say it. */
export interface DropNote {
  readonly code: DropCause;
  readonly text: string;
}

interface Counters {
  readonly node: PulseNode;
  readonly heardMs: (number | undefined)[];
  sent: number;
  received: number;
  readonly dropped: Map<DropCause, number>;
  readonly saidMs: Map<DropCause, number>;
  lastDrop: string | undefined;
}

/** Counts for all configured peers. */
export class PeerCounters {
  readonly #cluster: string;
  readonly #peers = new Map<string, Counters>();

  constructor(cluster: string, peers: readonly PulseNode[]) {
    this.#cluster = cluster;
    for (const node of peers) {
      this.#peers.set(node.id, {
        node,
        heardMs: node.addresses.map(() => undefined),
        sent: 0,
        received: 0,
        dropped: new Map(),
        saidMs: new Map(),
        lastDrop: undefined,
      });
    }
  }

  sent(to: string): void {
    const peer = this.#peers.get(to);
    if (peer !== undefined) peer.sent += 1;
  }

  received(from: string, link: number, nowMs: number): void {
    const peer = this.#peers.get(from);
    if (peer === undefined) return;
    peer.received += 1;
    peer.heardMs[link] = nowMs;
  }

  /** Counts a drop; a note when this has not been said of this peer for a minute. `head`: its first bytes. */
  dropped(from: string, link: number, cause: DropCause, head: Uint8Array, nowMs: number): DropNote | undefined {
    const peer = this.#peers.get(from);
    if (peer === undefined) return undefined;
    const count = (peer.dropped.get(cause) ?? 0) + 1;
    peer.dropped.set(cause, count);
    const saidMs = peer.saidMs.get(cause);
    if (saidMs !== undefined && nowMs - saidMs < SAY_AGAIN_AFTER_MS) return undefined;
    peer.saidMs.set(cause, nowMs);
    const where = `${peer.node.addresses[link] ?? "an unknown link"} (configured as ${from})`;
    const text = `${this.#words(cause, where, head)} Dropped so far: ${count}.`;
    peer.lastDrop = text;
    return { code: cause, text };
  }

  report(nowMs: number): TransportReport {
    return {
      peers: [...this.#peers.values()].map((peer) => ({
        number: peer.node.number,
        name: peer.node.id,
        links: peer.node.addresses.map((address, link) => {
          const heardMs = peer.heardMs[link];
          return { address, silenceMs: heardMs === undefined ? undefined : Math.max(0, nowMs - heardMs) };
        }),
        sent: peer.sent,
        received: peer.received,
        dropped: Object.fromEntries([...peer.dropped].sort(([a], [b]) => (a < b ? -1 : 1))),
        lastDrop: peer.lastDrop,
      })),
    };
  }

  #words(cause: DropCause, where: string, head: Uint8Array): string {
    switch (cause) {
      case "wrong-key":
        return `The node at ${where} speaks with another cluster key, so it stays out of this cluster. Copy the key file of this cluster to it and restart it.`;
      case "foreign-cluster":
        return `The node at ${where} belongs to another cluster than "${this.#cluster}", so it stays out. Give one of the two clusters other ports, or both nodes the same cluster name.`;
      case "too-new":
        return `The node at ${where} speaks wire version ${head[1]}, and this release knows ${WIRE_VERSION} at most, so it stays out. Upgrade this node, or start the release of this one there.`;
      case "too-old":
        return `The node at ${where} speaks wire version ${head[1]}, which this release (${WIRE_VERSION}) no longer knows, so it stays out. Upgrade it.`;
      case "not-systole":
        return `What sends from ${where} is ${strangerName(head)}, not Systole. Stop it there, or give this cluster another port.`;
      case "unknown-node":
        return `The node at ${where} has an id that is not in this node's configuration. Make "nodes" the same in the configuration of every node.`;
      case "misdirected":
        return `The node at ${where} takes this node for another one. Make "nodes" the same in the configuration of every node.`;
      case "old-life":
        return `From ${where} come datagrams of an earlier life than was heard already: late, recorded, or a second node runs with the same id. If the node stays away, see that its id is used once and its clock is right.`;
      case "replayed":
        return `From ${where} came a datagram for the second time, or far too late. Networks do that now and then; if it is often, somebody plays back recordings.`;
      default:
        return `The node at ${where} sent something that cannot be used (${cause}) although it was sealed with this cluster's key: a bug, or a release that is too different.`;
    }
  }
}

/** Which known protocol these first bytes belong to. Sources: Heartbeat's `###` and `>>>` messages, Totem's magic number. */
function strangerName(head: Uint8Array): string {
  const text = String.fromCharCode(...head.subarray(0, 4));
  if (text === "###\n" || text === ">>>\n") return "Heartbeat";
  const magic = ((head[0] ?? 0) << 8) | (head[1] ?? 0);
  if (magic === 0xc070 || magic === 0x70c0) return "Corosync";
  return "an unknown program";
}
