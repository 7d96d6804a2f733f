// Makes and applies patchsets: what turns one version of the CIB into the next, in Pacemaker's <diff format="2"> terms.
//
// What the order means is Pacemaker's: deletions and attributes first; then creations and moves in the order of their
// positions, which are places in the finished document. Applying makes new elements only on the paths that change and shares
// the rest. It is all or nothing: a patchset that does not fit leaves no trace, because the old tree is never modified.

import type { CibChange, Patchset, PathStep } from "../messages.ts";
import { diffAttributes, diffElements } from "./diff.ts";
import type { Element } from "./element.ts";
import { withAttributes } from "./element.ts";
import {
  compareVersions,
  formatPath,
  formatVersion,
  isDurablePath,
  placeOf,
  stepMatches,
  versionOf,
} from "./version.ts";

/** What turns `before` into `after`, with the versions that stand in their roots. */
export function makePatchset(before: Element, after: Element): Patchset {
  return { source: versionOf(before), target: versionOf(after), changes: diffElements(before, after) };
}

/** The same for a tree of which the changes are known already but for the attributes of its root, which were set since. */
export function stampPatchset(before: Element, after: Element, changes: readonly CibChange[]): Patchset {
  const below = changes.filter((change) => change.operation !== "modify" || change.path.length > 0);
  const root = diffAttributes([], before, after);
  return {
    source: versionOf(before),
    target: versionOf(after),
    changes: root === undefined ? below : [root, ...below],
  };
}

/** The result, or why the patchset does not fit. */
export type Patched =
  | { readonly ok: true; readonly cib: Element }
  | { readonly ok: false; readonly code: "version" | "path"; readonly reason: string };

/** Applies a patchset. Refuses, whole, when the source version is not that of `cib` or a path does not lead anywhere. */
export function applyPatchset(cib: Element, patchset: Patchset): Patched {
  const version = versionOf(cib);
  if (compareVersions(version, patchset.source) !== 0) {
    const [have, want] = [formatVersion(version), formatVersion(patchset.source)];
    return {
      ok: false,
      code: "version",
      reason: `The patchset is for version ${want}; this is ${have}. Fetch it whole.`,
    };
  }
  const result = applyNode(cib, groupByPath(patchset.changes), undefined);
  if (typeof result === "string") return { ok: false, code: "path", reason: result };
  if (compareVersions(versionOf(result), patchset.target) !== 0) {
    const [have, want] = [formatVersion(versionOf(result)), formatVersion(patchset.target)];
    return {
      ok: false,
      code: "version",
      reason: `The patchset promises version ${want} but leads to ${have}. Fetch it whole.`,
    };
  }
  return { ok: true, cib: result };
}

/** What of a patchset concerns the durable document (see version.ts): without the status section, num_updates always 0. */
export function durablePart(patchset: Patchset): Patchset {
  const changes: CibChange[] = [];
  for (const change of patchset.changes) {
    if (!isDurableChange(change)) continue;
    if (change.operation === "modify" && change.path.length === 0) {
      const { num_updates: _counted, ...set } = change.set;
      changes.push({ ...change, set });
    } else {
      changes.push(change);
    }
  }
  return {
    source: { ...patchset.source, numUpdates: 0 },
    target: { ...patchset.target, numUpdates: 0 },
    changes,
  };
}

/** Whether the change touches anything but the status section. */
export function isDurableChange(change: CibChange): boolean {
  if (change.path.length === 0 && change.operation === "create") return change.element.name !== "status";
  return isDurablePath(change.path);
}

/** The changes of one element and below it. */
interface PatchNode {
  modify?: Extract<CibChange, { operation: "modify" }>;
  /** Set on the element that goes or moves itself. */
  deleted?: boolean;
  moveTo?: number;
  readonly creates: Extract<CibChange, { operation: "create" }>[];
  readonly below: { readonly step: PathStep; readonly node: PatchNode }[];
}

function emptyNode(): PatchNode {
  return { creates: [], below: [] };
}

/** With more changed children than this below one element, a table finds them. */
const FEW_CHILDREN = 8;

function groupByPath(changes: readonly CibChange[]): PatchNode {
  const root = emptyNode();
  const tables = new Map<PatchNode, Map<string, PatchNode>>();
  for (const change of changes) {
    let node = root;
    for (const step of change.path) node = nodeBelow(node, step, tables);
    if (change.operation === "modify") node.modify = change;
    else if (change.operation === "delete") node.deleted = true;
    else if (change.operation === "move") node.moveTo = change.position;
    else node.creates.push(change);
  }
  return root;
}

