// The hashes that production gives to kernel and services, with a memory, because a simulation hashes the same texts over and over.

import { createHash } from "node:crypto";

/** So many texts are remembered. */
const REMEMBERED = 20_000;

function remembering(algorithm: string): (text: string) => string {
  const known = new Map<string, string>();
  return (text) => {
    const before = known.get(text);
    if (before !== undefined) return before;
    const digest = createHash(algorithm).update(text).digest("hex");
    if (known.size >= REMEMBERED) known.clear();
    known.set(text, digest);
    return digest;
  };
}

export const md5Hex = remembering("md5");
export const sha256Hex = remembering("sha256");
