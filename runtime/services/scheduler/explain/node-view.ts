// A node by itself: what it runs, what comes and goes, what it could run, and what it cannot.

import { formatScore } from "../../../model/score.ts";
import { sameText } from "../../../model/text.ts";
import type { InstanceExplanation } from "./explanation.ts";

/** What a node is for the resources. Ids of instances. */
export interface NodeView {
  readonly node: string;
  /** Stays. */
  readonly runs: readonly string[];
  /** Is to come. */
  readonly comes: readonly string[];
  /** Is to leave or to stop. */
  readonly leaves: readonly string[];
  /** May run there, and is to be elsewhere or nowhere; with the score. */
  readonly could: readonly { readonly resource: string; readonly score: number }[];
  readonly cannot: readonly string[];
}

/** Looks at all instances from one node. */
export function nodeView(name: string, all: readonly InstanceExplanation[]): NodeView {
  const is = (node: string | undefined) => sameText(node, name);
  const here = all.filter((one) => one.activeOn.some(is));
  const wanted = all.filter((one) => is(one.node));
  const full = ({ room }: InstanceExplanation) =>
    room !== undefined && wanted.filter((one) => one.room?.of === room.of).length >= room.most;
  const away = all.filter((one) => !here.includes(one) && !wanted.includes(one) && !full(one));
  const about = (one: InstanceExplanation) => one.nodes.find(({ node }) => is(node));
  const may = (one: InstanceExplanation) =>
    (about(one)?.score ?? -1) >= 0 && !/^node-/.test(about(one)?.excluded?.code ?? "");
  const ids = (list: readonly InstanceExplanation[]) =>
    list.map(({ resource, role }) => (role === "Promoted" ? `${resource} (promoted)` : resource));
  return {
    node: all.flatMap(({ nodes }) => nodes).find(({ node }) => is(node))?.node ?? name,
    runs: ids(here.filter((one) => wanted.includes(one))),
    comes: ids(wanted.filter((one) => !here.includes(one))),
    leaves: ids(here.filter((one) => !wanted.includes(one))),
    could: away.filter(may).map((one) => ({ resource: one.resource, score: about(one)?.score ?? 0 })),
    cannot: ids(away.filter((one) => !may(one))),
  };
}

/** The same in words. */
export function nodeViewTexts({ node, runs, comes, leaves, could, cannot }: NodeView): string[] {
  const line = (what: string, list: readonly string[]) =>
    list.length === 0 ? [] : [`${node} ${what} ${list.join(", ")}`];
  const lines = [
    ...line("runs", runs),
    ...line("is to run", comes),
    ...line("is to lose", leaves),
    ...line(
      "could also run",
      could.map(({ resource, score }) => `${resource} (score ${formatScore(score)})`),
    ),
    ...line("cannot run", cannot),
  ];
  return lines.length === 0 ? [`${node} runs nothing, and there is nothing that it could run`] : lines;
}
