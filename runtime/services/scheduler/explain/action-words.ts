// Actions and what they wait for, in a few words.

import type { ActionExplanation, WaitExplanation } from "./action-explanation.ts";

/** More are counted, not named. */
const MAX_NAMED = 6;

const DONE: Readonly<Record<string, string>> = { stonith: "fencing", do_shutdown: "leaving", monitor: "probe" };

/** "stop on n1, start on n2", "stop and start on n1". */
export function actionText(actions: readonly ActionExplanation[]): string {
  const [first] = actions;
  const where = first?.node === undefined ? "" : ` on ${first.node}`;
  if (actions.every(({ node }) => node === first?.node)) {
    return `${actions.map(({ operation }) => operation).join(" and ")}${where}`;
  }
  return actions.map(({ operation, node }) => (node === undefined ? operation : `${operation} on ${node}`)).join(", ");
}

/** Undefined when there is nothing to wait for. */
export function waitsText(waits: readonly WaitExplanation[]): string | undefined {
  const probes = waits.filter(({ operation }) => operation === "monitor");
  const others = waits.filter(({ operation }) => operation !== "monitor");
  const texts = others.slice(0, MAX_NAMED).map(waitText);
  if (others.length > MAX_NAMED) texts.push(`${others.length - MAX_NAMED} more`);
  if (probes.length > 0) {
    const nodes = [...new Set(probes.map(({ node }) => node))].join(", ");
    const constraints = [...new Set(probes.flatMap(({ constraint }) => constraint ?? []))];
    texts.push(`probes on ${nodes}${constraints.length === 0 ? "" : ` (order ${constraints.join(", ")})`}`);
  }
  return texts.length === 0 ? undefined : texts.join("; ");
}

function waitText({ operation, resource, node, code, constraint }: WaitExplanation): string {
  const what = code === "unfencing" ? "unfencing" : (DONE[operation] ?? operation);
  const whose = resource ?? node ?? "";
  const where = resource === undefined || node === undefined ? "" : ` on ${node}`;
  return `${what} of ${whose}${where}${constraint === undefined ? (WHY[code] ?? "") : ` (${code} ${constraint})`}`;
}

const WHY: Readonly<Record<string, string>> = {
  group: " (order of the group)",
  member: " (order of its clone)",
  bundle: " (order of the bundle)",
  container: " (what it runs in)",
  capacity: " (makes room)",
  guest: " (its node)",
};
