// Colocation constraints: where one resource (the dependent) is, looked at from where another (the primary) is.

import type { Element } from "../../kernel/cib/element.ts";
import { INFINITY, parseScore } from "../../model/score.ts";
import { compareText, parseBoolean } from "../../model/text.ts";
import {
  constraintResource,
  ignoreConstraint,
  isListName,
  membersOf,
  nameAsSet,
  setsOf,
  withSets,
} from "./constraint-sets.ts";
import { orderOperations } from "./orderings.ts";
import { constraintRole } from "./roles.ts";
import { type Cluster, type Colocation, Order, type Resource, Role } from "./state.ts";
import { isClone } from "./tree.ts";

/** What a colocation is made from. */
export interface ColocationSpec {
  readonly id: string;
  readonly dependent: Resource | undefined;
  readonly primary: Resource | undefined;
  readonly score: number;
  readonly dependentRole?: string | undefined;
  readonly primaryRole?: string | undefined;
  readonly attribute?: string | undefined;
  readonly influence: boolean;
  readonly explicit: boolean;
}

/** More important resources first; what contains others before what does not. */
function compareImportance(one: Resource, other: Resource): number {
  if (one.priority !== other.priority) return other.priority - one.priority;
  if (one.variant !== other.variant) return other.variant - one.variant;
  if (isClone(one) && one.promotable !== other.promotable) return one.promotable ? -1 : 1;
  return compareText(one.id, other.id);
}

/** Puts an item before the first one that it does not come after. */
function insertSorted(
  list: Colocation[],
  item: Colocation,
  compare: (one: Colocation, other: Colocation) => number,
): void {
  let place = 0;
  for (; place < list.length; place += 1) {
    const other = list[place];
    if (other !== undefined && compare(item, other) <= 0) break;
  }
  list.splice(place, 0, item);
}

/** Adds to what a resource is placed with, most important primary first. */
export function addThisWith(list: Colocation[], colocation: Colocation): void {
  insertSorted(list, colocation, (one, other) => compareImportance(one.primary, other.primary));
}

/** Adds to what is placed with a resource, most important dependent first. */
export function addWithThis(list: Colocation[], colocation: Colocation): void {
  insertSorted(list, colocation, (one, other) => compareImportance(one.dependent, other.dependent));
}

/**
 * Adds several at once. Into a list that has something already, Pacemaker puts the first of them as often as there are any
 * (seen in its plans when a member and its group both have colocations); scores depend on it, so it is kept.
 */
export function addAll(
  list: Colocation[],
  addition: readonly Colocation[],
  put: (list: Colocation[], colocation: Colocation) => void,
): void {
  const [first] = addition;
  if (list.length === 0) list.push(...addition);
  else if (first !== undefined) for (let i = 0; i < addition.length; i += 1) put(list, first);
}

/** Notes a colocation. */
export function newColocation(cluster: Cluster, spec: ColocationSpec): void {
  const { dependent, primary, score } = spec;
  if (dependent === undefined || primary === undefined) {
    ignoreConstraint(cluster, spec.id, "one of its resources does not exist");
    return;
  }
  const dependentRole = constraintRole(spec.dependentRole);
  const primaryRole = constraintRole(spec.primaryRole);
  if (dependentRole === undefined || primaryRole === undefined) {
    ignoreConstraint(cluster, spec.id, "one of its roles does not exist");
    return;
  }
  if (score === 0) return;
  const colocation: Colocation = {
    id: spec.id,
    dependent,
    primary,
    score,
    dependentRole,
    primaryRole,
    attribute: spec.attribute ?? "#uname",
    influence: spec.influence,
    explicit: spec.explicit,
  };
  addThisWith(dependent.thisWith, colocation);
  addWithThis(primary.withThis, colocation);
  if (score <= -INFINITY) {
    orderApart(cluster, dependent, dependentRole, primary, primaryRole);
    orderApart(cluster, primary, primaryRole, dependent, dependentRole);
  }
}

/** Of two that may never be together, the one leaves before the other comes. */
function orderApart(cluster: Cluster, first: Resource, firstRole: Role, then: Resource, thenRole: Role): void {
  const leaving =
    firstRole === Role.Promoted ? ["demote"] : firstRole === Role.Unpromoted ? ["stop", "promote"] : ["stop"];
  const coming =
    thenRole === Role.Promoted ? ["promote"] : thenRole === Role.Unpromoted ? ["start", "demote"] : ["start"];
  for (const one of leaving) {
    for (const other of coming) orderOperations(cluster, first, one, then, other, Order.IfRequiredOnSameNode);
  }
}

/** Whether the dependent may push the primary around. */
function influenceOf(resource: Resource, text: string | undefined): boolean {
  return parseBoolean(text) ?? resource.critical;
}

/** Reads one rsc_colocation. */
export function unpackColocation(cluster: Cluster, original: Element): void {
  const id = original.attributes["id"] ?? "";
  const constraint = asSets(cluster, original);
  if (constraint === undefined) return;
  const scoreText = constraint.attributes["score"];
  const score = scoreText === undefined ? 0 : parseScore(scoreText, cluster.properties.colors);
  if (score === undefined) {
    ignoreConstraint(cluster, id, `"${scoreText}" is no score`);
    return;
  }
  const influence = constraint.attributes["influence"];
  let last: Element | undefined;
  const sets = setsOf(cluster, constraint, original);
  if (sets === undefined) return;
  for (const set of sets) {
    if (!set.attributes["id"]) continue;
    colocateSet(cluster, id, set, score, influence);
    if (last !== undefined) colocateSets(cluster, id, last, set, score, influence);
    last = set;
  }
  if (last === undefined) unpackSimple(cluster, constraint, id, score, influence);
}

