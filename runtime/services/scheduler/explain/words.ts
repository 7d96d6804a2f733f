// The report of `systole explain` in words.

import type { InstanceExplanation } from "./explanation.ts";
import type { Reason } from "./reason.ts";
import { type ActionReport, type ExplainReport, followReason, type InstanceReport, type NodeReport } from "./report.ts";

/** Causes of causes are followed so far. */
const MAX_DEPTH = 7;

/** A line, and how deep it stands. */
export interface ReportLine {
  readonly depth: number;
  readonly text: string;
}

/** All lines of a report. */
export function reportLines(report: ExplainReport): ReportLine[] {
  const lines: ReportLine[] = [];
  for (const action of report.nodeActions) lines.push({ depth: 0, text: `${nodeActionText(action)}.` });
  for (const instance of report.instances) {
    if (lines.length > 0) lines.push({ depth: 0, text: "" });
    lines.push(...instanceLines(report, instance));
  }
  return lines;
}

function becauseText(cause: ActionReport["cause"]): string {
  return cause === undefined ? "" : ` because ${cause.text}`;
}

function nodeActionText({ operation, node, cause }: ActionReport): string {
  const what = operation === "stonith" ? "is to be fenced" : "is to leave";
  return `${node} ${what}${becauseText(cause)}`;
}

/** "web runs on n2", "web is to move from n1 to n2". */
function situation({ resource, node, role, activeOn }: InstanceExplanation): string {
  const now = activeOn.join(" and ");
  const promoted = role === "Promoted" ? " and be promoted" : "";
  if (node === undefined) return now === "" ? `${resource} runs nowhere` : `${resource} is to stop on ${now}`;
  if (activeOn.length === 0) return `${resource} is to start on ${node}${promoted}`;
  if (activeOn.length === 1 && activeOn[0] === node) {
    return role === "Promoted" ? `${resource} is promoted on ${node}` : `${resource} runs on ${node}`;
  }
  if (activeOn.includes(node)) return `${resource} is to run on ${node} only (now on ${now})`;
  return `${resource} is to move from ${now} to ${node}${promoted}`;
}

/** A resource with a place on which it cannot start. */
function blocked({ resource, node, activeOn, actions }: InstanceReport): string | undefined {
  const does = (...names: string[]) => actions.find(({ operation }) => names.includes(operation));
  if (node === undefined || does("start", "migrate_from") !== undefined) return undefined;
  const stop = does("stop");
  if (stop !== undefined) {
    const where = activeOn.join(" and ");
    return `${resource} is to stop on ${where}${becauseText(stop.cause)}; its place would be ${node}`;
  }
  return activeOn.length === 0 ? `${resource} cannot start yet; its place would be ${node}` : undefined;
}

function instanceLines(report: ExplainReport, instance: InstanceReport): ReportLine[] {
  const lines: ReportLine[] = [{ depth: 0, text: `${blocked(instance) ?? situation(instance)} because:` }];
  const told = new Set([instance.resource]);
  for (const reason of instance.because) lines.push(...reasonLines(report, reason, instance.node, 1, told));
  for (const node of instance.nodes)
    if (node.excluded !== undefined) lines.push(...nodeLines(instance, node, node.excluded));
  for (const action of instance.actions) {
    const where = action.node === undefined ? "" : ` on ${action.node}`;
    lines.push({ depth: 1, text: `to do: ${action.operation}${where}${becauseText(action.cause)}` });
  }
  return lines;
}

/** A reason, and behind it the reasons of what it points at. */
function reasonLines(
  report: ExplainReport,
  reason: Reason,
  node: string | undefined,
  depth: number,
  told: Set<string>,
): ReportLine[] {
  const lines: ReportLine[] = [{ depth, text: `- ${reason.text}` }];
  const next = depth < MAX_DEPTH ? followReason(report, reason, node) : undefined;
  if (next === undefined || told.has(next.resource)) return lines;
  told.add(next.resource);
  lines.push({ depth: depth + 1, text: `${situation(next)} because:` });
  for (const deeper of next.because) lines.push(...reasonLines(report, deeper, next.node, depth + 2, told));
  return lines;
}

function nodeLines(instance: InstanceReport, node: NodeReport, excluded: Reason): ReportLine[] {
  // What holds for every node was said already.
  const said = instance.node === undefined && instance.because.some(({ text }) => text === excluded.text);
  const lines: ReportLine[] = said ? [] : [{ depth: 1, text: `${node.node} was not taken because ${excluded.text}` }];
  const depth = said ? 1 : 2;
  const change = node.smallestChange;
  if (change !== undefined) {
    const parts = change.parts.map(({ text, command }) => (command === undefined ? text : `${text} (${command})`));
    lines.push({ depth, text: `smallest change that would place it on ${node.node}: ${parts.join("; and ")}` });
  } else if (node.searched) {
    lines.push({ depth, text: `no small change was found that would place it on ${node.node}` });
  }
  return lines;
}
