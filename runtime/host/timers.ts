// The timers of Node for a driver.

import { nowMs } from "./clock.ts";
import type { Timers } from "./driver.ts";

/** Real time. */
export const realTimers: Timers = {
  nowMs,
  after(delayMs, call) {
    const timer = setTimeout(call, delayMs);
    return () => clearTimeout(timer);
  },
  soon(call) {
    setImmediate(call);
  },
};
