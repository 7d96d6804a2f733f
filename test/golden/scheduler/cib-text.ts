// A CIB from a few lines, so that a golden case shows what it is about and little else.
//
//   nodes n1 n2               machines that are up
//   node n3 [STATE] [N=V …] [utilization N=V …]    STATE: online, offline, unclean, pending, standby, maintenance, remote;
//                                                  N=V: node attributes
//   property NAME=VALUE       a cluster property (also: property when RULE NAME=VALUE)
//   resource-default N=V …    operation-default N=V …    both also with `when RULE`
//   schema pacemaker-1.2      the schema that the CIB names
//   cib N=V …                 attributes of the document: have-quorum, validate-with, dc-uuid, …
//   tag NAME RESOURCE …       fencing NODE LEVEL DEVICE,DEVICE     fencing /PATTERN/ …   fencing ATTRIBUTE=VALUE …
//   ticket NAME granted | revoked | standby | revoked standby
//   score ATTRIBUTE NODE VALUE                     a transient node attribute
//   ran RESOURCE OPERATION NODE RESULT [SECONDS] [with N=V …] [N=V …]
//                             an operation that was done, with these parameters; N=V: attributes of the history entry,
//                             N=- leaves one out
//   state NODE N=V …          attributes of the node's state
//   <…>                       a resource, a constraint, a node, or a part of the configuration as it is
//
// Lines of resources: cib-resources.ts, of constraints: cib-constraints.ts.

import { createHash } from "node:crypto";
import { parseXml } from "../../../runtime/compat/xml.ts";
import { type Element, element } from "../../../runtime/kernel/cib/element.ts";
import { digestText } from "../../../runtime/services/scheduler/digests.ts";
import { readConstraint } from "./cib-constraints.ts";
import { readResource } from "./cib-resources.ts";
import { idFrom, optionBlock, sections, splitPairs, takeRule, wordsOf } from "./cib-words.ts";

interface Draft {
  readonly nodes: Map<string, string>;
  readonly nodeEntries: Element[];
  readonly nodeParts: Map<string, Element[]>;
  readonly nodeStates: Map<string, Record<string, string>>;
  readonly properties: Record<string, string>;
  readonly blocks: Map<string, Element[]>;
  readonly cib: Record<string, string>;
  readonly resources: Element[];
  readonly constraints: Element[];
  readonly others: Element[];
  readonly tags: Element[];
  readonly levels: Element[];
  readonly tickets: Element[];
  readonly attributes: Map<string, Element[]>;
  readonly history: Map<string, Map<string, Element[]>>;
}

const CONSTRAINTS = /^rsc_/;
const RESOURCES = /^(primitive|group|clone|master|bundle|template)$/;
const NO_PARAMETERS = "f2317cad3d54cec5d7d7aa7d0bf35cf8";

function parametersOf(draft: Draft, resource: string): Record<string, string> {
  const find = (list: readonly Element[]): Element | undefined => {
    for (const candidate of list) {
      const found = candidate.attributes["id"] === resource ? candidate : find(candidate.children);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  const pairs: Record<string, string> = {};
  for (const block of find(draft.resources)?.children ?? []) {
    if (block.name !== "instance_attributes" || block.children.some((child) => child.name === "rule")) continue;
    for (const { attributes } of block.children) pairs[attributes["name"] ?? ""] = attributes["value"] ?? "";
  }
  return pairs;
}

function digestOf(pairs: Readonly<Record<string, string>>): string {
  const all = new Map(Object.entries(pairs));
  return all.size === 0 ? NO_PARAMETERS : createHash("md5").update(digestText(all)).digest("hex");
}

/** What is given as "-" is not there. */
function leftOut(pairs: Readonly<Record<string, string>>): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(pairs).map(([name, value]) => [name, value === "-" ? undefined : value]));
}

function addOperation(draft: Draft, words: readonly string[]): void {
  const [[, head] = ["", []], given] = sections(words, ["with"]);
  const { pairs: trailing, rest } = splitPairs(head);
  const [resource = "", operation = "", node = "", result = "0", seconds = "0"] = rest;
  const interval = String(Number(seconds) * 1000);
  const entries = draft.history.get(node) ?? new Map<string, Element[]>();
  const operations = entries.get(resource) ?? [];
  const target = operation === "monitor" && interval === "0" ? "7" : "0";
  const parameters =
    given === undefined ? parametersOf(draft, resource.split(":")[0] ?? "") : splitPairs(given[1]).pairs;
  const { "op-status": status = "0", "expected-rc": expected = target, ...overrides } = trailing;
  const key = `${operations.length + 1}:1:${expected}:00000000-0000-0000-0000-000000000000`;
  operations.push(
    element("lrm_rsc_op", {
      id: `${resource}_${operation}_${interval}`,
      operation_key: `${resource}_${operation}_${interval}`,
      operation,
      crm_feature_set: "3.20.5",
      "transition-key": key,
      "transition-magic": `${status}:${result};${key}`,
      "call-id": String(operations.length + 1),
      "rc-code": result,
      "op-status": status,
      interval,
      "last-rc-change": "1000000",
      // That of a recurring operation would be of its timeout too.
      ...(interval === "0" || given !== undefined ? { "op-digest": digestOf(parameters) } : {}),
      ...leftOut(overrides),
    }),
  );
  entries.set(resource, operations);
  draft.history.set(node, entries);
}

