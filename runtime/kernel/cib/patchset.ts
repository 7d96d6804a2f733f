// Makes and applies patchsets: what turns one version of the CIB into the next, in Pacemaker's <diff format="2"> terms.
//
// What the order means is Pacemaker's: deletions and attributes first; then creations and moves in the order of their
// positions, which are places in the finished document. Applying makes new elements only on the paths that change and shares
// the rest. It is all or nothing: a patchset that does not fit leaves no trace, because the old tree is never modified.

import type { CibChange, CibPath, Patchset } from "../messages.ts";
import { diffAttributes, diffElements } from "./diff.ts";
import type { Element } from "./element.ts";
import { withAttributes } from "./element.ts";
import { compareVersions, formatPath, formatVersion, isDurablePath, stepMatches, versionOf } from "./version.ts";

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
  const result = applyNode(cib, groupByPath(patchset.changes), []);
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
  readonly below: { readonly step: CibPath[number]; readonly node: PatchNode }[];
}

function emptyNode(): PatchNode {
  return { creates: [], below: [] };
}

function groupByPath(changes: readonly CibChange[]): PatchNode {
  const root = emptyNode();
  const index = new Map<PatchNode, Map<string, PatchNode>>();
  for (const change of changes) {
    let node = root;
    for (const step of change.path) {
      const key = `${step.name} ${step.id === undefined ? "" : `#${step.id}`}`;
      let known = index.get(node);
      if (known === undefined) {
        known = new Map();
        index.set(node, known);
      }
      let next = known.get(key);
      if (next === undefined) {
        next = emptyNode();
        known.set(key, next);
        node.below.push({ step, node: next });
      }
      node = next;
    }
    if (change.operation === "modify") node.modify = change;
    else if (change.operation === "delete") node.deleted = true;
    else if (change.operation === "move") node.moveTo = change.position;
    else node.creates.push(change);
  }
  return root;
}

/** The element with the changes applied; a sentence when one of them does not fit. */
function applyNode(target: Element, node: PatchNode, path: CibPath): Element | string {
  let attributes = target.attributes;
  if (node.modify) {
    const changes: Record<string, string | undefined> = { ...node.modify.set };
    for (const name of node.modify.unset) {
      if (attributes[name] === undefined) return `${formatPath(path)} has no attribute "${name}" to remove.`;
      changes[name] = undefined;
    }
    attributes = withAttributes(target, changes).attributes;
  }
  if (node.below.length === 0 && node.creates.length === 0) return { ...target, attributes };
  const children = applyBelow(target, node, path);
  return typeof children === "string" ? children : { name: target.name, attributes, children };
}

function applyBelow(target: Element, node: PatchNode, path: CibPath): Element[] | string {
  const children = [...target.children];
  let gone: Set<Element> | undefined;
  const placed: { readonly position: number; readonly child: Element }[] = [];
  for (const { step, node: below } of node.below) {
    const at = target.children.findIndex((child) => stepMatches(step, child));
    const child = target.children[at];
    const childPath = [...path, step];
    if (child === undefined) return `${formatPath(childPath)} is not there.`;
    if (below.deleted) {
      gone ??= new Set();
      for (const sibling of target.children) if (stepMatches(step, sibling)) gone.add(sibling);
      continue;
    }
    const next = applyNode(child, below, childPath);
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
  return place(staying, placed, path);
}

function place(
  staying: Element[],
  placed: { readonly position: number; readonly child: Element }[],
  path: CibPath,
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
      return `${formatPath(path)} cannot have ${child.name} ${child.attributes["id"] ?? ""} at place ${position}.`;
    }
    if (child.attributes["id"] !== undefined && staying.some((other) => sameChild(other, child))) {
      return `${formatPath(path)} already has ${child.name} ${child.attributes["id"]}.`;
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
