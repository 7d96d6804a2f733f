// The report of `systole explain` in words.

import { stripInstance } from "../tree.ts";
import type { ActionExplanation } from "./action-explanation.ts";
import { actionText, waitsText } from "./action-words.ts";
import { type AlikeNodes, explainedNodes, mergedReasons } from "./alike.ts";
import type { InstanceExplanation } from "./explanation.ts";
import { nodeViewTexts } from "./node-view.ts";
import type { Reason } from "./reason.ts";
import { type ExplainReport, followReason, type InstanceReport, type NodeReport } from "./report.ts";

/** Causes of causes are followed so far. */
const MAX_DEPTH = 9;

/** A line, and how deep it stands. */
export interface ReportLine {
  readonly depth: number;
  readonly text: string;
}

/** All lines of a report. */
export function reportLines(report: ExplainReport): ReportLine[] {
  const lines: ReportLine[] = [];
  const offered = new Set<string>();
  for (const action of report.nodeActions) lines.push(...nodeActionLines(report, action));
  if (report.nodeView !== undefined) {
    if (lines.length > 0) lines.push({ depth: 0, text: "" });
    for (const text of nodeViewTexts(report.nodeView)) lines.push({ depth: 0, text });
  }
  for (const instance of report.instances) {
    if (lines.length > 0) lines.push({ depth: 0, text: "" });
    lines.push(...instanceLines(report, instance, offered));
  }
  if (report.unanswered > 0) {
    const what = `no change was searched for in ${report.unanswered} more cases; name a resource or a node to ask for less`;
    lines.push({ depth: 0, text: "" }, { depth: 0, text: what });
  }
  return lines;
}

function nodeActionLines(report: ExplainReport, action: ActionExplanation): ReportLine[] {
  const { operation, node, state, because } = action;
  const on = operation === "stonith" && action.operationKey.endsWith("-on");
  const guest = state === "implied" ? "is to be fenced (by the stop of what it runs in)" : "is to be fenced";
  const fenced = on ? "is to be unfenced" : guest;
  const step = operation !== "stonith" ? "leaving" : on ? "unfencing" : "fencing";
  const what = operation !== "stonith" ? "is to leave" : state === "blocked" ? "cannot be fenced" : fenced;
  return [...causeLines(report, `${node} ${what}`, because, 0), ...waitLines(action, 1, step)];
}

/** "SAID because REASON", and below it the causes of that. */
function causeLines(report: ExplainReport, said: string, because: readonly Reason[], depth: number): ReportLine[] {
  const merged = mergedReasons(because);
  const [first] = merged;
  if (first === undefined) return [{ depth, text: said }];
  const told = new Set<string>();
  if (merged.length > 1) {
    return [
      { depth, text: `${said} because:` },
      ...merged.flatMap((reason) => reasonLines(report, reason, undefined, depth + 1, told)),
    ];
  }
  const deeper = mergedReasons(first.because ?? []);
  const lines: ReportLine[] = [
    { depth, text: `${said} because ${first.text}${deeper.length > 0 ? ", because:" : ""}` },
  ];
  for (const reason of deeper) lines.push(...reasonLines(report, reason, undefined, depth + 1, told));
  return lines;
}

/** "web runs on n2", "web is to move from n1 to n2". */
function situation({ resource, node, role, activeOn, actions }: InstanceExplanation): string {
  const now = activeOn.join(" and ");
  const promoted = role === "Promoted" ? " and be promoted" : "";
  if (node === undefined) return now === "" ? `${resource} runs nowhere` : `${resource} is to stop on ${now}`;
  if (activeOn.length === 0) return `${resource} is to start on ${node}${promoted}`;
  if (activeOn.length === 1 && activeOn[0] === node) {
    const does = (wanted: string) =>
      actions.some(({ operation, state }) => operation === wanted && state !== "blocked");
    if (does("demote") && role !== "Promoted") return `${resource} is to be demoted on ${node}`;
    if (role !== "Promoted") return `${resource} runs on ${node}`;
    return does("promote") && !does("demote")
      ? `${resource} is to be promoted on ${node}`
      : `${resource} is promoted on ${node}`;
  }
  if (activeOn.includes(node)) return `${resource} is to run on ${node} only (now on ${now})`;
  return `${resource} is to move from ${now} to ${node}${promoted}`;
}

/** What a resource that cannot go where it should does meanwhile. */
function hindered({ resource, node, activeOn, actions }: InstanceExplanation): string | undefined {
  const blocked = actions.filter(({ state }) => state === "blocked");
  const now = activeOn.join(" and ");
  if (blocked.some(({ operation }) => operation === "start") && node !== undefined) {
    const stops = actions.some(({ operation, state }) => operation === "stop" && state !== "blocked");
    if (activeOn.length === 0) return `${resource} runs nowhere, and cannot start on ${node}`;
    return stops
      ? `${resource} is to stop on ${now}, and cannot start on ${node}`
      : `${resource} stays on ${now}, and cannot start on ${node}`;
  }
  if (blocked.some(({ operation }) => operation === "stop")) {
    return `${resource} cannot be stopped on ${now}`;
  }
  return undefined;
}

