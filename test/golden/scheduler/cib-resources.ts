// Lines about resources.
//
//   primitive ID [CLASS[:PROVIDER]:TYPE] [from TEMPLATE] [META=VALUE …] [params N=V …] [op NAME N=V …] [utilization N=V …]
//   template ID …             the same, as a resource template
//   group ID of MEMBER … [META=VALUE …]                    members and inner resources are those of earlier lines
//   clone ID of RESOURCE [META=VALUE …]
//   bundle ID [of RESOURCE] image=… replicas=… [meta N=V …] [network N=V …] [port N=V …] [storage N=V …] [podman]
//   meta | params RESOURCE when RULE N=V …                 a further block, which counts when its rule holds

import { type Element, element } from "../../../runtime/kernel/cib/element.ts";
import { idFrom, optionBlock, sections, splitPairs, takeRule } from "./cib-words.ts";

const DEFAULT_AGENT = ["ocf", "pacemaker", "Dummy"];

function agentOf(text: string | undefined): Record<string, string | undefined> {
  const parts = text?.split(":") ?? DEFAULT_AGENT;
  const [resourceClass, provider] = parts;
  const type = parts[parts.length - 1];
  return parts.length > 2 ? { class: resourceClass, provider, type } : { class: resourceClass, type };
}

function operation(resource: string, words: readonly string[]): Element {
  const { pairs, rest } = splitPairs(words);
  const [name = ""] = rest;
  const { interval = "0", ...others } = pairs;
  const id = idFrom(resource, name, interval, ...(others["role"] === undefined ? [] : [others["role"]]));
  return element("op", { id, name, interval, ...others });
}

function primitive(name: string, words: readonly string[]): Element {
  const [id = "", ...more] = words;
  const [[, head] = ["", []], ...parts] = sections(more, ["params", "op", "utilization"]);
  const { pairs, rest } = splitPairs(head);
  const from = rest.indexOf("from");
  const template = from < 0 ? undefined : rest[from + 1];
  const agent = rest.find((word, i) => word.includes(":") && (from < 0 || i !== from + 1));
  const children: Element[] = [];
  if (Object.keys(pairs).length > 0) children.push(optionBlock("meta_attributes", `${id}-meta`, pairs));
  const operations: Element[] = [];
  for (const [kind, list] of parts) {
    if (kind === "op") operations.push(operation(id, list));
    else {
      const block = kind === "params" ? "instance_attributes" : "utilization";
      children.push(optionBlock(block, `${id}-${kind}`, splitPairs(list).pairs));
    }
  }
  if (operations.length > 0) children.push(element("operations", {}, operations));
  return element(name, { id, ...(template === undefined ? agentOf(agent) : { template }) }, children);
}

/** Takes resources out of the list, because another one contains them now. */
function take(resources: Element[], ids: readonly string[]): Element[] {
  return ids.map((id) => {
    const place = resources.findIndex((resource) => resource.attributes["id"] === id);
    const [found] = place < 0 ? [] : resources.splice(place, 1);
    if (found === undefined) throw new Error(`there is no resource "${id}" above this line`);
    return found;
  });
}

function collective(name: string, words: readonly string[], resources: Element[]): Element {
  const { pairs, rest } = splitPairs(words);
  const [id = "", , ...members] = rest;
  const meta = Object.keys(pairs).length === 0 ? [] : [optionBlock("meta_attributes", `${id}-meta`, pairs)];
  return element(name, { id }, [...meta, ...take(resources, members)]);
}

function bundle(words: readonly string[], resources: Element[]): Element {
  const [[, head] = ["", []], ...parts] = sections(words, ["meta", "network", "port", "storage"]);
  const { pairs, rest } = splitPairs(head);
  const [id = "", ...more] = rest;
  const inner = more.includes("of") ? take(resources, [more[more.indexOf("of") + 1] ?? ""]) : [];
  const children: Element[] = [];
  const ports: Element[] = [];
  const mappings: Element[] = [];
  let network: Record<string, string> | undefined;
  for (const [kind, list] of parts) {
    const { pairs: attributes } = splitPairs(list);
    if (kind === "meta") children.push(optionBlock("meta_attributes", `${id}-meta`, attributes));
    if (kind === "network") network = attributes;
    if (kind === "port") ports.push(element("port-mapping", { id: `${id}-port-${ports.length}`, ...attributes }));
    if (kind === "storage")
      mappings.push(element("storage-mapping", { id: `${id}-storage-${mappings.length}`, ...attributes }));
  }
  children.push(element(more.includes("podman") ? "podman" : "docker", pairs));
  if (network !== undefined || ports.length > 0) children.push(element("network", network ?? {}, ports));
  if (mappings.length > 0) children.push(element("storage", {}, mappings));
  return element("bundle", { id }, [...children, ...inner]);
}

function further(kind: string, words: readonly string[], resources: Element[]): void {
  const [id = "", , ...rest] = words;
  const block = kind === "meta" ? "meta_attributes" : "instance_attributes";
  const find = (list: readonly Element[]): Element | undefined => {
    for (const candidate of list) {
      const found = candidate.attributes["id"] === id ? candidate : find(candidate.children);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  const found = find(resources);
  if (found === undefined) throw new Error(`there is no resource "${id}" above this line`);
  const blockId = `${id}-${kind}-${found.children.length}`;
  const rule = takeRule(`${blockId}-rule`, rest, {});
  const { pairs } = splitPairs(rest);
  const { score = "1", ...options } = pairs;
  const place = replaceIn(resources, found, optionBlock(block, blockId, options, rule, score));
  resources.splice(0, resources.length, ...place);
}

function replaceIn(list: readonly Element[], target: Element, addition: Element): Element[] {
  return list.map((candidate) => {
    if (candidate === target) return { ...candidate, children: [...candidate.children, addition] };
    return { ...candidate, children: replaceIn(candidate.children, target, addition) };
  });
}

/** Reads a line about resources; false when it is about something else. */
export function readResource(words: readonly string[], resources: Element[]): boolean {
  const [word = "", ...rest] = words;
  if (word === "primitive" || word === "template") resources.push(primitive(word, rest));
  else if (word === "group" || word === "clone" || word === "master") resources.push(collective(word, rest, resources));
  else if (word === "bundle") resources.push(bundle(rest, resources));
  else if (word === "meta" || word === "params") further(word, rest, resources);
  else return false;
  return true;
}