/** The node of that step, made when there is none yet. Most changes touch few elements, so tables are for large ones. */
function nodeBelow(parent: PatchNode, step: PathStep, tables: Map<PatchNode, Map<string, PatchNode>>): PatchNode {
  const { below } = parent;
  if (below.length < FEW_CHILDREN) {
    for (const other of below) if (other.step.name === step.name && other.step.id === step.id) return other.node;
    const node = emptyNode();
    below.push({ step, node });
    return node;
  }
  let table = tables.get(parent);
  if (table === undefined) {
    table = new Map(below.map((other) => [keyOf(other.step), other.node]));
    tables.set(parent, table);
  }
  let node = table.get(keyOf(step));
  if (node === undefined) {
    node = emptyNode();
    table.set(keyOf(step), node);
    below.push({ step, node });
  }
  return node;
}

function keyOf(step: PathStep): string {
  return `${step.name} ${step.id === undefined ? "" : `#${step.id}`}`;
}

/** The way down to an element, from the last step back; written out only for a refusal. */
interface Way {
  readonly step: PathStep;
  readonly above: Way | undefined;
}

function textOf(way: Way | undefined): string {
  const path: PathStep[] = [];
  for (let at = way; at !== undefined; at = at.above) path.unshift(at.step);
  return formatPath(path);
}

/** The element with the changes applied; a sentence when one of them does not fit. */
function applyNode(target: Element, node: PatchNode, way: Way | undefined): Element | string {
  let attributes = target.attributes;
  if (node.modify) {
    const changes: Record<string, string | undefined> = { ...node.modify.set };
    for (const name of node.modify.unset) {
      if (attributes[name] === undefined) return `${textOf(way)} has no attribute "${name}" to remove.`;
      changes[name] = undefined;
    }
    attributes = withAttributes(target, changes).attributes;
  }
  const { name } = target;
  if (node.below.length === 0 && node.creates.length === 0) return { name, attributes, children: target.children };
  const children = applyBelow(target, node, way);
  return typeof children === "string" ? children : { name, attributes, children };
}

function applyBelow(target: Element, node: PatchNode, way: Way | undefined): readonly Element[] | string {
  const children = [...target.children];
  let gone: Set<Element> | undefined;
  const placed: { readonly position: number; readonly child: Element }[] = [];
  for (const { step, node: below } of node.below) {
    const at = placeOf(target.children, step);
    const child = target.children[at];
    const childWay = { step, above: way };
    if (child === undefined) return `${textOf(childWay)} is not there.`;
    if (below.deleted) {
      gone ??= new Set();
      for (const sibling of target.children) if (stepMatches(step, sibling)) gone.add(sibling);
      continue;
    }
    const next = applyNode(child, below, childWay);
    if (typeof next === "string") return next;
    if (below.moveTo === undefined) children[at] = next;
    else {
      gone ??= new Set();
      gone.add(child);
      placed.push({ position: below.moveTo, child: next });
    }
  }
  for (const { position, element } of node.creates) placed.push({ position, child: element });
  const staying = gone === undefined ? children : children.filter((child) => !gone?.has(child));
  return place(staying, placed, way);
}

function place(
  staying: Element[],
  placed: { readonly position: number; readonly child: Element }[],
  way: Way | undefined,
): Element[] | string {
  if (placed.length === 0) return staying;
  placed.sort((a, b) => a.position - b.position);
  const result: Element[] = [];
  let next = 0;
  for (const { position, child } of placed) {
    while (result.length < position && next < staying.length) {
      const stays = staying[next];
      if (stays) result.push(stays);
      next += 1;
    }
    if (result.length !== position) {
      return `${textOf(way)} cannot have ${child.name} ${child.attributes["id"] ?? ""} at place ${position}.`;
    }
    if (child.attributes["id"] !== undefined && staying.some((other) => sameChild(other, child))) {
      return `${textOf(way)} already has ${child.name} ${child.attributes["id"]}.`;
    }
    result.push(child);
  }
  while (next < staying.length) {
    const stays = staying[next];
    if (stays) result.push(stays);
    next += 1;
  }
  return result;
}

function sameChild(a: Element, b: Element): boolean {
  return a.name === b.name && a.attributes["id"] === b.attributes["id"];
}
