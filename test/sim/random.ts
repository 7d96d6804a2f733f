// Chance, from a seed: the only source of it in a simulation. Each part of the world draws from a stream of its own, named
// after it, so that one more draw in the network does not change what the operators do.
//
// The generator is sfc32 (Chris Doty-Humphrey, PractRand): 128 bits of state, passes the usual batteries, cheap in 32-bit
// integer arithmetic.

/** A stream of pseudo-random numbers. */
export class Random {
  readonly #name: string;
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  constructor(name: string) {
    this.#name = name;
    this.#a = hashText(name, 0x9e3779b9);
    this.#b = hashText(name, 0x243f6a88);
    this.#c = hashText(name, 0xb7e15162);
    for (let round = 0; round < 12; round += 1) this.uint32();
  }

  /** Another stream, which depends on this one's name alone: what was drawn before does not matter. */
  fork(name: string): Random {
    return new Random(`${this.#name}/${name}`);
  }

  uint32(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) | 0;
    return sum >>> 0;
  }

  /** In [0, 1). */
  fraction(): number {
    return this.uint32() / 4294967296;
  }

  /** In [low, high). */
  between(low: number, high: number): number {
    return low + (high - low) * this.fraction();
  }

  /** A whole number in [low, high]. */
  integer(low: number, high: number): number {
    return low + Math.floor(this.fraction() * (high - low + 1));
  }

  chance(probability: number): boolean {
    return probability > 0 && this.fraction() < probability;
  }

  /** Small values often, large ones sometimes, nothing at all in a third of all cases. */
  seldom(largest: number): number {
    if (this.chance(0.33)) return 0;
    // Multiplied, not raised to a power: the last digits of that differ from engine to engine, and a history must not.
    const fraction = this.fraction();
    return largest * fraction * fraction * fraction;
  }

  /** Waiting time until the next of events that come at random, `mean` apart. */
  exponential(mean: number): number {
    return -Math.log(1 - this.fraction()) * mean;
  }

  /** One of them; the list must not be empty. */
  pick<T>(list: readonly T[]): T {
    const chosen = list[Math.floor(this.fraction() * list.length)];
    if (chosen === undefined) throw new Error("nothing to pick from");
    return chosen;
  }

  /** A new array in random order. */
  shuffled<T>(list: readonly T[]): T[] {
    const result = [...list];
    for (let last = result.length - 1; last > 0; last -= 1) {
      const other = this.integer(0, last);
      const kept = result[last];
      const moved = result[other];
      if (kept !== undefined && moved !== undefined) {
        result[last] = moved;
        result[other] = kept;
      }
    }
    return result;
  }

  /** A key of the table, with a probability in proportion to its weight. */
  weighted<K extends string>(weights: Readonly<Record<K, number>>): K | undefined {
    let total = 0;
    for (const key in weights) total += weights[key];
    let left = this.fraction() * total;
    for (const key in weights) {
      left -= weights[key];
      if (left < 0) return key;
    }
    return undefined;
  }
}

/** FNV-1a over UTF-16 units with a final avalanche: spreads short texts over 32 bits. */
function hashText(text: string, basis: number): number {
  let hash = basis;
  for (let index = 0; index < text.length; index += 1) hash = Math.imul(hash ^ text.charCodeAt(index), 16777619);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
