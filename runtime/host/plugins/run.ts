// Runs one command for a plugin: no shell, a process group of its own, output capped, ended with the call's deadline.

import { type ChildProcess, spawn } from "node:child_process";
import { statSync } from "node:fs";
import { AgentError, type RunOptions, type RunResult } from "../../../sdk/mod.ts";
import { errorText, systemCode } from "../errors.ts";
import { environmentFor } from "./environment.ts";
import { oneLine } from "./plugin-error.ts";

/** Of stdout and stderr each. */
const OUTPUT_LIMIT_BYTES = 1024 * 1024;
/** Between SIGTERM and SIGKILL, when a command is aborted. */
const KILL_GRACE_MS = 500;
/** How long output may still come after the command's own end: something that it left behind may hold the pipe open. */
const OUTPUT_GRACE_MS = 200;

/** Why a program could not be started, as an AgentError. */
export function startError(program: string, directory: string, error: unknown): AgentError {
  const code = systemCode(error);
  if (code === "ENOENT" || code === "ENOTDIR") {
    if (statSync(directory, { throwIfNoEntry: false })?.isDirectory() !== true) {
      return new AgentError(
        "arguments",
        `The working directory ${directory} does not exist on this node, so ${program} was not started.`,
      );
    }
    return new AgentError(
      "not-installed",
      `The program ${program} is not installed on this node: install it, or correct its path.`,
    );
  }
  if (code === "EACCES" || code === "EPERM") {
    return new AgentError(
      "privileges",
      `The program ${program} may not be executed by Systole's user (${code}): check its permissions.`,
    );
  }
  return new AgentError("generic", `The program ${program} could not be started: ${errorText(error)}.`);
}

function signalGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  // Until the exit is noticed the pid belongs to the child (as a zombie at least), so the group is the right one.
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
  try {
    process.kill(-child.pid, signal);
  } catch {
    // The whole group has just ended.
  }
}

/** Ends a command that is no longer wanted. The caller does not wait for it. */
function endGroup(child: ChildProcess): void {
  signalGroup(child, "SIGTERM");
  const timer = setTimeout(() => signalGroup(child, "SIGKILL"), KILL_GRACE_MS);
  child.once("exit", () => clearTimeout(timer));
}

/** Collects a stream up to the limit; `overflow` is called once when there is more. */
function collect(stream: NodeJS.ReadableStream | null, overflow: () => void): () => string {
  const chunks: Buffer[] = [];
  let size = 0;
  stream?.on("data", (chunk: Buffer) => {
    size += chunk.length;
    if (size <= OUTPUT_LIMIT_BYTES) chunks.push(chunk);
    else overflow();
  });
  // A broken pipe is no news: how the command ended is.
  stream?.on("error", () => undefined);
  return () => Buffer.concat(chunks).toString("utf8");
}

/** What runCommand needs to know of its surroundings. */
export interface RunSurroundings {
  readonly signal: AbortSignal;
  readonly childEnvironment: Readonly<Record<string, string>>;
  /** Whom it runs as; this node's own user if not given. Without further groups. */
  readonly user?: { readonly uid: number; readonly gid: number };
}

/** Runs the command and resolves with its end; see `Run` in sdk/context.ts for how it rejects. */
export function runCommand(
  program: string,
  args: readonly string[],
  options: RunOptions,
  { signal, childEnvironment, user }: RunSurroundings,
): Promise<RunResult> {
  const directory = options.directory ?? "/";
  const env = environmentFor(childEnvironment, { LC_ALL: "C", ...options.env });
  return new Promise((resolve, reject) => {
    const child = spawn(program, [...args], { cwd: directory, env, detached: true, stdio: "pipe", ...user });
    const fail = (error: unknown): void => {
      signal.removeEventListener("abort", onAbort);
      reject(error);
    };
    const onAbort = (): void => {
      endGroup(child);
      fail(signal.reason);
    };
    const tooMuch = (): void => {
      endGroup(child);
      fail(new AgentError("generic", `${program} printed more than ${OUTPUT_LIMIT_BYTES} bytes and was ended.`));
    };
    const stdout = collect(child.stdout, tooMuch);
    const stderr = collect(child.stderr, tooMuch);
    signal.addEventListener("abort", onAbort, { once: true });
    child.once("error", (error) => fail(startError(program, directory, error)));
    child.once("exit", () => {
      setTimeout(() => {
        child.stdout.destroy();
        child.stderr.destroy();
      }, OUTPUT_GRACE_MS).unref();
    });
    child.once("close", (code, ended) => {
      signal.removeEventListener("abort", onAbort);
      const result = { code: code ?? -1, stdout: stdout(), stderr: stderr() };
      if (result.code === 0 || options.allowFailure === true) resolve(result);
      else reject(new AgentError("generic", failure(program, result, ended)));
    });
    child.stdin.on("error", () => undefined);
    child.stdin.end(options.input ?? "");
  });
}

function failure(program: string, result: RunResult, ended: string | null): string {
  const how = ended === null ? `exit code ${result.code}` : `signal ${ended}`;
  const said = oneLine(result.stderr.trim() || result.stdout.trim(), 300);
  return `${program} failed with ${how}${said === "" ? " and said nothing" : `: ${said}`}`;
}
