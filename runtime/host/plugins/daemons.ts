// Long-lived processes that the host starts for an instance and finds again: the services themselves.
//
// They are no part of Systole's life: each has a session of its own, its output goes to a file, and nothing ends it when
// Systole ends. So a planned restart finds them by the identity in the instance's state, proven against the live process.
// Each carries SYSTOLE_DAEMON=TOKEN in its environment: by that and by its process group, what it leaves behind is found too.

import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import {
  closeSync,
  constants,
  fstatSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readSync,
  statSync,
  truncateSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import type { Static } from "typebox";
import * as Type from "typebox";
import { Compile } from "typebox/compile";
import {
  AgentError,
  type Daemon,
  type DaemonOptions,
  type DaemonState,
  type DaemonStop,
  type ProcessIdentity,
} from "../../../sdk/mod.ts";
import { errorText } from "../errors.ts";
import { environmentFor } from "./environment.ts";
import { oneLine } from "./plugin-error.ts";
import { bootId, findLeftBehind, lives, processFacts, signalProcess } from "./processes.ts";
import { startError } from "./run.ts";
import type { InstanceState, StateStore } from "./state.ts";

const RECORD_KEY = "host:daemon";
const TOKEN_NAME = "SYSTOLE_DAEMON";
const DEFAULT_GRACE_MS = 5_000;
/** A daemon that is being ended is looked at after 1, 2, 4, ... ms, at most this. */
const LONGEST_LOOK_MS = 20;
/** The output that the host itself keeps of a daemon; beyond it, it starts again from nothing. */
const KEPT_OUTPUT_BYTES = 1024 * 1024;
const OUTPUT_CHECK_INTERVAL_MS = 10_000;
/** Of the output, in a message. */
const QUOTED_OUTPUT_BYTES = 400;

/** What is remembered of a daemon in the instance's state. */
const recordSchema = Type.Object({
  identity: Type.Object({ pid: Type.Integer(), startTicks: Type.Integer(), bootId: Type.String() }),
  token: Type.String(),
  program: Type.String(),
  logFile: Type.String(),
});
type DaemonRecord = Static<typeof recordSchema>;
const record = Compile(recordSchema);

/** Daemons of all instances of this node. */
export interface Daemons {
  /** The daemon of one instance. `signal`: the deadline of the call that asks. */
  of(instance: string, signal: AbortSignal): Daemon;
  /** Whether this instance has a daemon that was started and not stopped. */
  has(instance: string): boolean;
  /** Ends those of all instances. */
  stopAll(signal: AbortSignal): Promise<void>;
  /** Lets go: daemons go on without Systole. */
  close(): void;
}

/** What daemons need to know of their surroundings. */
export interface DaemonSurroundings {
  readonly states: StateStore;
  /** Folder for the output that the host keeps. */
  readonly outputFolder: string;
  readonly childEnvironment: Readonly<Record<string, string>>;
}

/** How children of this process end: for each instance the last one, and what is heard of its end. */
type Endings = Map<string, { readonly pid: number; readonly how: Promise<string> }>;

/** The news of an end comes a moment after the end itself shows in /proc. */
const NEWS_OF_END_MS = 50;

function readRecord(state: InstanceState): DaemonRecord | undefined {
  const written = state.get(RECORD_KEY);
  const parsed: unknown = written === undefined ? undefined : JSON.parse(written);
  return record.Check(parsed) ? parsed : undefined;
}

/** The end of what a daemon printed, for a message. */
function lastOutput(file: string): string {
  try {
    const descriptor = openSync(file, constants.O_RDONLY | CAREFULLY);
    try {
      const facts = fstatSync(descriptor);
      const size = facts.isFile() ? facts.size : 0;
      const buffer = Buffer.alloc(Math.min(size, QUOTED_OUTPUT_BYTES));
      readSync(descriptor, buffer, 0, buffer.length, Math.max(0, size - buffer.length));
      return oneLine(buffer.toString("utf8"), QUOTED_OUTPUT_BYTES);
    } finally {
      closeSync(descriptor);
    }
  } catch {
    return "";
  }
}

async function endedInWords(record: DaemonRecord, endings: Endings, instance: string): Promise<string> {
  const ending = endings.get(instance);
  const unseen = "in a way that nobody saw";
  const how =
    ending?.pid === record.identity.pid ? await Promise.race([ending.how, wait(NEWS_OF_END_MS, unseen)]) : unseen;
  const said = lastOutput(record.logFile);
  return `${record.program} (pid ${record.identity.pid}) ended ${how}${said === "" ? "" : `; its last output: ${said}`}`;
}

async function adopt(instance: string, surroundings: DaemonSurroundings, endings: Endings): Promise<DaemonState> {
  const state = surroundings.states.of(instance);
  const record = readRecord(state);
  if (record === undefined) return { leftBehind: [] };
  if (record.identity.bootId !== bootId()) {
    state.remove(RECORD_KEY);
    return { leftBehind: [], ended: `${record.program} ended with the restart of the machine` };
  }
  if (lives(record.identity)) return { identity: record.identity, leftBehind: [] };
  const left = await findLeftBehind(record.identity, TOKEN_NAME, record.token);
  return { leftBehind: left.map(({ pid }) => pid), ended: await endedInWords(record, endings, instance) };
}

/** No link is followed, and nobody waits for the other end of a pipe: this is the node's main thread. */
const CAREFULLY = constants.O_NOFOLLOW | constants.O_NONBLOCK;
const APPENDING = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | CAREFULLY;

/** Opens a file for a daemon's output: always appending, so that it can be cut while the daemon writes. */
function openOutput(file: string, fresh: boolean): number {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(file, APPENDING, 0o600);
    const facts = fstatSync(descriptor);
    if (!facts.isFile() && !facts.isCharacterDevice()) throw new Error("it is neither a file nor a device");
    if (facts.isFile() && facts.nlink > 1) throw new Error("it has another name elsewhere, a hard link");
    if (fresh) ftruncateSync(descriptor);
    return descriptor;
  } catch (error) {
    if (descriptor !== undefined) closeSync(descriptor);
    throw new AgentError(
      "arguments",
      `The log file ${file} cannot be opened (${errorText(error)}): correct its path or permissions.`,
    );
  }
}

