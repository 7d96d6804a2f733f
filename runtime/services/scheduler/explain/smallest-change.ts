// The smallest change that would bring a resource to a node: searched by trying. Each trial changes the CIB and schedules anew, so
// what is found is true by construction; and it is the smallest, because every part of it was tried by itself as well.

import { applyEdits } from "../../../kernel/cib/edits.ts";
import { childrenNamed, type Element } from "../../../kernel/cib/element.ts";
import { formatPath } from "../../../kernel/cib/version.ts";
import type { CibEdit } from "../../../kernel/messages.ts";
import { stepTo } from "../../../model/edits/plan.ts";
import { isTrue } from "../../../model/text.ts";
import type { GraphAction } from "../../transition.ts";
import type { Schedule } from "../schedule.ts";
import type { Candidate } from "./candidate.ts";
import { candidatesFor } from "./candidates.ts";
import { type Neighbour, neighboursOf } from "./neighbours.ts";
import type { Reason } from "./reason.ts";

/** Changes of more parts are nothing that a person would call small. */
const MAX_PARTS = 5;
/** So many plans are made in one search, when nobody says otherwise. */
const DEFAULT_TRIALS = 600;
/** Kept for making sure that what was found is the smallest. */
const RESERVED_TRIALS = 64;

/** What may be wished for: that a resource runs on a node, is promoted there, or is not there. */
export type Goal = "runs" | "promoted" | "absent";

/** What is searched for, and with what. */
export interface ChangeSearch {
  readonly cib: Element;
  /** A resource of the configuration, or an instance of it. */
  readonly resource: string;
  /** Node name. */
  readonly node: string;
  /** What is wished for; to run there, when nothing is said. */
  readonly goal?: Goal;
  /** Makes the plan of a CIB; always at the same moment. With reasons when asked. */
  readonly schedule: (cib: Element, explain?: boolean) => Schedule;
  readonly maxTrials?: number;
}

/** A change that helps, and no proper part of whose edits does. */
export interface SmallestChange {
  readonly edits: readonly CibEdit[];
  /** What the edits are, for people; fewer than edits where one thing takes several. */
  readonly parts: readonly { readonly text: string; readonly command?: string }[];
}

/** What a search came to. */
export interface SearchResult {
  readonly change?: SmallestChange;
  /** Why there is none; absent also when it is so already. */
  readonly none?: Reason;
}

/** Whether a plan does with the resource (all primitives of it, one instance each) what is wished for on the node. */
export function isReached(cib: Element, resource: string, node: string, goal: Goal, plan: Schedule): boolean {
  const [own] = neighboursOf(cib, resource);
  const primitives = own === undefined ? [] : primitiveIds(own);
  return primitives.length > 0 && primitives.every((id) => primitiveReached(id, node, goal, plan));
}

/** The same for running there. */
export function runsThere(cib: Element, resource: string, node: string, plan: Schedule): boolean {
  return isReached(cib, resource, node, "runs", plan);
}

/** Whether a resource has a promoted role. */
export function isPromotable(cib: Element, instance: string): boolean {
  const [own] = neighboursOf(cib, instance.replace(/:\d+$/, ""));
  const layers = own === undefined ? [] : [own.place.element, ...own.place.parents];
  return layers.some(
    (part) =>
      part.name === "master" ||
      childrenNamed(part, "meta_attributes").some((set) =>
        set.children.some(({ attributes }) => attributes["name"] === "promotable" && isTrue(attributes["value"])),
      ) ||
      part.children.some((child) => Number(child.attributes["promoted-max"] ?? child.attributes["masters"] ?? 0) > 0),
  );
}

function primitiveIds({ place }: Neighbour): string[] {
  const collect = (part: Element): string[] =>
    part.name === "primitive" ? [part.attributes["id"] ?? ""] : part.children.flatMap(collect);
  return collect(place.element);
}

const plain = (id: string): string => id.replace(/:\d+$/, "");

function primitiveReached(id: string, node: string, goal: Goal, plan: Schedule): boolean {
  const mine = plan.graph.synapses.map(({ action }) => action).filter((action) => concerns(action, id, node));
  const does = (...names: string[]) => mine.some(({ operation }) => names.includes(operation));
  const own = plan.placements.filter((place) => plain(place.resource) === id);
  if (goal === "absent") {
    return own.every((place) => place.node !== node && (!place.activeOn.includes(node) || does("stop", "migrate_to")));
  }
  const running = own.filter((place) => place.node === node && place.role !== "Stopped");
  const starts = does("start", "migrate_from");
  const here = running.filter((place) => starts || (place.activeOn.includes(node) && !does("stop")));
  if (goal === "runs") return here.length > 0;
  return here.some(
    (place) => place.role === "Promoted" && (does("promote") || (place.promotedNow === true && !does("demote"))),
  );
}