/** @param offered changes that were told already, of another instance of the same resource */
function instanceLines(report: ExplainReport, instance: InstanceReport, offered: Set<string>): ReportLine[] {
  const told = new Set([instance.resource]);
  const why = (depth: number) =>
    mergedReasons(instance.because).flatMap((reason) => reasonLines(report, reason, instance.node, depth, told));
  const lines: ReportLine[] = [];
  const stuck = hindered(instance);
  if (stuck === undefined) {
    lines.push({ depth: 0, text: `${situation(instance)} because:` }, ...why(1));
  } else {
    const [first] = instance.actions.filter(({ state }) => state === "blocked");
    const place = instance.node === undefined ? "it is to run nowhere" : `its place is ${instance.node}`;
    lines.push({ depth: 0, text: `${stuck} because:` });
    for (const reason of mergedReasons(first?.because ?? [])) {
      lines.push(...reasonLines(report, reason, instance.node, 1, told));
    }
    lines.push({ depth: 1, text: `${place} because:` }, ...why(2));
  }
  for (const group of explainedNodes(instance)) lines.push(...nodeLines(instance, group, offered));
  lines.push(...actionLines(report, instance, stuck !== undefined));
  return lines;
}

/** What is to be done, where several steps have one cause in one line. */
function actionLines(report: ExplainReport, instance: InstanceReport, stuck: boolean): ReportLine[] {
  const lines: ReportLine[] = [];
  const blocked = instance.actions.filter(({ state }) => state === "blocked");
  const known = stuck ? blocked[0]?.because[0]?.text : undefined;
  let rest = instance.actions.filter(({ state }) => state !== "blocked");
  while (rest[0] !== undefined) {
    const [first] = rest;
    const cause = first.because[0]?.text;
    const same = rest.filter(({ because, state }) => because[0]?.text === cause && state === first.state);
    rest = rest.filter((action) => !same.includes(action));
    const head = first.state === "implied" ? "no need to" : "to do:";
    const said = `${head} ${actionText(same)}`;
    if (cause === known) lines.push({ depth: 1, text: `${said} for the same reason` });
    else lines.push(...causeLines(report, said, first.because, 1));
    for (const action of same) lines.push(...waitLines(action, 2, same.length > 1 ? action.operation : undefined));
  }
  for (const action of stuck ? blocked.slice(1) : blocked) {
    const cause = action.because[0]?.text;
    const said = `cannot be done: ${actionText([action])}`;
    if (cause === known) lines.push({ depth: 1, text: `${said} for the same reason` });
    else lines.push(...causeLines(report, said, action.because, 1));
  }
  return lines;
}

function waitLines(action: ActionExplanation, depth: number, name: string | undefined): ReportLine[] {
  const text = waitsText(action.waitsFor);
  if (text === undefined) return [];
  return [{ depth, text: `${name === undefined ? "waits" : `${name} waits`} for ${text}` }];
}

/** A reason, and behind it the reasons of what it points at. */
function reasonLines(
  report: ExplainReport,
  reason: Reason,
  node: string | undefined,
  depth: number,
  told: Set<string>,
): ReportLine[] {
  const deeper = depth < MAX_DEPTH ? mergedReasons(reason.because ?? []) : [];
  const lines: ReportLine[] = [{ depth, text: `- ${reason.text}${deeper.length > 0 ? ", because:" : ""}` }];
  for (const inner of deeper) lines.push(...reasonLines(report, inner, node, depth + 1, told));
  const next = depth < MAX_DEPTH && deeper.length === 0 ? followReason(report, reason, node) : undefined;
  if (next === undefined || told.has(next.resource)) return lines;
  told.add(next.resource);
  lines.push({ depth: depth + 1, text: `${situation(next)} because:` });
  for (const inner of mergedReasons(next.because)) {
    lines.push(...reasonLines(report, inner, next.node, depth + 2, told));
  }
  return lines;
}

function nodeLines(instance: InstanceReport, { names, node, text }: AlikeNodes, offered: Set<string>): ReportLine[] {
  // What holds for every node was said already.
  const said = instance.node === undefined && instance.because.some((reason) => reason.text === node.excluded?.text);
  const were = names.length > 1 ? "were" : "was";
  const lines: ReportLine[] =
    said || text === undefined ? [] : [{ depth: 1, text: `${names.join(", ")} ${were} not taken because ${text}` }];
  const depth = lines.length === 0 ? 1 : 2;
  for (const change of changeTexts(node, names)) {
    const key = `${stripInstance(instance.resource)} ${change}`;
    if (!offered.has(key)) lines.push({ depth, text: change });
    offered.add(key);
  }
  return lines;
}

function changeTexts(node: NodeReport, names: readonly string[]): string[] {
  return node.changes.map(({ goal, change, none }) => {
    const where = names.join(" or ");
    const wish =
      goal === "promoted"
        ? `promote it on ${where}`
        : goal === "absent"
          ? `take it off ${where}`
          : `place it on ${where}`;
    if (change === undefined)
      return `no small change was found that would ${wish}${none === undefined ? "" : `: ${none.text}`}`;
    const parts = change.parts.map(({ text, command }) => (command === undefined ? text : `${text} (${command})`));
    return `smallest change that would ${wish}: ${parts.join("; and ")}`;
  });
}
