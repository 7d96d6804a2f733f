// Changes of a CIB that could bring a resource to a node: what a person would try, the gentlest first. None of them is known to
// help; the search in smallest-change.ts finds that out by trying.

import { childNamed, childrenNamed, type Element, element } from "../../../kernel/cib/element.ts";
import type { CibEdit, CibPath } from "../../../kernel/messages.ts";
import { maintenanceEdits, onlineEdits, standbyEdits } from "../../../model/edits/cluster.ts";
import { moveEdits } from "../../../model/edits/move.ts";
import { type AnyNode, findAnyNode, stepTo } from "../../../model/edits/plan.ts";
import { stopEdits } from "../../../model/edits/resource.ts";
import { isTrue } from "../../../model/text.ts";
import { type Candidate, offer } from "./candidate.ts";
import {
  capacities,
  clusterOptions,
  defaultOptions,
  promotionOptions,
  resourceOptions,
  roomOptions,
} from "./candidates-options.ts";
import { type Neighbour, neighboursOf, referencedIds } from "./neighbours.ts";
import type { Goal } from "./smallest-change.ts";

/** More failed resources than these are not looked at for what put a node in standby. */
const MAX_FAILED = 4;
const CONSTRAINTS: CibPath = [{ name: "configuration" }, { name: "constraints" }];

/** All that could be tried, gentlest first. */
export function candidatesFor(
  cib: Element,
  neighbours: readonly Neighbour[],
  nodeName: string,
  goal: Goal,
): Candidate[] {
  const node = findAnyNode(cib, nodeName);
  const [own] = neighbours;
  if ("refused" in node || own === undefined) return [];
  if (goal === "absent") return against(cib, own, node);
  const state = nodeState(cib, node.id);
  const promoted = goal === "promoted";
  const [moves, others] = locations(cib, neighbours, node);
  // A remote node has the name of its connection, and is there when that runs.
  const connection = neighboursOf(cib, node.name).slice(0, 1);
  return [
    ...neighbours.flatMap((each) => clearFailures(each, node, state)),
    ...nodeStates(cib, node, state),
    ...(promoted ? preference(cib, own, node, true) : []),
    ...preference(cib, own, node, false),
    ...(promoted ? promotionOptions(cib, own) : []),
    ...moves,
    ...tickets(cib, neighbours),
    ...[...neighbours, ...connection].flatMap((each) => resourceOptions(cib, each)),
    ...defaultOptions(cib),
    ...others,
    ...capacities(neighbours, node),
    ...neighbours.flatMap((each) => roomOptions(cib, each)),
    ...neighbours.slice(1).flatMap((each) => preference(cib, each, node, false)),
    ...neighbours.flatMap((each) => forgetHistory(each, node, state)),
    ...failStandby(neighbours, node, state),
    ...relations(cib, neighbours),
    ...joining(node, state),
    ...clusterOptions(cib),
  ];
}

/** What takes a resource off a node, the gentlest first. */
function against(cib: Element, own: Neighbour, node: AnyNode): Candidate[] {
  const list: Candidate[] = [];
  const { id, movable } = own;
  const text = `forbid ${node.name} to ${movable}`;
  offer(
    list,
    moveEdits(cib, movable, { from: node.name }),
    text,
    `systole resource move ${movable} --from ${node.name}`,
  );
  offer(list, stopEdits(cib, id), `stop ${id} (target-role)`, `systole resource stop ${id}`);
  offer(list, standbyEdits(cib, node.name), `put ${node.name} in standby`, `systole standby ${node.name}`);
  return [...list, ...resourceOptions(cib, own), ...roomOptions(cib, own), ...clusterOptions(cib)];
}

/** A failure with on-fail=standby of something else keeps all off the node, for as long as it is recorded. */
function failStandby(neighbours: readonly Neighbour[], node: AnyNode, state: Element | undefined): Candidate[] {
  const known = neighbours.flatMap(primitivesOf);
  return historyOf(state)
    .filter(({ entry }) => !isOf(entry.attributes["id"] ?? "", known))
    .filter(({ entry }) =>
      entry.children.some(({ attributes }) => !["0", "7", "8", undefined].includes(attributes["rc-code"])),
    )
    .map(({ entry, path }) => {
      const id = entry.attributes["id"] ?? "";
      const text = `forget what is recorded of ${id} on ${node.name}`;
      const edits: CibEdit[] = [{ edit: "delete", path: [...statePath(node), ...path] }];
      return { edits, text, command: `systole resource cleanup ${id} --node ${node.name}` };
    })
    .slice(0, MAX_FAILED);
}

