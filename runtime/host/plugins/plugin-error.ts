// What is wrong with a plugin or its use, as one line: where, what, and the remedy from the table in sdk/errors.ts.

import { PLUGIN_ERRORS, type PluginErrorCode } from "../../../sdk/errors.ts";
import { joinLines } from "../errors.ts";

/** An expected failure of a plugin; its message is complete, cause to remedy. */
export class PluginError extends Error {
  override readonly name = "PluginError";
  readonly code: PluginErrorCode;
  /** It may be otherwise the next time: a process that ended or was too slow, perhaps because the machine was busy. */
  readonly passing: boolean;

  /** `what`: a sentence that names the file or the resource; the table's remedy is added. */
  constructor(code: PluginErrorCode, what: string, options: ErrorOptions & { readonly passing?: boolean } = {}) {
    super(`${oneLine(what)} ${PLUGIN_ERRORS[code]}`, options);
    this.code = code;
    this.passing = options.passing ?? false;
  }
}

/** What a terminal, a log or a document would take for more than text: control characters, changes of direction, halves of a pair. */
const NO_TEXT = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufffe\uffff]/gu;

/** Any text without what is none. */
export function plainText(text: string): string {
  return text.replace(NO_TEXT, "\ufffd");
}

/** Of a text that is to be one line, no more is looked at: a plugin's may be very long. */
const LOOKED_AT_CHARACTERS = 16_384;

/** Any text as one line, not longer than a status line should be, that does nothing to whatever shows it. */
export function oneLine(text: string, limit = 600): string {
  const seen = text.slice(0, LOOKED_AT_CHARACTERS);
  const line = plainText(joinLines(seen).replaceAll("\t", " ")).trim();
  return line.length <= limit && seen.length === text.length ? line : `${line.slice(0, limit)}…`;
}
