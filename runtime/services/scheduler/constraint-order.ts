// Order constraints: what happens to one resource before something happens to another.

import type { Element } from "../../kernel/cib/element.ts";
import { parseScore } from "../../model/score.ts";
import { isTrue, parseBoolean } from "../../model/text.ts";
import { pseudoAction } from "./actions.ts";
import { integerAtLeast } from "./attributes.ts";
import {
  constraintResource,
  ignoreConstraint,
  isListName,
  membersOf,
  nameAsSet,
  setsOf,
  withSets,
} from "./constraint-sets.ts";
import { newOrdering, orderOperations } from "./orderings.ts";
import { type Cluster, Order, type Resource } from "./state.ts";
import { isClone } from "./tree.ts";

type Kind = "optional" | "mandatory" | "serialize";
type Symmetry = "asymmetric" | "symmetric" | "inverse";

const INVERSE: Readonly<Record<string, string>> = {
  start: "stop",
  stop: "start",
  promote: "demote",
  demote: "promote",
  promoted: "demoted",
  demoted: "promoted",
  running: "stopped",
  stopped: "running",
};

function kindOf(element: Element): Kind {
  switch (element.attributes["kind"]) {
    case undefined: {
      const score = element.attributes["score"];
      return score !== undefined && (parseScore(score) ?? 0) === 0 ? "optional" : "mandatory";
    }
    case "Optional":
      return "optional";
    case "Serialize":
      return "serialize";
    default:
      return "mandatory";
  }
}

function symmetryOf(element: Element, parentKind: Kind, parentSymmetrical: string | undefined): Symmetry {
  const own = element.attributes["kind"] !== undefined || element.attributes["score"] !== undefined;
  const kind = own ? kindOf(element) : parentKind;
  let symmetric = parseBoolean(element.attributes["symmetrical"]);
  if (symmetric === undefined && parentSymmetrical !== undefined) symmetric = isTrue(parentSymmetrical);
  if (symmetric === undefined) return kind === "serialize" ? "asymmetric" : "symmetric";
  return symmetric && kind !== "serialize" ? "symmetric" : "asymmetric";
}

/** Operations that bring something up. */
function isUp(task: string): boolean {
  return task === "start" || task === "promote" || task === "migrate_from";
}

function flagsFor(kind: Kind, first: string, symmetry: Symmetry): number {
  if (kind === "optional") return Order.Ordered;
  if (kind === "serialize") return Order.Serialize;
  if (symmetry === "asymmetric") return Order.Ordered | Order.Asymmetric;
  if (symmetry === "inverse") return Order.Ordered | Order.ThenImpliesFirst;
  return Order.Ordered | Order.FirstImpliesThen | (isUp(first) ? Order.UnrunnableFirstBlocks : 0);
}

/** Reads one rsc_order. */
export function unpackOrder(cluster: Cluster, original: Element): void {
  const id = original.attributes["id"] ?? "";
  const kind = kindOf(original);
  const symmetry = symmetryOf(original, kind, undefined);
  const constraint = asSets(cluster, original);
  if (constraint === undefined) return;
  const sets = setsOf(cluster, constraint, original);
  if (sets === undefined) return;
  let last: Element | undefined;
  for (const set of sets) {
    if (!orderSet(cluster, set, kind, original.attributes["symmetrical"])) return;
    if (last !== undefined) {
      if (!orderSets(cluster, id, last, set, kind, symmetry)) return;
      if (symmetry === "symmetric" && !orderSets(cluster, id, set, last, kind, "inverse")) return;
    }
    last = set;
  }
  if (last === undefined) unpackSimple(cluster, constraint, id, kind);
}

function asSets(cluster: Cluster, original: Element): Element | undefined {
  const { first, then } = original.attributes;
  if (original.children.some((child) => child.name === "resource_set")) return original;
  if (first === undefined || then === undefined) return original;
  const any = isListName(cluster, first) || isListName(cluster, then);
  const one = nameAsSet(cluster, original, "first", any, { action: original.attributes["first-action"] });
  const other = nameAsSet(cluster, original, "then", any, { action: original.attributes["then-action"] });
  if (one === undefined || other === undefined) return undefined;
  if (one === "plain" || other === "plain") return original;
  return withSets(original, ["first", "then", "first-action", "then-action"], [one, other]);
}

function unpackSimple(cluster: Cluster, constraint: Element, id: string, kind: Kind): void {
  const { attributes } = constraint;
  const first = constraintResource(cluster, attributes["first"]);
  const then = constraintResource(cluster, attributes["then"]);
  if (first === undefined || then === undefined) {
    ignoreConstraint(
      cluster,
      id,
      `resource "${first === undefined ? attributes["first"] : attributes["then"]}" does not exist`,
    );
    return;
  }
  const firstTask = attributes["first-action"] ?? "start";
  const thenTask = attributes["then-action"] ?? firstTask;
  const symmetry = symmetryOf(constraint, kind, undefined);
  const flags = flagsFor(kind, firstTask, symmetry);
  const minimum = minimumInstances(first, constraint);
  if (minimum > 0) orderAfterSome(cluster, id, first, firstTask, then, thenTask, flags, minimum);
  else orderOperations(cluster, first, firstTask, then, thenTask, flags);
  if (symmetry !== "symmetric") return;
  const firstInverse = INVERSE[firstTask];
  const thenInverse = INVERSE[thenTask];
  if (firstInverse === undefined || thenInverse === undefined) return;
  orderOperations(cluster, then, thenInverse, first, firstInverse, flagsFor(kind, firstInverse, "inverse"));
}

