// What happened, as a hash that tells two histories apart, and as lines for people when they ask for them.

/** Lines kept for the report of a violation when nothing is printed. */
const KEPT_LINES = 400;
/** In a millisecond. */
const MICROSECONDS = 1_000;

interface Line {
  readonly nowMs: number;
  readonly who: string;
  readonly text: string;
}

/** The history of one run. */
export class Trace {
  readonly #print: ((line: string) => void) | undefined;
  readonly #kept: Line[] = [];
  #hash = 0x811c9dc5;

  /** @param print receives each line at once (--trace); without it the last lines are kept. */
  constructor(print: ((line: string) => void) | undefined) {
    this.#print = print;
  }

  /** Two numbers of an event too frequent for a line: which one, and anything that differs when it differs. */
  mix(a: number, b: number): void {
    this.#hash = Math.imul(Math.imul(this.#hash ^ a, 16777619) ^ b, 16777619);
  }

  /** One line; `who` is a node's name, or "" for the world. */
  line(nowMs: number, who: string, text: string): void {
    this.mix(nowMs * MICROSECONDS, who.length);
    this.#mixText(who);
    this.#mixText(text);
    const line = { nowMs, who, text };
    if (this.#print !== undefined) this.#print(written(line));
    else {
      if (this.#kept.length >= 2 * KEPT_LINES) this.#kept.splice(0, KEPT_LINES);
      this.#kept.push(line);
    }
  }

  #mixText(text: string): void {
    let hash = this.#hash;
    for (let index = 0; index < text.length; index += 1) hash = Math.imul(hash ^ text.charCodeAt(index), 16777619);
    this.#hash = hash;
  }

  /** Equal histories have equal hashes. */
  get hash(): string {
    return (this.#hash >>> 0).toString(16).padStart(8, "0");
  }

  /** The last lines, oldest first. */
  get tail(): readonly string[] {
    return this.#kept.slice(-KEPT_LINES).map(written);
  }
}

function written({ nowMs, who, text }: Line): string {
  return `${(nowMs / 1000).toFixed(6).padStart(11)} ${who.padEnd(4)} ${text}`;
}
