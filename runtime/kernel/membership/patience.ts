// How long a node waits for others that want something else, and whom it then leaves aside.
//
// Where not everybody hears everybody, nodes know different parts of the graph and may wish for views that others would never
// agree to. Who is left aside is not in the row, so all others see it and choose without that pair.

import { sameMembers } from "./agreement.ts";
import type { Heard } from "./datagram.ts";
import type { Peer } from "./peers.ts";
import type { Standing } from "./standing.ts";
import type { NodeId } from "./view.ts";

/** A node that wants something else is left aside for so many detection timeouts. */
const SHUN_TIMEOUTS = 4;

/** The settings it needs. */
export interface PatienceConfig {
  readonly self: NodeId;
  readonly heartbeatIntervalMs: number;
  readonly detectionTimeoutMs: number;
}

/** One node's patience with the others. */
export class Patience {
  /** A proposal is held for so long before it is refused: the others need no longer to see what the proposer sees. */
  readonly holdLimitMs: number;
  private readonly config: PatienceConfig;
  private readonly standing: Standing;
  /** The view that another node is expected to propose. */
  private expected: { readonly members: readonly Heard[]; readonly sinceMs: number } | undefined;

  constructor(config: PatienceConfig, standing: Standing) {
    this.config = config;
    this.standing = standing;
    this.holdLimitMs = config.detectionTimeoutMs + config.heartbeatIntervalMs;
  }

  /** A view is installed: nothing is expected any more. */
  reset(): void {
    this.expected = undefined;
  }

  /** The first of `wanted` is to propose them. Returns it when it has been waited for long enough. */
  waitFor(wanted: readonly Heard[], nowMs: number): Peer | undefined {
    const { expected } = this;
    if (expected === undefined || !sameMembers(expected.members, wanted)) {
      this.expected = { members: wanted, sinceMs: nowMs };
      return undefined;
    }
    if (nowMs < expected.sinceMs + this.waitLimitMs()) return undefined;
    this.expected = undefined;
    const [proposer] = wanted;
    return proposer === undefined ? undefined : this.standing.peers.get(proposer.id);
  }

  /** Lower nodes give up earlier, so that who waits for one of them sees it go on first. */
  private waitLimitMs(): number {
    const before = this.standing.peerList.filter((peer) => peer.id < this.config.self).length;
    return this.holdLimitMs + before * this.config.heartbeatIntervalMs;
  }

  /**
   * The peer does not agree to `wanted`. A fellow member shall not be lost for a wish to grow: unless members are to go anyway
   * (`shrinking`), those are left aside that were wished for.
   */
  giveUpOn(peer: Peer, wanted: readonly Heard[], shrinking: boolean, nowMs: number): void {
    const { memberOf, peers } = this.standing;
    if (!memberOf.has(peer.id)) {
      // It refuses for the whole of its view: one of its fellows alone would not come either.
      for (const fellow of this.groupOf(peer)) this.shun(fellow, nowMs);
    } else if (shrinking) this.shun(peer, nowMs);
    else {
      for (const { id } of wanted) {
        const newcomer = memberOf.has(id) ? undefined : peers.get(id);
        if (newcomer !== undefined) this.shun(newcomer, nowMs);
      }
    }
  }

  /** Forms no view with this node for a while. */
  shun(peer: Peer, nowMs: number): void {
    peer.shunnedUntilMs = nowMs + SHUN_TIMEOUTS * this.config.detectionTimeoutMs;
  }

  /** Counts on the peer and all of its view again: together, for a choice of only some would be refused for ever. */
  forgive(peer: Peer): void {
    for (const fellow of this.groupOf(peer)) fellow.shunnedUntilMs = Number.NEGATIVE_INFINITY;
  }

  /** All that show the peer's view, the peer among them. */
  private groupOf(peer: Peer): Peer[] {
    const { shown } = peer;
    return this.standing.peerList.filter(
      (other) =>
        other === peer ||
        (shown !== undefined && other.shown?.number === shown.number && other.shown.proposer === shown.proposer),
    );
  }
}
