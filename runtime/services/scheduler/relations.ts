// Relations: which of two actions comes first.

import { type Action, Flag, Order, type Relation } from "./state.ts";

function isOrdered(first: Action, then: Action, flags: number): boolean {
  // Each order is in both lists, so the shorter one is enough.
  if (then.beforeCount < first.afterCount) {
    for (let known = then.before; known !== undefined; known = known.olderBefore) {
      if (known.first === first && (known.made & flags) !== 0) return true;
    }
  } else {
    for (let known = first.after; known !== undefined; known = known.olderAfter) {
      if (known.then === then && (known.made & flags) !== 0) return true;
    }
  }
  return false;
}

/** Orders two actions. False when that order is there already. */
export function orderActions(first: Action | undefined, then: Action | undefined, flags: number): boolean {
  if (first === undefined || then === undefined || flags === Order.None) return false;
  if (isOrdered(first, then, flags)) return false;
  const { before } = then;
  const { after } = first;
  const relation: Relation = {
    first,
    then,
    made: flags,
    flags,
    graphed: false,
    olderBefore: before,
    olderAfter: after,
    run: undefined,
  };
  first.after = relation;
  first.afterCount += 1;
  then.before = relation;
  then.beforeCount += 1;
  // Notifications are ordered while the graph is being made.
  if ((then.flags & Flag.InputsMerged) !== 0) then.inputs = [...then.inputs, relation];
  return true;
}
