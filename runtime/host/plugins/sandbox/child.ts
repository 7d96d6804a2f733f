// A guest's process as the host holds it: lines in both directions under a limit, what it says on stderr, and its end.
// Nothing is understood here; what a line means is the session's business.

import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { errorText } from "../../errors.ts";
import { oneLine } from "../plugin-error.ts";
import type { GuestProgram } from "./program.ts";
import { LINE_LIMIT_BYTES } from "./wire.ts";

/** An honest guest ends with its input. */
const END_GRACE_MS = 200;
/** Between the polite end (SIGTERM) and the other (SIGKILL). */
const KILL_GRACE_MS = 300;
/** Waiting for a guest that does not read: beyond it, the guest is ended. */
const OUTPUT_QUEUE_LIMIT_BYTES = 16 * 1024 * 1024;
/** With so much collected in one turn, it is written at once. */
const OUTPUT_PIECE_CHARACTERS = 64 * 1024;
/** With so much waiting, datagrams for it are dropped. */
const CONGESTED_BYTES = 1024 * 1024;
/** Of stderr, the end is kept: there stands why a guest died. */
const STDERR_KEPT_BYTES = 2_048;

const NEWLINE = 0x0a;

/** What the session hears. */
export interface ChildListener {
  line(text: string): void;
  /** Once, when it is over. `why`: a clause such as "ended with exit code 1: out of memory". */
  ended(why: string): void;
}

/** Starts the program of a guest and cuts what it says into lines. */
export class GuestChild {
  readonly pid: number | undefined;
  private readonly child: ChildProcess;
  private readonly listener: ChildListener;
  private pieces: Buffer[] = [];
  private piecesBytes = 0;
  private stderr = Buffer.alloc(0);
  /** What is to be written once this turn is over. */
  private outgoing = "";
  private over = false;
  /** Why the host ended it, if it did. */
  private verdict: string | undefined;
  private killTimer: NodeJS.Timeout | undefined;
  readonly exited: Promise<void>;

  constructor(program: GuestProgram, folder: string, listener: ChildListener) {
    this.listener = listener;
    const [command, ...args] = program.command;
    const executable = program.executable === undefined ? undefined : openSync(program.executable, "r");
    try {
      this.child = spawn(command, args, {
        cwd: folder,
        env: program.env,
        stdio: ["pipe", "pipe", "pipe", executable ?? "ignore"],
        detached: true,
      });
    } finally {
      if (executable !== undefined) closeSync(executable);
    }
    this.pid = this.child.pid;
    this.exited = new Promise((resolve) => {
      this.child.once("exit", (code, signal) => {
        clearTimeout(this.killTimer);
        this.finish(code, signal);
        resolve();
      });
      this.child.once("error", (error) => {
        this.verdict ??= `could not be started: ${errorText(error)}`;
        this.finish(null, null);
        resolve();
      });
    });
    this.child.stdout?.on("data", (chunk: Buffer) => this.take(chunk));
    this.child.stderr?.on("data", (chunk: Buffer) => {
      this.stderr = Buffer.concat([this.stderr, chunk]).subarray(-STDERR_KEPT_BYTES);
    });
    for (const stream of [this.child.stdin, this.child.stdout, this.child.stderr]) stream?.on("error", () => undefined);
  }

  /**
   * Writes a line, with all others of this turn at once: a guest that sleeps is then woken once for all of them. A guest that
   * lets too much wait does not read, and is ended.
   */
  write(line: string): void {
    if (this.over) return;
    if (this.outgoing === "") process.nextTick(() => this.flush());
    this.outgoing += `${line}\n`;
    if (this.outgoing.length > OUTPUT_PIECE_CHARACTERS) this.flush();
  }

  private flush(): void {
    const { outgoing } = this;
    this.outgoing = "";
    if (this.over || this.child.stdin === null || outgoing === "") return;
    this.child.stdin.write(outgoing);
    if (this.child.stdin.writableLength > OUTPUT_QUEUE_LIMIT_BYTES) this.kill("did not read what it was told");
  }

  /** Whether so much waits for it that what may be lost had better be. */
  get congested(): boolean {
    return (this.child.stdin?.writableLength ?? 0) > CONGESTED_BYTES;
  }

  /** Stops or goes on listening to what it says; meanwhile it fills the pipe and then has to wait. */
  listen(on: boolean): void {
    if (on) this.child.stdout?.resume();
    else this.child.stdout?.pause();
  }

  /** Ends it at once. `why`: a clause that says what it did. */
  kill(why: string): void {
    if (this.over) return;
    this.verdict ??= why;
    this.signal("SIGKILL");
    this.finish(null, "SIGKILL");
  }

  /** Ends it in peace: end of input, then SIGTERM, then SIGKILL. Resolves when it is gone. */
  async close(): Promise<void> {
    this.verdict ??= "was ended by the host";
    this.flush();
    this.child.stdin?.end();
    this.killTimer = setTimeout(() => {
      this.signal("SIGTERM");
      this.killTimer = setTimeout(() => this.signal("SIGKILL"), KILL_GRACE_MS);
    }, END_GRACE_MS);
    await this.exited;
  }

  private signal(signal: NodeJS.Signals): void {
    const { pid } = this.child;
    if (pid === undefined || this.child.exitCode !== null || this.child.signalCode !== null) return;
    try {
      process.kill(-pid, signal);
    } catch {
      this.child.kill(signal);
    }
  }

  private finish(code: number | null, signal: NodeJS.Signals | null): void {
    if (this.over) return;
    this.over = true;
    this.child.stdin?.destroy();
    this.child.stdout?.destroy();
    const said = oneLine(this.stderr.toString("utf8"), 300);
    const how = signal === null ? `ended with exit code ${code ?? -1}` : `was ended by ${signal}`;
    this.listener.ended(this.verdict ?? `${how}${said === "" ? "" : `: ${said}`}`);
  }

  private take(chunk: Buffer): void {
    let rest = chunk;
    while (!this.over) {
      const end = rest.indexOf(NEWLINE);
      const piece = end < 0 ? rest : rest.subarray(0, end);
      this.piecesBytes += piece.length;
      if (this.piecesBytes > LINE_LIMIT_BYTES) {
        this.kill(`sent a line of more than ${LINE_LIMIT_BYTES} bytes`);
        return;
      }
      if (end < 0) {
        if (piece.length > 0) this.pieces.push(piece);
        return;
      }
      const line = this.pieces.length === 0 ? piece : Buffer.concat([...this.pieces, piece]);
      this.pieces = [];
      this.piecesBytes = 0;
      rest = rest.subarray(end + 1);
      this.listener.line(line.toString("utf8"));
    }
  }
}
