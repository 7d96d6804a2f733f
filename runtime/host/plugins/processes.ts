// Processes as Linux shows them below /proc. A process is named by pid, start time and boot id together: a pid alone is
// reused, and then the wrong process would be believed alive, or killed.
//
// Reads are synchronous: /proc is memory, a read takes microseconds, and a trip through the thread pool takes longer.

import { closeSync, openSync, readdirSync, readSync } from "node:fs";
import { setImmediate as nextTurn, setTimeout as wait } from "node:timers/promises";
import type { ProcessIdentity, ProcessQuery } from "../../../sdk/mod.ts";

/** What /proc/PID/stat says. */
interface ProcessFacts {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  readonly session: number;
  readonly startTicks: number;
  /** Zombies (and the dead) have ended; they only wait to be noticed. While another thread goes on, a process has not. */
  readonly ended: boolean;
  /** A kernel thread has none, nor has a process whose first thread has ended. */
  readonly hasMemory: boolean;
}

/** After this many processes a scan lets other work go first. */
const SCAN_SLICE = 256;
/** A process this young may be in the midst of exec, when its environment cannot be read for a moment. */
const YOUNG_TICKS = 100;
/** Pid of the kernel's thread that has all others as children, where it can be seen (not in a container). */
const KERNEL_PARENT = 2;
const EXEC_LOOKS = 3;
const EXEC_PAUSE_MS = 1;

/** Read into again and again: a scan reads hundreds of small files, and what it reads is looked at before the next one. */
let page = Buffer.alloc(64 * 1024);

