// Changes of a CIB as a simulation makes them: states of nodes, their attributes, and the version that counts each change.

import { childNamed, type Element, element, withAttributes, withChildren } from "../../kernel/cib/element.ts";
import { versionOf, withVersion } from "../../kernel/cib/version.ts";

/** Replaces the child that fits, or appends one. */
export function replaceChild(
  parent: Element,
  fits: (child: Element) => boolean,
  fresh: () => Element,
  change: (child: Element) => Element,
): Element {
  const index = parent.children.findIndex(fits);
  const children = [...parent.children];
  const old = children[index];
  if (old === undefined) children.push(change(fresh()));
  else children[index] = change(old);
  return withChildren(parent, children);
}

/** The same for the first child of a name (and id, where given). */
export function editChild(
  parent: Element,
  name: string,
  attributes: Readonly<Record<string, string | undefined>>,
  change: (child: Element) => Element,
): Element {
  const { id } = attributes;
  const fits = (child: Element) => child.name === name && (id === undefined || child.attributes["id"] === id);
  return replaceChild(parent, fits, () => element(name, attributes), change);
}

function sameElement(one: Element, other: Element): boolean {
  if (one === other) return true;
  if (one.name !== other.name || one.children.length !== other.children.length) return false;
  const names = Object.keys(one.attributes);
  if (names.length !== Object.keys(other.attributes).length) return false;
  if (names.some((name) => one.attributes[name] !== other.attributes[name])) return false;
  return one.children.every((child, index) => {
    const opposite = other.children[index];
    return opposite !== undefined && sameElement(child, opposite);
  });
}

/**
 * What comes after one change, under the next version: a new configuration raises `epoch` and begins `num_updates` anew,
 * anything else raises `num_updates`. What changes nothing keeps its version.
 */
export function changed(before: Element, after: Element): Element {
  if (sameElement(before, after)) return before;
  const version = versionOf(before);
  const [old, next] = [childNamed(before, "configuration"), childNamed(after, "configuration")];
  const sameConfiguration = old === next || (old !== undefined && next !== undefined && sameElement(old, next));
  if (sameConfiguration) return withVersion(after, { ...version, numUpdates: version.numUpdates + 1 });
  return withVersion(after, { ...version, epoch: version.epoch + 1, numUpdates: 0 });
}

/** Changes the status section, which is made where there is none. */
export function editStatus(cib: Element, change: (status: Element) => Element): Element {
  return editChild(cib, "status", {}, change);
}

/** The id of a node of that name, whatever kind of node it is; undefined where there is none. */
export function nodeIdOf(cib: Element, name: string): string | undefined {
  const configuration = childNamed(cib, "configuration");
  const wanted = name.toLowerCase();
  const named = (text: string | undefined) => text?.toLowerCase() === wanted;
  for (const node of childNamed(configuration, "nodes")?.children ?? []) {
    if (node.name !== "node" || !named(node.attributes["uname"])) continue;
    return node.attributes["type"]?.toLowerCase() === "remote" ? node.attributes["uname"] : node.attributes["id"];
  }
  for (const primitive of childNamed(configuration, "resources")?.children ?? []) {
    if (primitive.name !== "primitive") continue;
    const { class: kind, provider, type, id } = primitive.attributes;
    if (kind === "ocf" && provider === "pacemaker" && type === "remote" && named(id)) return id;
    for (const block of primitive.children.filter((child) => child.name === "meta_attributes")) {
      const guest = block.children.find(({ attributes }) => attributes["name"] === "remote-node");
      if (named(guest?.attributes["value"])) return guest?.attributes["value"];
    }
  }
  const states = childNamed(cib, "status")?.children ?? [];
  const state = states.find(({ attributes }) => attributes["remote_node"] === "true" && named(attributes["id"]));
  return state?.attributes["uname"];
}