function addNode(draft: Draft, words: readonly string[]): void {
  const [name = "", ...more] = words;
  const [[, head] = ["", []], capacity] = sections(more, ["utilization"]);
  const { pairs, rest } = splitPairs(head);
  const state = rest[0] ?? "online";
  const attributes = state === "standby" || state === "maintenance" ? { ...pairs, [state]: "on" } : pairs;
  const parts: Element[] = [];
  if (Object.keys(attributes).length > 0)
    parts.push(optionBlock("instance_attributes", `${name}-attributes`, attributes));
  if (capacity !== undefined) parts.push(optionBlock("utilization", `${name}-capacity`, splitPairs(capacity[1]).pairs));
  draft.nodes.set(name, state);
  draft.nodeParts.set(name, parts);
}

const DEFAULTS: Readonly<Record<string, string>> = {
  "resource-default": "meta_attributes",
  "operation-default": "meta_attributes",
  property: "cluster_property_set",
};

function addDefaults(draft: Draft, word: string, words: string[]): void {
  const blocks = draft.blocks.get(word) ?? [];
  const id = `${word}-${blocks.length + 1}`;
  if (words[0] !== "when") {
    const { pairs } = splitPairs(words);
    if (word === "property") Object.assign(draft.properties, pairs);
    else blocks.push(optionBlock(DEFAULTS[word] ?? "", id, pairs));
  } else {
    words.shift();
    const rule = takeRule(`${id}-rule`, words, {});
    const { score, ...pairs } = splitPairs(words).pairs;
    blocks.push(optionBlock(DEFAULTS[word] ?? "", id, pairs, rule, score));
  }
  draft.blocks.set(word, blocks);
}

function addLevel(draft: Draft, words: readonly string[]): void {
  const [target = "", index, devices] = words;
  const pattern = /^\/(.*)\/$/.exec(target)?.[1];
  const [attribute = "", value] = target.split("=");
  const named = pattern === undefined ? { target } : { "target-pattern": pattern };
  const whom = value === undefined ? named : { "target-attribute": attribute, "target-value": value };
  draft.levels.push(element("fencing-level", { id: `level-${draft.levels.length + 1}`, ...whom, index, devices }));
}

function addTag(draft: Draft, words: readonly string[]): void {
  const [id = "", ...members] = words;
  const references = members.map((member) => element("obj_ref", { id: member }));
  draft.tags.push(element("tag", { id }, references));
}

function addTicket(draft: Draft, words: readonly string[]): void {
  const [id = "", ...states] = words;
  draft.tickets.push(
    element("ticket_state", {
      id,
      granted: String(!states.includes("revoked")),
      standby: String(states.includes("standby")),
      "last-granted": "1000000",
    }),
  );
}

function addXml(draft: Draft, line: string): void {
  const part = parseXml(line);
  if (part.name === "node") draft.nodeEntries.push(part);
  else if (CONSTRAINTS.test(part.name)) draft.constraints.push(part);
  else (RESOURCES.test(part.name) ? draft.resources : draft.others).push(part);
}

function read(draft: Draft, line: string): void {
  if (line.startsWith("<")) {
    addXml(draft, line);
    return;
  }
  const words = wordsOf(line);
  const [word = "", ...rest] = words;
  if (readResource(words, draft.resources)) return;
  const constraint = readConstraint(words, draft.constraints.length + 1);
  if (constraint !== undefined) draft.constraints.push(constraint);
  else if (word === "nodes") for (const name of rest) draft.nodes.set(name, "online");
  else if (word === "node") addNode(draft, rest);
  else if (DEFAULTS[word] !== undefined) addDefaults(draft, word, rest);
  else if (word === "score") {
    const [name = "", node = "", value = ""] = rest;
    const pair = element("nvpair", { id: idFrom("nv", name), name, value });
    draft.attributes.set(node, [...(draft.attributes.get(node) ?? []), pair]);
  } else if (word === "ran") addOperation(draft, rest);
  else if (word === "schema") draft.cib["validate-with"] = rest[0] ?? "";
  else if (word === "cib") Object.assign(draft.cib, splitPairs(rest).pairs);
  else if (word === "state") draft.nodeStates.set(rest[0] ?? "", splitPairs(rest).pairs);
  else if (word === "tag") addTag(draft, rest);
  else if (word === "fencing") addLevel(draft, rest);
  else if (word === "ticket") addTicket(draft, rest);
  else throw new Error(`nothing is written like this: ${line}`);
}

