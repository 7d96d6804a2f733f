// Bytes <-> plain values, in CBOR (RFC 8949) with definite lengths, without tags, and within bounds.
//
// What arrives was made with the cluster's key, but a node may be broken or of another release, so nothing is believed:
// a pass over the heads of all items, with its own stack, finds out depth, number and lengths before anything is built.

import { decode, encode } from "cborg";

/** Bounds on what is decoded. */
export interface CborBounds {
  readonly maxBytes: number;
  readonly maxDepth: number;
  readonly maxItems: number;
}

/** Why bytes are no acceptable value: a code for counting. */
export type CborFault = "too-large" | "too-deep" | "too-many-items" | "truncated" | "not-plain" | "not-cbor";

/** Bytes of a plain value: objects, arrays, strings, numbers, booleans, null, Uint8Array. Members that are undefined are left out. */
export function encodeCbor(value: unknown): Uint8Array {
  return encode(value, { ignoreUndefinedProperties: true });
}

/** The value, or why there is none. Never throws. */
export function decodeCbor(bytes: Uint8Array, bounds: CborBounds): { readonly value: unknown } | CborFault {
  const fault = inspect(bytes, bounds);
  if (fault !== undefined) return fault;
  try {
    return { value: decode(bytes, { allowUndefined: false, rejectDuplicateMapKeys: true }) };
  } catch {
    return "not-cbor";
  }
}

const MAJOR_BYTES = 2;
const MAJOR_TEXT = 3;
const MAJOR_ARRAY = 4;
const MAJOR_MAP = 5;
const MAJOR_TAG = 6;
const MAJOR_SIMPLE = 7;

function inspect(bytes: Uint8Array, bounds: CborBounds): CborFault | undefined {
  if (bytes.length > bounds.maxBytes) return "too-large";
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const open: number[] = [];
  let left = 1;
  let items = 0;
  let at = 0;
  for (;;) {
    while (left === 0) {
      const outer = open.pop();
      if (outer === undefined) return at === bytes.length ? undefined : "not-cbor";
      left = outer;
    }
    left -= 1;
    items += 1;
    if (items > bounds.maxItems) return "too-many-items";
    const head = readHead(view, at);
    if (typeof head === "string") return head;
    at = head.end;
    if (head.major === MAJOR_BYTES || head.major === MAJOR_TEXT) {
      if (head.argument > bytes.length - at) return "truncated";
      if (head.major === MAJOR_TEXT && isPrototypeName(bytes, at, head.argument)) return "not-plain";
      at += head.argument;
    } else if (head.major === MAJOR_ARRAY || head.major === MAJOR_MAP) {
      // Each member takes at least one byte, so a count beyond the rest is a lie.
      if (head.argument > bytes.length - at) return "truncated";
      if (open.length >= bounds.maxDepth) return "too-deep";
      open.push(left);
      left = head.major === MAJOR_MAP ? head.argument * 2 : head.argument;
    }
  }
}

interface Head {
  readonly major: number;
  readonly argument: number;
  readonly end: number;
}

const ARGUMENT_IN_8_BITS = 24;
const ARGUMENT_IN_64_BITS = 27;

function readHead(view: DataView, at: number): Head | CborFault {
  if (at >= view.byteLength) return "truncated";
  const first = view.getUint8(at);
  const major = first >> 5;
  const info = first & 0x1f;
  if (major === MAJOR_TAG || info > ARGUMENT_IN_64_BITS) return "not-plain";
  if (info < ARGUMENT_IN_8_BITS) return { major, argument: info, end: at + 1 };
  const size = 1 << (info - ARGUMENT_IN_8_BITS);
  const end = at + 1 + size;
  if (end > view.byteLength) return "truncated";
  // A float's bits are no number of anything.
  if (major === MAJOR_SIMPLE) return { major, argument: 0, end };
  if (size === 1) return { major, argument: view.getUint8(at + 1), end };
  if (size === 2) return { major, argument: view.getUint16(at + 1), end };
  if (size === 4) return { major, argument: view.getUint32(at + 1), end };
  return { major, argument: Number(view.getBigUint64(at + 1)), end };
}

const PROTOTYPE_NAME = new TextEncoder().encode("__proto__");

/** A key of this name would set the prototype of the object that is built. */
function isPrototypeName(bytes: Uint8Array, at: number, length: number): boolean {
  if (length !== PROTOTYPE_NAME.length || bytes[at] !== 0x5f) return false;
  for (let i = 0; i < length; i += 1) if (bytes[at + i] !== PROTOTYPE_NAME[i]) return false;
  return true;
}