/** A file below /proc as it is now; undefined if it cannot be read. Valid until the next call. */
function procBytes(path: string): Buffer | undefined {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(`/proc/${path}`, "r");
    let size = 0;
    for (let more = 1; more > 0; size += more) {
      if (size === page.length) page = Buffer.concat([page, Buffer.alloc(page.length)]);
      more = readSync(descriptor, page, size, page.length - size, null);
    }
    return page.subarray(0, size);
  } catch {
    return undefined;
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

function procText(path: string): string | undefined {
  return procBytes(path)?.toString("latin1");
}

let knownBootId: string | undefined;

/** This boot of the machine; undefined where there is no /proc. */
export function bootId(): string | undefined {
  knownBootId ??= procText("sys/kernel/random/boot_id")?.trim();
  return knownBootId;
}

/** Facts of a process; undefined if there is no such pid. */
export function processFacts(pid: number): ProcessFacts | undefined {
  const stat = procText(`${pid}/stat`);
  if (stat === undefined) return undefined;
  // The name stands in brackets and may contain anything, brackets and blanks too.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  const field = (index: number): number => Number(fields[index] ?? "NaN");
  return {
    pid,
    parent: field(1),
    group: field(2),
    session: field(3),
    startTicks: field(19),
    ended: /^[ZXx]/.test(fields[0] ?? "X") && field(17) <= 1,
    hasMemory: field(20) > 0,
  };
}

/** Whether it is still the same process, and lives. */
export function lives(identity: ProcessIdentity): boolean {
  if (identity.bootId !== bootId()) return false;
  const facts = processFacts(identity.pid);
  return facts !== undefined && !facts.ended && facts.startTicks === identity.startTicks;
}

/** Sends a signal to exactly this process; false if it is gone. Throws what the system says otherwise (EPERM). */
export function signalProcess(identity: ProcessIdentity, signal: NodeJS.Signals): boolean {
  if (!lives(identity)) return false;
  try {
    process.kill(identity.pid, signal);
    return true;
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ESRCH") return false;
    throw error;
  }
}

/** The value of a variable in an environment as /proc shows it. */
function variableIn(environment: Buffer, name: string): string | undefined {
  if (!environment.includes(`${name}=`)) return undefined;
  // It is somewhere; but perhaps within another variable's value.
  const variables = environment.toString("utf8").split("\0");
  return variables.find((variable) => variable.startsWith(`${name}=`))?.slice(name.length + 1);
}

/** The environment of a process whose first thread has ended while others go on: theirs. */
function environmentOfThreads(pid: number): Buffer | undefined {
  try {
    for (const thread of readdirSync(`/proc/${pid}/task`)) {
      const environment = procBytes(`${pid}/task/${thread}/environ`);
      if (environment !== undefined && environment.length > 0) return environment;
    }
  } catch {
    // The last one has just ended.
  }
  return undefined;
}

/**
 * The value of a process's variable; undefined without it. When its environment cannot be read (which is so for kernel
 * threads, for zombies and for what belongs to others) but it is young, it may be in the midst of exec: look again.
 */
async function markerOf(pid: number, name: string, nowTicks: number): Promise<string | undefined> {
  for (let look = 1; ; look += 1) {
    const environment = procBytes(`${pid}/environ`);
    if (environment !== undefined && environment.length > 0) return variableIn(environment, name);
    const facts = processFacts(pid);
    if (facts === undefined || facts.ended) return undefined;
    const threads = facts.hasMemory ? undefined : environmentOfThreads(pid);
    if (threads !== undefined) return variableIn(threads, name);
    if (nowTicks - facts.startTicks >= YOUNG_TICKS || look >= EXEC_LOOKS) return undefined;
    await wait(EXEC_PAUSE_MS);
  }
}

/** Clock ticks since boot. Linux shows times to programs at 100 ticks a second on every architecture that Node runs on. */
function ticksSinceBoot(): number {
  return Number(procText("uptime")?.split(" ")[0] ?? "0") * 100;
}

function allPids(): number[] {
  return readdirSync("/proc").map(Number).filter(Number.isInteger);
}

/** Threads of the kernel, in one read: often most of what /proc lists, and each would cost two reads to be passed over. */
function kernelThreads(): ReadonlySet<number> {
  const parent = processFacts(KERNEL_PARENT);
  // An ordinary process has memory of its own; with pid 2 it is in a container, where the kernel's threads are not seen.
  if (parent === undefined || parent.hasMemory || parent.ended) return new Set();
  const children = procText(`${KERNEL_PARENT}/task/${KERNEL_PARENT}/children`) ?? "";
  return new Set([KERNEL_PARENT, ...children.split(" ").map(Number)]);
}

/** Each process that carries the variable, with its value. */
async function carriers(name: string): Promise<Map<number, string>> {
  const nowTicks = ticksSinceBoot();
  const found = new Map<number, string>();
  const kernel = kernelThreads();
  for (const [index, pid] of allPids().entries()) {
    if (kernel.has(pid)) continue;
    if (index % SCAN_SLICE === SCAN_SLICE - 1) await nextTurn();
    const marker = await markerOf(pid, name, nowTicks);
    if (marker !== undefined) found.set(pid, marker);
  }
  return found;
}

/** Every process that lives, with a pause for others in between. */
async function allProcesses(): Promise<ProcessFacts[]> {
  const found: ProcessFacts[] = [];
  for (const [index, pid] of allPids().entries()) {
    if (index % SCAN_SLICE === SCAN_SLICE - 1) await nextTurn();
    const facts = processFacts(pid);
    if (facts !== undefined && !facts.ended) found.push(facts);
  }
  return found;
}

/** Who carries NAME=value, and the descendants of these unless they carry another value. */
async function marked(name: string, value: string): Promise<ProcessFacts[]> {
  const markers = await carriers(name);
  if (![...markers.values()].includes(value)) return [];
  const all = await allProcesses();
  const chosen = new Set(all.filter(({ pid }) => markers.get(pid) === value).map(({ pid }) => pid));
  for (let before = -1; before !== chosen.size; ) {
    before = chosen.size;
    for (const { pid, parent } of all) if (chosen.has(parent) && !markers.has(pid)) chosen.add(pid);
  }
  return all.filter(({ pid }) => chosen.has(pid));
}

/** Processes that live and match, by pid. */
export async function findProcesses(query: ProcessQuery): Promise<ProcessIdentity[]> {
  if ("identities" in query) return query.identities.filter(lives);
  const boot = bootId();
  if (boot === undefined) throw new Error("Processes can be seen on Linux only: there is no /proc here.");
  const split = query.marker.indexOf("=");
  const found = await marked(query.marker.slice(0, split), query.marker.slice(split + 1));
  return found.map(({ pid, startTicks }) => ({ pid, startTicks, bootId: boot })).sort((a, b) => a.pid - b.pid);
}

/** Processes that belonged to a daemon whose leader has ended: of its group or session, or carrying its marker. */
export async function findLeftBehind(leader: ProcessIdentity, name: string, value: string): Promise<ProcessIdentity[]> {
  if (leader.bootId !== bootId()) return [];
  const left: ProcessIdentity[] = [];
  // While a group or session has members, the kernel gives its number to no new process; so if the pid is in use by
  // another process now, nothing of the old group is left.
  const reused = processFacts(leader.pid);
  const groupIsOurs = reused === undefined || reused.startTicks === leader.startTicks;
  const nowTicks = ticksSinceBoot();
  for (const facts of await allProcesses()) {
    if (facts.startTicks < leader.startTicks) continue;
    const marker = await markerOf(facts.pid, name, nowTicks);
    const related = groupIsOurs && (facts.group === leader.pid || facts.session === leader.pid);
    if (marker === value || (related && marker === undefined)) {
      left.push({ pid: facts.pid, startTicks: facts.startTicks, bootId: leader.bootId });
    }
  }
  return left.sort((a, b) => a.pid - b.pid);
}
