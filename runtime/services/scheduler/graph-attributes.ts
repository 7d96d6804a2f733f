// The attributes of one action of the graph while they are collected: few, and the order matters, so two lists and no hash.

/** Names with values; of a name there is one. */
export class Attributes {
  private readonly names: string[] = [];
  private readonly values: string[] = [];

  /** Adds a value; one that is there stays. */
  put(name: string, value: string): void {
    if (this.names.includes(name)) return;
    this.names.push(name);
    this.values.push(value);
  }

  /** Adds a value, instead of one that is there. */
  set(name: string, value: string): void {
    const place = this.names.indexOf(name);
    if (place >= 0) this.values[place] = value;
    else this.put(name, value);
  }

  /** Begins anew. */
  clear(): void {
    this.names.length = 0;
    this.values.length = 0;
  }

  /** All of them, by the numbers of the names' characters. Mostly they come in that order. */
  sorted(): Readonly<Record<string, string>> {
    const { names, values } = this;
    for (let from = 1; from < names.length; from += 1) {
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
    for (let place = 0; place < names.length; place += 1) sorted[names[place] ?? ""] = values[place] ?? "";
    return sorted;
  }
}
