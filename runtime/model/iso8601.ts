// Points in time as rules write them (ISO 8601), and the calendar fields that rules ask about.
//
// No clock and no Date: a day is a number counted from 1970-01-01, so that the same text means the same second everywhere.

import type { CalendarDuration } from "./duration.ts";

/** The fields of a point in time by the calendar of a time zone. */
export interface CalendarFields {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  /** Day of the year, from 1. */
  readonly yearDay: number;
  /** ISO 8601 week: its year, its number from 1, and the day in it from 1 (Monday) to 7. */
  readonly weekYear: number;
  readonly week: number;
  readonly weekDay: number;
}

const DAY_SECONDS = 86_400;

/** Days from 1970-01-01 to a date of the Gregorian calendar (months may run over). */
export function daysFromDate(year: number, month: number, day: number): number {
  const shifted = month <= 2 ? year - 1 : year;
  const era = Math.floor(shifted / 400);
  const yearOfEra = shifted - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

/** The date that many days after 1970-01-01. */
export function dateFromDays(days: number): { year: number; month: number; day: number } {
  const shifted = days + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const monthIndex = Math.floor((5 * dayOfYear + 2) / 153);
  const month = monthIndex < 10 ? monthIndex + 3 : monthIndex - 9;
  const year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0);
  return { year, month, day: dayOfYear - Math.floor((153 * monthIndex + 2) / 5) + 1 };
}

/** Number of days of a month. */
export function daysInMonth(year: number, month: number): number {
  return month === 12 ? 31 : daysFromDate(year, month + 1, 1) - daysFromDate(year, month, 1);
}

/** Monday 1 … Sunday 7. */
function weekDayOf(days: number): number {
  return ((((days + 3) % 7) + 7) % 7) + 1;
}

/** Day on which the first ISO week of a year begins: the Monday of the week with 4 January in it. */
function firstWeekStart(year: number): number {
  const fourth = daysFromDate(year, 1, 4);
  return fourth - (weekDayOf(fourth) - 1);
}

/** The calendar fields of an instant, in a zone that many minutes ahead of UTC. */
export function calendarFields(epochSeconds: number, zoneMinutes: number): CalendarFields {
  const local = epochSeconds + zoneMinutes * 60;
  const days = Math.floor(local / DAY_SECONDS);
  const inDay = local - days * DAY_SECONDS;
  const date = dateFromDays(days);
  let weekYear = date.year;
  if (days < firstWeekStart(weekYear)) weekYear -= 1;
  else if (days >= firstWeekStart(weekYear + 1)) weekYear += 1;
  return {
    ...date,
    hour: Math.floor(inDay / 3600),
    minute: Math.floor((inDay % 3600) / 60),
    second: inDay % 60,
    yearDay: days - daysFromDate(date.year, 1, 1) + 1,
    weekYear,
    week: Math.floor((days - firstWeekStart(weekYear)) / 7) + 1,
    weekDay: weekDayOf(days),
  };
}

function parseDays(text: string): number | undefined {
  const date = /^(\d{1,})-(\d{1,2})-(\d{1,2})(?!\d)/.exec(text) ?? /^(\d{4})(\d{2})(\d{2})(?!\d)/.exec(text);
  if (date !== null) {
    const [year, month, day] = [Number(date[1]), Number(date[2]), Number(date[3])];
    const valid = year >= 1 && month >= 1 && month <= 12 && day >= 1 && day <= daysInMonth(year, month);
    return valid ? daysFromDate(year, month, day) : undefined;
  }
  const week = /^(\d+)-W(\d{1,2})-(\d)/.exec(text);
  if (week !== null) {
    const [year, number, day] = [Number(week[1]), Number(week[2]), Number(week[3])];
    const weeks = (firstWeekStart(year + 1) - firstWeekStart(year)) / 7;
    const valid = year >= 1 && number >= 1 && number <= weeks && day >= 1 && day <= 7;
    return valid ? firstWeekStart(year) + (number - 1) * 7 + day - 1 : undefined;
  }
  const ordinal = /^(\d+)-(\d+)/.exec(text);
  if (ordinal === null) return undefined;
  const [year, day] = [Number(ordinal[1]), Number(ordinal[2])];
  const length = daysFromDate(year + 1, 1, 1) - daysFromDate(year, 1, 1);
  return year >= 1 && day >= 1 && day <= length ? daysFromDate(year, 1, day) : undefined;
}

