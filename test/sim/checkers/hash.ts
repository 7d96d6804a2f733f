// A cheap digest of a subtree of the CIB, remembered for each element, so that comparing documents costs what differs in them.

import type { Element } from "../../../runtime/kernel/cib/element.ts";

const known = new WeakMap<Element, number>();
const LOW_BITS = 2 ** 21;

/** Equal subtrees have equal digests; attributes count without their order. 53 bits of two multiplicative hashes. */
export function digestOf(node: Element): number {
  // To remember an element without children costs more, in the collection of garbage too, than to look at its attributes again.
  const isLeaf = node.children.length === 0;
  const before = isLeaf ? undefined : known.get(node);
  if (before !== undefined) return before;
  let a = mix(0x811c9dc5, node.name);
  let b = 0x9e3779b9;
  // Each attribute by itself, and their sum: so their order does not matter, and they need not be sorted.
  let sumA = 0;
  let sumB = 0;
  for (const name in node.attributes) {
    const one = mix(mix(0x811c9dc5, name), node.attributes[name] ?? "");
    sumA = (sumA + one) | 0;
    sumB = (sumB + Math.imul(one ^ (one >>> 15), 0x85ebca6b)) | 0;
  }
  a = Math.imul(a ^ sumA, 16777619);
  b = Math.imul(b ^ sumB, 0x85ebca6b) + a;
  for (const child of node.children) {
    const digest = digestOf(child);
    a = Math.imul(a ^ (digest / LOW_BITS), 16777619) + (a >>> 15);
    b = Math.imul(b ^ digest, 0x85ebca6b) + (a ^ (b >>> 13));
  }
  const digest = (a >>> 0) * LOW_BITS + (b >>> 11);
  if (!isLeaf) known.set(node, digest);
  return digest;
}

function mix(seed: number, text: string): number {
  let hash = seed;
  for (let index = 0; index < text.length; index += 1) hash = Math.imul(hash ^ text.charCodeAt(index), 16777619);
  return Math.imul(hash ^ 0xffff, 16777619);
}
