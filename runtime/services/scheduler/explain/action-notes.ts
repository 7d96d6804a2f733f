// Notes about actions, taken where orders are read and where one action makes another necessary or impossible: which constraint an
// order comes from, and what followed from what. Afterwards the way from an action to its first cause can be walked.

import type { Element } from "../../../kernel/cib/element.ts";
import { hasFlag } from "../action.ts";
import { type Action, Flag, type Ordering, type Resource, Variant } from "../state.ts";
import { contains } from "../tree.ts";

/** More actions than these are not looked at on the way to a cause. */
const MAX_VISITED = 200;

/** What an action does to another. */
export type Effect = "needed" | "impossible";

interface Note {
  readonly effect: Effect;
  readonly from: Action;
  /** The constraint, where it is no order. */
  readonly constraint?: string;
}

/** Where an action's necessity or impossibility comes from. */
export interface Origin {
  /** Of another resource, or of a node. */
  readonly from: Action;
  readonly effect: Effect;
  /** Ids of the constraints on the way, nearest first. */
  readonly constraints: readonly string[];
  readonly colocated: boolean;
}

interface OrderNote {
  readonly constraint: string;
  readonly firstKey: string | undefined;
  readonly thenKey: string | undefined;
}

const ORIGINAL: Readonly<Record<string, string>> = {
  running: "start",
  stopped: "stop",
  promoted: "promote",
  demoted: "demote",
  migrate_to: "stop",
  migrate_from: "start",
};

/** The operation that a point of the plan belongs to; the halves of a migration count as stop and start. */
export function plainTask(task: string): string {
  return ORIGINAL[task] ?? task;
}

/** See the head of the file. */
export class ActionNotes {
  private readonly notes = new Map<Action, Note[]>();
  private readonly orders = new Map<string, OrderNote[]>();
  /** Points that wait for some of several, and the constraint that wants them. */
  private readonly points = new Map<Action, string>();
  private reading: string | undefined;
  private readonly colocations = new Set<string>();

  /** Orders that are made from now on come from this constraint. */
  reads(constraint: Element | undefined): void {
    this.reading = constraint?.attributes["id"];
    if (this.reading !== undefined && constraint?.name === "rsc_colocation") this.colocations.add(this.reading);
  }

  /** Id of the constraint that is being read. */
  get constraint(): string | undefined {
    return this.reading;
  }

  /** "order db-then-web", "colocation db-not-with-web". */
  kindOf(constraint: string): "order" | "colocation" {
    return this.colocations.has(constraint) ? "colocation" : "order";
  }

  /** The actions that make this one impossible, of whatever resource. */
  hindering(action: Action): Action[] {
    return (this.notes.get(action) ?? []).filter(({ effect }) => effect === "impossible").map(({ from }) => from);
  }

  /** An order was made. */
  ordered({ firstResource, firstKey, firstAction, thenResource, thenKey, thenAction }: Ordering): void {
    const constraint = this.reading;
    if (constraint === undefined) return;
    if (firstAction !== undefined && firstResource === undefined) this.points.set(firstAction, constraint);
    if (thenAction !== undefined && thenResource === undefined) this.points.set(thenAction, constraint);
    if (firstResource === undefined || thenResource === undefined) return;
    const key = `${firstResource.serial} ${thenResource.serial}`;
    const list = this.orders.get(key) ?? [];
    list.push({ constraint, firstKey, thenKey });
    this.orders.set(key, list);
  }

  /** One action made another necessary, or impossible. */
  follows(action: Action, effect: Effect, from: Action, constraint?: string): void {
    const list = this.notes.get(action) ?? [];
    if (list.some((note) => note.from === from && note.effect === effect)) return;
    list.push({ effect, from, ...(constraint === undefined ? {} : { constraint }) });
    this.notes.set(action, list);
  }

  /** Ids of the order constraints between two actions, in either direction, of what they belong to as well. */
  constraintsBetween(one: Action, other: Action): string[] {
    const [point, pointThen] = [this.points.get(one), this.points.get(other)];
    if (point !== undefined || pointThen !== undefined) return [point ?? pointThen ?? ""];
    const [exact, loose] = [new Set<string>(), new Set<string>()];
    for (const first of layers(one.resource)) {
      for (const then of layers(other.resource)) {
        if (first === then) continue;
        this.collect(first, then, one, other, exact, loose);
        this.collect(then, first, other, one, exact, loose);
      }
    }
    return [...(exact.size > 0 ? exact : loose)];
  }

