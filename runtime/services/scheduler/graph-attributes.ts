// The attributes of one action of the graph while they are collected: few, and the order matters, so two lists and no hash.

/** Names with values; of a name there is one. */
export class Attributes {
  // Beyond the count lies what was there the time before: lists that shrink give their memory back, and want it again at once.
  private readonly names: string[] = [];
  private readonly values: string[] = [];
  private count = 0;

  /** Adds a value; one that is there stays. */
  put(name: string, value: string): void {
    if (this.placeOf(name) < 0) this.add(name, value);
  }

  /** Adds a value, instead of one that is there. */
  set(name: string, value: string): void {
    const place = this.placeOf(name);
    if (place >= 0) this.values[place] = value;
    else this.add(name, value);
  }

  /** Begins anew. */
  clear(): void {
    this.count = 0;
  }

  private placeOf(name: string): number {
    for (let place = 0; place < this.count; place += 1) if (this.names[place] === name) return place;
    return -1;
  }

  private add(name: string, value: string): void {
    this.names[this.count] = name;
    this.values[this.count] = value;
    this.count += 1;
  }

  /** All of them, by the numbers of the names' characters. Mostly they come in that order. */
  sorted(): Readonly<Record<string, string>> {
    const { names, values, count } = this;
    for (let from = 1; from < count; from += 1) {
      const name = names[from] ?? "";
      const value = values[from] ?? "";
      let place = from;
      for (; place > 0; place -= 1) {
        const before = names[place - 1] ?? "";
        if (before <= name) break;
        names[place] = before;
        values[place] = values[place - 1] ?? "";
      }
      names[place] = name;
      values[place] = value;
    }
    const sorted: Record<string, string> = {};
    for (let place = 0; place < count; place += 1) sorted[names[place] ?? ""] = values[place] ?? "";
    return sorted;
  }
}
