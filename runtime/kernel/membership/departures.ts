// How nodes went. Each member knows what it saw itself; accepts carry that to the proposer, and the view carries the sum to
// all, so the members of a view know the same: above all who left cleanly and need not be fenced.

import type { Departure, DepartureCause, NodeId, ViewMember } from "./view.ts";

/** What is certain beats what was only seen: a leave was announced, a restart was heard, silence and unreachability are guesses. */
const WEIGHT: Readonly<Record<DepartureCause, number>> = { left: 3, restarted: 2, silent: 1, unreachable: 0 };

/** The last departure of each node id. */
export type DepartureMap = Map<NodeId, Departure>;

/** Takes in what somebody saw: of one node, its later life counts, and of one life, the more certain cause. */
export function learnDeparture(known: DepartureMap, departure: Departure): void {
  const before = known.get(departure.id);
  const newer =
    before === undefined ||
    departure.incarnation > before.incarnation ||
    (departure.incarnation === before.incarnation && WEIGHT[departure.cause] > WEIGHT[before.cause]);
  if (newer) known.set(departure.id, departure);
}

/** As a view lists them: sorted by id, without those that are members. */
export function listDepartures(known: DepartureMap, members: readonly Pick<ViewMember, "id">[]): readonly Departure[] {
  if (known.size === 0) return [];
  const present = new Set(members.map((member) => member.id));
  return [...known.values()].filter((departure) => !present.has(departure.id)).sort((a, b) => a.id - b.id);
}
