// Rewriting a tree of elements in one walk: what is not touched stays the same object.

import { type Element, withAttributes, withChildren } from "../../kernel/cib/element.ts";

/**
 * Says what stands in an element's place: nothing, itself changed, several.
 * Undefined leaves the element where it is and goes on inside it.
 */
export type Replace = (child: Element, parent: Element) => readonly Element[] | undefined;

/** The element with everything inside it rewritten. */
export function rewriteWithin(parent: Element, replace: Replace): Element {
  if (parent.children.length === 0) return parent;
  const children: Element[] = [];
  for (const child of parent.children) {
    const made = replace(child, parent);
    if (made === undefined) children.push(rewriteWithin(child, replace));
    else children.push(...made);
  }
  return withChildren(parent, children);
}

/** Whether something inside an element is as asked for. */
export function someWithin(parent: Element, asked: (child: Element, parent: Element) => boolean): boolean {
  return parent.children.some((child) => asked(child, parent) || someWithin(child, asked));
}

/** A pair under another name, and with another value where one is given. */
export function renamedPair(pair: Element, name: string, value?: string): Element {
  return withAttributes(pair, value === undefined ? { name } : { name, value });
}
