// Text for terminals: colour where it helps, glyphs with a plain fallback, columns that line up and lines that fit.
//
// What agents and peers say ends up here too, so control characters are taken out before anything is drawn: a reason that
// carries an escape sequence must not move somebody's cursor.

/** How to draw. */
export interface RenderOptions {
  /** Columns; nothing returned is wider. */
  readonly width: number;
  readonly colour: boolean;
  /** False: ASCII only. */
  readonly unicode: boolean;
}

export type Tone = "good" | "warn" | "bad" | "dim" | "bold" | "plain";

const SGR: Readonly<Record<Tone, string>> = { good: "32", warn: "33", bad: "31", dim: "2", bold: "1", plain: "" };

/** A piece of a line in one tone. */
export interface Span {
  readonly text: string;
  readonly tone: Tone;
}

/** Makes a span; control characters are replaced. */
export function span(text: string, tone: Tone = "plain"): Span {
  return { text: printable(text), tone };
}

/** The text without control characters (C0, DEL, C1, line and paragraph separators, direction overrides). */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: taking them out is the purpose
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]+/g, " ");
}

/** Columns that a text takes: combining marks none, East Asian wide characters and emoji two. */
export function displayWidth(text: string): number {
  let width = 0;
  for (const character of text) width += characterWidth(character);
  return width;
}

const WIDE =
  /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1faff}\u{20000}-\u{3fffd}]/u;

function characterWidth(character: string): number {
  if (character < "\u0300") return 1;
  if (/^[\p{Mn}\p{Me}\u200b-\u200f]$/u.test(character)) return 0;
  return WIDE.test(character) ? 2 : 1;
}

/** One line of spans, cut to the width with an ellipsis. */
export function line(spans: readonly Span[], options: RenderOptions): string {
  const total = spans.reduce((sum, part) => sum + displayWidth(part.text), 0);
  const dots = options.unicode ? "…" : "...";
  let room = total <= options.width ? options.width : options.width - displayWidth(dots);
  const parts: string[] = [];
  for (const part of spans) {
    const kept = total <= options.width ? part.text : cut(part.text, room);
    room -= displayWidth(kept);
    if (kept !== "") parts.push(paint(kept, part.tone, options));
    if (kept.length < part.text.length) {
      parts.push(dots.slice(0, Math.max(0, options.width)));
      break;
    }
  }
  return parts.join("").trimEnd();
}

function cut(text: string, width: number): string {
  let used = 0;
  let kept = "";
  for (const character of text) {
    used += characterWidth(character);
    if (used > width) break;
    kept += character;
  }
  return kept;
}

/** The text in its colour, where colour is wanted. */
function paint(text: string, tone: Tone, options: { readonly colour: boolean }): string {
  const code = SGR[tone];
  return options.colour && code !== "" ? `\u001b[${code}m${text}\u001b[0m` : text;
}

/** Pads on the right to that many columns. */
function pad(text: string, width: number): string {
  return text + " ".repeat(Math.max(0, width - displayWidth(text)));
}

/** Breaks a sentence into lines that fit, the later ones indented. */
export function wrap(text: string, indent: string, options: RenderOptions, tone: Tone = "plain"): string[] {
  const room = Math.max(20, options.width - displayWidth(indent));
  const lines: string[] = [];
  let current = "";
  for (const word of printable(text).split(/\s+/)) {
    if (word === "") continue;
    if (current !== "" && displayWidth(current) + 1 + displayWidth(word) > room) {
      lines.push(current);
      current = word;
    } else current = current === "" ? word : `${current} ${word}`;
  }
  if (current !== "") lines.push(current);
  return lines.map((each) => line([span(indent), span(each, tone)], options));
}

/** Rows of cells under one another; the last column takes what it needs. */
export function columns(rows: readonly (readonly Span[])[], gap: string, options: RenderOptions): string[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (let i = 0; i < row.length - 1; i += 1) {
      widths[i] = Math.max(widths[i] ?? 0, displayWidth(row[i]?.text ?? ""));
    }
  }
  return rows.map((row) =>
    line(
      row.flatMap((cell, i) =>
        i === row.length - 1 ? [cell] : [{ text: pad(cell.text, widths[i] ?? 0), tone: cell.tone }, span(gap)],
      ),
      options,
    ),
  );
}

/** HH:MM:SS in UTC. */
export function clockTime(epochMs: number): string {
  return new Date(epochMs).toISOString().slice(11, 19);
}
