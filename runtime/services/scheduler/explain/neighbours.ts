// Which resources have a say in where a resource is: it, what it stands in or beside, and what constraints tie it to.

import { childNamed, type Element } from "../../../kernel/cib/element.ts";
import { findResource, type ResourcePlace } from "../../../model/edits/plan.ts";

/** More are not looked at: who is so far away hardly matters. */
const MAX_NEIGHBOURS = 24;

/** A resource that has a say. */
export interface Neighbour {
  readonly id: string;
  readonly place: ResourcePlace;
  /** The outermost resource that contains it, which is what moves. */
  readonly movable: string;
  /** Its id, and those of what contains it and of what is in it. */
  readonly ids: readonly string[];
}

/** Ids of the resources that a constraint is about, tags taken apart. */
export function referencedIds(cib: Element, constraint: Element): ReadonlySet<string> {
  const ids = new Set<string>();
  const tags = childNamed(childNamed(cib, "configuration"), "tags");
  const add = (id: string | undefined): void => {
    if (id === undefined || ids.has(id)) return;
    ids.add(id);
    for (const reference of childNamed(tags, "tag", id)?.children ?? []) add(reference.attributes["id"]);
  };
  for (const name of ["rsc", "with-rsc", "first", "then"]) add(constraint.attributes[name]);
  for (const set of constraint.children) {
    if (set.name !== "resource_set") continue;
    for (const reference of set.children) add(reference.attributes["id"]);
  }
  const pattern = constraint.attributes["rsc-pattern"];
  if (pattern !== undefined) for (const id of matching(cib, pattern)) add(id);
  return ids;
}

function matching(cib: Element, pattern: string): string[] {
  const invert = pattern.startsWith("!");
  let expression: RegExp;
  try {
    expression = new RegExp(invert ? pattern.slice(1) : pattern);
  } catch {
    return [];
  }
  const resources = childNamed(childNamed(cib, "configuration"), "resources");
  return (resources?.children ?? [])
    .map((resource) => resource.attributes["id"] ?? "")
    .filter((id) => expression.test(id) !== invert);
}

function idsBelow(element: Element): string[] {
  const { id } = element.attributes;
  const isResource = ["primitive", "group", "clone", "master", "bundle"].includes(element.name);
  return isResource && id !== undefined ? [id, ...element.children.flatMap(idsBelow)] : [];
}

function neighbour(cib: Element, id: string): Neighbour | undefined {
  const place = findResource(cib, id);
  if ("refused" in place) return undefined;
  const own = place.element.attributes["id"] ?? id;
  const outer = place.parents.map((parent) => parent.attributes["id"] ?? "");
  return { id: own, place, movable: outer[0] ?? own, ids: [...outer, ...idsBelow(place.element)] };
}

/** The resource itself first, then the others, nearest first. Empty when it does not exist. */
export function neighboursOf(cib: Element, id: string): Neighbour[] {
  const first = neighbour(cib, id);
  if (first === undefined) return [];
  const found = new Map<string, Neighbour>([[first.id, first]]);
  const constraints = childNamed(childNamed(cib, "configuration"), "constraints")?.children ?? [];
  const ties = constraints
    .filter(({ name }) => name === "rsc_colocation" || name === "rsc_order")
    .map((constraint) => referencedIds(cib, constraint));
  const waiting = [first];
  while (waiting.length > 0 && found.size < MAX_NEIGHBOURS) {
    const current = waiting.shift();
    const group = current?.place.parents.find((parent) => parent.name === "group");
    const beside = (group?.children ?? []).filter(({ name }) => name === "primitive");
    const tied = ties.filter((ids) => current?.ids.some((one) => ids.has(one))).flatMap((ids) => [...ids]);
    for (const other of [...beside.map(({ attributes }) => attributes["id"] ?? ""), ...tied]) {
      const next = found.has(other) ? undefined : neighbour(cib, other);
      if (next === undefined || first.ids.includes(next.id) || found.size >= MAX_NEIGHBOURS) continue;
      found.set(next.id, next);
      waiting.push(next);
    }
  }
  return [...found.values()];
}
