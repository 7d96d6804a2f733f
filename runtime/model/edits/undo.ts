// Takes one change of the configuration back without taking back what came after it: a merge of three trees. What the change did
// is the step from `before` to `after`; what happened since is the step from `after` to `now`. Where both have touched the same
// thing, nobody but a person can know what is meant, so the whole undo is refused and says where.

import { type Element, sameElement, sameElements, withAttributes } from "../../kernel/cib/element.ts";
import { formatPath, stepOf } from "../../kernel/cib/version.ts";
import type { CibEdit, CibPath } from "../../kernel/messages.ts";
import { type EditResult, plan } from "./plan.ts";

/** Overlaps that are told in one refusal. */
const MAX_OVERLAPS_TOLD = 5;
/** Attributes of the root that every change brings with it. */
const STAMPS: ReadonlySet<string> = new Set([
  "epoch",
  "num_updates",
  "cib-last-written",
  "update-origin",
  "update-client",
  "update-user",
  "have-quorum",
  "dc-uuid",
]);

/** The documents around a change, and what runs now. */
export interface UndoTrees {
  readonly before: Element;
  readonly after: Element;
  readonly now: Element;
}

/** What takes a change back; without edits, it is taken back already. Refused when later changes touch the same places. */
export function undoEdits(number: number, { before, after, now }: UndoTrees): EditResult {
  const overlaps: string[] = [];
  const attributes = mergeAttributes([without(after), without(before), without(now)], [], overlaps);
  const [was, made, runs] = [before, after, now].map((tree) => tree.children.find(isConfiguration));
  if (was === undefined || made === undefined || runs === undefined) {
    return {
      refused: `One of the documents around change ${number} has no configuration, so it cannot be taken back.`,
    };
  }
  const merged = merge(made, was, runs, [stepOf(runs)], overlaps);
  if (attributes["admin_epoch"] !== undefined) {
    return { refused: `Change ${number} has raised admin_epoch, which never goes back. Nothing was changed.` };
  }
  if (overlaps.length > 0) return { refused: overlapText(number, overlaps), code: "overlap" };
  const edits: CibEdit[] = [];
  if (Object.keys(attributes).length > 0) edits.push({ edit: "set", path: [], attributes });
  if (merged !== runs) edits.push({ edit: "replace-configuration", element: merged });
  if (edits.length === 0) return plan([], `Nothing of change ${number} is left to be taken back.`);
  return plan(edits, `Change ${number} is taken back.`);
}

function isConfiguration(child: Element): boolean {
  return child.name === "configuration";
}

function without(cib: Element): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(cib.attributes).filter(([name]) => !STAMPS.has(name)));
}

function overlapText(number: number, overlaps: readonly string[]): string {
  const told = overlaps.slice(0, MAX_OVERLAPS_TOLD).join("; ");
  const more = overlaps.length > MAX_OVERLAPS_TOLD ? ` and ${overlaps.length - MAX_OVERLAPS_TOLD} more places` : "";
  return (
    `Change ${number} cannot be taken back by itself, so nothing was changed: what it touched was changed again since (${told}${more}). ` +
    `See "systole cib history", take the later changes back first, or edit the configuration.`
  );
}

/** `now` with the step from `from` to `to` made in it; `now` itself when there is nothing to do. */
function merge(from: Element, to: Element, now: Element, path: CibPath, overlaps: string[]): Element {
  if (from === to) return now;
  const set = mergeAttributes([from.attributes, to.attributes, now.attributes], path, overlaps);
  const children = mergeChildren([from.children, to.children, now.children], path, overlaps);
  const changes = Object.fromEntries(Object.entries(set).map(([name, value]) => [name, value ?? undefined]));
  const marked = Object.keys(set).length > 0 ? withAttributes(now, changes) : now;
  return children === now.children ? marked : { ...marked, children };
}

type Attributes = Readonly<Record<string, string>>;

