// Sets in constraints, and names in constraints that stand for several resources (tags and templates).

import { type Element, element, withAttributes } from "../../kernel/cib/element.ts";
import type { Cluster, Resource } from "./state.ts";
import { findResource, topResource } from "./tree.ts";

/** The resource that a constraint names; an instance by its name in the configuration stands for the whole clone. */
export function constraintResource(cluster: Cluster, id: string | undefined): Resource | undefined {
  if (id === undefined) return undefined;
  const resource = findResource(cluster, id);
  if (resource !== undefined) return resource.id === id ? resource : topResource(resource);
  return undefined;
}

/** Notes that a constraint is left out, and why. */
export function ignoreConstraint(cluster: Cluster, id: string | undefined, why: string): void {
  cluster.problems.push({
    severity: "error",
    code: "constraint-ignored",
    ...(id === undefined ? {} : { element: id }),
    text: `Constraint "${id ?? "(without id)"}" is ignored: ${why}. Correct or remove it.`,
  });
}

/** What a name stands for: one resource, the members of a tag or template, or nothing. */
export function meaningOf(cluster: Cluster, id: string): Resource | readonly string[] | undefined {
  const resource = constraintResource(cluster, id);
  if (resource !== undefined) return resource;
  const derived = cluster.templates.get(id);
  if (derived !== undefined) return derived.length === 0 ? undefined : derived;
  return cluster.tags.get(id);
}

function isList(meaning: Resource | readonly string[]): meaning is readonly string[] {
  return Array.isArray(meaning);
}

/**
 * The sets of a constraint, references followed, tags replaced by what they stand for; undefined when a reference leads nowhere.
 * Tags are looked at in sets that are written in the constraint: not in those made of a tag, nor in those of another
 * constraint. A member that means nothing leaves all sets as they are, and whoever reads them stops at it.
 */
export function setsOf(cluster: Cluster, constraint: Element, original: Element): Element[] | undefined {
  const written = constraint.children.filter((child) => child.name === "resource_set");
  const expanded = constraint === original ? expandTags(cluster, constraint, written) : written;
  const sets: Element[] = [];
  for (const child of expanded) {
    const set = cluster.resolve(child);
    if (set === undefined) return undefined;
    sets.push(set);
  }
  return sets;
}

function expandTags(cluster: Cluster, constraint: Element, sets: readonly Element[]): readonly Element[] {
  const result: Element[] = [];
  for (const set of sets) {
    const references: Element[] = [];
    let changed = false;
    for (const reference of set.children) {
      if (reference.name !== "resource_ref") continue;
      const id = reference.attributes["id"];
      const meaning = id === undefined ? undefined : meaningOf(cluster, id);
      if (meaning === undefined) {
        ignoreConstraint(cluster, constraint.attributes["id"], `"${id}" is no resource, template or tag`);
        return sets;
      }
      if (!isList(meaning)) {
        references.push(reference);
        continue;
      }
      changed = true;
      for (const member of meaning) references.push(element("resource_ref", { id: member }));
    }
    result.push(changed ? { name: set.name, attributes: set.attributes, children: references } : set);
  }
  return result;
}

/**
 * Replaces a name that stands for several resources by a set.
 * @param alsoSingle make a set of a single resource too (the other side became one)
 * @returns the set, "plain" when nothing needs to change, undefined when the name means nothing
 */
export function nameAsSet(
  cluster: Cluster,
  constraint: Element,
  attribute: string,
  alsoSingle: boolean,
  extra: Readonly<Record<string, string | undefined>>,
): Element | "plain" | undefined {
  const id = constraint.attributes[attribute];
  if (id === undefined) return "plain";
  const meaning = meaningOf(cluster, id);
  if (meaning === undefined) {
    ignoreConstraint(cluster, constraint.attributes["id"], `"${id}" is no resource, template or tag`);
    return undefined;
  }
  if (isList(meaning)) {
    const members = meaning.map((member) => element("resource_ref", { id: member }));
    return element("resource_set", { id, sequential: "false", ...extra }, members);
  }
  if (!alsoSingle) return "plain";
  return element("resource_set", { id, ...extra }, [element("resource_ref", { id })]);
}

/** Whether a name stands for several resources. */
export function isListName(cluster: Cluster, id: string | undefined): boolean {
  if (id === undefined) return false;
  const meaning = meaningOf(cluster, id);
  return meaning !== undefined && isList(meaning);
}

/** The same constraint with sets instead of names. */
export function withSets(constraint: Element, removed: readonly string[], sets: readonly Element[]): Element {
  const attributes: Record<string, undefined> = {};
  for (const name of removed) attributes[name] = undefined;
  const stripped = withAttributes(constraint, attributes);
  return { name: stripped.name, attributes: stripped.attributes, children: [...stripped.children, ...sets] };
}

/** Ids of the resources in a set. */
export function membersOf(set: Element): string[] {
  return set.children.filter((child) => child.name === "resource_ref").map((child) => child.attributes["id"] ?? "");
}
