// Did the CIB change in a way that the coordinator did not cause itself? Then its plan is out of date.
//
// Trees share what did not change, so only what differs from the tree before is looked at.

import type { Element } from "../../kernel/cib/element.ts";

/** Attributes of <cib> that count changes and say who did them. */
const BOOKKEEPING = new Set([
  "epoch",
  "num_updates",
  "cib-last-written",
  "update-origin",
  "update-client",
  "update-user",
  "crm_feature_set",
  "dc-uuid",
]);

/** Cluster properties of Systole's own, and notes of people, begin so; no plan depends on them. */
const OWN_PROPERTY = "systole-";
const PROPERTIES = "cluster_property_set";

/**
 * Where `after` differs from `before` in another way than `expected` does, as a path of names and ids for people; undefined when
 * nowhere. `expected` is `before` with one's own edits; what of those is not in `after` yet counts as no difference.
 */
export function unexpectedChange(before: Element, after: Element, expected: Element): string | undefined {
  return differenceIn(before, after, expected, true);
}

/** A path from `after` on, itself included. */
function differenceIn(before: Element, after: Element, expected: Element, isRoot: boolean): string | undefined {
  if (before === after || after === expected) return undefined;
  if (hasOtherAttributes(before, after, expected, isRoot)) return `/${labelOf(after)}`;
  if (before.children === after.children) return undefined;
  const below = aligned(before, after, expected)
    ? differenceInPlace(before, after, expected)
    : differenceBelow(before, after, expected);
  return below === undefined ? undefined : `/${labelOf(after)}${below}`;
}

function hasOtherAttributes(before: Element, after: Element, expected: Element, isRoot: boolean): boolean {
  if (before.attributes === after.attributes) return false;
  const differs = (name: string): boolean => {
    const value = after.attributes[name];
    if (value === before.attributes[name] || value === expected.attributes[name]) return false;
    return !(isRoot && BOOKKEEPING.has(name));
  };
  for (const name in after.attributes) if (differs(name)) return true;
  for (const name in before.attributes) if (differs(name)) return true;
  return false;
}

/** The children of all three are the same ones, in the same order; nearly always so. */
function aligned(before: Element, after: Element, expected: Element): boolean {
  const { length } = after.children;
  if (before.children.length !== length || expected.children.length !== length) return false;
  return after.children.every((child, at) => {
    const old = before.children[at];
    const wanted = expected.children[at];
    return old !== undefined && wanted !== undefined && sameKey(old, child) && sameKey(wanted, child);
  });
}

function sameKey(one: Element, other: Element): boolean {
  return one === other || (one.name === other.name && one.attributes["id"] === other.attributes["id"]);
}

function differenceInPlace(before: Element, after: Element, expected: Element): string | undefined {
  // After each change, among many siblings of which one has changed: nothing is made for those that have not.
  for (let at = 0; at < after.children.length; at += 1) {
    const child = after.children[at];
    const old = before.children[at];
    const wanted = expected.children[at];
    if (child === undefined || old === undefined || wanted === undefined || old === child || wanted === child) continue;
    if (after.name === PROPERTIES && isOwnProperty(old) && isOwnProperty(child)) continue;
    const difference = differenceIn(old, child, wanted, false);
    if (difference !== undefined) return difference;
  }
  return undefined;
}

function differenceBelow(before: Element, after: Element, expected: Element): string | undefined {
  const beforeChildren = indexed(before);
  const afterChildren = indexed(after);
  const expectedChildren = indexed(expected);
  for (const [key, child] of afterChildren) {
    const old = beforeChildren.get(key);
    const wanted = expectedChildren.get(key);
    if (old === child || wanted === child) continue;
    if (after.name === PROPERTIES && isOwnProperty(old ?? child) && isOwnProperty(child)) continue;
    if (old !== undefined) {
      const difference = differenceIn(old, child, wanted ?? old, false);
      if (difference !== undefined) return difference;
    } else if (wanted === undefined || !sameTree(child, wanted)) {
      return `/${labelOf(child)}`;
    }
  }
  for (const [key, child] of beforeChildren) {
    if (after.name === PROPERTIES && isOwnProperty(child)) continue;
    if (!afterChildren.has(key) && expectedChildren.has(key)) return `/${labelOf(child)}`;
  }
  return undefined;
}

function isOwnProperty(pair: Element): boolean {
  return pair.name === "nvpair" && pair.attributes["name"]?.startsWith(OWN_PROPERTY) === true;
}

function sameTree(one: Element, other: Element): boolean {
  if (one === other) return true;
  const names = Object.keys(one.attributes);
  if (one.name !== other.name || names.length !== Object.keys(other.attributes).length) return false;
  if (!names.every((name) => one.attributes[name] === other.attributes[name])) return false;
  if (one.children.length !== other.children.length) return false;
  const others = indexed(other);
  for (const [key, child] of indexed(one)) {
    const match = others.get(key);
    if (match === undefined || !sameTree(child, match)) return false;
  }
  return true;
}

/** Children by name and id; those without an id by their place among their like. */
function indexed(parent: Element): Map<string, Element> {
  const map = new Map<string, Element>();
  for (const child of parent.children) {
    const key = labelOf(child);
    let unique = key;
    for (let copy = 2; map.has(unique); copy++) unique = `${key}#${copy}`;
    map.set(unique, child);
  }
  return map;
}

function labelOf(one: Element): string {
  const { id } = one.attributes;
  return id === undefined ? one.name : `${one.name}[${id}]`;
}
