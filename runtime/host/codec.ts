// Bytes <-> validated values of a union whose members are told apart by `type`. Two of these exist: datagrams between pulses
// (in the worker) and messages between kernels and services (in the main thread); each loads only its own schemas.

import type { TSchema } from "typebox";
import { Compile } from "typebox/schema";
import { type CborBounds, type CborFault, decodeCbor, encodeCbor } from "./cbor.ts";

/** Why bytes were not accepted: `code` for counting, `text` for a note. */
export interface Rejection {
  readonly code: CborFault | "unknown-type" | "invalid";
  readonly text: string;
}

/** One way of turning values into bytes and back. */
export interface Codec<Value> {
  encode(value: Value): Uint8Array;
  /** Never throws. */
  decode(bytes: Uint8Array): { readonly value: Value } | { readonly rejection: Rejection };
}

type Tagged = TSchema & { readonly properties: { readonly type: { readonly const: string } } };

type Check<Value> = (value: unknown) => value is Value;

/**
 * A codec for the union of `schemas`, which must say what `Value` says: each schema file proves that with `Same`. The check
 * of each type is compiled when it is first needed: most nodes never see most types, and starting must be fast.
 */
export function createCodec<Value extends { readonly type: string }>(
  schemas: readonly Tagged[],
  bounds: CborBounds,
): Codec<Value> {
  const known = new Map<string, TSchema>(schemas.map((schema) => [schema.properties.type.const, schema]));
  const checks = new Map<string, Check<Value>>();
  const checkFor = (type: string): Check<Value> | undefined => {
    const compiled = checks.get(type);
    if (compiled !== undefined) return compiled;
    const schema = known.get(type);
    if (schema === undefined) return undefined;
    const validator = Compile(schema);
    const check = (value: unknown): value is Value => validator.Check(value);
    checks.set(type, check);
    return check;
  };
  return {
    encode: encodeCbor,
    decode(bytes) {
      const decoded = decodeCbor(bytes, bounds);
      if (typeof decoded === "string") return reject(decoded, `its bytes are unusable (${decoded})`);
      const { value } = decoded;
      const type = typeOf(value);
      const check = type === undefined ? undefined : checkFor(type);
      if (check === undefined) return reject("unknown-type", `it is of a type that is not known here (${type})`);
      if (!check(value)) return reject("invalid", `it is no valid "${type}"`);
      return { value };
    },
  };
}

function reject(code: Rejection["code"], text: string): { readonly rejection: Rejection } {
  return { rejection: { code, text } };
}

const LONGEST_TYPE_SHOWN = 32;

function typeOf(value: unknown): string | undefined {
  if (typeof value !== "object" || value === null || !("type" in value)) return undefined;
  return typeof value.type === "string" ? value.type.slice(0, LONGEST_TYPE_SHOWN) : undefined;
}
