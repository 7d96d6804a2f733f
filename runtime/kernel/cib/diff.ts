// The difference of two versions of the CIB as changes in the terms of Pacemaker's <diff format="2">.
//
// Subtrees that are the same object in both are skipped, so the cost is that of what changed, plus one look at each sibling of
// it. Children are the same child when name and id are equal. Where that does not tell the siblings apart (several without an
// id), their parent is deleted and created as a whole, because no path could name one of them.

import type { CibChange, CibPath } from "../messages.ts";
import { type Element, sameAttributes } from "./element.ts";
import { stepOf } from "./version.ts";

/** What turns `before` into `after`. The roots must have the same name. */
export function diffElements(before: Element, after: Element): CibChange[] {
  const changes: CibChange[] = [];
  if (!diffInto(changes, [], before, after)) {
    // The root itself cannot be replaced: its children are, one and all.
    changes.length = 0;
    pushModify(changes, [], before, after);
    before.children.forEach((child, position) => {
      changes.push({ operation: "delete", path: [stepOf(child)], position });
    });
    after.children.forEach((child, position) => {
      changes.push({ operation: "create", path: [], position, element: child });
    });
  }
  return changes;
}

/** Appends the changes; false when the children cannot be told apart (nothing may be used of what was appended then). */
function diffInto(changes: CibChange[], path: CibPath, before: Element, after: Element): boolean {
  if (before === after) return true;
  pushModify(changes, path, before, after);
  if (before.children === after.children) return true;
  const { start, endBefore, endAfter } = changedRange(before.children, after.children);
  if (start === endBefore && start === endAfter) return true;
  const [one, other] = [before.children[start], after.children[start]];
  // Most changes are in one child, which is compared without tables of its siblings.
  if (endBefore - start === 1 && endAfter - start === 1 && one && other && sameKey(one, other)) {
    if (!isOnly(one, before.children)) return false;
    diffOne(changes, path, one, other, start);
    return true;
  }
  const old = before.children.slice(start, endBefore);
  const fresh = after.children.slice(start, endAfter);
  if (!distinct(old, before.children) || !distinct(fresh, after.children)) return false;
  diffChildren(changes, path, { old, fresh, start });
  return true;
}

/** The same child at the same place, with other content. */
function diffOne(changes: CibChange[], path: CibPath, old: Element, fresh: Element, position: number): void {
  const childPath = [...path, stepOf(fresh)];
  const mark = changes.length;
  if (diffInto(changes, childPath, old, fresh)) return;
  changes.length = mark;
  changes.push({ operation: "delete", path: childPath, position });
  changes.push({ operation: "create", path, position, element: fresh });
}

function diffChildren(
  changes: CibChange[],
  path: CibPath,
  range: { readonly old: readonly Element[]; readonly fresh: readonly Element[]; readonly start: number },
): void {
  const places = new Map<string, number>();
  range.old.forEach((child, i) => {
    places.set(keyOf(child), i);
  });
  const kept: { readonly child: Element; readonly from: number; readonly to: number }[] = [];
  const later: CibChange[] = [];
  range.fresh.forEach((child, to) => {
    const from = places.get(keyOf(child));
    if (from === undefined) {
      later.push({ operation: "create", path, position: range.start + to, element: child });
      return;
    }
    places.delete(keyOf(child));
    kept.push({ child, from, to });
  });
  for (const from of places.values()) {
    const gone = range.old[from];
    if (gone) changes.push({ operation: "delete", path: [...path, stepOf(gone)], position: range.start + from });
  }
  const inOrder = longestRise(kept.map((pair) => pair.from));
  kept.forEach((pair, i) => {
    const old = range.old[pair.from];
    if (old === undefined) return;
    const childPath = [...path, stepOf(pair.child)];
    const position = range.start + pair.to;
    const mark = changes.length;
    if (!diffInto(changes, childPath, old, pair.child)) {
      changes.length = mark;
      changes.push({ operation: "delete", path: childPath, position: range.start + pair.from });
      later.push({ operation: "create", path, position, element: pair.child });
    } else if (!inOrder.has(i)) {
      later.push({ operation: "move", path: childPath, position });
    }
  });
  for (const change of later.sort((a, b) => placeOf(a) - placeOf(b))) changes.push(change);
}

function placeOf(change: CibChange): number {
  return change.operation === "modify" ? -1 : change.position;
}

/** Where the two lists differ: what stands before and behind it is the same object in both. */
function changedRange(before: readonly Element[], after: readonly Element[]) {
  let start = 0;
  let endBefore = before.length;
  let endAfter = after.length;
  while (start < endBefore && start < endAfter && before[start] === after[start]) start += 1;
  while (endBefore > start && endAfter > start && before[endBefore - 1] === after[endAfter - 1]) {
    endBefore -= 1;
    endAfter -= 1;
  }
  return { start, endBefore, endAfter };
}

/** Above this many changed siblings a table of all of them is cheaper than looking through them for each. */
const FEW_SIBLINGS = 8;

/** Whether each of the changed siblings is the only one of its name and id among all of them. */
function distinct(changed: readonly Element[], all: readonly Element[]): boolean {
  if (changed.length <= FEW_SIBLINGS) {
    return changed.every((child) => isOnly(child, all));
  }
  const counts = new Map<string, number>();
  for (const child of all) counts.set(keyOf(child), (counts.get(keyOf(child)) ?? 0) + 1);
  return changed.every((child) => counts.get(keyOf(child)) === 1);
}

/** Whether no other of them has its name and id. */
function isOnly(child: Element, all: readonly Element[]): boolean {
  let same = 0;
  for (const other of all) if (sameKey(child, other)) same += 1;
  return same === 1;
}

function sameKey(one: Element, other: Element): boolean {
  return one.name === other.name && one.attributes["id"] === other.attributes["id"];
}

function keyOf(child: Element): string {
  return `${child.name} ${child.attributes["id"] ?? ""}${child.attributes["id"] === undefined ? "" : "#"}`;
}

/** What turns the attributes of one into those of the other; undefined when they are equal. */
export function diffAttributes(path: CibPath, before: Element, after: Element): CibChange | undefined {
  if (sameAttributes(before, after)) return undefined;
  const set: Record<string, string> = {};
  const unset: string[] = [];
  for (const key of Object.keys(after.attributes).sort()) {
    const value = after.attributes[key];
    if (value !== undefined && value !== before.attributes[key]) set[key] = value;
  }
  for (const key of Object.keys(before.attributes).sort()) {
    if (after.attributes[key] === undefined) unset.push(key);
  }
  return { operation: "modify", path, set, unset };
}

function pushModify(changes: CibChange[], path: CibPath, before: Element, after: Element): void {
  const modify = diffAttributes(path, before, after);
  if (modify !== undefined) changes.push(modify);
}

/** Indices of a longest increasing subsequence: these children stay where they are, only the others move. */
function longestRise(values: readonly number[]): ReadonlySet<number> {
  const tails: number[] = [];
  const previous: number[] = [];
  values.forEach((value, i) => {
    let low = 0;
    let high = tails.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((values[tails[middle] ?? 0] ?? 0) < value) low = middle + 1;
      else high = middle;
    }
    previous[i] = low > 0 ? (tails[low - 1] ?? -1) : -1;
    tails[low] = i;
  });
  const rise = new Set<number>();
  for (let i = tails[tails.length - 1] ?? -1; i >= 0; i = previous[i] ?? -1) rise.add(i);
  return rise;
}
