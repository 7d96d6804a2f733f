// The log of a node: one JSON object a line (or a line for people), to stderr or a file. Written behind the node's back, with
// a bound on what waits, so that a full pipe never stops the cluster; what no longer fits is dropped.

import pino from "pino";
import { errorText, SystoleError } from "./errors.ts";

/** Lines that a reader has not taken yet, in bytes. */
const MAX_BACKLOG_BYTES = 4 * 1024 * 1024;

export type LogLevel = "debug" | "info" | "warn" | "error";

/** What stands beside the text of a line. */
export type LogFields = Readonly<Record<string, string | number | boolean | undefined>>;

/** The log of a node. */
export interface Log {
  write(level: LogLevel, text: string, fields?: LogFields): void;
  /** Everything that waits is written now; for the last words of a process. */
  flush(): void;
}

/** Where lines go and how they look. */
export interface LogOptions {
  readonly node: string;
  readonly level: LogLevel;
  readonly format: "json" | "human";
  /** stderr when absent. */
  readonly file?: string;
}

const STDERR = 2;

/**
 * Opens the log.
 * @throws SystoleError `directory-unwritable` when the file cannot be opened.
 */
export function openLog(options: LogOptions): Log {
  const destination = openDestination(options);
  // A reader that went away, or a full disk, must not end the node; the next line tries again.
  destination.on("error", () => {});
  const stream =
    options.format === "json" ? destination : { write: (line: string) => destination.write(humanLine(line)) };
  const logger = pino(
    { level: options.level, base: { node: options.node }, timestamp: pino.stdTimeFunctions.isoTime },
    stream,
  );
  return {
    write(level, text, fields = {}) {
      logger[level](fields, text);
    },
    flush() {
      try {
        destination.flushSync();
      } catch {
        // Nobody reads any more.
      }
    },
  };
}

function openDestination(options: LogOptions) {
  try {
    return pino.destination({
      dest: options.file ?? STDERR,
      sync: false,
      append: true,
      mode: 0o600,
      maxLength: MAX_BACKLOG_BYTES,
    });
  } catch (error) {
    throw new SystoleError(
      "directory-unwritable",
      `The log file ${options.file} cannot be opened, so the node does not start (${errorText(error)}). Make its folder, or set "log.file" to another.`,
    );
  }
}

const LEVEL_WORDS: Readonly<Record<number, string>> = { 20: "debug", 30: "info", 40: "WARN", 50: "ERROR" };

/** `12:34:56.789 n1 WARN view: …` */
function humanLine(json: string): string {
  const line: Readonly<Record<string, unknown>> = JSON.parse(json);
  const { time, node, level, msg, code } = line;
  const clock = typeof time === "string" ? time.slice(11, 23) : "";
  const word = typeof level === "number" ? (LEVEL_WORDS[level] ?? "") : "";
  const from = typeof code === "string" ? `${code}: ` : "";
  return `${clock} ${String(node)} ${word} ${from}${String(msg)}\n`;
}
