// Scores: how much something wants to be somewhere. Whole numbers from -1000000 (never) to 1000000 (always).
// Source of the form: the Pacemaker Explained chapter on scores; "INFINITY" is 1000000.

/** The score that means always; its negative means never. */
export const INFINITY = 1_000_000;

/** What the words red, yellow and green are worth (node health settings). */
export interface HealthColors {
  readonly red: number;
  readonly yellow: number;
  readonly green: number;
}

const NO_COLORS: HealthColors = { red: 0, yellow: 0, green: 0 };

const MAX_EXACT_DIGITS = 15;

function isSpace(code: number): boolean {
  return code === 32 || (code >= 9 && code <= 13);
}

/** The leading whole number of a text, as C's strtoll reads it; undefined when there is none. */
export function leadingInteger(text: string): number | undefined {
  let start = 0;
  while (isSpace(text.charCodeAt(start))) start += 1;
  const sign = text.charCodeAt(start);
  const first = sign === 43 || sign === 45 ? start + 1 : start;
  let end = first;
  let value = 0;
  for (; ; end += 1) {
    const digit = text.charCodeAt(end) - 48;
    if (!(digit >= 0 && digit <= 9)) break;
    value = value * 10 + digit;
  }
  if (end === first) return undefined;
  if (end - first > MAX_EXACT_DIGITS) return Number(text.slice(start, end));
  return sign === 45 ? -value : value;
}

/** Brings a number into the range of scores. */
export function clampScore(value: number): number {
  return Math.min(Math.max(value, -INFINITY), INFINITY);
}

/** Reads a score; undefined when the text is none. */
export function parseScore(text: string, colors: HealthColors = NO_COLORS): number | undefined {
  if (text === "INFINITY" || text === "+INFINITY") return INFINITY;
  if (text === "-INFINITY") return -INFINITY;
  const number = leadingInteger(text);
  if (number !== undefined) return clampScore(number);
  switch (text.toLowerCase()) {
    case "red":
      return colors.red;
    case "yellow":
      return colors.yellow;
    case "green":
      return colors.green;
    default:
      return undefined;
  }
}

/** Adds two scores. Never is stronger than always, and both absorb every finite score. */
export function addScores(one: number, other: number): number {
  if (one <= -INFINITY || other <= -INFINITY) return -INFINITY;
  if (one >= INFINITY || other >= INFINITY) return INFINITY;
  return clampScore(one + other);
}

/** A score as people write it. */
export function formatScore(score: number): string {
  return score >= INFINITY ? "INFINITY" : score <= -INFINITY ? "-INFINITY" : String(score);
}
