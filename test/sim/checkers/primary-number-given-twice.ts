// May never happen, as the disks tell: a node acts in a primary view that its disk has not adopted, adopts one that it has not promised,
// promises a number again, or two nodes adopt one number with different members.

import type { NodeId } from "../../../runtime/kernel/membership/view.ts";
import type { StoreRecord } from "../../../runtime/kernel/messages.ts";
import type { Checker, Observation } from "../observations.ts";

interface Promised {
  readonly number: number;
  readonly members: string;
}

export class PrimaryNumberGivenTwice implements Checker {
  readonly name = "primary-number-given-twice";
  readonly sees = ["store-lost", "standing", "persisted"] as const;
  readonly #promised = new Map<NodeId, Promised>();
  /** The primary view that was adopted last, by node. */
  readonly #onDisk = new Map<NodeId, number>();
  /** By number: the members with which it was adopted first. */
  readonly #adopted = new Map<number, string>();

  see(seen: Observation): string | undefined {
    if (seen.seen === "store-lost") this.#promised.delete(seen.node.id);
    if (seen.seen === "standing" && seen.standing.established && seen.standing.primary) {
      const { primaryNumber } = seen.standing;
      if (this.#onDisk.get(seen.node.id) === primaryNumber) return undefined;
      return `${seen.node.name} is in primary view ${primaryNumber}, which its disk has not adopted`;
    }
    if (seen.seen !== "persisted") return undefined;
    for (const record of seen.records) {
      const wrong = this.#record(seen.node.id, record);
      if (wrong !== undefined) return `${seen.node.name} ${wrong}`;
    }
    return undefined;
  }

  #record(node: NodeId, record: StoreRecord): string | undefined {
    const before = this.#promised.get(node);
    if (record.record === "promise") {
      const { primaryNumber: number, members } = record;
      this.#promised.set(node, {
        number,
        members: members.map(({ id, incarnation }) => `${id}.${incarnation}`).join(" "),
      });
      if (before !== undefined && number <= before.number)
        return `promises ${number} after it has promised ${before.number}`;
    }
    if (record.record !== "adopt") return undefined;
    const { primaryNumber } = record;
    this.#onDisk.set(node, primaryNumber);
    if (before?.number !== primaryNumber) return `adopts ${primaryNumber}, which is not promised on its disk`;
    const known = this.#adopted.get(primaryNumber);
    if (known === undefined) this.#adopted.set(primaryNumber, before.members);
    else if (known !== before.members)
      return `adopts ${primaryNumber} with {${before.members}}, another node with {${known}}`;
    return undefined;
  }
}
