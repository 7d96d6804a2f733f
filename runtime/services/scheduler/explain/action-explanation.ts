// What is to be done with a resource, what would be to be done and cannot be, and what each of these waits for.

import { actionUuid, hasFlag } from "../action.ts";
import { newestAction } from "../find-actions.ts";
import { type Action, type Cluster, Flag, type Node, type Resource, Role, Variant } from "../state.ts";
import { contains, isPrimitive, topResource } from "../tree.ts";
import { actionCause } from "./action-cause.ts";
import { plainTask } from "./action-notes.ts";
import { fencingImpossible, impossibleWhy } from "./dependency.ts";
import type { Reason } from "./reason.ts";
import type { Recorder } from "./recorder.ts";

/** More than these are not listed for one action. */
const MAX_WAITS = 12;
/** Points of the plan that are passed on the way to what is waited for. */
const MAX_PASSED = 300;

/** Something that has to happen before. */
export interface WaitExplanation {
  readonly operation: string;
  readonly operationKey: string;
  readonly resource?: string;
  readonly node?: string;
  /** order, colocation, group, member (of a clone), bundle, container, guest (its node), fencing, unfencing, probe, capacity, leaving, needed. */
  readonly code: string;
  /** Id of the order constraint that says so. */
  readonly constraint?: string;
}

/** One action of a resource or on a node. */
export interface ActionExplanation {
  readonly operation: string;
  readonly operationKey: string;
  readonly node?: string;
  /** To be done; needed and impossible; or done by another action (fencing stops, a migration starts). */
  readonly state: "planned" | "blocked" | "implied";
  readonly because: readonly Reason[];
  readonly waitsFor: readonly WaitExplanation[];
}

const ORDER = ["demote", "migrate_to", "stop", "migrate_from", "start", "promote"];
const SILENT = new Set(["notify", "monitor"]);

/** Of a primitive: in the order in which they happen. */
export function explainActions(cluster: Cluster, recorder: Recorder, resource: Resource): ActionExplanation[] {
  const planned = resource.actions.filter(
    (action) => hasFlag(action, Flag.InGraph) && !SILENT.has(action.task) && isSomething(action),
  );
  const list = planned.map((action) => explained(cluster, recorder, action));
  for (const action of blockedActions(resource)) {
    list.push({
      ...basics(action),
      state: "blocked",
      because: impossibleWhy(cluster, recorder, action),
      waitsFor: [],
    });
  }
  const rank = ({ operation }: ActionExplanation) => (ORDER.indexOf(operation) + ORDER.length + 1) % (ORDER.length + 1);
  return list.sort((one, other) => rank(one) - rank(other));
}

/** Fencing and leaving, done or impossible. */
export function explainNodeActions(cluster: Cluster, recorder: Recorder): ActionExplanation[] {
  const isOfNode = (action: Action) => action.task === "stonith" || action.task === "do_shutdown";
  const list = cluster.graphed
    .filter((action) => isOfNode(action) && action.resource === undefined)
    .map((action) => explained(cluster, recorder, action));
  for (const node of cluster.sortedNodes) {
    if (!node.unclean || list.some((one) => one.node === node.name && one.operation === "stonith")) continue;
    const action = [...cluster.singletons.values()].find((one) => one.task === "stonith" && one.node === node);
    if (action === undefined && node.remoteKind) continue;
    const why = action === undefined ? [fencingImpossible(cluster, node)] : impossibleWhy(cluster, recorder, action);
    const about =
      action === undefined
        ? { operation: "stonith", operationKey: `stonith-${node.name}`, node: node.name }
        : basics(action);
    list.push({ ...about, state: "blocked", because: why, waitsFor: [] });
  }
  return list;
}

/** A stop that fencing does and a start that a migration does count, other points of the plan do not. */
function isSomething(action: Action): boolean {
  if (!hasFlag(action, Flag.Pseudo)) return true;
  return ORDER.includes(action.task);
}

function basics(action: Action) {
  return {
    operation: action.task,
    operationKey: actionUuid(action),
    ...(action.node === undefined ? {} : { node: action.node.name }),
  };
}

function explained(cluster: Cluster, recorder: Recorder, action: Action): ActionExplanation {
  const leftOut = recorder.leftOut(action);
  if (leftOut !== undefined) return { ...basics(action), state: "blocked", because: [leftOut], waitsFor: [] };
  const implied = hasFlag(action, Flag.Pseudo);
  const known = implied && action.resource !== undefined;
  const cause = known ? impliedBy(action) : actionCause(cluster, recorder, action);
  return {
    ...basics(action),
    state: implied ? "implied" : "planned",
    because: [cause ?? { code: "unknown", text: "the plan needs it" }],
    waitsFor: waits(recorder, action),
  };
}

