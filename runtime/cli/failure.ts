// How commands fail: with a code, a sentence and an exit code. The table of exit codes that --help shows is made here.

import { EXIT, type ExitCode, SystoleError } from "../host/errors.ts";

/** A command that did not do what was asked. `message` is for people: cause, effect, next step. */
export class CliFailure extends Error {
  override readonly name = "CliFailure";
  readonly code: string;
  readonly exitCode: ExitCode;
  /** More lines for people, below the first. */
  readonly details: readonly string[];

  constructor(code: string, exitCode: ExitCode, message: string, details: readonly string[] = []) {
    super(message);
    this.code = code;
    this.exitCode = exitCode;
    this.details = details;
  }
}

/** What was asked for does not exist, or the cluster does not want it. */
export function refused(code: string, message: string): CliFailure {
  return new CliFailure(code, EXIT.failed, message);
}

/** What a failure of any kind says. */
export interface FailureReport {
  readonly code: string;
  readonly message: string;
  readonly exitCode: ExitCode;
  readonly details: readonly string[];
}

/** Takes an expected failure apart; undefined for anything else, which is a bug. */
export function reportOf(error: unknown): FailureReport | undefined {
  if (error instanceof CliFailure || error instanceof SystoleError) {
    const { code, message, exitCode } = error;
    return { code, message, exitCode, details: error instanceof CliFailure ? error.details : [] };
  }
  return undefined;
}

const EXIT_WORDS: Readonly<Record<keyof typeof EXIT, string>> = {
  ok: "done",
  failed: "not done: refused by the cluster, not found, or failed",
  usage: "the command line is wrong",
  data: "the data is wrong (an invalid CIB); nothing was changed",
  unavailable: "the node does not run or answer, or it is unknown whether the change was made",
  bug: "a bug in Systole",
  system: "the operating system refused something: a socket, a port, a thread",
  cannotCreate: "a file or directory cannot be created",
  io: "reading or writing failed: full disk, I/O error",
  inUse: "another process is in the way",
  permission: "permissions are missing, or those of a secret are too wide",
  config: "the configuration is wrong",
};

const EXIT_NAMES = ["ok", "failed", "usage", "data", "unavailable", "bug", "system"] as const;
const MORE_EXIT_NAMES = ["cannotCreate", "io", "inUse", "permission", "config"] as const;

/** The table of exit codes, for --help. */
export function exitCodesText(): string {
  const names = [...EXIT_NAMES, ...MORE_EXIT_NAMES];
  return ["Exit codes:", ...names.map((name) => `  ${`${EXIT[name]}`.padStart(2)}  ${EXIT_WORDS[name]}`)].join("\n");
}
