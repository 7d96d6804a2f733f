// What the value of an attribute may look like. One constant a kind; the grammar says which attribute is of which kind.
// Source of the forms: the data types of Pacemaker's schemas 3.x and 4.0, and "Pacemaker Explained" for durations.

import { parseIntervalMs, parseIsoDuration, parseMilliseconds } from "../duration.ts";
import { parseBoolean } from "../text.ts";

/** A kind of value. `wanted` completes "… is not"; `accepts` decides. */
export interface ValueKind {
  readonly wanted: string;
  accepts(value: string): boolean;
  /** The allowed words, where there are a few: for "did you mean". */
  readonly words?: readonly string[];
  /** An id of its own, to be unique in the configuration. */
  readonly defines?: boolean;
  /** Names one of these elements by id. */
  readonly refersTo?: readonly string[];
}

export const TEXT: ValueKind = { wanted: "any text", accepts: () => true };

export const NAME: ValueKind = { wanted: "a text that is not empty", accepts: (value) => value.trim() !== "" };

/** XML's name without a colon: begins with a letter or underscore. */
const NC_NAME = /^[\p{L}_][\p{L}\p{N}\p{M}._\-\u00b7]*$/u;

export const ID: ValueKind = {
  wanted: "an id, which begins with a letter or _ and goes on with letters, digits, dots, - and _",
  accepts: (value) => NC_NAME.test(value),
  defines: true,
};

/** A reference to one of these elements. */
export function reference(...elements: readonly string[]): ValueKind {
  return { wanted: "an id", accepts: (value) => value !== "", refersTo: elements };
}

/** One of a few words. */
export function oneOf(...words: readonly string[]): ValueKind {
  return { wanted: `one of ${words.join(", ")}`, accepts: (value) => words.includes(value), words };
}

/** As the schema types it: XML's boolean. */
export const BOOLEAN: ValueKind = oneOf("true", "false", "1", "0");

/** As options type it: any spelling that Pacemaker reads. */
export const LOOSE_BOOLEAN: ValueKind = {
  wanted: "true or false",
  accepts: (value) => parseBoolean(value) !== undefined,
  words: ["true", "false"],
};

export const INTEGER: ValueKind = { wanted: "a whole number", accepts: (value) => /^\s*[+-]?\d{1,18}\s*$/.test(value) };

export const COUNT: ValueKind = {
  wanted: "a whole number of at least 0",
  accepts: (value) => /^\s*\+?\d{1,15}\s*$/.test(value),
};

export const POSITIVE: ValueKind = {
  wanted: "a whole number of at least 1",
  accepts: (value) => /^\s*\+?0*[1-9]\d{0,14}\s*$/.test(value),
};

export const SCORE: ValueKind = {
  wanted: "a score: a whole number, INFINITY or -INFINITY",
  accepts: (value) => /^\s*[+-]?\d{1,18}\s*$/.test(value) || /^[+-]?INFINITY$/.test(value),
};

/** A score in an option: colours of node health count as well, and what stands behind a decimal point is ignored. */
export const OPTION_SCORE: ValueKind = {
  wanted: SCORE.wanted,
  accepts: (value) => SCORE.accepts(value) || /^[+-]?\d{1,15}\.\d{0,15}$|^(red|yellow|green)$/i.test(value),
};

export const DURATION: ValueKind = {
  wanted: 'a length of time, such as "20s", "500ms", "5min" or "PT1H"',
  accepts: (value) =>
    value.startsWith("P") ? parseIsoDuration(value) !== undefined : (parseMilliseconds(value) ?? -1) >= 0,
};

/** A length of time that makes sense as an interval of monitors: 0 for none. */
export const INTERVAL: ValueKind = {
  wanted: DURATION.wanted,
  accepts: (value) => DURATION.accepts(value) && parseIntervalMs(value) >= 0,
};

/** Several ids, with commas between. */
export const DEVICE_LIST: ValueKind = {
  wanted: "a list of fence devices' ids, with commas between and nothing else",
  accepts: (value) => /^[a-zA-Z0-9_.-]+(,[a-zA-Z0-9_.-]+)*$/.test(value),
};
