// A digest of a tree that costs what changed: each element's digest is made from its own name and attributes and the digests
// of its children, and remembered with the element. Elements are immutable, so a remembered digest stays right.

import type { Element } from "./element.ts";

/** Digests that are known, for each hash: whoever hashes alike remembers together. */
const tables = new WeakMap<(text: string) => string, WeakMap<Element, string>>();

function tableOf(hash: (text: string) => string): WeakMap<Element, string> {
  let table = tables.get(hash);
  if (table === undefined) {
    table = new WeakMap();
    tables.set(hash, table);
  }
  return table;
}

/**
 * Makes the function that gives an element's digest. Equal trees have equal digests whatever order their attributes came in;
 * the order of children counts.
 * @param hash collision-resistant hash of a text, in hexadecimal.
 */
export function createDigest(hash: (text: string) => string): (element: Element) => string {
  const known = tableOf(hash);
  const digestOf = (element: Element): string => {
    const remembered = known.get(element);
    if (remembered !== undefined) return remembered;
    const parts: string[] = [element.name];
    for (const key of Object.keys(element.attributes).sort()) parts.push(key, element.attributes[key] ?? "");
    // JSON keeps the borders between the parts apart whatever stands in them; hexadecimal digests need no borders.
    let text = JSON.stringify(parts);
    for (const child of element.children) text += digestOf(child);
    const digest = hash(text);
    known.set(element, digest);
    return digest;
  };
  return digestOf;
}
