// Says once what holds for several nodes: "n2 and n3 are offline".

import type { Reason } from "./reason.ts";
import type { InstanceReport, NodeReport } from "./report.ts";

const PLACE = "\u0001";

const PLURAL: Readonly<Record<string, string>> = { is: "are", was: "were", has: "have" };

/** A reason with a mark where its node's name stands. */
function pattern(reason: Reason): string {
  const { text, node } = reason;
  if (node === undefined) return text;
  const name = node.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
  const id = ownId(reason);
  const words = id === undefined ? text : text.slice(0, -` (${id})`.length);
  return words.replace(new RegExp(`(?<![\\w.-])${name}(?![\\w-])`, "g"), PLACE);
}

/** What was said of one node, of several of them; undefined when they are not what the sentence is about. */
function inPlural(text: string): string | undefined {
  const [, verb = "", rest = ""] = new RegExp(`^${PLACE} (is|was|has) (.*)$`, "s").exec(text) ?? [];
  if (verb === "") return undefined;
  const more = rest
    .replace(/ or is /, " or are ")
    .replace(/, and has /, ", and have ")
    .replace(/^a remote or guest node, /, "remote or guest nodes, ");
  return `${PLURAL[verb]} ${more}`;
}

function filled(text: string, reasons: readonly Reason[]): string {
  const names = joined(reasons.flatMap(({ node }) => node ?? []));
  const plural = inPlural(text);
  return `${plural === undefined ? text : `${PLACE} ${plural}`}${idsOf(reasons)}`.replaceAll(PLACE, names);
}

/** The elements that say so, each of its own node. */
function idsOf(reasons: readonly Reason[]): string {
  const ids = [...new Set(reasons.flatMap((reason) => ownId(reason) ?? []))];
  return ids.length === 0 ? "" : ` (${ids.join(", ")})`;
}

/** The id at the end of what is said of a node. */
function ownId({ text, element }: Reason): string | undefined {
  return element !== undefined && text.endsWith(` (${element})`) ? element : undefined;
}

function joined(names: readonly string[]): string {
  return names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names[names.length - 1]}`;
}

/** Reasons that differ in the node only become one. */
export function mergedReasons(reasons: readonly Reason[]): Reason[] {
  const groups = new Map<string, Reason[]>();
  for (const reason of reasons) {
    const key = reason.because === undefined ? `${reason.code} ${pattern(reason)}` : `${groups.size} ${reason.text}`;
    const list = groups.get(key);
    if (list === undefined) groups.set(key, [reason]);
    else if (!list.some((one) => one.text === reason.text)) list.push(reason);
  }
  return [...groups.values()].flatMap((list) => {
    const [first] = list;
    if (first === undefined || list.length === 1) return list;
    return [
      {
        ...first,
        text: filled(pattern(first), list),
      },
    ];
  });
}

/** Nodes of which the same is to be said; without a text for that where it runs. */
export interface AlikeNodes {
  readonly names: readonly string[];
  /** The first of them, for all. */
  readonly node: NodeReport;
  readonly text: string | undefined;
}

/** The nodes that were not taken, those together of which the same is true. */
export function explainedNodes({ nodes }: InstanceReport): AlikeNodes[] {
  const groups = new Map<string, NodeReport[]>();
  for (const node of nodes) {
    const { excluded, changes } = node;
    if (excluded === undefined && changes.length === 0) continue;
    const found = changes.some(({ change }) => change !== undefined);
    const key = found || excluded === undefined ? node.node : `${pattern(excluded)} ${JSON.stringify(changes)}`;
    groups.set(key, [...(groups.get(key) ?? []), node]);
  }
  return [...groups.values()].flatMap((list): AlikeNodes[] => {
    const [node] = list;
    if (node === undefined) return [];
    const names = list.map((each) => each.node);
    const { excluded } = node;
    if (excluded === undefined || list.length === 1) return [{ names, node, text: excluded?.text }];
    const text = pattern(excluded);
    const plural = inPlural(text);
    const whole = `${plural === undefined ? text : `they ${plural}`}${idsOf(list.flatMap((each) => each.excluded ?? []))}`;
    return [{ names, node, text: whole.replaceAll(`on ${PLACE}`, "there").replaceAll(PLACE, "them") }];
  });
}
