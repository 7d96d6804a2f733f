// Expected failures of the edge, from one table: each has a code for programs, a sentence for people (cause, effect, next
// step) and the exit code with which a process ends because of it. A bug is no expected failure: see runtime/kernel/assert.ts.

/** Exit codes of every Systole process, after sysexits.h so that systemd and scripts understand them. */
export const EXIT = {
  /** All went well; for `systole node`: stopped as asked. */
  ok: 0,
  /** What was asked for did not happen (refused, failed, not found). */
  failed: 1,
  /** The command line is wrong. */
  usage: 64,
  /** The data given is wrong: an invalid CIB, for instance. */
  data: 65,
  /** The node is not running or does not answer. */
  unavailable: 69,
  /** A bug in Systole. The node stopped at once, and its peers fence it. */
  bug: 70,
  /** Something of the operating system is missing: a socket, a port, a thread. */
  system: 71,
  /** A file or directory cannot be created. */
  cannotCreate: 73,
  /** Reading or writing failed: full disk, I/O error. */
  io: 74,
  /** Another process is in the way: Systole runs already, or another cluster stack does. Try again when it has gone. */
  inUse: 75,
  /** Permissions are missing, or those of a secret are too wide. */
  permission: 77,
  /** The configuration is wrong. */
  config: 78,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** Every code of an expected failure, and the exit code it leads to. */
export const ERROR_CODES = {
  "config-unreadable": EXIT.config,
  "config-not-json": EXIT.config,
  "config-unknown-key": EXIT.config,
  "config-invalid": EXIT.config,
  "config-two-transports": EXIT.config,
  "config-lossy": EXIT.config,
  "key-unreadable": EXIT.config,
  "key-invalid": EXIT.config,
  "key-permissions": EXIT.permission,
  "key-exists": EXIT.cannotCreate,
  "key-unwritable": EXIT.cannotCreate,
  "already-running": EXIT.inUse,
  "other-cluster": EXIT.inUse,
  "port-used": EXIT.inUse,
  "port-permission": EXIT.permission,
  "address-missing": EXIT.config,
  "socket-failed": EXIT.system,
  "socket-path": EXIT.cannotCreate,
  "directory-unwritable": EXIT.cannotCreate,
  "directory-permission": EXIT.permission,
  "disk-full": EXIT.io,
  "disk-read-only": EXIT.io,
  "disk-failed": EXIT.io,
  "store-damaged": EXIT.io,
  "store-version": EXIT.data,
  "store-not-empty": EXIT.cannotCreate,
  "backup-exists": EXIT.cannotCreate,
  "backup-unwritable": EXIT.cannotCreate,
  "backup-unreadable": EXIT.data,
  "backup-invalid": EXIT.data,
  "backup-version": EXIT.data,
  "plugin-invalid": EXIT.config,
  "pulse-failed": EXIT.system,
  "not-running": EXIT.unavailable,
  "no-answer": EXIT.unavailable,
  "connection-lost": EXIT.unavailable,
  "socket-permission": EXIT.permission,
  "api-version": EXIT.unavailable,
  "request-invalid": EXIT.usage,
  "request-unknown": EXIT.usage,
  "request-too-large": EXIT.data,
  "reply-invalid": EXIT.unavailable,
  "too-many-clients": EXIT.unavailable,
  "too-many-requests": EXIT.unavailable,
  "not-found": EXIT.failed,
  stopping: EXIT.unavailable,
} as const satisfies Readonly<Record<string, ExitCode>>;

export type ErrorCode = keyof typeof ERROR_CODES;

/** An expected failure. `message` is one line for people: cause, effect, next step. */
export class SystoleError extends Error {
  override readonly name = "SystoleError";
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(joinLines(message), options);
    this.code = code;
  }

  /** With which a process ends that cannot go on because of this. */
  get exitCode(): ExitCode {
    return ERROR_CODES[this.code];
  }
}

/** Is this string one of our codes? For errors that came over a socket or from another thread. */
export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERROR_CODES, code);
}

/** The `code` of an error of Node (ENOENT, EADDRINUSE, …), or "" when it has none. */
export function systemCode(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
}

/** What an unknown thrown thing says, in one line. */
export function errorText(error: unknown): string {
  return joinLines(error instanceof Error ? error.message : String(error));
}

/**
 * Lines as one: each line end becomes a blank, with the blanks around it. In a time that grows with the text and no faster:
 * what is read here may be written by somebody who wants to keep this process busy.
 */
export function joinLines(text: string): string {
  return text.replace(/\s+/g, (blanks) => (/[\r\n]/.test(blanks) ? " " : blanks));
}
