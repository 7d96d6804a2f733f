// Which view this node wants next, from what it knows. First those that are gone go, by agreement of the ones that stay; then
// newcomers come in. So a failure is never delayed by somebody who is just joining.

import { chooseClique } from "./clique.ts";
import type { Heard } from "./datagram.ts";
import type { Peer } from "./peers.ts";
import type { Incarnation, NodeId, View, ViewMember } from "./view.ts";

/** What a choice is made from. */
export interface Knowledge {
  readonly self: NodeId;
  readonly incarnation: Incarnation;
  readonly view: View;
  /** The members of `view` by id. */
  readonly memberOf: ReadonlyMap<NodeId, ViewMember>;
  /** Whom this node hears and would form a view with; sorted by id. */
  readonly row: readonly Heard[];
  /** The same as a set. */
  readonly rowIds: ReadonlySet<NodeId>;
  readonly peers: ReadonlyMap<NodeId, Peer>;
}

/** The wish to lose members: nothing to do, not decidable yet, or a target. */
export type ShrinkWish =
  | { readonly wish: "none" }
  /** A fellow member no longer hears these, this node has not heard them since: they or the link will show. */
  | { readonly wish: "wait"; readonly unsettled: readonly NodeId[] }
  | { readonly wish: "target"; readonly members: readonly Heard[] };

const NONE: ShrinkWish = { wish: "none" };

/** Who of the present view can stay in it together. */
export function wishToShrink(known: Knowledge): ShrinkWish {
  const { view, self, rowIds } = known;
  const stay = view.members.filter((member) => member.id === self || rowIds.has(member.id));
  const broken = brokenPairs(known, stay);
  if (broken.length === 0) return stay.length === view.members.length ? NONE : target(stay);
  const unsettled = new Set<NodeId>();
  for (const [deaf, lost] of broken) {
    if (lost === self) continue;
    const heardMs = known.peers.get(lost)?.lastHeardMs ?? Number.NEGATIVE_INFINITY;
    const lostMs = known.peers.get(deaf)?.rowChangedMs ?? Number.NEGATIVE_INFINITY;
    if (heardMs <= lostMs) unsettled.add(lost);
  }
  if (unsettled.size > 0) return { wish: "wait", unsettled: [...unsettled].sort((a, b) => a - b) };
  const cut = new Set(broken.map(([a, b]) => pairKey(a, b)));
  const rank = seniorityRank(view);
  const order = stay.map((member) => member.id).sort((a, b) => rank(a) - rank(b));
  const kept = new Set(chooseClique(order, (a, b) => !cut.has(pairKey(a, b)), self));
  return target(stay.filter((member) => kept.has(member.id)));
}

function target(members: readonly Heard[]): ShrinkWish {
  return { wish: "target", members: members.map(({ id, incarnation }) => ({ id, incarnation })) };
}

/**
 * Pairs [a, b] of members where a says that it does not hear b. Only who shows the present view is asked: before that its row
 * may be from a time when it had not met all of them, and the proposer has seen that they hear each other.
 */
function brokenPairs(known: Knowledge, stay: readonly ViewMember[]): (readonly [NodeId, NodeId])[] {
  const pairs: (readonly [NodeId, NodeId])[] = [];
  for (const a of stay) {
    const peer = known.peers.get(a.id);
    if (peer?.shown === undefined || peer.shown.number !== known.view.id.number) continue;
    if (peer.shown.proposer !== known.view.id.proposer) continue;
    for (const b of stay) {
      if (b.id !== a.id && peer.hears.get(b.id) !== b.incarnation) pairs.push([a.id, b.id]);
    }
  }
  return pairs;
}

function pairKey(a: NodeId, b: NodeId): string {
  return a < b ? `${a} ${b}` : `${b} ${a}`;
}

/** Places of the members when some must go: those that are longest in the chain of primary views stay first, then lower ids. */
export function seniorityRank(view: View): (id: NodeId) => number {
  const newest = view.members.reduce((highest, member) => Math.max(highest, member.primaryNumber), 0);
  const seniority = (member: ViewMember) =>
    newest > 0 && member.primaryNumber === newest && member.seniority > 0 ? member.seniority : Number.MAX_SAFE_INTEGER;
  const sorted = [...view.members].sort((a, b) => seniority(a) - seniority(b) || a.id - b.id);
  const places = new Map(sorted.map((member, place) => [member.id, place]));
  return (id) => places.get(id) ?? Number.MAX_SAFE_INTEGER;
}

/**
 * The view that newcomers could make with this node, or undefined when there is nothing to gain. It has more members than the
 * present one and may leave present members behind. Whoever enters it enters a larger view than its own, so such changes
 * come to an end on any graph.
 */
