// What a plugin's module exports, as plain data: the specification without its functions, and where the functions are.
// Used by the guest for plugins in the sandbox, and by the host for the transports that run inside it.

import type { Summary } from "../wire.ts";

/** Deeper than any specification is. */
const MAXIMUM_DEPTH = 12;

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return isObject(value) && !Array.isArray(value);
}

/** A copy that holds plain data only. Throws when there are circles, or depths without end. */
function plain(value: unknown, depth = 0): unknown {
  if (depth > MAXIMUM_DEPTH) throw new Error("its definition is nested too deeply");
  if (typeof value === "function" || typeof value === "symbol" || typeof value === "bigint") return undefined;
  if (Array.isArray(value)) return value.map((one) => plain(one, depth + 1) ?? null);
  if (!isRecord(value)) return value;
  const copy: [string, unknown][] = [];
  for (const [key, member] of Object.entries(value)) {
    const data = plain(member, depth + 1);
    if (data !== undefined) copy.push([key, data]);
  }
  return Object.fromEntries(copy);
}

/** Functions of a specification and of the groups in it. */
function functionsOf(spec: Record<string, unknown>): string[] {
  const found: string[] = [];
  for (const [name, member] of Object.entries(spec)) {
    if (typeof member === "function") found.push(name);
    else if (isRecord(member)) {
      for (const [inner, value] of Object.entries(member))
        if (typeof value === "function") found.push(`${name}.${inner}`);
    }
  }
  return found;
}

/** Summarizes an export. The specification is only touched when kind and API version are among the given. */
export function summarize(exported: unknown, kinds: readonly string[], apis: readonly number[]): Summary {
  if (!isRecord(exported) || !("kind" in exported)) return { branded: false };
  const { kind, api } = exported;
  const head = { branded: true, kind: plain(kind) ?? null, api: plain(api) ?? null };
  if (typeof kind !== "string" || !kinds.includes(kind)) return head;
  if (typeof api !== "number" || !apis.includes(api)) return head;
  const spec: unknown = exported["spec"];
  if (!isRecord(spec)) return { ...head, spec: null, functions: [] };
  return { ...head, spec: plain(spec), functions: functionsOf(spec) };
}
