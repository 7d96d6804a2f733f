// The order in which GLib's hash tables give their keys back. crm_simulate lists what nodes have and resources use in that
// order, and its output is to be compared with ours line by line.
// Source of the facts: the behaviour of GLib 2.74 (open addressing, sizes are powers of two, places by a prime below).

/** A table of 2^n places spreads its keys over the greatest prime below (n from 3 on). */
const PRIMES = [7, 13, 31, 61, 127, 251, 509, 1021, 2039, 4093, 8191, 16381];
const SMALLEST_SHIFT = 3;
/** Hashes 0 and 1 mean free and removed, so keys have others. */
const FIRST_HASH = 2;

function hashOf(text: string): number {
  let hash = 0;
  for (const byte of new TextEncoder().encode(text)) {
    // Bytes count as signed.
    hash = (Math.imul(hash, 31) + (byte > 127 ? byte - 256 : byte)) | 0;
  }
  return Math.max(hash >>> 0, FIRST_HASH);
}

function put(places: (string | undefined)[], key: string): void {
  const mask = places.length - 1;
  const prime = PRIMES[Math.log2(places.length) - SMALLEST_SHIFT] ?? mask;
  let place = (Math.imul(hashOf(key), 11) >>> 0) % prime;
  for (let step = 1; places[place] !== undefined; step += 1) place = (place + step) & mask;
  places[place] = key;
}

/** The keys, which were put in one after the other, as a table gives them back. */
export function hashTableOrder(keys: readonly string[]): string[] {
  let places = new Array<string | undefined>(1 << SMALLEST_SHIFT).fill(undefined);
  let count = 0;
  for (const key of keys) {
    put(places, key);
    count += 1;
    if (places.length > count + Math.floor(count / 16)) continue;
    const kept = places.filter((one) => one !== undefined);
    const shift = Math.max(SMALLEST_SHIFT, Math.floor(count * 1.333).toString(2).length);
    places = new Array<string | undefined>(1 << shift).fill(undefined);
    for (const one of kept) put(places, one);
  }
  return places.filter((key) => key !== undefined);
}