function impliedBy(action: Action): Reason {
  const name = action.node?.name ?? "its node";
  if (action.task === "start") {
    return { code: "migration", text: "it comes over running (live migration)", node: name };
  }
  if (action.resource?.stopUnexpected)
    return { code: "expected", text: "it stays where it is meant to be", node: name };
  return { code: "fencing", text: `fencing ${name} does that`, node: name };
}

/** Steps that the resource would have to take and cannot. */
function blockedActions(resource: Resource): Action[] {
  const blocked: Action[] = [];
  const { assigned, nextRole } = resource;
  const impossible = (action: Action | undefined): action is Action =>
    action !== undefined && !hasFlag(action, Flag.Runnable) && !hasFlag(action, Flag.InGraph);
  for (const node of resource.activeNodes) {
    const leaves = nextRole === Role.Stopped || (assigned !== undefined && assigned !== node);
    const stop = newestAction(resource, "stop", node);
    if (impossible(stop) && (leaves || !hasFlag(stop, Flag.Optional))) blocked.push(stop);
    const demote = newestAction(resource, "demote", node);
    if (impossible(demote) && resource.role === Role.Promoted && nextRole !== Role.Promoted) blocked.push(demote);
  }
  if (assigned === undefined || nextRole <= Role.Stopped || !resource.managed) return blocked;
  const start = newestAction(resource, "start", assigned);
  if (impossible(start) && (!resource.activeNodes.includes(assigned) || isStopped(resource, assigned))) {
    blocked.push(start);
  }
  const promote = newestAction(resource, "promote", assigned);
  if (impossible(promote) && nextRole === Role.Promoted && resource.role !== Role.Promoted) blocked.push(promote);
  return blocked;
}

function isStopped(resource: Resource, node: Node): boolean {
  const stop = newestAction(resource, "stop", node);
  return stop !== undefined && hasFlag(stop, Flag.InGraph);
}

/** What an action waits for, through all points of the plan to what is really done. */
function waits(recorder: Recorder, action: Action): WaitExplanation[] {
  const list: WaitExplanation[] = [];
  const passed = new Set<Action>([action]);
  const waiting: { readonly action: Action; readonly constraint?: string | undefined }[] = [{ action }];
  for (let next = waiting.shift(); next !== undefined && list.length < MAX_WAITS; next = waiting.shift()) {
    for (const { first: input, graphed } of next.action.inputs) {
      if (!graphed || passed.has(input) || passed.size > MAX_PASSED) continue;
      passed.add(input);
      const [between] = recorder.actions.constraintsBetween(input, next.action);
      const constraint = next.constraint ?? between;
      if (isPoint(input)) waiting.push({ action: input, constraint });
      else if (input.resource !== action.resource && list.length < MAX_WAITS) {
        list.push(
          waitFor(recorder, action, input, constraint ?? recorder.actions.constraintsBetween(input, action)[0]),
        );
      }
    }
  }
  return list.sort((one, other) => (one.operationKey < other.operationKey ? -1 : 1));
}

function isPoint(action: Action): boolean {
  if (action.task === "notify") return true;
  if (action.resource !== undefined && !isPrimitive(action.resource)) return true;
  return (
    hasFlag(action, Flag.Pseudo) &&
    action.task !== "stonith" &&
    !(action.resource !== undefined && ORDER.includes(action.task))
  );
}

function waitFor(recorder: Recorder, action: Action, input: Action, constraint: string | undefined): WaitExplanation {
  return {
    ...basics(input),
    ...(input.resource === undefined ? {} : { resource: input.resource.id }),
    code: constraint === undefined ? waitCode(action, input) : recorder.actions.kindOf(constraint),
    ...(constraint === undefined ? {} : { constraint }),
  };
}

function waitCode(action: Action, input: Action): string {
  const { resource } = input;
  if (resource === undefined) {
    if (input.task === "stonith") return input.key.endsWith("-on") ? "unfencing" : "fencing";
    return "leaving";
  }
  if (input.task === "monitor") return "probe";
  if (action.resource === undefined) return "leaving";
  const guest = action.node?.remote;
  if (guest !== undefined && (guest === resource || guest.launcher === resource)) return "guest";
  const top = topResource(resource);
  if (top !== topResource(action.resource)) {
    const placed = plainTask(input.task) === "stop" && input.node === action.node;
    return action.resource.launcher === resource || resource.launcher === action.resource
      ? "container"
      : placed
        ? "capacity"
        : "needed";
  }
  if (top.bundle !== undefined) return "bundle";
  const { parent } = resource;
  const group = parent !== undefined && parent.variant === Variant.Group && contains(parent, action.resource);
  return group ? "group" : "member";
}