  private collect(
    first: Resource,
    then: Resource,
    one: Action,
    other: Action,
    exact: Set<string>,
    loose: Set<string>,
  ): void {
    for (const order of this.orders.get(`${first.serial} ${then.serial}`) ?? []) {
      const same =
        plainTask(order.firstKey ?? "") === plainTask(one.task) &&
        plainTask(order.thenKey ?? "") === plainTask(other.task);
      (same ? exact : loose).add(order.constraint);
    }
  }

  /** The nearest action of another resource, or of a node, that made this one necessary or impossible. */
  originOf(action: Action, effect: Effect): Origin | undefined {
    const waiting: { readonly action: Action; readonly constraints: readonly string[] }[] = [
      { action, constraints: [] },
    ];
    const visited = new Set<Action>([action]);
    for (let next = waiting.shift(); next !== undefined && visited.size < MAX_VISITED; next = waiting.shift()) {
      for (const note of this.before(next.action, effect, action)) {
        const between =
          note.constraint === undefined ? this.constraintsBetween(note.from, next.action) : [note.constraint];
        const constraints = [...next.constraints, ...between.filter((id) => !next?.constraints.includes(id))];
        if (isForeign(note.from, action)) {
          return { from: note.from, effect: note.effect, constraints, colocated: note.constraint !== undefined };
        }
        if (visited.has(note.from)) continue;
        visited.add(note.from);
        waiting.push({ action: note.from, constraints });
      }
    }
    return undefined;
  }

  /** What was noted of an action; of what stands for several, that of its parts; of a point, what it waits for. */
  private before(action: Action, effect: Effect, origin: Action): Note[] {
    const noted = (this.notes.get(action) ?? []).filter((note) => note.effect === effect);
    const { resource } = action;
    if (noted.length > 0) return noted;
    const open = (other: Action) =>
      effect === "impossible" ? !hasFlag(other, Flag.Runnable) : !hasFlag(other, Flag.Optional);
    if (resource === undefined) {
      return action.inputs.filter(({ first }) => open(first)).map(({ first }) => ({ effect, from: first }));
    }
    if (resource.variant === Variant.Primitive) return [];
    const task = plainTask(action.task);
    return partsOf(resource)
      .flatMap((part) => part.actions.filter((other) => plainTask(other.task) === task && other.intervalMs === 0))
      .filter((other) => other !== action && other.resource !== origin.resource && open(other))
      .map((from) => ({ effect, from }));
  }
}

/** What a collective consists of. */
export function partsOf(resource: Resource): Resource[] {
  if (resource.bundle !== undefined) {
    return resource.bundle.replicas.flatMap(({ container, child, ip, remote }) =>
      [container, child, ip, remote].filter((part) => part !== undefined),
    );
  }
  return resource.children;
}

/** A resource and what it stands in, innermost first. */
export function layers(resource: Resource | undefined): Resource[] {
  const list: Resource[] = [];
  for (let part = resource; part !== undefined; part = part.parent) list.push(part);
  return list;
}

/** Belongs to something else than the resource that is asked about and what that stands in. */
function isForeign(from: Action, asked: Action): boolean {
  if (from.resource === undefined) return from.task === "stonith" || from.task === "do_shutdown";
  return asked.resource !== undefined && from.resource !== asked.resource && !contains(from.resource, asked.resource);
}

/** The primitive's action behind one that stands for several: the first that is as it says. */
export function primitiveAction(action: Action, effect: Effect): Action {
  const { resource } = action;
  if (resource === undefined || resource.variant === Variant.Primitive) return action;
  const task = plainTask(action.task);
  for (const part of partsOf(resource)) {
    for (const other of part.actions) {
      if (plainTask(other.task) !== task || other.intervalMs !== 0) continue;
      const open = effect === "impossible" ? !hasFlag(other, Flag.Runnable) : !hasFlag(other, Flag.Optional);
      if (open) return primitiveAction(other, effect);
    }
  }
  return action;
}