const UP = { in_ccm: "true", crmd: "online", join: "member", expected: "member" };

const STATES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  online: UP,
  standby: UP,
  maintenance: UP,
  offline: { in_ccm: "false", crmd: "offline", join: "down", expected: "down" },
  unclean: { in_ccm: "false", crmd: "offline", join: "down", expected: "member" },
  pending: { in_ccm: "true", crmd: "offline", join: "down", expected: "member" },
  remote: { remote_node: "true" },
};

const UNCONFIGURED = element("primitive", { class: "ocf", provider: "pacemaker", type: "Dummy" });

function findConfigured(list: readonly Element[], id: string | undefined): Element | undefined {
  for (const part of list) {
    if (part.attributes["id"] === id) return part;
    const found = RESOURCES.test(part.name) ? findConfigured(part.children, id) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Class, provider and type; those of its template where it has one. */
function agentAttributes(draft: Draft, resource: string): Record<string, string | undefined> {
  const known = findConfigured(draft.resources, resource.split(":")[0]);
  const template = known?.attributes["template"];
  const found = template === undefined ? known : findConfigured(draft.resources, template);
  const { class: resourceClass, provider, type } = (found ?? UNCONFIGURED).attributes;
  return { class: resourceClass, provider, type };
}

function lrm(draft: Draft, node: string): Element {
  const entries = [...(draft.history.get(node) ?? [])].map(([resource, operations]) =>
    element("lrm_resource", { id: resource, ...agentAttributes(draft, resource) }, operations),
  );
  return element("lrm", { id: node }, [element("lrm_resources", {}, entries)]);
}

function nodeState(draft: Draft, id: string): Element {
  const attributes = draft.attributes.get(id);
  const block = () => element("instance_attributes", { id: `status-${id}` }, attributes);
  const transient = attributes === undefined ? [] : [element("transient_attributes", { id }, [block()])];
  const state = { ...STATES[draft.nodes.get(id) ?? "remote"], ...draft.nodeStates.get(id) };
  return element("node_state", { id, uname: id, ...state }, [lrm(draft, id), ...transient]);
}

function configurationOf(draft: Draft): Element {
  const nodes = [...draft.nodes].map(([id, state]) =>
    element(
      "node",
      { id, uname: id, ...(state === "remote" ? { type: "remote" } : {}) },
      draft.nodeParts.get(id) ?? [],
    ),
  );
  const optional = (name: string, parts: readonly Element[]) => (parts.length === 0 ? [] : [element(name, {}, parts)]);
  return element("configuration", {}, [
    element("crm_config", {}, [
      optionBlock("cluster_property_set", "options", draft.properties),
      ...(draft.blocks.get("property") ?? []),
    ]),
    element("nodes", {}, [...nodes, ...draft.nodeEntries]),
    element("resources", {}, draft.resources),
    element("constraints", {}, draft.constraints),
    ...optional("fencing-topology", draft.levels),
    ...optional("tags", draft.tags),
    ...optional("rsc_defaults", draft.blocks.get("resource-default") ?? []),
    ...optional("op_defaults", draft.blocks.get("operation-default") ?? []),
    ...draft.others,
  ]);
}

/** Makes the CIB. */
export function cibFromLines(text: string): Element {
  const draft: Draft = {
    nodes: new Map(),
    nodeEntries: [],
    nodeParts: new Map(),
    nodeStates: new Map(),
    properties: {},
    blocks: new Map(),
    cib: {},
    resources: [],
    constraints: [],
    others: [],
    tags: [],
    levels: [],
    tickets: [],
    attributes: new Map(),
    history: new Map(),
  };
  for (const line of text.split("\n")) if (line.trim() !== "") read(draft, line.trim());
  const names = new Set([
    ...draft.nodes.keys(),
    ...draft.history.keys(),
    ...draft.attributes.keys(),
    ...draft.nodeStates.keys(),
  ]);
  const tickets = draft.tickets.length === 0 ? [] : [element("tickets", {}, draft.tickets)];
  const status = element("status", {}, [...tickets, ...[...names].map((name) => nodeState(draft, name))]);
  const about = { epoch: "1", num_updates: "0", admin_epoch: "0", "validate-with": "pacemaker-4.0" };
  const attributes = { ...about, "have-quorum": "1", "dc-uuid": "n1", ...draft.cib };
  return element("cib", attributes, [configurationOf(draft), status]);
}
