// What `systole explain` shows: the reasons of the plan, the actions they lead to, and what would change them.

import type { Element } from "../../../kernel/cib/element.ts";
import { findResource } from "../../../model/edits/plan.ts";
import { sameText } from "../../../model/text.ts";
import type { Schedule } from "../schedule.ts";
import { stripInstance } from "../tree.ts";
import type { ActionExplanation } from "./action-explanation.ts";
import type { InstanceExplanation, NodeExplanation } from "./explanation.ts";
import { type NodeView, nodeView } from "./node-view.ts";
import type { Reason } from "./reason.ts";
import { Searches } from "./searches.ts";
import { type Goal, isPromotable, type SmallestChange } from "./smallest-change.ts";

/** What is to be explained; everything when nothing is named. */
export interface ReportRequest {
  readonly cib: Element;
  /** Makes the plan of a CIB, always for the same moment; with reasons when asked. */
  readonly schedule: (cib: Element, explain: boolean) => Schedule;
  /** Primitive, instance, group, clone or bundle. */
  readonly resource?: string;
  readonly node?: string;
}

/** What would change a place, for one wish. */
export interface ChangeReport {
  /** To run there, to be promoted there, not to run there. */
  readonly goal: Goal;
  readonly change?: SmallestChange;
  /** Why none was found; absent when none was searched for. */
  readonly none?: Reason;
}

/** A node, and what would change what it is for a resource. */
export interface NodeReport extends NodeExplanation {
  /** Empty where nothing was searched for. */
  readonly changes: readonly ChangeReport[];
}

/** One resource instance. */
export interface InstanceReport extends Omit<InstanceExplanation, "nodes"> {
  readonly nodes: readonly NodeReport[];
}

export interface ExplainReport {
  readonly cib: Element;
  readonly instances: readonly InstanceReport[];
  /** Fencing and clean leaving. */
  readonly nodeActions: readonly ActionExplanation[];
  /** When only a node was asked for: what it runs, could run, and cannot run. */
  readonly nodeView?: NodeView;
  /** For so many more wishes no change was searched for, because there are too many at once. */
  readonly unanswered: number;
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

/** The report; undefined when there is no such resource. */
export function explainReport(request: ReportRequest): ExplainReport | undefined {
  const { cib, resource, node } = request;
  const plan = request.schedule(cib, true);
  const all = plan.explanation?.instances ?? [];
  const ids = resource === undefined ? undefined : idsIn(cib, resource);
  const exact = all.some((one) => one.resource === resource);
  if (resource !== undefined && ids === undefined && !exact) return undefined;
  const wanted = all.filter((one) => {
    if (resource === undefined) return true;
    return exact ? one.resource === resource : ids?.has(stripInstance(one.resource));
  });
  const others = (one: InstanceExplanation) =>
    one.nodes.filter((each) => node === undefined || sameText(each.node, node));
  const goals = (one: InstanceExplanation, each: NodeExplanation) => goalsOf(cib, one, each, node !== undefined);
  const pairs = wanted.reduce(
    (sum, one) => sum + others(one).reduce((count, each) => count + goals(one, each).length, 0),
    0,
  );
  const searches = new Searches(request, plan, pairs);
  const concerned = (action: ActionExplanation) =>
    node !== undefined && resource === undefined
      ? sameText(action.node, node)
      : resource === undefined || wanted.some((one) => one.activeOn.includes(action.node ?? ""));
  const instances = wanted.map((one) => ({
    ...one,
    nodes: others(one).map((each) => ({
      ...each,
      changes: goals(one, each).flatMap((goal) => searches.find(one.resource, each.node, goal)),
    })),
  }));
  return {
    cib,
    instances,
    nodeActions: (plan.explanation?.nodeActions ?? []).filter(concerned),
    ...(node === undefined || resource !== undefined ? {} : { nodeView: nodeView(node, all) }),
    unanswered: searches.unanswered,
    all,
  };
}

const IN_VAIN: ReadonlySet<string> = new Set(["remote-node", "bundle-node", "container"]);

/** What is worth asking of a resource and a node. */
function goalsOf(cib: Element, one: InstanceExplanation, each: NodeExplanation, asked: boolean): Goal[] {
  // What a bundle brings along is nowhere in the CIB, and what a node is cannot be changed.
  if ("refused" in findResource(cib, one.resource)) return [];
  if (IN_VAIN.has(each.excluded?.code ?? "")) return [];
  if (each.excluded !== undefined) return ["runs"];
  const goals: Goal[] = one.role === "Unpromoted" && isPromotable(cib, one.resource) ? ["promoted"] : [];
  return asked ? [...goals, "absent"] : goals;
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