/** Starts the process and writes down who it is, in the same turn: there is no moment in which it runs unknown. */
function launch(
  program: string,
  args: readonly string[],
  options: DaemonOptions,
  surroundings: DaemonSurroundings,
  instance: string,
): { child: ChildProcess; identity: ProcessIdentity | undefined } {
  const boot = bootId();
  if (boot === undefined) throw new AgentError("unimplemented", "Daemons need Linux: there is no /proc here.");
  const token = randomUUID();
  mkdirSync(surroundings.outputFolder, { recursive: true, mode: 0o700 });
  const logFile = options.logFile ?? join(surroundings.outputFolder, `${encodeURIComponent(instance)}.log`);
  const output = openOutput(logFile, options.logFile === undefined);
  try {
    const child = spawn(program, [...args], {
      cwd: options.directory ?? "/",
      env: environmentFor({ ...surroundings.childEnvironment, [TOKEN_NAME]: token }, options.env),
      detached: true,
      stdio: ["ignore", output, output],
    });
    // Until the next turn even a program that has ended already is there, as a zombie: it is not reaped before.
    const facts = child.pid === undefined ? undefined : processFacts(child.pid);
    if (facts === undefined) return { child, identity: undefined };
    const identity = { pid: facts.pid, startTicks: facts.startTicks, bootId: boot };
    const record: DaemonRecord = { identity, token, program, logFile };
    try {
      surroundings.states.of(instance).set(RECORD_KEY, JSON.stringify(record));
    } catch (error) {
      // Nobody would find it again.
      process.kill(-identity.pid, "SIGKILL");
      throw error;
    }
    return { child, identity };
  } finally {
    closeSync(output);
  }
}

/** Sends the signal to the daemon's group, or one by one to what it left behind. */
function signalDaemon(record: DaemonRecord, left: readonly ProcessIdentity[], signal: NodeJS.Signals): void {
  for (const identity of left) signalProcess(identity, signal);
  if (!lives(record.identity)) return;
  try {
    process.kill(-record.identity.pid, signal);
  } catch {
    // The program left its own group: then the process alone.
    signalProcess(record.identity, signal);
  }
}

