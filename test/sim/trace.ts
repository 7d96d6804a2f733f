// What happened, as a hash that tells two histories apart, and as lines for people when they ask for them.

/** Lines kept for the report of a violation when nothing is printed. */
const KEPT_LINES = 400;

/** The history of one run. */
export class Trace {
  readonly #print: ((line: string) => void) | undefined;
  readonly #kept: string[] = [];
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
    const line = `${(nowMs / 1000).toFixed(6).padStart(11)} ${who.padEnd(4)} ${text}`;
    let hash = this.#hash;
    for (let index = 0; index < line.length; index += 1) hash = Math.imul(hash ^ line.charCodeAt(index), 16777619);
    this.#hash = hash;
    if (this.#print !== undefined) this.#print(line);
    else {
      if (this.#kept.length >= 2 * KEPT_LINES) this.#kept.splice(0, KEPT_LINES);
      this.#kept.push(line);
    }
  }

  /** Equal histories have equal hashes. */
  get hash(): string {
    return (this.#hash >>> 0).toString(16).padStart(8, "0");
  }

  /** The last lines, oldest first. */
  get tail(): readonly string[] {
    return this.#kept.slice(-KEPT_LINES);
  }
}