export function wishToGrow(known: Knowledge): readonly Heard[] | undefined {
  const { self, view, memberOf } = known;
  if (!known.row.some(({ id }) => !memberOf.has(id))) return undefined;
  if (!view.members.every((member) => member.id === self || showsView(known.peers.get(member.id), view))) {
    return undefined;
  }
  let candidates = known.row.filter(
    ({ id }) => memberOf.has(id) || known.peers.get(id)?.hears.get(self) === known.incarnation,
  );
  const groups = groupSizes(known);
  // Each round takes at least one group of candidates away.
  for (let rounds = candidates.length; rounds >= 0; rounds--) {
    const chosen = bestClique(known, candidates);
    if (chosen.length <= view.members.length) return undefined;
    const unwilling = unwillingGroups(known, chosen, groups);
    if (unwilling.size === 0) return chosen;
    candidates = candidates.filter(({ id }) => !unwilling.has(groupOf(known, id)));
  }
  return undefined;
}

function bestClique(known: Knowledge, candidates: readonly Heard[]): readonly Heard[] {
  const { self, memberOf } = known;
  const everybody: Heard[] = [...candidates, { id: self, incarnation: known.incarnation }];
  const lives = new Map(everybody.map(({ id, incarnation }) => [id, incarnation]));
  const hears = (a: NodeId, b: NodeId) => a === self || b === self || known.peers.get(a)?.hears.get(b) === lives.get(b);
  const linked = (a: NodeId, b: NodeId) => (memberOf.has(a) && memberOf.has(b)) || (hears(a, b) && hears(b, a));
  const chosen = new Set(chooseClique(byGroup(known, everybody), linked, self));
  return everybody.filter(({ id }) => chosen.has(id)).sort((a, b) => a.id - b.id);
}

/** Names the view that a node shows. */
function groupOf(known: Knowledge, id: NodeId): string {
  const shown = id === known.self ? known.view.id : known.peers.get(id)?.shown;
  return shown === undefined ? "" : `${shown.number} ${shown.proposer}`;
}

/** How many nodes that this one hears show each view. */
function groupSizes(known: Knowledge): Map<string, number> {
  const sizes = new Map<string, number>([[groupOf(known, known.self), known.view.members.length]]);
  for (const peer of known.peers.values()) {
    if (peer.shown === undefined || known.memberOf.has(peer.id)) continue;
    const group = groupOf(known, peer.id);
    sizes.set(group, (sizes.get(group) ?? 0) + 1);
  }
  return sizes;
}

/** Groups of which only some are chosen, and who would gain nothing: they would refuse. */
function unwillingGroups(known: Knowledge, chosen: readonly Heard[], groups: ReadonlyMap<string, number>): Set<string> {
  const taken = new Map<string, number>();
  for (const { id } of chosen) {
    const group = groupOf(known, id);
    taken.set(group, (taken.get(group) ?? 0) + 1);
  }
  const unwilling = new Set<string>();
  for (const [group, count] of taken) {
    const size = groups.get(group) ?? count;
    if (count < size && size >= chosen.length) unwilling.add(group);
  }
  return unwilling;
}

function showsView(peer: Peer | undefined, view: View): boolean {
  return peer?.shown?.number === view.id.number && peer.shown.proposer === view.id.proposer;
}

/**
 * Nodes that already share a view come first, the larger such group first, so that equal choices keep what there is; then
 * lower ids. Those whose view was proposed by a node that is not heard here come last: they would have to leave that one.
 */
function byGroup(known: Knowledge, nodes: readonly Heard[]): NodeId[] {
  const sizes = new Map<string, number>();
  const firsts = new Map<string, NodeId>();
  for (const { id } of nodes) {
    const group = groupOf(known, id);
    sizes.set(group, (sizes.get(group) ?? 0) + 1);
    firsts.set(group, Math.min(id, firsts.get(group) ?? id));
  }
  const boundElsewhere = (id: NodeId) => {
    const proposer = known.peers.get(id)?.shown?.proposer ?? id;
    return proposer === known.self || lives.has(proposer) ? 0 : 1;
  };
  const lives = new Set(nodes.map(({ id }) => id));
  const key = (id: NodeId) => ({
    size: sizes.get(groupOf(known, id)) ?? 0,
    first: firsts.get(groupOf(known, id)) ?? id,
  });
  return nodes
    .map(({ id }) => ({ id, bound: boundElsewhere(id), ...key(id) }))
    .sort((a, b) => a.bound - b.bound || b.size - a.size || a.first - b.first || a.id - b.id)
    .map(({ id }) => id);
}
