// What a command has of the world: where it writes, what it may ask, which terminal it is on. Tests give their own.

import { createInterface } from "node:readline/promises";
import { EXIT, errorText } from "../host/errors.ts";
import type { RenderOptions } from "./render/text.ts";

/** The surroundings of one run of the program. */
export interface CliIo {
  out(text: string): void;
  err(text: string): void;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Is standard output a terminal, and how large at this moment. */
  readonly outIsTerminal: boolean;
  readonly columns: number;
  readonly rows: number;
  /** Can a person be asked. */
  readonly inIsTerminal: boolean;
  /** Asks a person; the answer without its line end, undefined when the input has ended. */
  ask(question: string): Promise<string | undefined>;
  readStdin(maxBytes: number): Promise<Uint8Array>;
  /** Aborted when the person wants out (Ctrl-C). Who asks for it takes over what Ctrl-C does. */
  interrupted(): AbortSignal;
  /** Ends the process at once, for a daemon that must not linger. */
  exit(code: number): never;
}

/** The size when nobody says one. */
const DEFAULT_COLUMNS = 80;
const DEFAULT_ROWS = 24;
/** Without a terminal, lines are as long as they need to be, within reason. */
const PIPE_COLUMNS = 240;

/** The surroundings of this process. */
export function processIo(): CliIo {
  let interrupt: AbortController | undefined;
  const interrupted = (): AbortSignal => {
    if (interrupt === undefined) {
      const made = new AbortController();
      process.once("SIGINT", () => made.abort());
      interrupt = made;
    }
    return interrupt.signal;
  };
  // A reader that has seen enough (head) is no error.
  process.stdout.on("error", (error) => {
    if ("code" in error && error.code === "EPIPE") process.exit(EXIT.ok);
    process.stderr.write(
      `systole: The output cannot be written (${errorText(error)}), so it is not whole. Send it elsewhere.\n`,
    );
    process.exit(EXIT.io);
  });
  // Where complaints cannot be written, nobody can be told; the exit code still says what happened.
  process.stderr.on("error", () => {});
  return {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    env: process.env,
    outIsTerminal: process.stdout.isTTY === true,
    get columns() {
      return process.stdout.isTTY === true ? (process.stdout.columns ?? DEFAULT_COLUMNS) : PIPE_COLUMNS;
    },
    get rows() {
      return process.stdout.rows ?? DEFAULT_ROWS;
    },
    inIsTerminal: process.stdin.isTTY === true,
    ask,
    readStdin,
    interrupted,
    exit: (code) => process.exit(code),
  };
}

async function ask(question: string): Promise<string | undefined> {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  const ended = new Promise<undefined>((resolve) => lines.once("close", () => resolve(undefined)));
  const answer = await Promise.race([lines.question(question), ended]);
  lines.close();
  return answer;
}

async function readStdin(maxBytes: number): Promise<Uint8Array> {
  const pieces: Buffer[] = [];
  let bytes = 0;
  for await (const piece of process.stdin) {
    const buffer = Buffer.from(piece);
    bytes += buffer.length;
    pieces.push(buffer);
    if (bytes > maxBytes) break;
  }
  return Buffer.concat(pieces);
}

/** How to draw on this terminal: colour only there, and never against NO_COLOR (no-color.org); glyphs where the locale has them. */
export function renderOptions(io: CliIo): RenderOptions {
  const { env } = io;
  const refused = (env["NO_COLOR"] ?? "") !== "" || env["TERM"] === "dumb";
  const locale = env["LC_ALL"] || env["LC_CTYPE"] || env["LANG"] || "";
  return { width: io.columns, colour: io.outIsTerminal && !refused, unicode: /utf-?8/i.test(locale) };
}
