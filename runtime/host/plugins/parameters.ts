// From the strings of the CIB to the values that a plugin gets: read by the schema, defaults filled in, validated whole.
// What is wrong is refused in one sentence that names every parameter at fault.

import type { TObject, TSchema } from "typebox";
import { Value } from "typebox/value";
import { patternsAnswer } from "./patterns.ts";
import { PluginError } from "./plugin-error.ts";
import type { ParameterDescription } from "./types.ts";

/** Parameters as a plugin gets them, and what must never be printed. */
export interface ReadParameters {
  readonly values: Readonly<Record<string, unknown>>;
  readonly secrets: readonly string[];
}

/** A member of a schema that is not in TypeBox's types (`systole`, `default`, `description`, ...). */
function member(schema: TSchema, name: string): unknown {
  return Object.entries(schema).find(([key]) => key === name)?.[1];
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

/** Milliseconds of `500ms`, `20s`, `5min`, `2h`, `20` (seconds), in the spellings that Pacemaker takes; undefined if it is none. */
export function readDuration(written: string): number | undefined {
  const match = /^\s*(\d{1,10})\s*(ms|msec|us|usec|s|sec|m|min|h|hr)?\s*$/i.exec(written);
  if (match === null) return undefined;
  const count = Number(match[1]);
  switch ((match[2] ?? "s").toLowerCase()) {
    case "ms":
    case "msec":
      return count;
    case "us":
    case "usec":
      return Math.floor(count / 1_000);
    case "m":
    case "min":
      return count * 60_000;
    case "h":
    case "hr":
      return count * 3_600_000;
    default:
      return count * 1_000;
  }
}

/** A duration as it would be written. */
function writeDuration(durationMs: number): string {
  return durationMs % 1_000 === 0 ? `${durationMs / 1_000}s` : `${durationMs}ms`;
}

/** Splits at blanks; '...' and "..." keep blanks, a backslash (not within '...') keeps the next character. Undefined if a quote is open. */
export function readWords(written: string): string[] | undefined {
  const words: string[] = [];
  let word: string | undefined;
  let quote = "";
  for (let index = 0; index < written.length; index += 1) {
    const character = written.charAt(index);
    if (character === "\\" && quote !== "'") {
      index += 1;
      if (index >= written.length) return undefined;
      word = (word ?? "") + written.charAt(index);
    } else if (quote !== "") {
      if (character === quote) quote = "";
      else word = (word ?? "") + character;
    } else if (character === '"' || character === "'") {
      quote = character;
      word ??= "";
    } else if (/\s/.test(character)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else {
      word = (word ?? "") + character;
    }
  }
  if (quote !== "") return undefined;
  if (word !== undefined) words.push(word);
  return words;
}

/** A word as it would be written. */
function writeWord(word: string): string {
  return /^[\w@%+=:,./{}-]+$/.test(word) ? word : `"${word.replace(/(["\\])/g, "\\$1")}"`;
}

const BOOLEANS: Readonly<Record<string, boolean>> = {
  true: true,
  yes: true,
  on: true,
  y: true,
  "1": true,
  false: false,
  no: false,
  off: false,
  n: false,
  "0": false,
};

/** The value of a written string by its schema; the string itself where it cannot be read, for the validation to name it. */
function readValue(schema: TSchema, written: string): unknown {
  const reading = member(schema, "systole");
  if (reading === "duration") return readDuration(written) ?? written;
  if (reading === "words") return readWords(written) ?? written;
  const type = member(schema, "type");
  if (type === "integer" || type === "number") {
    return /^\s*[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?\s*$/i.test(written) ? Number(written) : written;
  }
  if (type === "boolean") return BOOLEANS[written.trim().toLowerCase()] ?? written;
  if (type === "array" || type === "object") {
    try {
      return JSON.parse(written);
    } catch {
      return written;
    }
  }
  return written;
}

function expectation(schema: TSchema, fallback: string): string {
  const reading = member(schema, "systole");
  if (reading === "duration") return `must be a length of time such as 500ms, 20s or 5min (${fallback})`;
  if (reading === "words") return "must be words separated by blanks, with every quote closed";
  const values = allowedValues(schema);
  return values === undefined ? fallback : `must be one of ${values.join(", ")}`;
}

/** The values of an enumeration (Type.Enum, or a union of literals). */
function allowedValues(schema: TSchema): readonly string[] | undefined {
  const enumeration = member(schema, "enum");
  if (Array.isArray(enumeration)) return enumeration.map(String);
  const union: unknown = member(schema, "anyOf");
  if (!Array.isArray(union)) return undefined;
  const constants = union.map((option: unknown) =>
    typeof option === "object" && option !== null && "const" in option ? option.const : undefined,
  );
  return constants.every((value) => value !== undefined) ? constants.map(String) : undefined;
}

/**
 * Reads the parameters of an instance. `who` begins the sentence of a refusal: `web (ocf:systole:process)`.
 * Values that are no strings (a transport's settings come from JSON) are taken as they are. Throws PluginError `plugin-parameters`.
 */
export function readParameters(schema: TObject, given: Readonly<Record<string, unknown>>, who: string): ReadParameters {
  const known = Object.entries(schema.properties);
  const unknown = Object.keys(given).filter((name) => !Object.hasOwn(schema.properties, name));
  if (unknown.length > 0) {
    const names = known.map(([name]) => name).sort();
    const there = names.length === 0 ? "It has no parameters." : `It has ${names.join(", ")}.`;
    throw new PluginError("plugin-parameters", `${who} has no parameter ${unknown.sort().join(", ")}. ${there}`);
  }
  const read: Record<string, unknown> = {};
  for (const [name, property] of known) {
    const value = given[name];
    if (value !== undefined) read[name] = typeof value === "string" ? readValue(property, value) : value;
  }
  const filled: unknown = Value.Default(schema, read);
  const values: Record<string, unknown> = typeof filled === "object" && filled !== null ? { ...filled } : {};
  const endless = known.find(([name, property]) => !patternsAnswer(property, values[name]));
  if (endless !== undefined)
    throw new PluginError(
      "plugin-parameters",
      `${who}: the pattern of parameter ${endless[0]} comes to no answer in time.`,
    );
  if (!Value.Check(schema, values)) {
    throw new PluginError("plugin-parameters", `${who}: ${complaints(schema, values).join("; ")}.`);
  }
  const secrets = known
    .filter(([, property]) => member(property, "systole") === "secret")
    .map(([name]) => Object.entries(values).find(([key]) => key === name)?.[1])
    .filter((value) => typeof value === "string")
    .filter((value) => value !== "");
  return { values: Object.freeze({ ...values }), secrets };
}

/** Names of the parameters without which the schema refuses. */
function requiredNames(schema: TObject): ReadonlySet<string> {
  return new Set(Array.isArray(schema.required) ? schema.required : []);
}

/** One clause for each parameter at fault. Values are not quoted: one of them may be a secret in the wrong place. */
function complaints(schema: TObject, values: Readonly<Record<string, unknown>>): string[] {
  const required = requiredNames(schema);
  const found: string[] = [];
  for (const name of Object.keys(schema.properties).sort()) {
    const property = schema.properties[name];
    const value = values[name];
    if (property === undefined) continue;
    if (value === undefined) {
      if (required.has(name)) found.push(`parameter ${name} is missing`);
    } else if (!Value.Check(property, value)) {
      const [error] = Value.Errors(property, value);
      found.push(`parameter ${name} ${expectation(property, error?.message ?? "is not valid")}`);
    }
  }
  return found;
}

/** The parameters of a schema in words. */
export function describeParameters(schema: TObject): ParameterDescription[] {
  const required = requiredNames(schema);
  return Object.entries(schema.properties).map(([name, property]) => {
    const preset = member(property, "default");
    const type =
      allowedValues(property)?.join("|") ?? (text(member(property, "systole")) || text(member(property, "type")));
    return {
      name,
      description: text(member(property, "description")),
      type: type === "" ? "string" : type,
      required: required.has(name) && preset === undefined,
      ...(preset === undefined || type === "secret" ? {} : { default: writeDefault(type, preset) }),
    };
  });
}

function writeDefault(type: string, preset: unknown): string {
  if (type === "duration" && typeof preset === "number") return writeDuration(preset);
  if (type === "words" && Array.isArray(preset)) return preset.map((word) => writeWord(String(word))).join(" ");
  return typeof preset === "object" ? JSON.stringify(preset) : String(preset);
}

/** Blots secrets out of a text. */
export function redact(line: string, secrets: readonly string[]): string {
  let clean = line;
  for (const secret of secrets) clean = clean.replaceAll(secret, "******");
  return clean;
}
