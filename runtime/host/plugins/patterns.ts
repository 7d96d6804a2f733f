// Tries the patterns of a plugin's parameters on what was written, each for a bounded time: the pattern is the plugin's, the
// time is this process's, and a regular expression can take longer than a node has.

import { type Context, createContext, Script } from "node:vm";

const PATTERN_TIMEOUT_MS = 100;

const trial = new Script("new RegExp(pattern, 'u').test(text)");
/** Made when it is first needed. */
let room: Context | undefined;

/** Whether the pattern comes to an answer about the text in time. */
function answersInTime(pattern: string, text: string): boolean {
  room ??= createContext({});
  Object.assign(room, { pattern, text });
  try {
    trial.runInContext(room, { timeout: PATTERN_TIMEOUT_MS });
    return true;
  } catch (error) {
    // It comes from the other room, so it is no Error of this one.
    const code: unknown = typeof error === "object" && error !== null && "code" in error ? error.code : undefined;
    return code !== "ERR_SCRIPT_EXECUTION_TIMEOUT";
  }
}

/** Whether every pattern in the schema (plain data) comes to an answer about the value in time. */
export function patternsAnswer(schema: unknown, value: unknown): boolean {
  if (typeof schema !== "object" || schema === null || value === undefined) return true;
  const { pattern, items, properties, anyOf } = Object.fromEntries(Object.entries(schema));
  if (typeof pattern === "string" && typeof value === "string") return answersInTime(pattern, value);
  if (Array.isArray(anyOf)) return anyOf.every((choice) => patternsAnswer(choice, value));
  if (Array.isArray(value)) return value.every((one) => patternsAnswer(items, one));
  if (typeof properties !== "object" || properties === null || typeof value !== "object" || value === null) return true;
  const members = new Map(Object.entries(value));
  return Object.entries(properties).every(([name, property]) => patternsAnswer(property, members.get(name)));
}
