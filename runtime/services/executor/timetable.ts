// When recurring monitors start. Each that starts by itself wakes two sleeping processes, which costs several times what the
// monitor itself does; so those that are due at nearly the same time start together, as a kernel does with its timers.
//
// A monitor may start a little before or after it is due. The first one that can wait no longer takes the others along, and since
// they end together, they are due together from then on.

import { compareText } from "../../model/text.ts";
import type { Recurring } from "./managed.ts";
import { isNative } from "./ocf.ts";

/** By how much of its interval a monitor may start earlier or later than it is due. */
export const SLACK_SHARE = 0.05;
/** And never by more. */
export const SLACK_MOST_MS = 500;
/** So many are gathered: an agent may run programs, which are not all to start at one instant. */
export const MOST_TOGETHER = 24;

/** By how much this one may be early or late. The first result is waited for; and what is no plugin's call is a program each time. */
function slackMs({ operation, last }: Recurring): number {
  if (last === undefined || !isNative(operation.resource)) return 0;
  return Math.min(operation.intervalMs * SLACK_SHARE, SLACK_MOST_MS);
}

/** The time at which so many of these are due; infinity when there are fewer. */
function dueOfMany(waiting: readonly Recurring[], count: number): number {
  const first: number[] = [];
  for (const { dueMs } of waiting) {
    if (first.length === count && dueMs >= (first.at(-1) ?? dueMs)) continue;
    let at = first.length;
    while (at > 0 && (first[at - 1] ?? dueMs) > dueMs) at -= 1;
    first.splice(at, 0, dueMs);
    first.length = Math.min(first.length, count);
  }
  return first[count - 1] ?? Number.POSITIVE_INFINITY;
}

/**
 * When some of these are to start; infinity when there are none. `gather`: whether they may be early or late. The first waits no
 * longer than for the last one that becomes due while it can wait.
 */
export function startMs(waiting: readonly Recurring[], gather: boolean): number {
  let latestMs = Number.POSITIVE_INFINITY;
  for (const recurring of waiting) latestMs = Math.min(latestMs, recurring.dueMs + (gather ? slackMs(recurring) : 0));
  if (!gather || waiting.length === 0) return latestMs;
  let lastMs = Number.NEGATIVE_INFINITY;
  for (const { dueMs } of waiting) if (dueMs <= latestMs) lastMs = Math.max(lastMs, dueMs);
  return Math.min(lastMs, dueOfMany(waiting, MOST_TOGETHER));
}

/** Which of these start now: all that are due once one can wait no longer, and of those that may be early as many as fit in. */
export function startingNow(waiting: readonly Recurring[], gather: boolean, nowMs: number): readonly Recurring[] {
  if (startMs(waiting, gather) > nowMs) return [];
  const starting = waiting.filter(({ dueMs }) => dueMs <= nowMs);
  if (!gather || starting.length >= MOST_TOGETHER) return starting;
  const early = waiting.filter((one) => one.dueMs > nowMs && one.dueMs - slackMs(one) <= nowMs);
  const name = ({ operation }: Recurring): string => operation.operationKey;
  early.sort((a, b) => a.dueMs - b.dueMs || compareText(name(a), name(b)));
  return [...starting, ...early.slice(0, MOST_TOGETHER - starting.length)];
}
