// Compares a plan with the reference's plan for the same CIB: synapses and lines, whatever their order and numbers.

import { parseXml } from "../../../runtime/compat/xml.ts";
import type { Element } from "../../../runtime/kernel/cib/element.ts";

/** The four texts of one case. */
export type Texts = Readonly<Record<"summary" | "graphXml" | "dot" | "scores", string>>;

const NUMBERING = new Set(["transition_id", "batch-limit"]);

function attributesOf(element: Element, ignored: ReadonlySet<string>): string {
  return JSON.stringify(
    Object.entries(element.attributes)
      .filter(([name]) => !ignored.has(name))
      .sort(([one], [other]) => (one < other ? -1 : 1)),
  );
}

function keyOf(action: Element): string {
  const { attributes } = action;
  return [
    action.name,
    ...["operation", "operation_key", "internal_operation_key", "on_node", "on_node_uuid", "router_node"].map(
      (name) => attributes[name] ?? "-",
    ),
  ].join(" ");
}

const FEATURE_SET = new Set(["crm_feature_set"]);

function describe(action: Element): string {
  const parts = action.children.map(
    (part) =>
      `${part.name} ${attributesOf(part, FEATURE_SET)} ${part.children
        .map((child) => attributesOf(child, new Set()))
        .sort()
        .join(" ")}`,
  );
  return `${keyOf(action)} { ${parts.sort().join("; ")} }`;
}

function synapseText(synapse: Element): string {
  const inside = (name: string) => synapse.children.find((child) => child.name === name)?.children ?? [];
  const actions = inside("action_set").map(describe).sort();
  const inputs = inside("inputs")
    .flatMap((trigger) => trigger.children.map(keyOf))
    .sort();
  return `${synapse.attributes["priority"] ?? "0"} ${actions.join(" + ")} AFTER ${inputs.join(", ")}`;
}

/** One line for the graph, and one for each synapse. */
export function graphLines(text: string): string[] {
  const graph = parseXml(text);
  const synapses = graph.children.filter((child) => child.name === "synapse").map(synapseText);
  return [attributesOf(graph, NUMBERING), ...synapses.sort()];
}

/** Lines without white space; those of the execution in alphabetical order. */
export function summaryLines(text: string): string[] {
  const lines: string[] = [];
  let block: string[] | undefined;
  const endBlock = () => {
    lines.push(...(block ?? []).sort());
    block = undefined;
  };
  for (const raw of text.split("\n")) {
    const line = raw.replaceAll(/\s+/g, "");
    // Notes of the reference's schema upgrade are not about the plan.
    if (line === "" || /^(INFO|DEBUG|WARNING):/.test(raw)) continue;
    if (line.startsWith("ExecutingClusterTransition")) {
      endBlock();
      lines.push(line);
      block = [];
      continue;
    }
    if (block !== undefined && !raw.trimStart().startsWith("*")) endBlock();
    (block ?? lines).push(line);
  }
  endBlock();
  return lines;
}

function sortedLines(text: string): string[] {
  return [...new Set(text.split("\n").map((line) => line.replaceAll(/\s+/g, "")))].filter((line) => line !== "").sort();
}

/** Which of the four texts say something else; empty when all is the same. */
export function differences(got: Texts, wanted: Texts): string[] {
  const ways: [keyof Texts, (text: string) => string[]][] = [
    ["graphXml", graphLines],
    ["summary", summaryLines],
    ["dot", sortedLines],
    ["scores", sortedLines],
  ];
  return ways
    .filter(([name, lines]) => lines(got[name]).join("\n") !== lines(wanted[name]).join("\n"))
    .map(([name]) => name);
}
