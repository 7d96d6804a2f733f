// A copy of the lock for people, in a node's state directory. What counts stands in the CIB; this is never read.

import { renameSync, writeFileSync } from "node:fs";
import { errorText } from "../../errors.ts";
import type { PluginLogLine } from "../types.ts";

/** Replaces the file as a whole; where that fails, the log says so. */
export function writeLockFile(file: string, text: string, log: (line: PluginLogLine) => void): void {
  try {
    writeFileSync(`${file}.new`, text, { mode: 0o600 });
    renameSync(`${file}.new`, file);
  } catch (error) {
    const why = `${file} could not be written: ${errorText(error)}. What counts stands in the CIB.`;
    log({ level: "warn", text: why });
  }
}
