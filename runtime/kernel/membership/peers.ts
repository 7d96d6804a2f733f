// What this node knows of each configured peer: which life of it speaks, when it was last heard and on which link, and what
// its last heartbeat said. Silence counts on all links together; a datagram of an older life is not even heard.

import type { Heard, Heartbeat } from "./datagram.ts";
import type { Incarnation, NodeId, ViewId } from "./view.ts";

const NOBODY: readonly Heard[] = [];

/** One configured peer. Times are nowMs of this node's clock; never heard is -Infinity. */
export interface Peer {
  readonly id: NodeId;
  /** The life that was heard last; -1: none yet. */
  incarnation: Incarnation;
  /** The life that announced its leave; its datagrams count no more. */
  leftIncarnation: Incarnation;
  /** Heard within the detection timeout, and its heartbeat (row, view) is known. */
  heard: boolean;
  /** The last datagram of the present life, and of the life before. */
  lastHeardMs: number;
  earlierLifeHeardMs: number;
  /** From here its silence counts; later than lastHeardMs after this node itself has slept. */
  silentFromMs: number;
  readonly linkHeardMs: number[];
  sequence: number;
  /** Whom it hears, and the same for look-up. */
  row: readonly Heard[];
  readonly hears: Map<NodeId, Incarnation>;
  rowChangedMs: number;
  /** The view it has installed; undefined while unheard. */
  shown: ViewId | undefined;
  promised: number;
  featureLevel: number;
  /** It chose another view again and again: not counted on before this. */
  shunnedUntilMs: number;
  /** This node cannot go on with it: a view without it comes first, whatever it shows and however long that takes. */
  mustPart: boolean;
  installSentMs: number;
}

/** What a datagram says about the life of its sender. */
export type Hearing = "same" | "new-life" | "stale";

/** A peer nobody has heard of. */
export function newPeer(id: NodeId, links: number): Peer {
  return {
    id,
    incarnation: -1,
    leftIncarnation: -1,
    heard: false,
    lastHeardMs: Number.NEGATIVE_INFINITY,
    earlierLifeHeardMs: Number.NEGATIVE_INFINITY,
    silentFromMs: Number.NEGATIVE_INFINITY,
    linkHeardMs: new Array<number>(links).fill(Number.NEGATIVE_INFINITY),
    sequence: -1,
    row: NOBODY,
    hears: new Map(),
    rowChangedMs: Number.NEGATIVE_INFINITY,
    shown: undefined,
    promised: 0,
    featureLevel: 0,
    shunnedUntilMs: Number.NEGATIVE_INFINITY,
    mustPart: false,
    installSentMs: Number.NEGATIVE_INFINITY,
  };
}

/** Notes that a datagram came. A stale one (of an older life, or of one that left) changes nothing. */
export function hear(peer: Peer, incarnation: Incarnation, link: number, nowMs: number): Hearing {
  if (incarnation < peer.incarnation || incarnation <= peer.leftIncarnation) return "stale";
  const newLife = incarnation > peer.incarnation;
  if (newLife) {
    peer.earlierLifeHeardMs = peer.lastHeardMs;
    peer.incarnation = incarnation;
    peer.sequence = -1;
    peer.promised = 0;
    peer.shunnedUntilMs = Number.NEGATIVE_INFINITY;
    peer.mustPart = false;
    forget(peer);
  }
  peer.lastHeardMs = nowMs;
  peer.silentFromMs = nowMs;
  if (link >= 0 && link < peer.linkHeardMs.length) peer.linkHeardMs[link] = nowMs;
  return newLife ? "new-life" : "same";
}

/** The peer is unheard until its next heartbeat: nothing it said before counts. */
export function forget(peer: Peer): void {
  peer.heard = false;
  peer.row = NOBODY;
  peer.hears.clear();
  peer.shown = undefined;
}

/** What changed by a heartbeat. */
export interface HeartbeatNews {
  readonly rowChanged: boolean;
  readonly viewChanged: boolean;
}

const NO_NEWS: HeartbeatNews = { rowChanged: false, viewChanged: false };

/** Takes what a heartbeat says; undefined when it is a duplicate or came too late. */
export function takeHeartbeat(peer: Peer, beat: Heartbeat, nowMs: number): HeartbeatNews | undefined {
  if (beat.sequence <= peer.sequence) return undefined;
  peer.sequence = beat.sequence;
  peer.featureLevel = beat.featureLevel;
  peer.promised = Math.max(peer.promised, beat.promised);
  const first = !peer.heard;
  peer.heard = true;
  const viewChanged =
    peer.shown === undefined || peer.shown.number !== beat.view.number || peer.shown.proposer !== beat.view.proposer;
  const rowChanged = first || !sameRow(peer.row, beat.heard);
  if (!viewChanged && !rowChanged) {
    peer.row = beat.heard;
    return NO_NEWS;
  }
  peer.shown = beat.view;
  if (rowChanged) {
    peer.row = beat.heard;
    peer.rowChangedMs = nowMs;
    peer.hears.clear();
    for (const { id, incarnation } of beat.heard) peer.hears.set(id, incarnation);
  }
  return { rowChanged, viewChanged };
}

/** Equal rows; both are sorted by id. Peers send the same array again while nothing changes, which in memory costs nothing. */
export function sameRow(a: readonly Heard[], b: readonly Heard[]): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) {
    if (a[i]!.id !== b[i]!.id || a[i]!.incarnation !== b[i]!.incarnation) return false;
  }
  return true;
}

/** The link on which the peer was heard last; the lowest of those that are about as good. */
export function bestLink(peer: Peer, toleranceMs: number): number {
  let best = 0;
  for (let link = 1; link < peer.linkHeardMs.length; link++) {
    if (peer.linkHeardMs[link]! > peer.linkHeardMs[best]! + toleranceMs) best = link;
  }
  return best;
}
