// What `systole explain` shows: the reasons of the plan, the actions they lead to, and what would change them.

import type { Element } from "../../../kernel/cib/element.ts";
import type { GraphAction } from "../../transition.ts";
import type { Schedule } from "../schedule.ts";
import { stripInstance } from "../tree.ts";
import type { InstanceExplanation, NodeExplanation } from "./explanation.ts";
import type { Reason } from "./reason.ts";
import { runsThere, type SmallestChange, smallestChange } from "./smallest-change.ts";

/** Changes are searched for so many pairs of resource and node in one report. */
const MAX_SEARCHES = 24;
/** All searches of a report together may make so many plans: fewer for a large cluster, whose plans take longer. */
const MAX_TRIALS = 4000;
const MIN_TRIALS = 24;
/** Pairs of instance and node that these plans may look at, about half a minute's work. */
const MAX_TRIAL_PAIRS = 500_000;

/** What is to be explained; everything when nothing is named. */
export interface ReportRequest {
  readonly cib: Element;
  /** Makes the plan of a CIB, always for the same moment; with reasons when asked. */
  readonly schedule: (cib: Element, explain: boolean) => Schedule;
  /** Primitive, instance, group, clone or bundle. */
  readonly resource?: string;
  readonly node?: string;
}

/** A node that was not taken, with the way there. */
export interface NodeReport extends NodeExplanation {
  /** Absent when it runs there, or nothing small was found. */
  readonly smallestChange?: SmallestChange;
  /** Was a change searched for. */
  readonly searched: boolean;
}

/** One thing that is to be done. */
export interface ActionReport {
  readonly operation: string;
  readonly operationKey: string;
  readonly node?: string;
  readonly cause?: { readonly code: string; readonly text: string };
}

/** One resource instance. */
export interface InstanceReport extends Omit<InstanceExplanation, "nodes"> {
  readonly nodes: readonly NodeReport[];
  readonly actions: readonly ActionReport[];
}

export interface ExplainReport {
  readonly cib: Element;
  readonly instances: readonly InstanceReport[];
  /** Fencing and clean leaving. */
  readonly nodeActions: readonly ActionReport[];
  /** The explanations of all instances, for following causes from one to the next. */
  readonly all: readonly InstanceExplanation[];
}

/** Ids of the resource and of all in it; undefined when there is no such resource. */
function idsIn(cib: Element, id: string): ReadonlySet<string> | undefined {
  const ids = new Set<string>();
  const collect = (element: Element, inside: boolean): void => {
    const own = element.attributes["id"];
    const here = inside || own === id || own === stripInstance(id);
    if (here && own !== undefined) ids.add(own);
    for (const child of element.children) collect(child, here);
  };
  const configuration = cib.children.find(({ name }) => name === "configuration");
  for (const section of configuration?.children ?? []) if (section.name === "resources") collect(section, false);
  return ids.size === 0 ? undefined : ids;
}

function actionReport(action: GraphAction): ActionReport {
  const { operation, operationKey, node, cause } = action;
  return {
    operation,
    operationKey,
    ...(node === undefined ? {} : { node }),
    ...(cause === undefined ? {} : { cause }),
  };
}

/** Finds changes, each pair of resource and node once, within bounds. */
class Searches {
  private readonly request: ReportRequest;
  private readonly known = new Map<string, SmallestChange | undefined>();
  private readonly trialsEach: number;
  private readonly plan: Schedule;

  constructor(request: ReportRequest, plan: Schedule, pairs: number) {
    this.request = request;
    this.plan = plan;
    const planPairs = Math.max(1, ...(plan.explanation ?? []).map((one) => one.nodes.length)) * plan.placements.length;
    const trials = Math.min(MAX_TRIALS, Math.floor(MAX_TRIAL_PAIRS / Math.max(1, planPairs)));
    this.trialsEach = Math.max(MIN_TRIALS, trials / Math.max(1, Math.min(pairs, MAX_SEARCHES)));
  }

