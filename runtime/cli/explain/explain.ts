// What `systole explain` does: reads the CIB, has it explained, prints that.

import { EXIT } from "../../host/errors.ts";
import { md5Hex } from "../../host/md5.ts";
import { applyEdits } from "../../kernel/cib/edits.ts";
import type { Element } from "../../kernel/cib/element.ts";
import { makePatchset } from "../../kernel/cib/patchset.ts";
import type { Patchset } from "../../kernel/messages.ts";
import { findAnyNode } from "../../model/edits/plan.ts";
import { parseInstant } from "../../model/iso8601.ts";
import { didYouMean } from "../../model/nearest.ts";
import { executionDate } from "../../services/scheduler/cluster.ts";
import type { ActionExplanation } from "../../services/scheduler/explain/action-explanation.ts";
import type { NodeView } from "../../services/scheduler/explain/node-view.ts";
import {
  type ChangeReport,
  type ExplainReport,
  explainReport,
  type InstanceReport,
  type NodeReport,
} from "../../services/scheduler/explain/report.ts";
import type { SmallestChange } from "../../services/scheduler/explain/smallest-change.ts";
import { reportLines } from "../../services/scheduler/explain/words.ts";
import { schedule } from "../../services/scheduler/schedule.ts";
import { readCibFile, refuseInvalid } from "../cib-file.ts";
import { CliFailure, refused } from "../failure.ts";
import { type CliIo, renderOptions } from "../io.ts";
import { wrap } from "../render/text.ts";
import { queryCib, withClient } from "../session.ts";
import type { ExplainOptions } from "./command.ts";

async function readCib(io: CliIo, file: string | undefined, options: ExplainOptions): Promise<Element> {
  if (options.live) {
    if (file === undefined) return await withClient(io, options, async (client) => (await queryCib(client)).cib);
    throw new CliFailure("usage", EXIT.usage, "A file and --live are two different CIBs. Give one of the two.");
  }
  if (file === undefined) {
    throw new CliFailure("usage", EXIT.usage, "No CIB was named. Name a file (- for standard input), or say --live.");
  }
  const cib = await readCibFile(io, file);
  refuseInvalid(cib, file);
  return cib;
}

function momentOf(cib: Element, options: ExplainOptions): number {
  if (options.setDatetime === undefined) {
    const recorded = options.live ? undefined : executionDate(cib);
    return recorded ?? Math.floor(Date.now() / 1000);
  }
  const moment = parseInstant(options.setDatetime);
  if (moment === undefined) {
    const text = `"${options.setDatetime}" is no date. Write it like 2026-11-22 08:00:00Z.`;
    throw new CliFailure("invalid-date", EXIT.usage, text);
  }
  return moment;
}

/** Explains a CIB. */
export async function explain(io: CliIo, file: string | undefined, options: ExplainOptions): Promise<void> {
  const cib = await readCib(io, file, options);
  const nowEpochSeconds = momentOf(cib, options);
  if (options.node !== undefined) {
    const node = findAnyNode(cib, options.node);
    if ("refused" in node) throw refused("not-found", node.refused);
  }
  // The running cluster reads times without a zone as local ones; a saved CIB is read as `simulate` reads it.
  const zone = options.live ? { timeZoneOffsetMinutes: -new Date().getTimezoneOffset() } : {};
  const report = explainReport({
    cib,
    schedule: (document, reasons) =>
      schedule(document, { nowEpochSeconds, md5Hex, secretsRemoved: true, explain: reasons, ...zone }),
    ...(options.resource === undefined ? {} : { resource: options.resource }),
    ...(options.node === undefined ? {} : { node: options.node }),
  });
  if (report === undefined) throw unknownResource(cib, options.resource ?? "");
  if (options.json) io.out(`${JSON.stringify(asData(cib, report))}\n`);
  else print(io, report);
}

function unknownResource(cib: Element, id: string): CliFailure {
  const ids: string[] = [];
  const collect = (element: Element): void => {
    const own = element.attributes["id"];
    if (["primitive", "group", "clone", "bundle"].includes(element.name) && own !== undefined) ids.push(own);
    for (const child of element.children) collect(child);
  };
  collect(cib);
  return refused("not-found", `There is no resource "${id}" in this CIB.${didYouMean(id, ids)}`);
}

function print(io: CliIo, report: ExplainReport): void {
  const lines = reportLines(report).flatMap(({ depth, text }) =>
    text === "" ? [""] : wrap(text, "  ".repeat(depth), renderOptions(io)),
  );
  io.out(`${lines.join("\n")}\n`);
}

/** A change as data, with the patchset that makes it. */
interface ChangeData extends Omit<ChangeReport, "change"> {
  readonly change?: SmallestChange & { readonly patchset?: Patchset };
}

interface NodeData extends Omit<NodeReport, "changes"> {
  readonly changes: readonly ChangeData[];
}

interface InstanceData extends Omit<InstanceReport, "nodes"> {
  readonly nodes: readonly NodeData[];
}

/** What `--json` prints (schema.ts): the report, with each change also as a patchset. */
export interface ExplainData {
  readonly node?: NodeView;
  readonly nodeActions: readonly ActionExplanation[];
  readonly resources: readonly InstanceData[];
}

function asData(cib: Element, report: ExplainReport): ExplainData {
  const withPatch = (asked: ChangeReport): ChangeData => {
    if (asked.change === undefined)
      return { goal: asked.goal, ...(asked.none === undefined ? {} : { none: asked.none }) };
    const changed = applyEdits(cib, asked.change.edits);
    const patchset = changed.ok ? { patchset: makePatchset(cib, changed.cib) } : {};
    return { goal: asked.goal, change: { ...asked.change, ...patchset } };
  };
  const nodeData = (node: NodeReport): NodeData => ({ ...node, changes: node.changes.map(withPatch) });
  return {
    ...(report.nodeView === undefined ? {} : { node: report.nodeView }),
    nodeActions: report.nodeActions,
    resources: report.instances.map((one) => ({ ...one, nodes: one.nodes.map(nodeData) })),
  };
}