/** HH:MM[:SS] or HHMM[SS] (the rest counts as zero), in seconds, with what follows. */
function parseClock(text: string): { seconds: number; rest: string } | undefined {
  const match = /^(\d{2})(?::?(\d{2})(?::?(\d{2}))?)?(?:\.\d+)?/.exec(text);
  if (match === null) return undefined;
  const [hour, minute, second] = [Number(match[1]), Number(match[2] ?? 0), Number(match[3] ?? 0)];
  if (minute > 59 || second > 59 || hour > 24 || (hour === 24 && minute + second > 0)) return undefined;
  return { seconds: hour * 3600 + minute * 60 + second, rest: text.slice(match[0].length) };
}

function parseZone(text: string, zoneMinutes: number): number | undefined {
  const zone = text.trimStart();
  if (zone === "") return zoneMinutes * 60;
  if (zone.startsWith("Z")) return 0;
  const sign = zone.startsWith("-") ? -1 : 1;
  const offset = parseClock(zone.replace(/^[+-]/, ""));
  return offset === undefined ? undefined : sign * offset.seconds;
}

/** An instant, and how many minutes ahead of UTC the zone is in which it was written. */
export interface ZonedInstant {
  readonly epochSeconds: number;
  readonly zoneMinutes: number;
}

/** An instant and its zone from text, as parseInstant reads it. */
export function parseZonedInstant(text: string, zoneMinutes = 0): ZonedInstant | undefined {
  const days = parseDays(text);
  if (days === undefined) return undefined;
  const after = text.replace(/^[\dW-]*/, "");
  if (!/^[ T]/.test(after)) return { epochSeconds: days * DAY_SECONDS, zoneMinutes: 0 };
  const clock = parseClock(after.slice(1).trimStart());
  if (clock === undefined) return undefined;
  const zoneSeconds = parseZone(clock.rest, zoneMinutes);
  if (zoneSeconds === undefined) return undefined;
  return { epochSeconds: days * DAY_SECONDS + clock.seconds - zoneSeconds, zoneMinutes: zoneSeconds / 60 };
}

/**
 * An instant in epoch seconds from an ISO 8601 date with or without time and zone ("2005-020T12:30", "2026-11-22 08:00:00Z");
 * undefined when it is none. A text without a zone is in the zone given; a date alone is that day's midnight UTC.
 */
export function parseInstant(text: string, zoneMinutes = 0): number | undefined {
  return parseZonedInstant(text, zoneMinutes)?.epochSeconds;
}

/**
 * An instant later by a duration, by the calendar of its zone: the same day of the year some years later (so a leap day
 * moves the date), then the same day of the month some months later (or the month's last), then days and seconds.
 */
export function addDuration({ epochSeconds, zoneMinutes }: ZonedInstant, duration: CalendarDuration): number {
  const local = epochSeconds + zoneMinutes * 60;
  const day = Math.floor(local / DAY_SECONDS);
  const { year } = dateFromDays(day);
  const dayOfYear = day - daysFromDate(year, 1, 1);
  let moved = daysFromDate(year + duration.years, 1, 1) + dayOfYear;
  if (duration.months !== 0) {
    const date = dateFromDays(moved);
    const months = date.year * 12 + (date.month - 1) + duration.months;
    const [newYear, newMonth] = [Math.floor(months / 12), (((months % 12) + 12) % 12) + 1];
    moved = daysFromDate(newYear, newMonth, Math.min(date.day, daysInMonth(newYear, newMonth)));
  }
  const days = moved + duration.days;
  return days * DAY_SECONDS + (local - day * DAY_SECONDS) + duration.seconds - zoneMinutes * 60;
}

/** YYYY-MM-DD HH:MM:SSZ. */
export function formatInstant(epochSeconds: number): string {
  const at = calendarFields(epochSeconds, 0);
  const two = (value: number) => String(value).padStart(2, "0");
  const date = `${String(at.year).padStart(4, "0")}-${two(at.month)}-${two(at.day)}`;
  return `${date} ${two(at.hour)}:${two(at.minute)}:${two(at.second)}Z`;
}
