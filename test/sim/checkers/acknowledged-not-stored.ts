// May never happen: a client is told "done" while the change is on the disks of no majority. Nothing need be lost for it to be wrong:
// the power has only not failed yet.

import type { NodeId } from "../../../runtime/kernel/membership/view.ts";
import type { Checker, Facts, Observation } from "../observations.ts";

export class AcknowledgedNotStored implements Checker {
  readonly name = "acknowledged-not-stored";
  readonly sees = ["change-asked", "store-opened", "persisted", "change-answered"] as const;
  /** By request: whose disk has it, or has had it. */
  readonly #storedBy = new Map<string, Set<NodeId>>();
  /** Requests that change something for certain. */
  readonly #writes = new Set<string>();

  see(seen: Observation, facts: Facts): string | undefined {
    if (seen.seen === "change-asked" && seen.register !== undefined) this.#writes.add(seen.request.id);
    if (seen.seen === "store-opened") for (const { id } of seen.initial.recentRequests) this.#note(id, seen.node.id);
    if (seen.seen === "persisted") {
      for (const record of seen.records) {
        if (record.record === "entry") this.#note(record.entry.requestId, seen.node.id);
        else if (record.record === "whole") {
          for (const { id } of record.snapshot.recentRequests) this.#note(id, seen.node.id);
        }
      }
    }
    if (seen.seen !== "change-answered" || seen.outcome.outcome !== "done" || !this.#writes.has(seen.requestId))
      return undefined;
    const disks = this.#storedBy.get(seen.requestId)?.size ?? 0;
    // Of two nodes one may go on alone, when the other is off.
    const { nodes, arbiter } = facts.dials;
    // Or a half of any size, with an arbiter.
    const enough = nodes === 2 ? 1 : arbiter === undefined ? Math.floor(nodes / 2) + 1 : Math.ceil(nodes / 2);
    if (disks >= enough) return undefined;
    return `${seen.requestId} was acknowledged when ${disks} of ${nodes} disks had it`;
  }

  #note(request: string, node: NodeId): void {
    if (!this.#writes.has(request)) return;
    const nodes = this.#storedBy.get(request);
    if (nodes === undefined) this.#storedBy.set(request, new Set([node]));
    else nodes.add(node);
  }
}