  find(instance: string, node: string): { readonly searched: boolean; readonly smallestChange?: SmallestChange } {
    const resource = stripInstance(instance);
    const key = `${resource} ${node}`;
    if (!this.known.has(key)) {
      if (this.known.size >= MAX_SEARCHES) return { searched: false };
      const { cib, schedule } = this.request;
      if (runsThere(cib, resource, node, this.plan)) return { searched: false };
      const plan = (changed: Element) => schedule(changed, false);
      this.known.set(key, smallestChange({ cib, resource, node, schedule: plan, maxTrials: this.trialsEach }));
    }
    const found = this.known.get(key);
    return { searched: true, ...(found === undefined ? {} : { smallestChange: found }) };
  }
}

/** The report; undefined when there is no such resource. */
export function explainReport(request: ReportRequest): ExplainReport | undefined {
  const { cib, resource, node } = request;
  const plan = request.schedule(cib, true);
  const all = plan.explanation ?? [];
  const ids = resource === undefined ? undefined : idsIn(cib, resource);
  const exact = all.some((one) => one.resource === resource);
  if (resource !== undefined && ids === undefined && !exact) return undefined;
  const wanted = all.filter((one) => {
    if (resource === undefined) return true;
    return exact ? one.resource === resource : ids?.has(stripInstance(one.resource));
  });
  const others = (one: InstanceExplanation) =>
    one.nodes.filter((each) => node === undefined || each.node.toLowerCase() === node.toLowerCase());
  const pairs = wanted.reduce((sum, one) => sum + others(one).filter((each) => each.excluded !== undefined).length, 0);
  const searches = new Searches(request, plan, pairs);
  const actions = plan.graph.synapses.map((synapse) => synapse.action).filter((action) => action.kind !== "pseudo");
  const concerned = (action: GraphAction) =>
    resource === undefined || wanted.some((one) => one.activeOn.includes(action.node ?? ""));
  return {
    cib,
    instances: wanted.map((one) => ({
      ...one,
      nodes: others(one).map((each) => ({
        ...each,
        ...(each.excluded === undefined ? { searched: false } : searches.find(one.resource, each.node)),
      })),
      actions: actions
        .filter((action) => belongsTo(action, one, plan))
        .map(actionReport)
        .sort((left, right) => rank(left) - rank(right)),
    })),
    nodeActions: actions
      .filter((action) => action.primitive === undefined && isNodeAction(action.operation) && concerned(action))
      .map(actionReport),
    all,
  };
}

function isNodeAction(operation: string): boolean {
  return operation === "stonith" || operation === "do_shutdown";
}

const ORDER = ["demote", "migrate_to", "stop", "migrate_from", "start", "promote"];

function rank({ operation }: ActionReport): number {
  const place = ORDER.indexOf(operation);
  return place < 0 ? ORDER.length : place;
}

/** Actions that people care for: not the notifications, nor what only looks. */
function belongsTo(action: GraphAction, instance: InstanceExplanation, plan: Schedule): boolean {
  const { primitive, operation } = action;
  if (primitive === undefined || operation === "notify" || operation === "monitor") return false;
  const id = primitive.longId ?? primitive.id;
  if (id === instance.resource) return true;
  const single = plan.placements.filter((one) => stripInstance(one.resource) === stripInstance(id)).length === 1;
  return single && stripInstance(id) === stripInstance(instance.resource);
}

/** The explanation of what a reason points at; of several instances or members, that on the same node. */
export function followReason(
  report: ExplainReport,
  reason: Reason,
  node: string | undefined,
): InstanceExplanation | undefined {
  if (!["colocation", "member", "anti-colocation"].includes(reason.code) || reason.resource === undefined) {
    return undefined;
  }
  const exact = report.all.find((one) => one.resource === reason.resource);
  const ids = idsIn(report.cib, reason.resource);
  const members = report.all.filter((one) => ids?.has(stripInstance(one.resource)));
  return exact ?? members.find((one) => one.node === node) ?? members[0];
}