function mergeAttributes(
  [from, to, now]: readonly [Attributes, Attributes, Attributes],
  path: CibPath,
  overlaps: string[],
): Record<string, string | null> {
  const set: Record<string, string | null> = {};
  for (const name of [...new Set([...Object.keys(from), ...Object.keys(to)])].sort()) {
    if (from[name] === to[name] || now[name] === to[name]) continue;
    if (now[name] !== from[name]) overlaps.push(`${name} of ${formatPath(path)}`);
    else set[name] = to[name] ?? null;
  }
  return set;
}

type Children = readonly Element[];

function mergeChildren(
  [from, to, now]: readonly [Children, Children, Children],
  path: CibPath,
  overlaps: string[],
): Children {
  if (from === to || sameElements(from, to) || sameElements(now, to)) return now;
  const [fromByKey, toByKey, nowByKey] = [byKey(from), byKey(to), byKey(now)];
  if (fromByKey === undefined || toByKey === undefined || nowByKey === undefined) {
    // Siblings that nothing tells apart stand or fall together.
    if (sameElements(now, from)) return to;
    overlaps.push(`what stands in ${formatPath(path)}`);
    return now;
  }
  const kept: Element[] = [];
  for (const child of now) {
    const key = keyOf(child);
    const [was, wanted] = [fromByKey.get(key), toByKey.get(key)];
    const here = [...path, stepOf(child)];
    if (was === undefined) {
      if (wanted !== undefined && !sameElement(child, wanted)) overlaps.push(formatPath(here));
      kept.push(child);
    } else if (wanted === undefined) {
      if (!sameElement(child, was)) overlaps.push(formatPath(here));
    } else kept.push(merge(was, wanted, child, here, overlaps));
  }
  for (const [key, child] of fromByKey) {
    const wanted = toByKey.get(key);
    if (wanted !== undefined && !nowByKey.has(key) && !sameElement(child, wanted)) {
      overlaps.push(`${formatPath([...path, stepOf(child)])} is gone`);
    }
  }
  const ordered = reordered(kept, { from, to, now }, path, overlaps);
  const created = to.filter((child) => !fromByKey.has(keyOf(child)) && !nowByKey.has(keyOf(child)));
  const merged = created.reduce((children, child) => inserted(children, child, to), ordered);
  return merged.length === now.length && merged.every((child, at) => child === now[at]) ? now : merged;
}

/** Brings what the change had moved back in its order, when nobody has moved it since. */
function reordered(
  kept: Children,
  { from, to, now }: { readonly from: Children; readonly to: Children; readonly now: Children },
  path: CibPath,
  overlaps: string[],
): Children {
  const everywhere = new Set(
    [from, to, now].map(keysOf).reduce((all, keys) => all.filter((key) => keys.includes(key))),
  );
  const order = (children: Children): string[] => keysOf(children).filter((key) => everywhere.has(key));
  const [was, wanted, is] = [order(from), order(to), order(now)];
  if (equalLists(was, wanted) || equalLists(is, wanted)) return kept;
  if (!equalLists(is, was)) {
    overlaps.push(`the order in ${formatPath(path)}`);
    return kept;
  }
  const byKeys = byKey(kept);
  const next = wanted.values();
  return kept.map((child) => (everywhere.has(keyOf(child)) ? (byKeys?.get(next.next().value ?? "") ?? child) : child));
}

/** Puts a child behind the nearest of those that stood before it. */
function inserted(children: Children, child: Element, order: Children): Children {
  const before = order.slice(0, order.indexOf(child)).map(keyOf).reverse();
  const neighbour = before.find((key) => children.some((other) => keyOf(other) === key));
  const at = neighbour === undefined ? 0 : children.findIndex((other) => keyOf(other) === neighbour) + 1;
  return [...children.slice(0, at), child, ...children.slice(at)];
}

function keyOf(child: Element): string {
  const { id } = child.attributes;
  return id === undefined ? child.name : `${child.name} ${id}`;
}

function keysOf(children: Children): string[] {
  return children.map(keyOf);
}

/** Undefined when two of them have the same name and id. */
function byKey(children: Children): ReadonlyMap<string, Element> | undefined {
  const found = new Map(children.map((child) => [keyOf(child), child]));
  return found.size === children.length ? found : undefined;
}

function equalLists(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((each, at) => each === b[at]);
}
