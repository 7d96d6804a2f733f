// `resource move` and `resource clear`: location constraints whose ids begin with cli-prefer- or cli-ban-, as Pacemaker's
// crm_resource makes and clears them.

import { childNamed, childrenNamed, type Element, element } from "../../kernel/cib/element.ts";
import type { CibEdit, CibPath } from "../../kernel/messages.ts";
import { pairsOf } from "../status/options.ts";
import type { ResourceStatus } from "../status/schema.ts";
import { clusterStatus } from "../status.ts";
import { isTrue } from "../text.ts";
import { type EditResult, findAnyNode, findNode, findResource, plan } from "./plan.ts";

/** Where to, and for how long. */
export interface MoveOptions {
  /** The node it shall run on. Without it, it shall leave the node where it is. */
  readonly to?: string;
  /** The node it shall not run on, instead of `to`. */
  readonly from?: string;
  /** Of a promotable clone: its promoted instance. */
  readonly promoted?: boolean;
  /** The constraint ends then: an instant in ISO 8601. Without it, it stays until cleared. */
  readonly until?: string;
}

const CONSTRAINTS: CibPath = [{ name: "configuration" }, { name: "constraints" }];

function ownConstraints(cib: Element, id: string): readonly Element[] {
  const constraints = childNamed(childNamed(cib, "configuration"), "constraints");
  return childrenNamed(constraints, "rsc_location").filter((location) => {
    const own = location.attributes["id"] ?? "";
    return own === `cli-prefer-${id}` || (own.startsWith(`cli-ban-${id}-on-`) && location.attributes["rsc"] === id);
  });
}

/** The node of a constraint made here, with or without an end. */
function nodeOf(location: Element): string | undefined {
  const expression = childNamed(childNamed(location, "rule"), "expression");
  return location.attributes["node"] ?? expression?.attributes["value"];
}

function deletion(location: Element): CibEdit {
  return { edit: "delete", path: [...CONSTRAINTS, { name: location.name, id: location.attributes["id"] ?? "" }] };
}

/** Moves a resource to a node, or away from where it is. */
export function moveEdits(cib: Element, id: string, options: MoveOptions): EditResult {
  const place = findResource(cib, id);
  if ("refused" in place) return place;
  const resource = place.element.attributes["id"] ?? id;
  if (options.to !== undefined && options.from !== undefined) {
    return { refused: "A move goes to one node or away from one, not both. Give one of the two." };
  }
  const own = ownConstraints(cib, resource);
  if (options.to !== undefined) {
    const node = findAnyNode(cib, options.to);
    if ("refused" in node) return node;
    const obsolete = own.filter(
      (location) => location.attributes["id"] === `cli-prefer-${resource}` || nodeOf(location) === node.name,
    );
    const made = constraint(resource, node.name, "INFINITY", options);
    const wait = waitFor(cib, node.name);
    const when = wait === undefined ? "" : ` as soon as ${node.name} is online again`;
    return plan(
      [...obsolete.filter((each) => each.attributes["id"] !== made.attributes["id"]).map(deletion), put(made)],
      `"${resource}" shall run on ${node.name}${untilText(options)}${when}.`,
      [...(wait === undefined ? [] : [wait]), stayNote(resource, options)],
    );
  }
  const from =
    options.from === undefined ? onlyNodeOf(cib, resource, options.promoted === true) : findAnyNode(cib, options.from);
  if ("refused" in from) return from;
  const made = constraint(resource, from.name, "-INFINITY", options);
  const preferred = own.filter((location) => location.attributes["id"] === `cli-prefer-${resource}`);
  return plan(
    [...preferred.map(deletion), put(made)],
    `"${resource}" shall not run on ${from.name}${untilText(options)}.`,
    [stayNote(resource, options)],
  );
}

