// The hashes that kernel and services are given. Digests of operations are MD5 as in production, with a memory, because a simulation hashes
// the same texts over and over. What the nodes compare documents by is a hash of 64 bits: quick, and nobody here wants to find two alike.

import { createHash } from "node:crypto";

/** So many texts are remembered. */
const REMEMBERED = 20_000;

const known = new Map<string, string>();

export function md5Hex(text: string): string {
  const before = known.get(text);
  if (before !== undefined) return before;
  const digest = createHash("md5").update(text).digest("hex");
  if (known.size >= REMEMBERED) known.clear();
  known.set(text, digest);
  return digest;
}

/** Two multiplicative hashes side by side, each mixed with the other in the end. */
export function quickHex(text: string): string {
  let a = 0x811c9dc5;
  let b = 0x9e3779b9;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    a = Math.imul(a ^ code, 0x85ebca6b);
    b = Math.imul(b ^ code, 0xc2b2ae35) + 0x6b43a9b5;
  }
  a = Math.imul(a ^ (a >>> 16), 0x85ebca6b) ^ Math.imul(b ^ (b >>> 13), 0xc2b2ae35);
  b = Math.imul(b ^ (b >>> 16), 0x85ebca6b) ^ Math.imul(a ^ (a >>> 13), 0xc2b2ae35);
  return `${hex8(a)}${hex8(b)}`;
}

function hex8(value: number): string {
  return (value >>> 0).toString(16).padStart(8, "0");
}
