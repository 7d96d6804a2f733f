// A cheap digest of a subtree of the CIB, remembered for each element, so that comparing documents costs what differs in them.

import type { Element } from "../../../runtime/kernel/cib/element.ts";

const known = new WeakMap<Element, string>();

/** Equal subtrees have equal digests; attributes count without their order. Two 32-bit halves, as text. */
export function digestOf(node: Element): string {
  const before = known.get(node);
  if (before !== undefined) return before;
  let a = 0x811c9dc5;
  let b = 0x9e3779b9;
  const mix = (text: string): void => {
    for (let index = 0; index < text.length; index += 1) {
      const code = text.charCodeAt(index);
      a = Math.imul(a ^ code, 16777619);
      b = Math.imul(b ^ code, 0x85ebca6b) + 0x6b43a9b5;
    }
    a = Math.imul(a ^ 0xffff, 16777619);
  };
  mix(node.name);
  for (const name of Object.keys(node.attributes).sort()) {
    mix(name);
    mix(node.attributes[name] ?? "");
  }
  for (const child of node.children) mix(digestOf(child));
  const digest = `${(a >>> 0).toString(36)}${(b >>> 0).toString(36)}`;
  known.set(node, digest);
  return digest;
}
