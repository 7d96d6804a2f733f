// May never happen: a store said that something is on the disk, or a process began with it, nobody has touched the disk since, and at the
// next start it is not there; or a store that was lost or has rotten counts as whole although something is missing.

import type { StoreRecord } from "../../../runtime/kernel/messages.ts";
import type { Checker, NodeFacts, Observation } from "../observations.ts";

/** What has to be there. */
interface Content {
  readonly requests: Set<string>;
  promised: number;
}

interface Stored {
  content: Content;
  /** Writes that the store has not confirmed, oldest first. */
  writing: (readonly StoreRecord[])[];
  spoilt: boolean;
}

export class DiskForgets implements Checker {
  readonly name = "disk-forgets";
  readonly sees = ["store-lost", "persisting", "persisted", "store-opened"] as const;
  readonly #stored = new Map<NodeFacts, Stored>();

  see(seen: Observation): string | undefined {
    if (seen.seen === "store-lost") this.#of(seen.node).spoilt = true;
    else if (seen.seen === "persisting") this.#of(seen.node).writing.push(seen.records);
    else if (seen.seen === "persisted") {
      const stored = this.#of(seen.node);
      stored.writing.shift();
      for (const record of seen.records) stored.content = afterRecord(stored.content, record);
    } else if (seen.seen === "store-opened") return this.#opened(seen);
    return undefined;
  }

  #of(node: NodeFacts): Stored {
    let stored = this.#stored.get(node);
    if (stored === undefined) {
      stored = { content: { requests: new Set(), promised: 0 }, writing: [], spoilt: false };
      this.#stored.set(node, stored);
    }
    return stored;
  }

  #opened({ node, initial }: Extract<Observation, { seen: "store-opened" }>): string | undefined {
    const { content, writing, spoilt } = this.#of(node);
    const { position } = initial;
    this.#stored.delete(node);
    if (!position.intact) {
      if (spoilt || content.requests.size === 0) return undefined;
      return `${node.name} finds nothing, or damage, where ${content.requests.size} changes were stored`;
    }
    const found = { requests: new Set(initial.recentRequests.map(({ id }) => id)), promised: position.promisedPrimary };
    this.#of(node).content = found;
    // A whole document that was on its way may have taken the place of what was confirmed before.
    const wholes = writing.flat().filter((record) => record.record === "whole");
    const possible = [content, ...wholes.map((record) => afterRecord(content, record))];
    if (possible.some((needed) => missingIn(found, needed) === undefined)) return undefined;
    return `${node.name} ${missingIn(found, content)}`;
  }
}

function afterRecord(content: Content, record: StoreRecord): Content {
  if (record.record === "entry") content.requests.add(record.entry.requestId);
  else if (record.record === "promise") content.promised = record.primaryNumber;
  else if (record.record === "whole") {
    // What a whole document does not know of was never acknowledged, or is forgotten by all.
    const { recentRequests, position } = record.snapshot;
    return { requests: new Set(recentRequests.map(({ id }) => id)), promised: position.promisedPrimary };
  }
  return content;
}

function missingIn(found: Content, needed: Content): string | undefined {
  const lost = [...needed.requests].filter((id) => !found.requests.has(id));
  if (lost.length > 0) return `finds a store that counts as whole, without ${lost.slice(0, 3).join(", ")}`;
  if (found.promised >= needed.promised) return undefined;
  return `had promised ${needed.promised}, and its disk has promised ${found.promised}`;
}
