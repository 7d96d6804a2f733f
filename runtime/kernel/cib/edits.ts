// What clients want done, carried out on a tree: edits in, the next tree out. Nothing here knows of versions or replication.
// Edits are levels, not steps: done twice they give the same tree as done once.

import type { CibEdit, CibPath } from "../messages.ts";
import { type Element, element, withAttributes } from "./element.ts";
import { formatPath, placeOf } from "./version.ts";

/** The next tree (the same object when nothing changes), or why the edit makes no sense. */
export type Edited =
  | { readonly ok: true; readonly cib: Element }
  | { readonly ok: false; readonly code: "bad-edit"; readonly reason: string };

/** Attributes of the root that follow from the history and the view; nobody sets them. */
const RESERVED = ["epoch", "num_updates", "have-quorum", "dc-uuid"];
/** The sections of the root: always there, exactly once. */
const SECTIONS = ["configuration", "status"];
/** More edits than this in one request are refused. */
export const MAX_EDITS = 10_000;

/** Applies the edits in order; all or none. */
export function applyEdits(cib: Element, edits: readonly CibEdit[]): Edited {
  if (edits.length > MAX_EDITS) {
    return refused(`A change of ${edits.length} edits is too long; at most ${MAX_EDITS} go in one. Split it.`);
  }
  let next = cib;
  for (const edit of edits) {
    const problem = objection(next, edit);
    if (problem !== undefined) return refused(problem);
    next = applyEdit(next, edit);
  }
  return { ok: true, cib: next };
}

function refused(reason: string): Edited {
  return { ok: false, code: "bad-edit", reason };
}

function applyEdit(cib: Element, edit: CibEdit): Element {
  if (edit.edit === "put") {
    return changeAt(cib, edit.parent, true, (parent) => putChild(parent, edit.element)) ?? cib;
  }
  if (edit.edit === "set")
    return changeAt(cib, edit.path, true, (target) => setAttributes(target, edit.attributes)) ?? cib;
  if (edit.edit === "replace-configuration") return putChild(cib, edit.element);
  return changeAt(cib, edit.path, false, () => undefined) ?? cib;
}

/** Why this edit cannot be meant; undefined when it can. */
function objection(cib: Element, edit: CibEdit): string | undefined {
  if (edit.edit === "replace-configuration") {
    return edit.element.name === "configuration"
      ? undefined
      : `<${edit.element.name}> is no configuration. Give a <configuration> element.`;
  }
  if (edit.edit === "set") return objectionToSet(cib, edit.path, edit.attributes);
  if (edit.edit === "delete") {
    if (edit.path.length === 0) return "The whole CIB cannot be deleted. Name what is to go.";
    const section = edit.path.length === 1 && SECTIONS.includes(edit.path[0]?.name ?? "");
    return section ? `${formatPath(edit.path)} must be there. Delete what stands in it instead.` : undefined;
  }
  if (edit.parent.length === 0) {
    return SECTIONS.includes(edit.element.name) && edit.element.attributes["id"] === undefined
      ? undefined
      : `<${edit.element.name}> has no place directly below <cib>. Put it in the configuration or the status section.`;
  }
  return objectionToPath(edit.parent) ?? missingParent(cib, edit.parent);
}

function objectionToSet(
  cib: Element,
  path: CibPath,
  attributes: Readonly<Record<string, string | null>>,
): string | undefined {
  if (path.length > 0) return objectionToPath(path);
  const reserved = RESERVED.find((name) => attributes[name] !== undefined);
  if (reserved !== undefined) return `${reserved} of <cib> follows from the history of the cluster and cannot be set.`;
  const adminEpoch = attributes["admin_epoch"];
  if (adminEpoch === undefined) return undefined;
  const rises =
    adminEpoch !== null &&
    /^\d{1,9}$/.test(adminEpoch) &&
    Number(adminEpoch) >= Number(cib.attributes["admin_epoch"] ?? 0);
  return rises ? undefined : "admin_epoch can only be raised, to a whole number.";
}

function objectionToPath(path: CibPath): string | undefined {
  const first = path[0]?.name ?? "";
  return SECTIONS.includes(first) && path[0]?.id === undefined
    ? undefined
    : `${formatPath(path)} leads nowhere: below <cib> are only <configuration> and <status>.`;
}

/** Sections on the way to what is put may be missing and are made; what has an id must be there. */
function missingParent(cib: Element, parent: CibPath): string | undefined {
  let found: Element | undefined = cib;
  for (const [depth, step] of parent.entries()) {
    found = found?.children[placeOf(found.children, step)];
    if (found !== undefined || step.id === undefined) continue;
    return `${formatPath(parent.slice(0, depth + 1))} is not there. Create it first.`;
  }
  return undefined;
}

/**
 * Replaces the element at the path by what `change` makes of it; undefined from `change` removes it. With `create`, elements that
 * are missing on the way are made; else a path that leads nowhere changes nothing.
 */
function changeAt(
  target: Element,
  path: CibPath,
  create: boolean,
  change: (target: Element) => Element | undefined,
  depth = 0,
): Element | undefined {
  const step = path[depth];
  if (step === undefined) return change(target);
  const at = placeOf(target.children, step);
  const child = target.children[at];
  if (child === undefined && !create) return target;
  const next = changeAt(child ?? element(step.name, { id: step.id }), path, create, change, depth + 1);
  if (next === child) return target;
  const children = [...target.children];
  if (child === undefined) {
    if (next !== undefined) children.push(next);
  } else if (next === undefined) children.splice(at, 1);
  else children[at] = next;
  return { name: target.name, attributes: target.attributes, children };
}

function putChild(parent: Element, child: Element): Element {
  const at = parent.children.findIndex(
    (other) => other.name === child.name && other.attributes["id"] === child.attributes["id"],
  );
  const children = [...parent.children];
  if (at < 0) children.push(child);
  else children[at] = child;
  return { name: parent.name, attributes: parent.attributes, children };
}

function setAttributes(target: Element, attributes: Readonly<Record<string, string | null>>): Element {
  const changes: Record<string, string | undefined> = {};
  let differs = false;
  for (const name of Object.keys(attributes)) {
    const value = attributes[name] ?? undefined;
    changes[name] = value;
    if (target.attributes[name] !== value) differs = true;
  }
  return differs ? withAttributes(target, changes) : target;
}