/** How many instances of a clone must be up before what comes after it; 0: all of them. */
function minimumInstances(resource: Resource, constraint: Element): number {
  if (!isClone(resource)) return 0;
  const minimum = resource.meta.get("clone-min");
  if (minimum !== undefined) return integerAtLeast(minimum, 0);
  const requireAll = constraint.attributes["require-all"];
  return requireAll !== undefined && parseBoolean(requireAll) === false ? 1 : 0;
}

function orderAfterSome(
  cluster: Cluster,
  id: string,
  first: Resource,
  firstTask: string,
  then: Resource,
  thenTask: string,
  flags: number,
  minimum: number,
): void {
  const met = pseudoAction(cluster, `clone-one-or-more:${id}`);
  met.minimum = { required: minimum, runnable: 0 };
  for (const child of first.children) {
    newOrdering(
      cluster,
      { resource: child, key: firstTask },
      { action: met },
      Order.MinRunnable | Order.FirstImpliesThenGraphed,
    );
  }
  newOrdering(cluster, { action: met }, { resource: then, key: thenTask }, flags | Order.UnrunnableFirstBlocks);
}

/** Resources of one set, one after the other. False when the constraint cannot be used. */
function orderSet(cluster: Cluster, set: Element, parentKind: Kind, parentSymmetrical: string | undefined): boolean {
  const { attributes } = set;
  const task = attributes["action"] ?? "start";
  const kind = attributes["kind"] === undefined ? parentKind : kindOf(set);
  const sequential = isTrue(attributes["sequential"] ?? "true");
  const symmetry = symmetryOf(set, parentKind, parentSymmetrical);
  const flags = flagsFor(kind, task, symmetry);
  const members = resourcesOf(cluster, set);
  if (members === undefined) return false;
  if (members.length === 1) return true;
  for (let i = 0; i < members.length; i += 1) {
    const resource = members[i];
    if (resource === undefined) continue;
    if (kind === "serialize") {
      for (const later of members.slice(i + 1)) orderOperations(cluster, resource, task, later, task, flags);
    } else if (sequential && i > 0) {
      const previous = members[i - 1];
      if (previous !== undefined) orderOperations(cluster, previous, task, resource, task, flags);
    }
  }
  const inverse = INVERSE[task];
  if (symmetry === "asymmetric" || inverse === undefined || !sequential) return true;
  const backFlags = flagsFor(kind, inverse, "inverse");
  for (let i = 1; i < members.length; i += 1) {
    const [previous, resource] = [members[i - 1], members[i]];
    if (previous !== undefined && resource !== undefined) {
      orderOperations(cluster, resource, inverse, previous, inverse, backFlags);
    }
  }
  return true;
}

function resourcesOf(cluster: Cluster, set: Element): Resource[] | undefined {
  const found: Resource[] = [];
  for (const id of membersOf(set)) {
    const resource = constraintResource(cluster, id);
    if (resource === undefined) {
      ignoreConstraint(cluster, set.attributes["id"], `resource "${id}" does not exist`);
      return undefined;
    }
    found.push(resource);
  }
  return found;
}

/** One set after another. */
function orderSets(
  cluster: Cluster,
  id: string,
  first: Element,
  then: Element,
  kind: Kind,
  symmetry: Symmetry,
): boolean {
  const inverse = symmetry === "inverse";
  const taskOf = (set: Element) => {
    const task = set.attributes["action"] ?? "start";
    return inverse ? (INVERSE[task] ?? task) : task;
  };
  const [firstTask, thenTask] = [taskOf(first), taskOf(then)];
  let requireAll = parseBoolean(first.attributes["require-all"]) ?? true;
  if (firstTask === "stop" || firstTask === "demote") requireAll = true;
  const flags = flagsFor(kind, firstTask, symmetry);
  let firsts = resourcesOf(cluster, first);
  let thens = resourcesOf(cluster, then);
  if (firsts === undefined || thens === undefined) return false;
  if (!requireAll) {
    orderAfterAny(cluster, first.attributes["id"] ?? id, firsts, firstTask, thens, thenTask, flags);
    return true;
  }
  // Where the order inside a set counts, its end that touches the other set stands for it.
  if (isTrue(first.attributes["sequential"]) && firsts.length > 0)
    firsts = inverse ? firsts.slice(0, 1) : firsts.slice(-1);
  if (isTrue(then.attributes["sequential"]) && thens.length > 0) thens = inverse ? thens.slice(-1) : thens.slice(0, 1);
  for (const one of firsts) {
    for (const other of thens) orderOperations(cluster, one, firstTask, other, thenTask, flags);
  }
  return true;
}

/** A set after any one of another. */
function orderAfterAny(
  cluster: Cluster,
  setId: string,
  firsts: readonly Resource[],
  firstTask: string,
  thens: readonly Resource[],
  thenTask: string,
  flags: number,
): void {
  const any = pseudoAction(cluster, `one-or-more:${setId}`);
  any.minimum = { required: 1, runnable: 0 };
  for (const resource of firsts) {
    newOrdering(
      cluster,
      { resource, key: firstTask },
      { action: any },
      Order.MinRunnable | Order.FirstImpliesThenGraphed,
    );
  }
  for (const resource of thens) {
    newOrdering(cluster, { action: any }, { resource, key: thenTask }, flags | Order.UnrunnableFirstBlocks);
  }
}
