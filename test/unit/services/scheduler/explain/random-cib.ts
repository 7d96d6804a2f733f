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

/** What makes promoting harder, each in its own way; the resources are the clone `pair` of `p`, and `a`. */
const promotionConstraint = fc.oneof(
  fc
    .tuple(node, score, fc.constantFrom("Started", "Promoted"))
    .map(([where, much, role]) => ({ kind: "rsc_location", rsc: "pair", node: where, score: much, role })),
  fc
    .tuple(score, fc.constantFrom("Started", "Promoted"))
    .map(([much, role]) => ({ kind: "rsc_colocation", rsc: "pair", "rsc-role": role, "with-rsc": "a", score: much })),
  fc.tuple(node, score).map(([where, much]) => ({ kind: "rsc_location", rsc: "a", node: where, score: much })),
  fc.constant({ kind: "rsc_ticket", rsc: "pair", "rsc-role": "Promoted", ticket: "east", "loss-policy": "demote" }),
);

const cloneOption = fc.constantFrom<readonly [string, string]>(
  ["promoted-max", "2"],
  ["promoted-max", "0"],
  ["clone-max", "2"],
  ["target-role", "Unpromoted"],
  ["target-role", "Stopped"],
  ["is-managed", "false"],
);

/** Clusters with a promotable clone, of which some instances run and one may be promoted. */
export const randomPromotable: fc.Arbitrary<RandomCluster> = fc
  .record({
    states: fc.array(fc.constantFrom("online", "online", "online", "standby", "offline"), {
      minLength: 3,
      maxLength: 3,
    }),
    options: fc.uniqueArray(cloneOption, { maxLength: 2, selector: ([name]) => name }),
    running: fc.subarray(NODES),
    promoted: fc.option(node, { nil: undefined }),
    wishes: fc.array(fc.option(fc.constantFrom("5", "10", "-1"), { nil: undefined }), { minLength: 3, maxLength: 3 }),
    constraints: fc.array(promotionConstraint, { maxLength: 3 }),
    failures: fc.array(node, { maxLength: 1 }),
  })
  .map(({ states, options, running, promoted, wishes, constraints, failures }) => {
    const up = NODES.filter((_name, i) => states[i] !== "offline");
    const meta = options.map(([name, value]) => `${name}=${value}`).join(" ");
    const lines = [
      ...NODES.map((name, i) => `node ${name} ${states[i]}`),
      "property stonith-enabled=false",
      "primitive p ocf:pacemaker:Stateful migration-threshold=2",
      `clone pair of p promotable=true ${meta}`,
      "primitive a",
      ...constraints.map(constraintLine),
      ...failures.map((where) => `score fail-count-p#start_0 ${where} 2`),
    ];
    NODES.forEach((name, i) => {
      const wish = wishes[i];
      if (wish !== undefined) lines.push(`score master-p ${name} ${wish}`);
    });
    up.forEach((name, i) => {
      if (running.includes(name)) lines.push(`ran p:${i} start ${name} 0`);
      else lines.push(`ran p monitor ${name} 7`);
      if (running.includes(name) && name === promoted) lines.push(`ran p:${i} promote ${name} 0`);
      lines.push(`ran a monitor ${name} 7`);
    });
    const text = lines.join("\n");
    return { text, cib: cibFromLines(text) };
  });

/** The promotable clone and each node. */
export const PROMOTABLE_PAIRS = NODES.map((where) => ({ resource: "p", node: where }));
