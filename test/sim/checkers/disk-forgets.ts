// May never happen: a store said that something is on the disk, nobody has touched the disk since, and at the next start it is not there; or
// a store that was lost or has rotten counts as whole although something is missing.

import type { Checker, NodeFacts, Observation } from "../observations.ts";

interface Stored {
  readonly requests: Set<string>;
  promised: number;
  spoilt: boolean;
}

export class DiskForgets implements Checker {
  readonly name = "disk-forgets";
  readonly sees = ["store-lost", "persisted", "store-opened"] as const;
  readonly #stored = new Map<NodeFacts, Stored>();

  see(seen: Observation): string | undefined {
    if (seen.seen === "store-lost") this.#of(seen.node).spoilt = true;
    else if (seen.seen === "persisted") {
      const stored = this.#of(seen.node);
      for (const record of seen.records) {
        if (record.record === "entry") stored.requests.add(record.entry.requestId);
        else if (record.record === "promise") stored.promised = record.primaryNumber;
        else if (record.record === "whole") {
          // What a whole document does not know of was never acknowledged, or is forgotten by all.
          stored.requests.clear();
          for (const { id } of record.snapshot.recentRequests) stored.requests.add(id);
          stored.promised = record.snapshot.position.promisedPrimary;
        }
      }
    } else if (seen.seen === "store-opened") return this.#opened(seen);
    return undefined;
  }

  #of(node: NodeFacts): Stored {
    let stored = this.#stored.get(node);
    if (stored === undefined) {
      stored = { requests: new Set(), promised: 0, spoilt: false };
      this.#stored.set(node, stored);
    }
    return stored;
  }

  #opened({ node, initial }: Extract<Observation, { seen: "store-opened" }>): string | undefined {
    const { requests, promised, spoilt } = this.#of(node);
    if (!initial.position.intact) {
      this.#stored.delete(node);
      if (spoilt || requests.size === 0) return undefined;
      return `${node.name} finds nothing, or damage, where ${requests.size} changes were stored`;
    }
    this.#of(node).spoilt = false;
    const found = new Set(initial.recentRequests.map(({ id }) => id));
    const lost = [...requests].filter((id) => !found.has(id));
    if (lost.length > 0)
      return `${node.name} finds a store that counts as whole, without ${lost.slice(0, 3).join(", ")}`;
    if (initial.position.promisedPrimary >= promised) return undefined;
    return `${node.name} had promised ${promised}, and its disk has promised ${initial.position.promisedPrimary}`;
  }
}