async function stopDaemon(record: DaemonRecord, options: DaemonStop, abort: AbortSignal): Promise<void> {
  const remaining = async (): Promise<ProcessIdentity[]> =>
    lives(record.identity) ? [] : await findLeftBehind(record.identity, TOKEN_NAME, record.token);
  const graceMs = options.graceMs ?? DEFAULT_GRACE_MS;
  const startedMs = performance.now();
  let killing = graceMs === 0;
  signalDaemon(record, await remaining(), killing ? "SIGKILL" : readSignal(options.signal ?? "SIGTERM"));
  for (let pauseMs = 1; ; pauseMs = Math.min(pauseMs * 2, LONGEST_LOOK_MS)) {
    await wait(pauseMs, undefined, { signal: abort });
    const left = await remaining();
    if (left.length === 0 && !lives(record.identity)) return;
    if (!killing && performance.now() - startedMs < graceMs) continue;
    killing = true;
    signalDaemon(record, left, "SIGKILL");
  }
}

const SIGNALS = ["SIGTERM", "SIGINT", "SIGQUIT", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGWINCH", "SIGKILL"] as const;

function readSignal(name: string): NodeJS.Signals {
  const found = SIGNALS.find((signal) => signal === name || signal === `SIG${name}`);
  if (found === undefined)
    throw new AgentError(
      "not-configured",
      `${name} is no signal to stop a program with; take one of ${SIGNALS.join(", ")}.`,
    );
  return found;
}

/** Opens the daemons of a node. */
export function openDaemons(surroundings: DaemonSurroundings): Daemons {
  const { states, outputFolder } = surroundings;
  const endings: Endings = new Map();
  const output = setInterval(() => trimOutputs(states, outputFolder), OUTPUT_CHECK_INTERVAL_MS).unref();

  const start = async (
    instance: string,
    program: string,
    args: readonly string[],
    options: DaemonOptions,
    signal: AbortSignal,
  ): Promise<ProcessIdentity> => {
    const before = await adopt(instance, surroundings, endings);
    signal.throwIfAborted();
    if (before.identity !== undefined) return before.identity;
    if (before.leftBehind.length > 0) {
      throw new AgentError(
        "generic",
        `${before.ended}; it left pids ${before.leftBehind.join(", ")} behind: a stop is needed before the next start.`,
      );
    }
    const { child, identity } = launch(program, args, options, surroundings, instance);
    if (identity === undefined) {
      throw await new Promise((resolve) => {
        child.once("error", (error) => resolve(startError(program, options.directory ?? "/", error)));
      });
    }
    const how = new Promise<string>((resolve) => {
      child.once("exit", (code, by) => resolve(by === null ? `with exit code ${code}` : `by ${by}`));
    });
    endings.set(instance, { pid: identity.pid, how });
    child.unref();
    return identity;
  };

  const stop = async (instance: string, options: DaemonStop, signal: AbortSignal): Promise<void> => {
    const record = readRecord(states.of(instance));
    if (record === undefined) return;
    if (record.identity.bootId === bootId()) await stopDaemon(record, options, signal);
    states.of(instance).remove(RECORD_KEY);
    endings.delete(instance);
  };

  return {
    of: (instance, signal) => ({
      start: (program, args = [], options = {}) => start(instance, program, args, options, signal),
      adopt: () => adopt(instance, surroundings, endings),
      stop: (options = {}) => stop(instance, options, signal),
    }),
    has: (instance) => readRecord(states.of(instance)) !== undefined,
    async stopAll(signal) {
      await Promise.all(states.instances().map((instance) => stop(instance, {}, signal)));
    },
    close: () => clearInterval(output),
  };
}

/** Keeps the output that the host itself stores from filling the disk. Safe because the daemons append. */
function trimOutputs(states: StateStore, outputFolder: string): void {
  for (const instance of states.instances()) {
    const file = readRecord(states.of(instance))?.logFile;
    if (file === undefined || !file.startsWith(outputFolder)) continue;
    if ((statSync(file, { throwIfNoEntry: false })?.size ?? 0) > KEPT_OUTPUT_BYTES) truncateSync(file);
  }
}