/** How to come by the state of a node. */
export interface NodeStateOptions {
  /** Its id, where that is known already. */
  readonly id?: string;
  /** Put nodes into the configuration that are not in it. */
  readonly createNodes: boolean;
}

function isState(child: Element): boolean {
  return child.name === "node_state";
}

/** The state of a node by its name. */
export function findNodeState(cib: Element, name: string): Element | undefined {
  return childNamed(cib, "status")?.children.find((child) => isState(child) && child.attributes["uname"] === name);
}

/** A CIB in which the node has a state; undefined when nothing says which id the node would have. */
export function withNodeState(cib: Element, name: string, options: NodeStateOptions): Element | undefined {
  const known = options.createNodes ? withConfiguredNode(cib, name) : cib;
  if (findNodeState(known, name) !== undefined) return known;
  const id = options.id ?? nodeIdOf(known, name);
  if (id === undefined) return undefined;
  const named = editStatus(known, (status) =>
    replaceChild(
      status,
      (child) => isState(child) && child.attributes["id"] === id,
      () => element("node_state", { id }),
      (state) => withAttributes(state, { uname: name }),
    ),
  );
  return changed(known, named);
}

function withConfiguredNode(cib: Element, name: string): Element {
  const nodes = childNamed(childNamed(cib, "configuration"), "nodes");
  if (nodes?.children.some((node) => node.attributes["uname"] === name)) return cib;
  const added = editChild(cib, "configuration", {}, (configuration) =>
    editChild(configuration, "nodes", {}, (all) =>
      withChildren(all, [...all.children, element("node", { id: name, uname: name })]),
    ),
  );
  return changed(cib, added);
}

/** Changes the state of a node that has one. */
export function editNodeState(cib: Element, name: string, change: (state: Element) => Element): Element {
  const edited = editStatus(cib, (status) => {
    const index = status.children.findIndex((child) => isState(child) && child.attributes["uname"] === name);
    return withChildren(
      status,
      status.children.map((child, at) => (at === index ? change(child) : child)),
    );
  });
  return changed(cib, edited);
}

/** Takes the history and the passing attributes of a node away; each is a change of its own. */
export function withoutHistory(cib: Element, name: string): Element {
  return ["lrm", "transient_attributes"].reduce(
    (current, gone) =>
      editNodeState(current, name, (state) =>
        withChildren(
          state,
          state.children.filter((child) => child.name !== gone),
        ),
      ),
    cib,
  );
}

/** The attributes of a state that say a node is there, or is gone in good order. */
export const NODE_UP = { in_ccm: "true", crmd: "online", join: "member", expected: "member" } as const;
export const NODE_DOWN = { in_ccm: "false", crmd: "offline", join: "down", expected: "down" } as const;

const NAME_START = ":A-Z_a-z\\u00c0-\\u00d6\\u00d8-\\u00f6\\u00f8-\\u037d\\u037f-\\u1fff\\u200c-\\u200d\\u3001-\\ud7ff";
const NO_START = new RegExp(`^[^${NAME_START}]`);
const NO_NAME = new RegExp(`[^${NAME_START}.0-9\\u00b7-]`, "g");

/** What of a text may be an id in XML. */
function asId(text: string): string {
  return text.replace(NO_START, "_").replace(NO_NAME, ".");
}

/** Sets a passing attribute in the state of a node. */
export function withTransientAttribute(state: Element, name: string, value: string): Element {
  const owner = state.attributes["id"];
  const first = (parent: Element, kind: string, change: (child: Element) => Element) =>
    replaceChild(
      parent,
      (child) => child.name === kind,
      () => element(kind, { id: owner }),
      change,
    );
  return first(state, "transient_attributes", (attributes) =>
    first(attributes, "instance_attributes", (block) => {
      const id = asId(`${block.attributes["id"]}-${name}`);
      return editChild(block, "nvpair", { id, name }, (pair) => withAttributes(pair, { name, value }));
    }),
  );
}
