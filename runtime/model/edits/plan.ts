// What a verb comes to: changes of the CIB with a sentence about them, or a refusal that says why and what to do instead.

import { childNamed, childrenNamed, type Element } from "../../kernel/cib/element.ts";
import type { CibEdit, CibPath, PathStep } from "../../kernel/messages.ts";
import { didYouMean } from "../nearest.ts";
import { isTrue } from "../text.ts";
import { RESOURCE_ELEMENTS } from "../validate/grammar.ts";

/** The edits of one verb. Without edits, everything is already as asked. */
export interface EditPlan {
  readonly edits: readonly CibEdit[];
  /** What happens, or why nothing does, in a sentence. */
  readonly summary: string;
  /** What people should know besides: side effects, what still stands in the way. */
  readonly notes: readonly string[];
}

/** Nothing can be done; the reason in words. */
export interface Refused {
  readonly refused: string;
  /** For programs; "not-found" when there is none. */
  readonly code?: string;
}

export type EditResult = EditPlan | Refused;

/** A plan. */
export function plan(edits: readonly CibEdit[], summary: string, notes: readonly string[] = []): EditPlan {
  return { edits, summary, notes };
}

/** A resource of the configuration, with the way to it. */
export interface ResourcePlace {
  readonly element: Element;
  readonly path: CibPath;
  /** From the outermost (a clone or group) inwards; empty for one that stands alone. */
  readonly parents: readonly Element[];
}

const RESOURCES: CibPath = [{ name: "configuration" }, { name: "resources" }];

/** All resources with where they stand, outer ones first, in the order of the document. */
function resourcePlaces(cib: Element): ResourcePlace[] {
  const places: ResourcePlace[] = [];
  const collect = (parent: Element | undefined, path: CibPath, parents: readonly Element[]): void => {
    for (const child of parent?.children ?? []) {
      if (!RESOURCE_ELEMENTS.some((name) => name === child.name)) continue;
      const here = [...path, stepTo(child)];
      places.push({ element: child, path: here, parents });
      collect(child, here, [...parents, child]);
    }
  };
  collect(childNamed(childNamed(cib, "configuration"), "resources"), RESOURCES, []);
  return places;
}

/** The step of a path that leads to an element. */
export function stepTo(element: Element): PathStep {
  const id = element.attributes["id"];
  return id === undefined ? { name: element.name } : { name: element.name, id };
}

/** The resource of that id, or a refusal with the nearest name. An instance (`db:0`) stands for its primitive. */
export function findResource(cib: Element, id: string): ResourcePlace | Refused {
  const places = resourcePlaces(cib);
  const plain = id.replace(/:\d+$/, "");
  const found = places.find(({ element }) => element.attributes["id"] === id || element.attributes["id"] === plain);
  if (found !== undefined) return found;
  const ids = places.flatMap(({ element }) => element.attributes["id"] ?? []);
  const list = ids.length === 0 ? " No resources are configured." : "";
  const hint = didYouMean(id, ids);
  const next = hint === "" && list === "" ? ' "systole resource list" names all.' : hint;
  return { refused: `There is no resource "${id}".${list}${next}` };
}

/** A node of the configuration. */
export interface NodePlace {
  readonly element: Element;
  readonly id: string;
  readonly name: string;
}

/** All nodes of the configuration. */
function nodePlaces(cib: Element): NodePlace[] {
  return childrenNamed(childNamed(childNamed(cib, "configuration"), "nodes"), "node").map((element) => {
    const id = element.attributes["id"] ?? "";
    return { element, id, name: element.attributes["uname"] ?? id };
  });
}

/** A node that resources can run on, whether it has an entry of its own in the configuration or not. */
export interface AnyNode {
  /** Absent for a remote or guest node that nothing is configured for. */
  readonly element?: Element;
  readonly id: string;
  readonly name: string;
}

/** Remote and guest nodes: what connections are named, what stands in for them in the status, and what is inside of bundles. */
function remoteNames(cib: Element): string[] {
  const names: string[] = [];
  for (const { element } of resourcePlaces(cib)) {
    const { id = "", class: kind, provider, type } = element.attributes;
    if (kind === "ocf" && provider === "pacemaker" && type === "remote") names.push(id);
    const pairs = childrenNamed(element, "meta_attributes").flatMap((set) => childrenNamed(set, "nvpair"));
    for (const { attributes } of pairs) {
      if (attributes["name"] === "remote-node") names.push(attributes["value"] ?? "");
    }
  }
  for (const { attributes } of childrenNamed(childNamed(cib, "status"), "node_state")) {
    if (isTrue(attributes["remote_node"])) names.push(attributes["uname"] ?? attributes["id"] ?? "");
  }
  return names;
}

/** The same as `findNode`, remote and guest nodes included. */
export function findAnyNode(cib: Element, name: string): AnyNode | Refused {
  const places: AnyNode[] = nodePlaces(cib);
  for (const remote of remoteNames(cib)) {
    if (remote !== "" && !places.some((place) => place.name === remote)) places.push({ id: remote, name: remote });
  }
  return nearest(places, name);
}

/** The node of that name (letters of either case) or id, or a refusal with the nearest name. */
export function findNode(cib: Element, name: string): NodePlace | Refused {
  return nearest(nodePlaces(cib), name);
}

function nearest<Place extends AnyNode>(places: readonly Place[], name: string): Place | Refused {
  const wanted = name.toLowerCase();
  const found = places.find((node) => node.name.toLowerCase() === wanted) ?? places.find((node) => node.id === name);
  if (found !== undefined) return found;
  const names = places.map((node) => node.name);
  const hint = didYouMean(name, names);
  const list = names.length === 0 ? " No nodes are configured." : ` The nodes are ${names.join(", ")}.`;
  return { refused: `There is no node "${name}".${hint === "" ? list : hint}` };
}

/** An id that nothing in the configuration has: the wanted one, or with a number behind it. */
export function freshId(cib: Element, wanted: string): string {
  const taken = new Set<string>();
  const collect = (element: Element): void => {
    const id = element.attributes["id"];
    if (id !== undefined) taken.add(id);
    for (const child of element.children) collect(child);
  };
  const configuration = childNamed(cib, "configuration");
  if (configuration !== undefined) collect(configuration);
  const base = asId(wanted);
  let id = base;
  for (let number = 1; taken.has(id) && number <= taken.size; number += 1) id = `${base}-${number}`;
  return id;
}

/** Makes an id of any text. */
function asId(text: string): string {
  const cleaned = text.replace(/[^\p{L}\p{N}._-]/gu, ".");
  return /^[\p{L}_]/u.test(cleaned) ? cleaned : `_${cleaned}`;
}
