// Processes as Linux shows them below /proc. A process is named by pid, start time and boot id together: a pid alone is
// reused, and then the wrong process would be believed alive, or killed.
//
// Reads are synchronous: /proc is memory, a read takes microseconds, and a trip through the thread pool takes longer.

import { readdirSync, readFileSync } from "node:fs";
import { setImmediate as nextTurn, setTimeout as wait } from "node:timers/promises";
import type { ProcessIdentity, ProcessQuery } from "../../../sdk/mod.ts";

/** What /proc/PID/stat says. */
export interface ProcessFacts {
  readonly pid: number;
  readonly parent: number;
  readonly group: number;
  readonly session: number;
  readonly startTicks: number;
  /** Zombies (and the dead) have ended; they only wait to be noticed. */
  readonly ended: boolean;
  /** A kernel thread, or a process in the midst of exec, has none. */
  readonly hasMemory: boolean;
}

/** After this many processes a scan lets other work go first. */
const SCAN_SLICE = 256;
/** A process this young may be in the midst of exec, when its environment cannot be read for a moment. */
const YOUNG_TICKS = 100;
const EXEC_LOOKS = 3;
const EXEC_PAUSE_MS = 1;

function procText(path: string): string | undefined {
  try {
    return readFileSync(`/proc/${path}`, "latin1");
  } catch {
    return undefined;
  }
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
    ended: /^[ZXx]/.test(fields[0] ?? "X"),
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

/** The value of an environment variable in /proc/PID/environ; undefined without it. `unreadable` when nothing can be said. */
function environmentValue(pid: number, name: string): { value?: string; unreadable: boolean } {
  const environment = procText(`${pid}/environ`);
  if (environment === undefined || environment === "") return { unreadable: true };
  const start = `\0${environment}`.indexOf(`\0${name}=`);
  if (start < 0) return { unreadable: false };
  const from = start + name.length + 1;
  const end = environment.indexOf("\0", from);
  return {
    value: Buffer.from(environment.slice(from, end < 0 ? undefined : end), "latin1").toString("utf8"),
    unreadable: false,
  };
}

/** Every process that lives, with a pause for others in between. */
export async function allProcesses(): Promise<ProcessFacts[]> {
  const found: ProcessFacts[] = [];
  let looked = 0;
  for (const entry of readdirSync("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    looked += 1;
    if (looked % SCAN_SLICE === 0) await nextTurn();
    const facts = processFacts(Number(entry));
    if (facts !== undefined && !facts.ended) found.push(facts);
  }
  return found;
}

/** Reads the marker of a process; looks again when the process is so young that it may be in the midst of exec. */
async function markerOf(facts: ProcessFacts, name: string, nowTicks: number): Promise<string | undefined> {
  for (let look = 1; ; look += 1) {
    const { value, unreadable } = environmentValue(facts.pid, name);
    const young = nowTicks - facts.startTicks < YOUNG_TICKS;
    if (!unreadable || !young || look >= EXEC_LOOKS) return value;
    await wait(EXEC_PAUSE_MS);
  }
}

/** Clock ticks since boot. Linux shows times to programs at 100 ticks a second on every architecture that Node runs on. */
function ticksSinceBoot(): number {
  return Number(procText("uptime")?.split(" ")[0] ?? "0") * 100;
}

/** One look at everything: who carries NAME=value, and the descendants of these. */
async function scanForMarker(name: string, value: string): Promise<ProcessFacts[]> {
  const nowTicks = ticksSinceBoot();
  const all = (await allProcesses()).filter((facts) => facts.hasMemory);
  const chosen = new Map<number, ProcessFacts>();
  const others = new Set<number>();
  for (const [index, facts] of all.entries()) {
    if (index % SCAN_SLICE === SCAN_SLICE - 1) await nextTurn();
    const marker = await markerOf(facts, name, nowTicks);
    if (marker === value) chosen.set(facts.pid, facts);
    else if (marker !== undefined) others.add(facts.pid);
  }
  for (let before = -1; before !== chosen.size; ) {
    before = chosen.size;
    for (const facts of all) {
      if (chosen.has(facts.parent) && !others.has(facts.pid)) chosen.set(facts.pid, facts);
    }
  }
  return [...chosen.values()].sort((a, b) => a.pid - b.pid);
}

/**
 * Processes that live and match. Nothing found by a marker is confirmed by a second look: a process that forked and ended
 * between the listing of the pids and its turn would have hidden its child from the first one.
 */
export async function findProcesses(query: ProcessQuery): Promise<ProcessIdentity[]> {
  if ("identities" in query) return query.identities.filter(lives);
  const boot = bootId();
  if (boot === undefined) throw new Error("Processes can be seen on Linux only: there is no /proc here.");
  const split = query.marker.indexOf("=");
  const [name, value] = [query.marker.slice(0, split), query.marker.slice(split + 1)];
  const first = await scanForMarker(name, value);
  const found = first.length > 0 ? first : await scanForMarker(name, value);
  return found.map(({ pid, startTicks }) => ({ pid, startTicks, bootId: boot }));
}

/** Processes that belonged to a daemon whose leader has ended: of its group or session, or carrying its marker. */
export async function findLeftBehind(leader: ProcessIdentity, name: string, value: string): Promise<ProcessIdentity[]> {
  if (leader.bootId !== bootId()) return [];
  const left: ProcessIdentity[] = [];
  // While a group or session has members, the kernel gives its number to no new process; so if the pid is in use by
  // another process now, nothing of the old group is left.
  const reused = processFacts(leader.pid);
  const groupIsOurs = reused === undefined || reused.startTicks === leader.startTicks;
  for (const facts of await allProcesses()) {
    if (!facts.hasMemory || facts.startTicks < leader.startTicks) continue;
    const marker = environmentValue(facts.pid, name).value;
    const related = groupIsOurs && (facts.group === leader.pid || facts.session === leader.pid);
    if (marker === value || (related && marker === undefined)) {
      left.push({ pid: facts.pid, startTicks: facts.startTicks, bootId: leader.bootId });
    }
  }
  return left.sort((a, b) => a.pid - b.pid);
}
