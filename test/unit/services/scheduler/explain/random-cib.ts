// Small random clusters in the form of the golden cases, for properties that hold of every plan.

import fc from "fast-check";
import type { Element } from "../../../../../runtime/kernel/cib/element.ts";
import { cibFromLines } from "../../../../golden/scheduler/cib-text.ts";

const NODES = ["n1", "n2", "n3"];
const RESOURCES = ["a", "b", "c"];

const node = fc.constantFrom(...NODES);
const resource = fc.constantFrom(...RESOURCES);
const score = fc.constantFrom("-INFINITY", "-50", "10", "100", "INFINITY");

function primitive(id: string, meta: readonly (readonly [string, string])[]): string {
  const pairs = meta.map(([name, value]) => `<nvpair id="${id}-${name}" name="${name}" value="${value}"/>`).join("");
  const set = `<meta_attributes id="${id}-meta">${pairs}</meta_attributes>`;
  return `<primitive id="${id}" class="ocf" provider="pacemaker" type="Dummy">${set}</primitive>`;
}

const option = fc.constantFrom<readonly [string, string]>(
  ["resource-stickiness", "60"],
  ["migration-threshold", "2"],
  ["target-role", "Stopped"],
  ["is-managed", "false"],
  ["priority", "5"],
);

/** Lines, each of which makes placing harder in its own way. */
const constraint = fc.oneof(
  fc
    .tuple(resource, node, score)
    .map(([rsc, where, much]) => ({ kind: "rsc_location", rsc, node: where, score: much })),
  fc
    .tuple(resource, resource, score)
    .filter(([one, other]) => one !== other)
    .map(([rsc, other, much]) => ({ kind: "rsc_colocation", rsc, "with-rsc": other, score: much })),
  fc
    .tuple(resource, resource, fc.constantFrom("Mandatory", "Optional"))
    .filter(([one, other]) => one !== other)
    .map(([first, then, kind]) => ({ kind: "rsc_order", first, then, "kind ": kind })),
  resource.map((rsc) => ({ kind: "rsc_ticket", rsc, ticket: "east", "loss-policy": "stop" })),
);

function constraintLine(attributes: Readonly<Record<string, string>>, number: number): string {
  const { kind, ...rest } = attributes;
  const text = Object.entries(rest).map(([name, value]) => `${name.trim()}="${value}"`);
  return `<${kind} id="c${number}" ${text.join(" ")}/>`;
}

/** A cluster: its text, for failing runs, and the document. */
export interface RandomCluster {
  readonly text: string;
  readonly cib: Element;
}

export const randomCluster: fc.Arbitrary<RandomCluster> = fc
  .record({
    states: fc.array(fc.constantFrom("online", "online", "online", "standby", "offline"), {
      minLength: 3,
      maxLength: 3,
    }),
    options: fc.array(fc.uniqueArray(option, { maxLength: 2, selector: ([name]) => name }), {
      minLength: 3,
      maxLength: 3,
    }),
    places: fc.array(fc.option(node, { nil: undefined }), { minLength: 3, maxLength: 3 }),
    constraints: fc.array(constraint, { maxLength: 4 }),
    failures: fc.uniqueArray(fc.tuple(resource, node), { maxLength: 2, selector: ([rsc, where]) => `${rsc} ${where}` }),
  })
  .map(({ states, options, places, constraints, failures }) => {
    const up = NODES.filter((_name, i) => states[i] !== "offline");
    const lines = [
      ...NODES.map((name, i) => `node ${name} ${states[i]}`),
      "property stonith-enabled=false",
      ...RESOURCES.map((id, i) => primitive(id, options[i] ?? [])),
      ...constraints.map(constraintLine),
      ...failures.map(([rsc, where]) => `score fail-count-${rsc}#start_0 ${where} 2`),
    ];
    RESOURCES.forEach((id, i) => {
      const active = up.find((name) => name === places[i]);
      if (active !== undefined) lines.push(`ran ${id} start ${active} 0`);
      for (const name of up) if (name !== active) lines.push(`ran ${id} monitor ${name} 7`);
    });
    const text = lines.join("\n");
    return { text, cib: cibFromLines(text) };
  });

/** All pairs of a resource and a node. */
export const PAIRS = RESOURCES.flatMap((id) => NODES.map((where) => ({ resource: id, node: where })));