/** Why nothing can move to a node now, and what changes that; undefined when it takes resources. */
function waitFor(cib: Element, name: string): string | undefined {
  const node = clusterStatus(cib).nodes.find((one) => one.name === name);
  if (node === undefined) return undefined;
  const effect = "so nothing moves there now";
  const transient = !standsByItself(cib, name);
  const leave = transient ? `systole attribute delete ${name} standby --transient` : `systole online ${name}`;
  const standby = node.standby ? ` It is in standby too: "${leave}" ends that.` : "";
  if (node.kind === "member" && node.state === "offline") {
    return `${name} is offline, ${effect}: start its node there with "systole node CONFIG", or its service.${standby}`;
  }
  if (node.kind === "member" && node.state === "unclean") {
    return `${name} is unclean, ${effect}: "systole status" says how its fencing goes. Afterwards start its node there with "systole node CONFIG", or its service.${standby}`;
  }
  return node.standby ? `${name} is in standby, ${effect}: "${leave}" ends that.` : undefined;
}

/** Whether standby is set in the configuration, and not only until the node restarts. */
function standsByItself(cib: Element, name: string): boolean {
  const node = findNode(cib, name);
  return !("refused" in node) && isTrue(pairsOf(node.element, "instance_attributes").get("standby"));
}

function put(made: Element): CibEdit {
  return { edit: "put", parent: CONSTRAINTS, element: made };
}

function untilText(options: MoveOptions): string {
  return options.until === undefined ? "" : ` until ${options.until}`;
}

function stayNote(resource: string, options: MoveOptions): string {
  return options.until === undefined
    ? `This holds until "systole resource clear ${resource}".`
    : `"systole resource clear ${resource}" ends it sooner.`;
}

function constraint(resource: string, node: string, score: string, options: MoveOptions): Element {
  const kind = score === "INFINITY" ? "cli-prefer" : "cli-ban";
  const role = options.promoted === true ? "Promoted" : "Started";
  const id = score === "INFINITY" ? `${kind}-${resource}` : `${kind}-${resource}-on-${node}`;
  if (options.until === undefined) return element("rsc_location", { id, rsc: resource, role, node, score });
  const rule = element("rule", { id: `${id}-rule`, score, "boolean-op": "and", role }, [
    element("expression", {
      id: `${id}-expression`,
      attribute: "#uname",
      operation: "eq",
      value: node,
      type: "string",
    }),
    element("date_expression", { id: `${id}-end`, operation: "lt", end: options.until }),
  ]);
  return element("rsc_location", { id, rsc: resource }, [rule]);
}

/** The one node where it is active; without exactly one, the person must say which is meant. */
function onlyNodeOf(cib: Element, id: string, promoted: boolean): { name: string } | { refused: string } {
  const status = findStatus(clusterStatus(cib).resources, id);
  const nodes = new Set(activeNodes(status, promoted));
  const [name] = nodes;
  if (name !== undefined && nodes.size === 1) return { name };
  const where = nodes.size === 0 ? "it runs nowhere" : `it runs on ${[...nodes].sort().join(", ")}`;
  return {
    refused: `It is not clear where "${id}" shall move: ${where}. Name the node it shall run on, or with --from the one it shall leave.`,
  };
}

function findStatus(resources: readonly ResourceStatus[], id: string): ResourceStatus | undefined {
  for (const resource of resources) {
    const found = resource.id === id ? resource : findStatus(resource.members, id);
    if (found !== undefined) return found;
  }
  return undefined;
}

function activeNodes(resource: ResourceStatus | undefined, promoted: boolean): string[] {
  if (resource === undefined) return [];
  const own = resource.activities.filter((activity) =>
    promoted ? activity.role === "Promoted" : activity.role !== "Stopped",
  );
  return [
    ...own.map((activity) => activity.node),
    ...resource.members.flatMap((member) => activeNodes(member, promoted)),
  ];
}

/** Takes back what moves have left behind; on one node only, when that is given. */
export function clearEdits(cib: Element, id: string, node?: string): EditResult {
  const own = ownConstraints(cib, id).filter((location) => node === undefined || nodeOf(location) === node);
  if (own.length === 0) {
    const place = findResource(cib, id);
    if ("refused" in place) return place;
    return plan([], `No move of "${id}" is in force, so there is nothing to clear.`);
  }
  const words = own.map((location) => `${location.attributes["id"]}`).join(", ");
  return plan(own.map(deletion), `"${id}" may run wherever the rest of the configuration allows (deleted: ${words}).`);
}
