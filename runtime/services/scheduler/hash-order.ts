// The order in which a hash table of names gives them back. Where several nodes are equally good and nothing else decides,
// Pacemaker takes the first one that it meets in such a table, and crm_simulate lists capacities in its order; so that the
// same node is taken here and the same lines are printed, the table is walked alike.
// Source of the form: GLib's GHashTable (open addressing, probes further apart each time); hash of strings as before GLib 2.28.

const SMALLEST_SHIFT = 3;
/** How far the largest prime below 2^n lies from it, from n = 3 on; it ends where a Set (2^24 names) is full. */
const BELOW_POWER = [1, 3, 1, 3, 1, 5, 3, 3, 9, 3, 1, 3, 19, 15, 1, 5, 1, 3, 9, 3, 15, 3, 39] as const;
/** Hashes 0 and 1 mean free and removed, so names have others. */
const FIRST_HASH = 2;
const utf8 = new TextEncoder();

function hashOf(name: string): number {
  let hash = 0;
  for (let i = 0; i < name.length; i += 1) {
    const unit = name.charCodeAt(i);
    if (unit > 127) return hashOfBytes(utf8.encode(name));
    hash = (Math.imul(hash, 31) + unit) >>> 0;
  }
  return Math.max(hash, FIRST_HASH);
}

/** Bytes count as signed. */
function hashOfBytes(bytes: Uint8Array): number {
  let hash = 0;
  for (const byte of bytes) hash = (Math.imul(hash, 31) + ((byte << 24) >> 24)) >>> 0;
  return Math.max(hash, FIRST_HASH);
}

function shiftFor(size: number): number {
  return Math.max(SMALLEST_SHIFT, Math.floor(size).toString(2).length);
}

/** Where a name would like to be in a table of that size. */
function wish(name: string, shift: number): number {
  return (Math.imul(hashOf(name), 11) >>> 0) % ((1 << shift) - (BELOW_POWER[shift - SMALLEST_SHIFT] ?? 0));
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

/** Names in the order in which a table gives them back that they were put into one after the other. */
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