/** What is recorded of each resource on a node, with the path below the node's state. */
function historyOf(state: Element | undefined): { readonly entry: Element; readonly path: CibPath }[] {
  return childrenNamed(state, "lrm").flatMap((lrm) =>
    childrenNamed(lrm, "lrm_resources").flatMap((section) =>
      childrenNamed(section, "lrm_resource").map((entry) => ({
        entry,
        path: [stepTo(lrm), { name: "lrm_resources" }, stepTo(entry)],
      })),
    ),
  );
}

function nodeState(cib: Element, id: string): Element | undefined {
  return childrenNamed(childNamed(cib, "status"), "node_state").find((state) => state.attributes["id"] === id);
}

function statePath(node: AnyNode): CibPath {
  return [{ name: "status" }, { name: "node_state", id: node.id }];
}

/** Attributes that last until the node leaves. */
function transientPairs(
  node: AnyNode,
  state: Element | undefined,
): { readonly pair: Element; readonly path: CibPath }[] {
  return childrenNamed(state, "transient_attributes").flatMap((attributes) =>
    childrenNamed(attributes, "instance_attributes").flatMap((set) =>
      childrenNamed(set, "nvpair").map((pair) => ({
        pair,
        path: [...statePath(node), stepTo(attributes), stepTo(set), stepTo(pair)],
      })),
    ),
  );
}

/** Each primitive of a resource, by the ids under which failures and history know it. */
function primitivesOf(neighbour: Neighbour): string[] {
  const collect = (part: Element): string[] =>
    part.name === "primitive" ? [part.attributes["id"] ?? ""] : part.children.flatMap(collect);
  return collect(neighbour.place.element);
}

function isOf(id: string, primitives: readonly string[]): boolean {
  return primitives.includes(id) || primitives.includes(id.replace(/:\d+$/, ""));
}

