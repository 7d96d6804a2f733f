// The time of an alert in the form that its `timestamp-format` asks for.
// Source of the form: Pacemaker Explained, "Alert Meta-Attributes": what date(1) understands, and %N or %6N for a fraction of a second.

import { calendarFields } from "../../model/iso8601.ts";

/** When the CIB does not say (Pacemaker's default). */
export const DEFAULT_TIMESTAMP_FORMAT = "%H:%M:%S.%6N";
/** A longer result is none, as in Pacemaker. */
export const MAX_TIMESTAMP_CHARACTERS = 128;

const DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];
const MONTHS = [
  ...["January", "February", "March", "April", "May", "June"],
  ...["July", "August", "September", "October", "November", "December"],
];

const padded = (value: number, width = 2, by = "0"): string => `${value}`.padStart(width, by);

function zoneText(zoneMinutes: number): string {
  const minutes = Math.abs(zoneMinutes);
  return `${zoneMinutes < 0 ? "-" : "+"}${padded(Math.floor(minutes / 60))}${padded(minutes % 60)}`;
}

/** Forms that stand for others, in the C locale. */
const COMPOSED: Readonly<Record<string, string>> = {
  c: "%a %b %e %H:%M:%S %Y",
  D: "%m/%d/%y",
  F: "%Y-%m-%d",
  h: "%b",
  r: "%I:%M:%S %p",
  R: "%H:%M",
  T: "%H:%M:%S",
  x: "%m/%d/%y",
  X: "%H:%M:%S",
};

/** One letter; undefined for one that means nothing. */
function partOf(letter: string, epochMs: number, zoneMinutes: number): string | undefined {
  const epochSeconds = Math.floor(epochMs / 1000);
  const at = calendarFields(epochSeconds, zoneMinutes);
  const hour = at.hour % 12 === 0 ? 12 : at.hour % 12;
  const parts: Readonly<Record<string, string>> = {
    a: (DAYS[at.weekDay - 1] ?? "").slice(0, 3),
    A: DAYS[at.weekDay - 1] ?? "",
    b: (MONTHS[at.month - 1] ?? "").slice(0, 3),
    B: MONTHS[at.month - 1] ?? "",
    C: padded(Math.floor(at.year / 100)),
    d: padded(at.day),
    e: padded(at.day, 2, " "),
    G: `${at.weekYear}`,
    H: padded(at.hour),
    I: padded(hour),
    j: padded(at.yearDay, 3),
    k: padded(at.hour, 2, " "),
    l: padded(hour, 2, " "),
    m: padded(at.month),
    M: padded(at.minute),
    n: "\n",
    p: at.hour < 12 ? "AM" : "PM",
    P: at.hour < 12 ? "am" : "pm",
    s: `${epochSeconds}`,
    S: padded(at.second),
    t: "\t",
    u: `${at.weekDay}`,
    V: padded(at.week),
    w: `${at.weekDay % 7}`,
    y: padded(at.year % 100),
    Y: `${at.year}`,
    z: zoneText(zoneMinutes),
    Z: zoneMinutes === 0 ? "UTC" : zoneText(zoneMinutes),
    "%": "%",
  };
  return Object.hasOwn(parts, letter) ? parts[letter] : undefined;
}

/** The instant in that form, in a zone so many minutes ahead of UTC. What means nothing stays as it is written; a result that is too long is empty. */
export function formatTimestamp(format: string, epochMs: number, zoneMinutes: number): string {
  const composed = format
    .slice(0, MAX_TIMESTAMP_CHARACTERS)
    .replace(/%([%A-Za-z])/g, (whole, letter: string) => COMPOSED[letter] ?? whole);
  const text = composed.replace(
    /%(?:0?([1-9]?)(N)|([A-Za-z%]))/g,
    (whole, digits: string, fraction, letter: string) => {
      if (fraction === undefined) return partOf(letter, epochMs, zoneMinutes) ?? whole;
      const micros = padded((((epochMs % 1000) + 1000) % 1000) * 1000, 6);
      return micros.slice(0, digits === "" ? 6 : Math.min(Number(digits), 6));
    },
  );
  return text.length > MAX_TIMESTAMP_CHARACTERS ? "" : text;
}
