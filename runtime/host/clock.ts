// Real time. All threads of the process read the same monotonic clock, so their times can be compared.

import { readFileSync } from "node:fs";

/** Monotonic milliseconds, with fractions. Goes on while the process is stopped (SIGSTOP), but not while the machine sleeps. */
export function nowMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}

/** Wall-clock milliseconds since 1970. */
export function epochMs(): number {
  return Date.now();
}

/** How far the wall clock may jump before it is asked whether the machine was asleep. */
const JUMP_MS = 500;

/**
 * Finds out that the machine was suspended. The monotonic clock stands still then and nothing else shows it, so the wall clock
 * gives the suspicion (it may also have been set), and the time since boot, which counts sleep, decides.
 */
export class SuspendDetector {
  #wallAheadMs = epochMs() - nowMs();
  #bootAheadMs = bootMs() - nowMs();

  /** For how long the machine slept since the last call; 0 when it did not. */
  sleptMs(): number {
    const wallAheadMs = epochMs() - nowMs();
    if (Math.abs(wallAheadMs - this.#wallAheadMs) < JUMP_MS) return 0;
    this.#wallAheadMs = wallAheadMs;
    const bootAheadMs = bootMs() - nowMs();
    const sleptMs = bootAheadMs - this.#bootAheadMs;
    this.#bootAheadMs = bootAheadMs;
    return sleptMs > JUMP_MS ? sleptMs : 0;
  }
}

/** Milliseconds since boot, sleep included; the monotonic clock where there is no such file. */
function bootMs(): number {
  try {
    const [seconds = ""] = readFileSync("/proc/uptime", "utf8").split(" ");
    return Number(seconds) * 1000;
  } catch {
    return nowMs();
  }
}
