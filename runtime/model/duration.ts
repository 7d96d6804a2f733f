// Lengths of time as a CIB writes them: a number with a unit ("20s", "5min", "100ms"; seconds without one), or ISO 8601 ("PT5M").
// Source of the form: Pacemaker Explained, "duration" values.

import { leadingInteger } from "./score.ts";

/** The longest interval that the history can hold: an unsigned 32-bit number of milliseconds. */
export const MAX_INTERVAL_MS = 4_294_967_295;

const UNITS_MS: Readonly<Record<string, number>> = {
  "": 1000,
  s: 1000,
  sec: 1000,
  ms: 1,
  msec: 1,
  us: 0.001,
  usec: 0.001,
  m: 60_000,
  min: 60_000,
  h: 3_600_000,
  hr: 3_600_000,
};

/** A number with a unit, in milliseconds; undefined when it is none. May be negative. */
export function parseMilliseconds(text: string): number | undefined {
  const amount = leadingInteger(text);
  if (amount === undefined) return undefined;
  const unit = text
    .replace(/^\s*[+-]?\d+[\d.]*/, "")
    .trim()
    .toLowerCase();
  const factor = UNITS_MS[unit];
  return factor === undefined ? undefined : Math.trunc(amount * factor);
}

/** An ISO 8601 duration as parts, each counted by the calendar when it is added to a date. */
export interface CalendarDuration {
  readonly years: number;
  readonly months: number;
  readonly days: number;
  readonly seconds: number;
}

/** Reads P…; undefined when it is no duration. */
export function parseIsoDuration(text: string): CalendarDuration | undefined {
  if (!/^P(?=[^\s/])/.test(text)) return undefined;
  const sum = { years: 0, months: 0, days: 0, seconds: 0 };
  let inTime = false;
  let any = false;
  let rest = text.slice(1);
  while (rest !== "" && !/^[\s/]/.test(rest)) {
    if (rest.startsWith("T")) {
      inTime = true;
      rest = rest.slice(1);
      continue;
    }
    const part = /^([+-]?\d+)([YMWDHS])/.exec(rest);
    if (part === null) return undefined;
    const amount = Number(part[1]);
    if (part[2] === "Y") sum.years = amount;
    else if (part[2] === "M" && !inTime) sum.months = amount;
    else if (part[2] === "M") sum.seconds += amount * 60;
    else if (part[2] === "W") sum.days += amount * 7;
    else if (part[2] === "D") sum.days += amount;
    else if (part[2] === "H") sum.seconds += amount * 3600;
    else sum.seconds += amount;
    any = true;
    rest = rest.slice(part[0].length);
  }
  return any ? sum : undefined;
}

/** Average seconds of a year and a month, where a duration has no start to count from. */
const YEAR_SECONDS = 365 * 86_400;
const MONTH_SECONDS = 30 * 86_400;

/** An interval, timeout or delay in milliseconds, 0 when absent or not valid, at most MAX_INTERVAL_MS. */
export function parseIntervalMs(text: string | undefined): number {
  if (text === undefined) return 0;
  let result: number | undefined;
  if (text.startsWith("P")) {
    const parts = parseIsoDuration(text);
    if (parts !== undefined) {
      const seconds = parts.years * YEAR_SECONDS + parts.months * MONTH_SECONDS + parts.days * 86_400 + parts.seconds;
      result = seconds * 1000;
    }
  } else {
    result = parseMilliseconds(text);
  }
  if (result === undefined || result < 0) return 0;
  return Math.min(result, MAX_INTERVAL_MS);
}

/** An interval as Pacemaker's tools write it: 0s, 1m30s, 1d2h, 1.500s, 250ms. */
export function formatInterval(milliseconds: number): string {
  if (milliseconds === 0) return "0s";
  const units = [
    [86_400_000, "d"],
    [3_600_000, "h"],
    [60_000, "m"],
  ] as const;
  let rest = milliseconds;
  let text = "";
  for (const [length, unit] of units) {
    if (rest < length) continue;
    text += `${Math.floor(rest / length)}${unit}`;
    rest %= length;
  }
  if (rest >= 1000) {
    const fraction = rest % 1000 === 0 ? "" : `.${String(rest % 1000).padStart(3, "0")}`;
    return `${text}${Math.floor(rest / 1000)}${fraction}s`;
  }
  return rest === 0 ? text : `${text}${rest}ms`;
}

/** Whole seconds: nothing stays nothing, a fraction of the first second counts as one, the rest is rounded. */
export function millisecondsToSeconds(milliseconds: number): number {
  if (milliseconds === 0) return 0;
  if (milliseconds < 1000) return 1;
  return Math.floor(milliseconds / 1000) + (milliseconds % 1000 >= 500 ? 1 : 0);
}
