// Small readings of text that many attributes of a CIB share: yes and no, and names with numbers in them.

/** true or false as a CIB may spell it; undefined for anything else. */
export function parseBoolean(text: string | undefined): boolean | undefined {
  if (text === undefined) return undefined;
  switch (text.toLowerCase()) {
    case "true":
    case "on":
    case "yes":
    case "y":
    case "1":
      return true;
    case "false":
    case "off":
    case "no":
    case "n":
    case "0":
      return false;
    default:
      return undefined;
  }
}

/** Whether the text says yes; anything else is no. */
export function isTrue(text: string | undefined): boolean {
  return text !== undefined && parseBoolean(text) === true;
}

/** Equal when letters of either case count as the same. */
export function sameText(one: string | undefined, other: string | undefined): boolean {
  if (one === other) return true;
  if (one === undefined || other === undefined || one.length !== other.length) return false;
  return one.toLowerCase() === other.toLowerCase();
}

/** By code unit, as the C library compares bytes: for names that must sort the same on every node. */
export function compareText(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

const NUMBER_AT = /\d+/y;

function numberAt(text: string, position: number): string | undefined {
  NUMBER_AT.lastIndex = position;
  return NUMBER_AT.exec(text)?.[0];
}

/** Letters of either case alike and runs of digits as numbers, so that node2 comes before node10. */
export function compareNames(one: string, other: string): number {
  let i = 0;
  let j = 0;
  while (i < one.length && j < other.length) {
    const left = numberAt(one, i);
    const right = numberAt(other, j);
    if (left !== undefined && right !== undefined) {
      const difference = Number(left) - Number(right) || left.length - right.length;
      if (difference !== 0) return difference < 0 ? -1 : 1;
      i += left.length;
      j += right.length;
      continue;
    }
    const order = compareText(one.charAt(i).toLowerCase(), other.charAt(j).toLowerCase());
    if (order !== 0) return order;
    i += 1;
    j += 1;
  }
  return i < one.length ? 1 : j < other.length ? -1 : 0;
}

/** The dotted number that a text begins with, as its parts; what follows does not count, and no number is version 0. */
function versionParts(text: string): number[] {
  return (/^\s*(\d+(?:\.\d+)*)/.exec(text)?.[1] ?? "").split(".").map(Number);
}

/** Compares dotted version numbers part by part; a missing part counts as 0. */
export function compareVersions(one: string, other: string): number {
  const left = versionParts(one);
  const right = versionParts(other);
  for (let i = 0; i < Math.max(left.length, right.length); i += 1) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference < 0 ? -1 : 1;
  }
  return 0;
}
