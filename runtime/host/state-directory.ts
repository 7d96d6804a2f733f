// The directory of one node: made private, used by one process at a time, and never that of another cluster manager.

import {
  closeSync,
  fsyncSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import type { Incarnation } from "../kernel/membership/view.ts";
import { type ErrorCode, errorText, SystoleError, systemCode } from "./errors.ts";
import { bootId, lives, processFacts } from "./plugins/processes.ts";

/** Two processes that start at once may each find the lock of a dead third. */
const LOCK_TRIES = 3;

const LOCK_FILE = "lock";
const INCARNATION_FILE = "incarnation";

/** Files by which the directories of other cluster managers are known. */
const OTHER_STACKS: readonly { readonly pattern: RegExp; readonly name: string }[] = [
  { pattern: /^ringid_/, name: "Corosync" },
  { pattern: /^(cib\.xml|cib-\d+\.raw)$/, name: "Pacemaker" },
  { pattern: /^(hb_uuid|hostcache|hb_generation)$/, name: "Heartbeat" },
];

/** A directory that this process alone uses. */
export interface StateDirectory {
  /** Larger than in every earlier life that used this directory. */
  readonly incarnation: Incarnation;
  /** Lets the next process have it. May be called twice. */
  release(): void;
}

/**
 * Takes the directory for this process, and a new incarnation with it.
 * @throws SystoleError `already-running`, `other-cluster`, `directory-unwritable`, `directory-permission`, `disk-read-only`, `disk-full`.
 */
export function takeStateDirectory(path: string, nowEpochMs: number): StateDirectory {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    refuseOtherStack(path);
    const lock = takeLock(path);
    try {
      return { incarnation: nextIncarnation(path, nowEpochMs), release: () => releaseLock(path, lock) };
    } catch (error) {
      releaseLock(path, lock);
      throw error;
    }
  } catch (error) {
    throw error instanceof SystoleError ? error : unusable(path, error);
  }
}

function unusable(path: string, error: unknown): SystoleError {
  const [code, remedy] = causeAndRemedy(systemCode(error), path);
  const text = `The state directory ${path} cannot be used, so the node does not start (${errorText(error)}). ${remedy}`;
  return new SystoleError(code, text);
}

function causeAndRemedy(system: string, path: string): readonly [ErrorCode, string] {
  switch (system) {
    case "EACCES":
    case "EPERM":
      return ["directory-permission", `Give it to the user that runs the node: "chown USER ${path}".`];
    case "EROFS":
      return [
        "disk-read-only",
        `Its file system is mounted read-only: mount it for writing, and see the kernel's log for why it is so.`,
      ];
    case "ENOSPC":
    case "EDQUOT":
      return ["disk-full", `Make room there.`];
    default:
      return ["directory-unwritable", `Set "stateDirectory" to a directory that can be made and written.`];
  }
}

function refuseOtherStack(path: string): void {
  for (const file of readdirSync(path)) {
    const other = OTHER_STACKS.find((stack) => stack.pattern.test(file));
    if (other === undefined) continue;
    throw new SystoleError(
      "other-cluster",
      `The state directory ${path} is in use by ${other.name} (it has ${file}), so the node does not start. Set "stateDirectory" to one of its own.`,
    );
  }
}

/** Who holds the lock; the same three facts that make a process unmistakable. */
interface Holder {
  readonly pid: number;
  readonly startTicks: number;
  readonly bootId: string;
}

function takeLock(path: string): string {
  const file = join(path, LOCK_FILE);
  const own = `${process.pid} ${processFacts(process.pid)?.startTicks ?? 0} ${bootId() ?? "unknown"}\n`;
  const mine = `${file}.${process.pid}`;
  try {
    writeDurably(mine, own);
    for (let tries = 0; tries < LOCK_TRIES; tries += 1) {
      if (tryLink(mine, file)) return own;
      const found = readOr(file, "");
      const holder = parseHolder(found);
      if (holder !== undefined && holder.pid !== process.pid && lives(holder)) throw alreadyRunning(path, holder);
      removeStale(file, found);
    }
  } finally {
    rmSync(mine, { force: true });
  }
  throw new SystoleError(
    "already-running",
    `Several processes start in ${path} at once, so this one does not. Start it again.`,
  );
}

function alreadyRunning(path: string, holder: Holder): SystoleError {
  return new SystoleError(
    "already-running",
    `A node runs already in ${path}: process ${holder.pid}, started ${startedWhen(holder)}. Stop it first ("systole stop" or "kill ${holder.pid}"), or give this one its own "stateDirectory".`,
  );
}

/** Clock ticks a second in /proc, the same on every Linux: sysconf(_SC_CLK_TCK). */
const TICKS_PER_SECOND = 100;

function startedWhen({ startTicks }: Holder): string {
  const uptimeSeconds = Number(readOr("/proc/uptime", "").split(" ")[0] ?? "NaN");
  const epochMs = Date.now() - (uptimeSeconds - startTicks / TICKS_PER_SECOND) * 1000;
  return Number.isFinite(epochMs) ? new Date(epochMs).toISOString() : "at a time that is not known";
}

function parseHolder(text: string): Holder | undefined {
  const [pid = "", startTicks = "", boot = ""] = text.trim().split(" ");
  if (!/^\d+$/.test(pid) || !/^\d+$/.test(startTicks)) return undefined;
  return { pid: Number(pid), startTicks: Number(startTicks), bootId: boot };
}

function tryLink(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if (systemCode(error) === "EEXIST") return false;
    throw error;
  }
}

/** Moves the lock of a dead process aside; puts it back when another process was faster and it is a live one by now. */
function removeStale(file: string, stale: string): void {
  const aside = `${file}.stale.${process.pid}`;
  try {
    renameSync(file, aside);
  } catch (error) {
    if (systemCode(error) === "ENOENT") return;
    throw error;
  }
  if (readOr(aside, "") !== stale) tryLink(aside, file);
  rmSync(aside, { force: true });
}

function releaseLock(path: string, own: string): void {
  const file = join(path, LOCK_FILE);
  if (readOr(file, "") === own) rmSync(file, { force: true });
}

/** The time of the start, unless the clock went back since an earlier life: peers take a life only for a later one of a node. */
function nextIncarnation(path: string, nowEpochMs: number): Incarnation {
  const file = join(path, INCARNATION_FILE);
  const before = Number(readOr(file, "0").trim());
  const incarnation = Math.max(nowEpochMs, Number.isSafeInteger(before) ? before + 1 : 0);
  writeDurably(`${file}.new`, `${incarnation}\n`);
  renameSync(`${file}.new`, file);
  const folder = openSync(path, "r");
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
  return incarnation;
}

function writeDurably(file: string, text: string): void {
  const descriptor = openSync(file, "w", 0o600);
  try {
    writeSync(descriptor, text);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

function readOr(file: string, fallback: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    if (systemCode(error) === "ENOENT") return fallback;
    throw error;
  }
}
