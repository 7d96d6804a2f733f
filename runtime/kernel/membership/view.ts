// A view: the nodes that agreed, at the same moment and under the same number, that they form the cluster now.

/** A node's number in the configuration, 1 to 2^31-1. The same for the life of the cluster. */
export type NodeId = number;

/** Names one life of a node's process: a larger number for every start. A restart within the detection time shows by it. */
export type Incarnation = number;

/**
 * Increases along every chain of views that a node sees; the proposer breaks the tie between two partitions. No life of a
 * node ever sees two views of one id; nodes that have all started again may make an id anew, with other incarnations.
 */
export interface ViewId {
  readonly number: number;
  readonly proposer: NodeId;
}

/**
 * What a node knows of the chain of primary views when it agrees to a view. `primaryNumber` is the last primary view it was
 * a member of (0: none yet in its life or on its disk); `seniority` the number of the primary view at which this life joined the chain
 * (0: not in the chain, joined just now).
 */
export interface ChainPosition {
  readonly primaryNumber: number;
  readonly seniority: number;
}

/** A member of a view. */
export interface ViewMember extends ChainPosition {
  readonly id: NodeId;
  readonly incarnation: Incarnation;
  /** The feature level the node speaks; the cluster uses the least one in the view. */
  readonly featureLevel: number;
}

/**
 * Why a member of an earlier view is not in this one: it announced a clean leave; it was silent on all links for the detection
 * timeout; a later life of it was heard; or it is still heard by some, but not by all, or has gone to another view.
 */
export type DepartureCause = "left" | "silent" | "restarted" | "unreachable";

/** A member of an earlier view, and how it went. */
export interface Departure {
  readonly id: NodeId;
  readonly incarnation: Incarnation;
  readonly cause: DepartureCause;
}

/** An agreed view: equal, to the last field, on each of its members. */
export interface View {
  readonly id: ViewId;
  /** Sorted by id. */
  readonly members: readonly ViewMember[];
  /** The last life of each node that was seen to go, by any member since that member started, and how; sorted by id. Only the cause "left" is a clean leave. Nobody in it is a member. */
  readonly departures: readonly Departure[];
}

/** Orders view ids: negative when `a` is older. */
export function compareViewIds(a: ViewId, b: ViewId): number {
  return a.number - b.number || a.proposer - b.proposer;
}

/**
 * The coordinator follows from the view, without an election: the member that has been in the chain of primary views for longest.
 * Members whose last primary view is not the newest one in this view count as joined just now. Without a chain, the lowest id.
 */
export function coordinatorOf(view: View): NodeId {
  const newest = Math.max(...view.members.map((member) => member.primaryNumber));
  let best: { seniority: number; id: NodeId } | undefined;
  for (const member of view.members) {
    const inChain = newest > 0 && member.primaryNumber === newest && member.seniority > 0;
    const seniority = inChain ? member.seniority : Number.MAX_SAFE_INTEGER;
    if (best === undefined || seniority < best.seniority || (seniority === best.seniority && member.id < best.id)) {
      best = { seniority, id: member.id };
    }
  }
  return best?.id ?? 0;
}