function clearFailures(neighbour: Neighbour, node: AnyNode, state: Element | undefined): Candidate[] {
  const primitives = primitivesOf(neighbour);
  const edits = transientPairs(node, state).flatMap(({ pair, path }): CibEdit[] => {
    const match = /^fail-count-([^#]+)/.exec(pair.attributes["name"] ?? "");
    return match?.[1] !== undefined && isOf(match[1], primitives) ? [{ edit: "delete", path }] : [];
  });
  if (edits.length === 0) return [];
  const text = `clear the fail-count of ${neighbour.id} on ${node.name}`;
  return [{ edits, text, command: `systole resource cleanup ${neighbour.id} --node ${node.name}` }];
}

/** A failure that does not pass by itself stands in the history. */
function forgetHistory(neighbour: Neighbour, node: AnyNode, state: Element | undefined): Candidate[] {
  const primitives = primitivesOf(neighbour);
  const edits = historyOf(state)
    .filter(({ entry }) => isOf(entry.attributes["id"] ?? "", primitives))
    .map(({ path }): CibEdit => ({ edit: "delete", path: [...statePath(node), ...path] }));
  if (edits.length === 0) return [];
  const text = `forget what is recorded of ${neighbour.id} on ${node.name}`;
  return [{ edits, text, command: `systole resource cleanup ${neighbour.id} --node ${node.name}` }];
}

function nodeStates(cib: Element, node: AnyNode, state: Element | undefined): Candidate[] {
  const list: Candidate[] = [];
  const { name } = node;
  offer(list, onlineEdits(cib, name), `take ${name} out of standby`, `systole online ${name}`);
  offer(
    list,
    maintenanceEdits(cib, false, name),
    `end the maintenance of ${name}`,
    `systole maintenance off --node ${name}`,
  );
  for (const { pair, path } of transientPairs(node, state)) {
    const attribute = pair.attributes["name"] ?? "";
    const value = pair.attributes["value"] ?? "";
    if (attribute === "standby" || attribute === "maintenance" || attribute.startsWith("#health")) {
      list.push({ edits: [{ edit: "delete", path }], text: `delete the attribute ${attribute}=${value} of ${name}` });
    }
  }
  for (const set of childrenNamed(node.element, "instance_attributes")) {
    for (const pair of childrenNamed(set, "nvpair")) {
      const attribute = pair.attributes["name"] ?? "";
      if (!attribute.startsWith("#health")) continue;
      const own = { name: "node", id: node.id };
      const path = [{ name: "configuration" }, { name: "nodes" }, own, stepTo(set), stepTo(pair)];
      list.push({
        edits: [{ edit: "delete", path }],
        text: `delete the attribute ${attribute} of ${name}`,
        command: `systole attribute delete ${name} ${attribute}`,
      });
    }
  }
  return list;
}

/** Brings a node back that is away, or is about to leave. */
function joining(node: AnyNode, state: Element | undefined): Candidate[] {
  // A remote node is there when its connection is.
  if (node.element === undefined || node.element.attributes["type"] === "remote") return [];
  const edits: CibEdit[] = transientPairs(node, state)
    .filter(({ pair }) => ["shutdown", "terminate"].includes(pair.attributes["name"] ?? ""))
    .map(({ path }) => ({ edit: "delete", path }));
  const member = { uname: node.name, in_ccm: "true", crmd: "online", join: "member", expected: "member" };
  const differs = Object.entries(member).some(([name, value]) => state?.attributes[name] !== value);
  if (state === undefined) {
    const made = element("node_state", { id: node.id, ...member });
    edits.push({ edit: "put", parent: [{ name: "status" }], element: made });
  } else if (differs) {
    edits.push({ edit: "set", path: statePath(node), attributes: member });
  }
  if (edits.length === 0) return [];
  return [{ edits, text: `let ${node.name} be a member of the cluster again (start Systole there)` }];
}

function preference(cib: Element, neighbour: Neighbour, node: AnyNode, promoted: boolean): Candidate[] {
  const id = neighbour.movable;
  const list: Candidate[] = [];
  const text = `prefer ${node.name} for ${promoted ? "the promoted instance of " : ""}${id} with INFINITY`;
  const command = `systole resource move ${id} ${node.name}${promoted ? " --promoted" : ""}`;
  offer(list, moveEdits(cib, id, { to: node.name, ...(promoted ? { promoted } : {}) }), text, command);
  return list;
}

function tickets(cib: Element, neighbours: readonly Neighbour[]): Candidate[] {
  const constraints = childrenNamed(childNamed(childNamed(cib, "configuration"), "constraints"), "rsc_ticket");
  const names = new Set<string>();
  for (const constraint of constraints) {
    const name = constraint.attributes["ticket"];
    const ids = referencedIds(cib, constraint);
    if (name !== undefined && neighbours.some((each) => each.ids.some((id) => ids.has(id)))) names.add(name);
  }
  const section = childNamed(childNamed(cib, "status"), "tickets");
  return [...names].flatMap((name): Candidate[] => {
    const state = childNamed(section, "ticket_state", name);
    const parent = [{ name: "status" }, { name: "tickets" }];
    const path = [...parent, { name: "ticket_state", id: name }];
    const list: Candidate[] = [];
    if (!isTrue(state?.attributes["granted"])) {
      const granted = { granted: "true" };
      const edit: CibEdit =
        state === undefined
          ? { edit: "put", parent, element: element("ticket_state", { id: name, ...granted }) }
          : { edit: "set", path, attributes: granted };
      list.push({ edits: [edit], text: `grant the ticket ${name} to this site` });
    }
    if (isTrue(state?.attributes["standby"])) {
      const edit: CibEdit = { edit: "set", path, attributes: { standby: "false" } };
      list.push({ edits: [edit], text: `take the ticket ${name} out of standby` });
    }
    return list;
  });
}

/** What moves left behind, and all other preferences that may be in the way. */
function locations(cib: Element, neighbours: readonly Neighbour[], node: AnyNode): [Candidate[], Candidate[]] {
  const all = childrenNamed(childNamed(childNamed(cib, "configuration"), "constraints"), "rsc_location");
  const concerned = all.filter((location) => {
    const ids = referencedIds(cib, location);
    const score = location.attributes["score"] ?? "";
    const speaksFor = location.attributes["node"] === node.name && !score.startsWith("-");
    const exclusive = location.attributes["resource-discovery"] === "exclusive";
    return (!speaksFor || exclusive) && neighbours.some((each) => each.ids.some((id) => ids.has(id)));
  });
  const isMove = (location: Element) => /^cli-(ban|prefer)-/.test(location.attributes["id"] ?? "");
  const moves = concerned.filter(isMove).map((location): Candidate => {
    const resource = location.attributes["rsc"];
    const command = resource === undefined ? {} : { command: `systole resource clear ${resource}` };
    return { ...removal(location, "location"), ...command };
  });
  return [moves, concerned.filter((location) => !isMove(location)).map((location) => removal(location, "location"))];
}

function removal(constraint: Element, kind: string): Candidate {
  const edit: CibEdit = { edit: "delete", path: [...CONSTRAINTS, stepTo(constraint)] };
  return { edits: [edit], text: `delete the ${kind} ${constraint.attributes["id"]}` };
}

function relations(cib: Element, neighbours: readonly Neighbour[]): Candidate[] {
  const constraints = childNamed(childNamed(cib, "configuration"), "constraints");
  const list: Candidate[] = [];
  for (const [name, kind] of [
    ["rsc_colocation", "colocation"],
    ["rsc_order", "order"],
  ] as const) {
    for (const constraint of childrenNamed(constraints, name)) {
      const ids = referencedIds(cib, constraint);
      if (neighbours.some((each) => each.ids.some((id) => ids.has(id)))) list.push(removal(constraint, kind));
    }
  }
  return list;
}
