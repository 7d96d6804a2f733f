// Verbs about nodes and the cluster: standby, maintenance, permanent node attributes, cluster properties.

import { childNamed, type Element } from "../../kernel/cib/element.ts";
import type { CibEdit, CibPath } from "../../kernel/messages.ts";
import { didYouMean } from "../nearest.ts";
import { isTrue } from "../text.ts";
import { CLUSTER_PROPERTIES } from "../validate/options.ts";
import { deleteOption, type OptionHome, readOption, readOptions, setOption } from "./options.ts";
import { type EditResult, findNode, type NodePlace, plan } from "./plan.ts";

const NODES: CibPath = [{ name: "configuration" }, { name: "nodes" }];
const CRM_CONFIG: CibPath = [{ name: "configuration" }, { name: "crm_config" }];

function nodeHome(node: NodePlace): OptionHome {
  const path = [...NODES, { name: "node", id: node.id }];
  return { owner: node.element, path, set: "instance_attributes", newSetId: `nodes-${node.id}` };
}

function propertyHome(cib: Element): OptionHome {
  const owner = childNamed(childNamed(cib, "configuration"), "crm_config");
  return { owner, path: CRM_CONFIG, set: "cluster_property_set", newSetId: "cib-bootstrap-options" };
}

function nodeFlag(
  cib: Element,
  name: string,
  flag: string,
  wanted: boolean,
  words: readonly [string, string],
): EditResult {
  const node = findNode(cib, name);
  if ("refused" in node) return node;
  const home = nodeHome(node);
  const now = isTrue(readOption(home, flag));
  if (now === wanted) return plan([], `${node.name} is already ${words[wanted ? 0 : 1]}.`);
  const edits = wanted ? setOption(cib, home, flag, flag === "standby" ? "on" : "true") : deleteOption(home, flag);
  return plan(edits, `${node.name} shall be ${words[wanted ? 0 : 1]}.`);
}

/** Moves everything off a node and keeps it empty. */
export function standbyEdits(cib: Element, node: string): EditResult {
  return nodeFlag(cib, node, "standby", true, ["in standby: what runs there moves away", "online"]);
}

/** Lets a node run resources again. */
export function onlineEdits(cib: Element, node: string): EditResult {
  return nodeFlag(cib, node, "standby", false, ["in standby", "online: it may run resources"]);
}

/** Maintenance of a node, or of the whole cluster when no node is given. */
export function maintenanceEdits(cib: Element, wanted: boolean, node?: string): EditResult {
  if (node !== undefined) {
    const on = "in maintenance: its resources are neither started, stopped nor monitored";
    return nodeFlag(cib, node, "maintenance", wanted, [on, "out of maintenance: its resources are managed"]);
  }
  const home = propertyHome(cib);
  const now = isTrue(readOption(home, "maintenance-mode"));
  const words = wanted
    ? "in maintenance: nothing is started, stopped or monitored"
    : "out of maintenance: resources are managed";
  if (now === wanted) return plan([], `The cluster is already ${words}.`);
  const edits: CibEdit[] = wanted
    ? setOption(cib, home, "maintenance-mode", "true")
    : deleteOption(home, "maintenance-mode");
  return plan(edits, `The cluster shall be ${words}.`);
}

/** Sets (a string) or deletes (undefined) a permanent node attribute. */
export function nodeAttributeEdits(
  cib: Element,
  name: string,
  attribute: string,
  value: string | undefined,
): EditResult {
  const node = findNode(cib, name);
  if ("refused" in node) return node;
  const home = nodeHome(node);
  if (value !== undefined) {
    const edits = setOption(cib, home, attribute, value);
    const done = edits.length === 0 ? "is already" : "shall be";
    return plan(edits, `The attribute ${attribute} of ${node.name} ${done} "${value}".`);
  }
  const edits = deleteOption(home, attribute);
  if (edits.length > 0) return plan(edits, `The attribute ${attribute} of ${node.name} is deleted.`);
  const hint = didYouMean(attribute, Object.keys(readOptions(home)));
  return { refused: `${node.name} has no permanent attribute "${attribute}".${hint}` };
}

/** The cluster properties that are set. */
export function clusterProperties(cib: Element): Record<string, string> {
  return readOptions(propertyHome(cib));
}

/** Sets (a string) or deletes (undefined) a cluster property. One that nobody knows is refused unless `anyName`. */
export function propertyEdits(cib: Element, name: string, value: string | undefined, anyName = false): EditResult {
  const home = propertyHome(cib);
  if (value === undefined) {
    const edits = deleteOption(home, name);
    if (edits.length > 0) return plan(edits, `The property ${name} is deleted, so its default holds.`);
    const hint = didYouMean(name, Object.keys(readOptions(home)));
    return { refused: `The property "${name}" is not set, so there is nothing to delete.${hint}` };
  }
  const kind = Object.hasOwn(CLUSTER_PROPERTIES, name) ? CLUSTER_PROPERTIES[name] : undefined;
  if (kind === undefined && !anyName && !name.startsWith("systole-")) {
    const hint = didYouMean(name, Object.keys(CLUSTER_PROPERTIES));
    return { refused: `Nothing knows the property "${name}".${hint} With --force it is set all the same.` };
  }
  if (kind !== undefined && !kind.accepts(value)) {
    return {
      refused: `${name}="${value}" is not ${kind.wanted}.${kind.words === undefined ? "" : didYouMean(value, kind.words)}`,
    };
  }
  const edits = setOption(cib, home, name, value);
  return plan(edits, `The property ${name} ${edits.length === 0 ? "is already" : "shall be"} "${value}".`);
}
