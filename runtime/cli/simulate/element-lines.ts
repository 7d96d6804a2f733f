// On which line of its text each element of a tree has its opening tag: for messages about a file that a person edits.

import type { Element } from "../../kernel/cib/element.ts";

const PART =
  /<!--[\s\S]*?-->|<!\[CDATA\[[\s\S]*?\]\]>|<\?[\s\S]*?\?>|<([A-Za-z_][\w.:-]*)(?:[^"'>]|"[^"]*"|'[^']*')*>/g;

/**
 * Lines, from 1, on which the opening tags end.
 * @param tree an element of the document, the first of its name
 */
export function elementLines(tree: Element, text: string): Map<Element, number> {
  const tagLines: number[] = [];
  let line = 1;
  let place = 0;
  let inside = false;
  for (const part of text.matchAll(PART)) {
    const name = part[1];
    if (name === undefined) continue;
    inside ||= name === tree.name;
    if (!inside) continue;
    const end = part.index + part[0].length;
    for (; place < end; place += 1) if (text.charCodeAt(place) === 10) line += 1;
    tagLines.push(line);
  }
  const lines = new Map<Element, number>();
  const visit = (element: Element): void => {
    lines.set(element, tagLines[lines.size] ?? 0);
    for (const child of element.children) visit(child);
  };
  visit(tree);
  return lines;
}