function asSets(cluster: Cluster, original: Element): Element | undefined {
  const { rsc, "with-rsc": withRsc, id } = original.attributes;
  if (original.children.some((child) => child.name === "resource_set")) return original;
  if (rsc === undefined || withRsc === undefined) return original;
  const dependentIsList = isListName(cluster, rsc);
  const primaryIsList = isListName(cluster, withRsc);
  if (dependentIsList && primaryIsList) {
    ignoreConstraint(cluster, id, "two templates or tags cannot be colocated");
    return undefined;
  }
  const any = dependentIsList || primaryIsList;
  const first = nameAsSet(cluster, original, "rsc", any, { role: original.attributes["rsc-role"] });
  const second = nameAsSet(cluster, original, "with-rsc", any, { role: original.attributes["with-rsc-role"] });
  if (first === undefined || second === undefined) return undefined;
  if (first === "plain" || second === "plain") return original;
  return withSets(original, ["rsc", "with-rsc", "rsc-role", "with-rsc-role"], [first, second]);
}

function unpackSimple(
  cluster: Cluster,
  constraint: Element,
  id: string,
  score: number,
  influence: string | undefined,
): void {
  const { attributes } = constraint;
  const dependent = constraintResource(cluster, attributes["rsc"]);
  const primary = constraintResource(cluster, attributes["with-rsc"]);
  if (dependent === undefined || primary === undefined) {
    ignoreConstraint(
      cluster,
      id,
      `resource "${dependent === undefined ? attributes["rsc"] : attributes["with-rsc"]}" does not exist`,
    );
    return;
  }
  newColocation(cluster, {
    id,
    dependent,
    primary,
    score,
    dependentRole: attributes["rsc-role"],
    primaryRole: attributes["with-rsc-role"],
    attribute: attributes["node-attribute"],
    influence: influenceOf(dependent, influence),
    explicit: true,
  });
}

/** Resources of one set with each other. */
function colocateSet(cluster: Cluster, id: string, set: Element, whole: number, influence: string | undefined): void {
  const { id: setId = id, score: scoreText, role, ordering, sequential } = set.attributes;
  const score = scoreText === undefined ? whole : parseScore(scoreText, cluster.properties.colors);
  if (score === undefined || score === 0 || parseBoolean(sequential) === false) return;
  const withPrevious = ordering === undefined || ordering.toLowerCase() === "group";
  const spec = (dependent: Resource, primary: Resource, mover: Resource) =>
    newColocation(cluster, {
      id: setId,
      dependent,
      primary,
      score,
      dependentRole: role,
      primaryRole: role,
      influence: influenceOf(mover, influence),
      explicit: true,
    });
  const ids = membersOf(set);
  let previous: Resource | undefined;
  for (const id of ids) {
    const resource = constraintResource(cluster, id);
    if (resource === undefined) return;
    if (score < 0) {
      // Apart from each other: every one from every one before it. One that is named by its place in a clone stands for
      // the clone, under another name than it was given, so nothing says where "before it" ends.
      for (const other of ids) {
        if (other === resource.id) break;
        const primary = constraintResource(cluster, other);
        if (primary !== undefined) spec(resource, primary, resource);
      }
    } else if (previous !== undefined) {
      if (withPrevious) spec(resource, previous, resource);
      else spec(previous, resource, resource);
    }
    previous = resource;
  }
}

/** One set with the next. A set whose order counts is represented by its end that touches the other. */
function colocateSets(
  cluster: Cluster,
  id: string,
  first: Element,
  second: Element,
  score: number,
  influence: string | undefined,
): void {
  if (score === 0) return;
  const ordered = (set: Element) => parseBoolean(set.attributes["sequential"]) ?? true;
  let dependents = membersOf(first);
  let primaries = membersOf(second);
  if (ordered(first) && dependents.length > 0) {
    dependents = dependents.slice(0, 1);
    if (constraintResource(cluster, dependents[0]) === undefined) return;
  }
  if (ordered(second) && primaries.length > 0) {
    primaries = primaries.slice(-1);
    if (constraintResource(cluster, primaries[0]) === undefined) return;
  }
  for (const dependentId of dependents) {
    const dependent = constraintResource(cluster, dependentId);
    if (dependent === undefined) continue;
    for (const primaryId of primaries) {
      const primary = constraintResource(cluster, primaryId);
      if (primary === undefined) continue;
      newColocation(cluster, {
        id,
        dependent,
        primary,
        score,
        dependentRole: first.attributes["role"],
        primaryRole: second.attributes["role"],
        influence: influenceOf(dependent, influence),
        explicit: true,
      });
    }
  }
}

/** Whether the wishes of the dependent count for the primary. */
export function hasInfluence(colocation: Colocation, resource: Resource = colocation.primary): boolean {
  if (colocation.dependent.nestingAllowed && !resource.failed && resource.activeNodes.length === 1) return false;
  return colocation.influence || resource.activeNodes.length === 0;
}
