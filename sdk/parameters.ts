// Parameters with units. In the CIB every parameter is a string; these helpers say how it is read, so that a plugin gets
// milliseconds, bytes or words and never parses by itself. Each returns a TypeBox schema with one extra member, `systole`.

import * as Type from "typebox";

/** How the host turns the string of the CIB into the value of a schema that carries the mark. */
export type ParameterReading = "secret" | "duration" | "words";

/** A string that is blotted out in every log, status and error. `description`: what it is ("BMC password"). */
export function Secret(description: string, options: { readonly default?: string } = {}) {
  return Type.String({ description, systole: "secret" satisfies ParameterReading, ...options });
}

/**
 * A length of time; the plugin gets milliseconds (a whole number). Written `500ms`, `20s`, `5min`, `2h`, or a plain number
 * of seconds, as everywhere in the CIB. `defaultMs` makes it optional for the admin.
 */
export function Duration(
  description: string,
  options: { readonly defaultMs?: number; readonly minimumMs?: number; readonly maximumMs?: number } = {},
) {
  return Type.Integer({
    description,
    systole: "duration" satisfies ParameterReading,
    minimum: options.minimumMs ?? 0,
    maximum: options.maximumMs ?? MAXIMUM_DURATION_MS,
    ...(options.defaultMs === undefined ? {} : { default: options.defaultMs }),
  });
}

/** No duration is longer than what a timer can hold (2^31 - 1 ms, almost 25 days). */
export const MAXIMUM_DURATION_MS = 2_147_483_647;

/**
 * A list of words, separated by blanks; quotes ('...' or "...") keep blanks, a backslash keeps the next character.
 * For arguments and lists of NAME=value. No shell is involved: `$x`, `*` and `;` are just characters.
 */
export function Words(description: string, options: { readonly default?: string[]; readonly maxItems?: number } = {}) {
  return Type.Array(Type.String(), {
    description,
    systole: "words" satisfies ParameterReading,
    maxItems: options.maxItems ?? 1_000,
    ...(options.default === undefined ? {} : { default: options.default }),
  });
}
