// The smallest change that would bring a resource to a node: searched by trying. Each trial changes the CIB and schedules anew, so
// what is found is true by construction; and it is the smallest, because every part of it was tried by itself as well.

import { applyEdits } from "../../../kernel/cib/edits.ts";
import type { Element } from "../../../kernel/cib/element.ts";
import type { CibEdit } from "../../../kernel/messages.ts";
import type { GraphAction } from "../../transition.ts";
import type { Schedule } from "../schedule.ts";
import { type Candidate, candidatesFor } from "./candidates.ts";
import { type Neighbour, neighboursOf } from "./neighbours.ts";

/** Changes of more parts are nothing that a person would call small. */
const MAX_PARTS = 5;
/** So many plans are made in one search, when nobody says otherwise. */
const DEFAULT_TRIALS = 600;
/** Kept for making sure that what was found is the smallest. */
const RESERVED_TRIALS = 64;

/** What is searched for, and with what. */
export interface ChangeSearch {
  readonly cib: Element;
  /** A resource of the configuration, or an instance of it. */
  readonly resource: string;
  /** Node name. */
  readonly node: string;
  /** Makes the plan of a CIB; always at the same moment. */
  readonly schedule: (cib: Element) => Schedule;
  readonly maxTrials?: number;
}

/** A change that helps, and no proper part of whose edits does. */
export interface SmallestChange {
  readonly edits: readonly CibEdit[];
  /** What the edits are, for people; fewer than edits where one thing takes several. */
  readonly parts: readonly { readonly text: string; readonly command?: string }[];
}

/** Whether a plan has the resource (all primitives of it, one instance each) running on the node. */
export function runsThere(cib: Element, resource: string, node: string, plan: Schedule): boolean {
  const [own] = neighboursOf(cib, resource);
  const primitives = own === undefined ? [] : primitiveIds(own);
  return primitives.length > 0 && primitives.every((id) => primitiveRunsThere(id, node, plan));
}

function primitiveIds({ place }: Neighbour): string[] {
  const collect = (part: Element): string[] =>
    part.name === "primitive" ? [part.attributes["id"] ?? ""] : part.children.flatMap(collect);
  return collect(place.element);
}

const plain = (id: string): string => id.replace(/:\d+$/, "");

function primitiveRunsThere(id: string, node: string, plan: Schedule): boolean {
  const placed = plan.placements.filter((place) => plain(place.resource) === id && place.node === node);
  const running = placed.filter((place) => place.role !== "Stopped");
  const mine = plan.graph.synapses.map(({ action }) => action).filter((action) => concerns(action, id, node));
  const stops = mine.some(({ operation }) => operation === "stop");
  const starts = mine.some(({ operation }) => operation === "start" || operation === "migrate_from");
  return running.some((place) => starts || (place.activeOn.includes(node) && !stops));
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
    const { cib, resource, node, schedule } = this.search;
    const changed = applyEdits(cib, edits);
    return changed.ok && runsThere(changed.cib, resource, node, schedule(changed.cib));
  }
}

function editsOf(candidates: readonly Candidate[]): CibEdit[] {
  return candidates.flatMap(({ edits }) => edits);
}

/** The smallest change found; undefined when it is there already, or nothing small was found. */
export function smallestChange(search: ChangeSearch): SmallestChange | undefined {
  const { cib, resource, node } = search;
  const trials = new Trials(search);
  if (trials.helps([])) return undefined;
  const candidates = candidatesFor(cib, neighboursOf(cib, resource), node);
  const found = findFew(trials, candidates);
  return found === undefined ? undefined : reduceEdits(trials, found);
}

function findFew(trials: Trials, candidates: readonly Candidate[]): readonly Candidate[] | undefined {
  const single = candidates.find((candidate) => trials.helps(candidate.edits));
  if (single !== undefined) return [single];
  const bound = fromAll(trials, candidates);
  const limit = Math.min(MAX_PARTS, bound === undefined ? 2 : bound.length - 1);
  for (let size = 2; size <= limit; size += 1) {
    const found = combination(trials, candidates, size, 0, []);
    if (found !== undefined) return found;
  }
  return bound !== undefined && bound.length <= MAX_PARTS ? bound : undefined;
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