function concerns(action: GraphAction, id: string, node: string): boolean {
  const own = action.primitive?.longId ?? action.primitive?.id;
  return action.node === node && own !== undefined && plain(own) === id;
}

/** Tries changes, and counts. */
class Trials {
  left: number;
  private readonly search: ChangeSearch;

  constructor(search: ChangeSearch) {
    this.search = search;
    this.left = search.maxTrials ?? DEFAULT_TRIALS;
  }

  /** Whether these edits bring it there; false also when there are no trials left. */
  helps(edits: readonly CibEdit[]): boolean {
    if (this.left <= 0) return false;
    this.left -= 1;
    const { cib, resource, node, schedule, goal = "runs" } = this.search;
    const changed = applyEdits(cib, edits);
    return changed.ok && isReached(changed.cib, resource, node, goal, schedule(changed.cib));
  }
}

function editsOf(candidates: readonly Candidate[]): CibEdit[] {
  return candidates.flatMap(({ edits }) => edits);
}

/** Neither a change nor a cause of there being none: it is so already. */
export function smallestChange(search: ChangeSearch): SearchResult {
  const { cib, resource, node, goal = "runs" } = search;
  const trials = new Trials(search);
  if (trials.helps([])) return {};
  const candidates = candidatesFor(cib, neighboursOf(cib, resource), node, goal);
  const found = findFew(trials, candidates);
  const change = found === undefined ? undefined : reduceEdits(trials, found);
  return change === undefined ? { none: whyNone(search, trials, candidates) } : { change };
}

/** Why nothing was found: the search ended too early, or something stands in the way that none of this changes. */
function whyNone(search: ChangeSearch, trials: Trials, candidates: readonly Candidate[]): Reason {
  const { cib, resource, node, schedule } = search;
  if (candidates.length === 0)
    return { code: "nothing-known", text: "there is nothing that could be changed for that" };
  if (trials.left <= 0) {
    return { code: "search-ended", text: "the search ended early; ask for this resource and this node alone" };
  }
  const [all = candidates] = unions(candidates);
  const changed = applyEdits(cib, editsOf(all));
  const plan = changed.ok ? schedule(changed.cib, true) : undefined;
  const own = plan?.explanation?.instances.filter((one) => plain(one.resource) === plain(resource)) ?? [];
  const blocked = own.flatMap(({ actions }) => actions).find(({ state }) => state === "blocked")?.because[0];
  const excluded = own.flatMap(({ nodes }) => nodes).find((one) => one.node === node)?.excluded;
  const what = `all ${candidates.length} changes that come into question do not suffice together`;
  const left = blocked ?? excluded;
  if (left === undefined) return { code: "nothing-helps", text: what };
  return { ...left, code: "nothing-helps", text: `${what}, because still ${left.text}` };
}

function findFew(trials: Trials, candidates: readonly Candidate[]): readonly Candidate[] | undefined {
  const single = candidates.find((candidate) => trials.helps(candidate.edits));
  if (single !== undefined) return [single];
  const bound = fromUnions(trials, candidates);
  const limit = Math.min(MAX_PARTS, bound === undefined ? 2 : bound.length - 1);
  for (let size = 2; size <= limit; size += 1) {
    const found = combination(trials, candidates, size, 0, []);
    if (found !== undefined) return found;
  }
  return bound !== undefined && bound.length <= MAX_PARTS ? bound : undefined;
}

/** The path of what an edit is about. */
function target(edit: CibEdit): string {
  if (edit.edit === "put") return formatPath([...edit.parent, stepTo(edit.element)]);
  return edit.edit === "replace-configuration" ? "" : formatPath(edit.path);
}

/** What an edit makes or deletes, it makes or deletes whole. */
function covers(edit: CibEdit, other: CibEdit): boolean {
  return edit.edit !== "set" && target(other).startsWith(`${target(edit)}/`);
}

