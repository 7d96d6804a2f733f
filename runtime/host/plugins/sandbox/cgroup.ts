// A limit that the kernel itself keeps, where this node may make control groups (version 2): a group for each plugin's
// process, with its memory and its number of threads bounded. Looking at memory from outside always comes a little late.

import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";

const ROOT = "/sys/fs/cgroup";
const MEBIBYTE = 1024 * 1024;
/** V8 and Deno themselves, which are not counted against a plugin. */
const RUNTIME_MIB = 64;
const MAXIMUM_TASKS = 64;
/** The kernel lets go of an empty group a moment after its last process. */
const REMOVAL_LOOKS = 20;
const REMOVAL_PAUSE_MS = 50;

let made = 0;

/** A group that holds a process. */
export interface ControlGroup {
  /** Takes the group away once its processes are gone. */
  remove(): Promise<void>;
}

/** Whether groups below the root can bound memory and tasks. */
function bounds(root: string): boolean {
  try {
    const given = readFileSync(join(root, "cgroup.subtree_control"), "utf8").split(/\s+/);
    return given.includes("memory") && given.includes("pids");
  } catch {
    return false;
  }
}

/** Puts processes into a group of their own; undefined where that is not possible. `root`: where control groups are. */
export function confine(pids: readonly number[], limitMiB: number, root = ROOT): ControlGroup | undefined {
  if (!bounds(root)) return undefined;
  made += 1;
  const folder = join(root, `systole-${process.pid}-${made}`);
  try {
    mkdirSync(folder);
  } catch {
    return undefined;
  }
  try {
    // The kernel makes these files with the group; they are never to be made here.
    const write = (file: string, text: string): void => writeFileSync(join(folder, file), text, { flag: "r+" });
    write("memory.max", `${(limitMiB + RUNTIME_MIB) * MEBIBYTE}`);
    // What may not be held in memory may not be put out of it either; there is no such file where nothing is ever swapped.
    if (existsSync(join(folder, "memory.swap.max"))) write("memory.swap.max", "0");
    write("pids.max", `${MAXIMUM_TASKS}`);
    for (const pid of pids) write("cgroup.procs", `${pid}`);
  } catch {
    removeNow(folder);
    return undefined;
  }
  return {
    async remove() {
      for (let look = 0; look < REMOVAL_LOOKS && !removeNow(folder); look += 1) {
        await wait(REMOVAL_PAUSE_MS, undefined, { ref: false });
      }
    },
  };
}

function removeNow(folder: string): boolean {
  try {
    rmdirSync(folder);
    return true;
  } catch {
    return false;
  }
}
