// The order in which a hash table of names gives them back. Where several nodes are equally good and nothing else decides,
// Pacemaker takes the first one that it meets in such a table; so that the same node is taken here, the table is walked alike.
// Source of the form: GLib's GHashTable (open addressing, probes further apart each time); hash of strings as before GLib 2.28.

const SMALLEST_SHIFT = 3;
/** Largest prime below each power of two, from 2 to the 3rd on: 2 to the 16th is more nodes than there will be. */
const PRIMES = [7, 13, 31, 61, 127, 251, 509, 1021, 2039, 4093, 8191, 16_381, 32_749, 65_521] as const;

function hashOf(text: string): number {
  let hash = 0;
  for (let i = 0; i < text.length; i += 1) hash = (Math.imul(hash, 31) + text.charCodeAt(i)) >>> 0;
  return hash < 2 ? 2 : hash;
}

function shiftFor(size: number): number {
  return Math.max(SMALLEST_SHIFT, Math.floor(size).toString(2).length);
}

/** Where a name would like to be in a table of that size. */
function wish(name: string, shift: number): number {
  return (Math.imul(hashOf(name), 11) >>> 0) % (PRIMES[shift - SMALLEST_SHIFT] ?? 65_521);
}

/** A place that is not taken, from a wish on. */
function probe(from: number, shift: number, isTaken: (place: number) => boolean): number {
  let place = from;
  for (let step = 1; isTaken(place); step += 1) place = (place + step) & ((1 << shift) - 1);
  return place;
}

/** The same names in a table of another size: each goes where it would like to be, and pushes on whoever is there. */
function resized(old: readonly (string | undefined)[], shift: number): (string | undefined)[] {
  const slots = [...old, ...Array<string | undefined>((1 << shift) - old.length).fill(undefined)];
  const settled = new Set<number>();
  for (let i = 0; i < old.length; i += 1) {
    let moving = settled.has(i) ? undefined : slots[i];
    if (moving !== undefined) slots[i] = undefined;
    while (moving !== undefined) {
      const place = probe(wish(moving, shift), shift, (candidate) => settled.has(candidate));
      settled.add(place);
      const evicted: string | undefined = slots[place];
      slots[place] = moving;
      moving = evicted;
    }
  }
  return slots;
}

/** Names, put into a table one after the other, in the order of the table. */
export function hashOrder(names: readonly string[]): string[] {
  let shift = SMALLEST_SHIFT;
  let slots = Array<string | undefined>(1 << shift).fill(undefined);
  let count = 0;
  for (const name of new Set(names)) {
    const place = probe(wish(name, shift), shift, (candidate) => slots[candidate] !== undefined);
    slots[place] = name;
    count += 1;
    if (1 << shift > count + (count >> 4)) continue;
    shift = shiftFor(count * 1.333);
    slots = resized(slots, shift);
  }
  return slots.filter((name) => name !== undefined);
}
