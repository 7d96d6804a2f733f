// What is wrong with a plugin or its use, as one line: where, what, and the remedy from the table in sdk/errors.ts.

import { PLUGIN_ERRORS, type PluginErrorCode } from "../../../sdk/errors.ts";

/** An expected failure of a plugin; its message is complete, cause to remedy. */
export class PluginError extends Error {
  override readonly name = "PluginError";
  readonly code: PluginErrorCode;

  /** `what`: a sentence that names the file or the resource; the table's remedy is added. */
  constructor(code: PluginErrorCode, what: string, options?: ErrorOptions) {
    super(`${oneLine(what)} ${PLUGIN_ERRORS[code]}`, options);
    this.code = code;
  }
}

/** Any text as one line, not longer than a status line should be. */
export function oneLine(text: string, limit = 600): string {
  const line = text.replace(/\s*\n\s*/g, " ").trim();
  return line.length <= limit ? line : `${line.slice(0, limit)}…`;
}