/** Two edits of the same element, except those that set different attributes of it. */
function collide(one: CibEdit, other: CibEdit): boolean {
  if (target(one) !== target(other)) return covers(one, other) || covers(other, one);
  if (one.edit !== "set" || other.edit !== "set") return true;
  return Object.keys(one.attributes).some((name) => name in other.attributes);
}

/** What is changed by one of them is changed by the other too, so they cannot be done together. */
function exclude(one: Candidate, other: Candidate): boolean {
  return one.edits.some((mine) => other.edits.some((its) => collide(mine, its)));
}

/** Of those that exclude one another, the first. */
function compatible(candidates: readonly Candidate[]): Candidate[] {
  const kept: Candidate[] = [];
  for (const candidate of candidates) if (!kept.some((other) => exclude(candidate, other))) kept.push(candidate);
  return kept;
}

/** All that can be done at once, in the ways that differ: the gentler or the harsher of what excludes each other, room last. */
function unions(candidates: readonly Candidate[]): (readonly Candidate[])[] {
  const harsh = new Set(compatible([...candidates].reverse()));
  const lists = [compatible(candidates), candidates.filter((candidate) => harsh.has(candidate))];
  return [...lists.map((list) => list.filter(({ widens }) => widens !== true)), ...lists];
}

/** The fewest of what is left of the unions that help. */
function fromUnions(trials: Trials, candidates: readonly Candidate[]): readonly Candidate[] | undefined {
  let best: readonly Candidate[] | undefined;
  const tried = new Set<string>();
  for (const union of unions(candidates)) {
    const key = union.map((candidate) => candidates.indexOf(candidate)).join(" ");
    if (tried.has(key)) continue;
    tried.add(key);
    const found = fromAll(trials, union);
    if (found !== undefined && found.length < (best?.length ?? Number.POSITIVE_INFINITY)) best = found;
  }
  return best;
}

/** Everything at once, and then whatever can go taken out again, the harshest first. */
function fromAll(trials: Trials, candidates: readonly Candidate[]): readonly Candidate[] | undefined {
  let kept = candidates;
  if (!trials.helps(editsOf(kept))) return undefined;
  for (const candidate of [...candidates].reverse()) {
    const fewer = kept.filter((each) => each !== candidate);
    if (trials.helps(editsOf(fewer))) kept = fewer;
  }
  return kept;
}

/** The first combination of that many that helps. */
function combination(
  trials: Trials,
  candidates: readonly Candidate[],
  size: number,
  from: number,
  chosen: readonly Candidate[],
): readonly Candidate[] | undefined {
  if (size === 0) return trials.helps(editsOf(chosen)) ? chosen : undefined;
  for (let i = from; i <= candidates.length - size && trials.left > RESERVED_TRIALS; i += 1) {
    const next = candidates[i];
    if (next === undefined) continue;
    const found = combination(trials, candidates, size - 1, i + 1, [...chosen, next]);
    if (found !== undefined) return found;
  }
  return undefined;
}

interface Part {
  readonly edit: CibEdit;
  readonly candidate: Candidate;
}

/**
 * Leaves out the edits that are not needed, until no proper part of them helps by itself. Undefined when the trials do not suffice to
 * be sure of that.
 */
function reduceEdits(trials: Trials, candidates: readonly Candidate[]): SmallestChange | undefined {
  let parts: readonly Part[] = candidates.flatMap((candidate) => candidate.edits.map((edit) => ({ edit, candidate })));
  const edits = (list: readonly Part[]) => list.map(({ edit }) => edit);
  for (const part of [...parts].reverse()) {
    const fewer = parts.filter((each) => each !== part);
    if (fewer.length > 0 && trials.helps(edits(fewer))) parts = fewer;
  }
  if (parts.length > MAX_PARTS) return undefined;
  // The smallest parts first, so that the first that helps has no smaller one.
  const subsets = Array.from({ length: 2 ** parts.length - 2 }, (_, i) =>
    parts.filter((_part, k) => ((i + 1) >> k) & 1),
  );
  subsets.sort((one, other) => one.length - other.length);
  if (trials.left < subsets.length) return undefined;
  parts = subsets.find((subset) => trials.helps(edits(subset))) ?? parts;
  const used = candidates.filter((candidate) => parts.some((part) => part.candidate === candidate));
  return {
    edits: edits(parts),
    parts: used.map(({ text, command }) => ({ text, ...(command === undefined ? {} : { command }) })),
  };
}
