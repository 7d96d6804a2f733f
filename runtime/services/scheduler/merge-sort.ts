// Sorting where not every two items can be compared: then the outcome depends on which pairs are looked at, so the way is
// fixed here. Halves (the first one the smaller) are sorted, then merged; the first half wins where there is no difference.

/** The items in order; like any stable sort where the comparison is a true order. */
export function mergeSort<Item>(items: readonly Item[], compare: (one: Item, other: Item) => number): Item[] {
  if (items.length < 2) return [...items];
  const middle = items.length >> 1;
  const left = mergeSort(items.slice(0, middle), compare);
  const right = mergeSort(items.slice(middle), compare);
  const merged: Item[] = [];
  let place = 0;
  for (const item of left) {
    for (; place < right.length; place += 1) {
      const other = right[place];
      if (other === undefined || compare(item, other) <= 0) break;
      merged.push(other);
    }
    merged.push(item);
  }
  return [...merged, ...right.slice(place)];
}
