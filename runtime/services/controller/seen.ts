// Which results the coordinator has taken in already. Nodes report a result until it was noted, and everything again after a view
// change, so some come twice.

import type { Incarnation, NodeId } from "../../kernel/membership/view.ts";

/** Results remembered for each node; reports come in the order of their numbers, so the oldest are never asked for again. */
export const MAX_SEEN_PER_NODE = 16_384;

/** The results seen in one coordinator's time. */
export class Seen {
  private readonly nodes = new Map<
    NodeId,
    { readonly incarnation: Incarnation; readonly calls: Map<number, boolean> }
  >();

  /** Whether this result is new; if so it is remembered from now on. */
  look(node: NodeId, incarnation: Incarnation, callId: number): "new" | "taken" | "noted" {
    let entry = this.nodes.get(node);
    if (entry?.incarnation !== incarnation) {
      entry = { incarnation, calls: new Map() };
      this.nodes.set(node, entry);
    }
    const noted = entry.calls.get(callId);
    if (noted !== undefined) return noted ? "noted" : "taken";
    entry.calls.set(callId, false);
    if (entry.calls.size > MAX_SEEN_PER_NODE) {
      const oldest = entry.calls.keys().next();
      if (!oldest.done) entry.calls.delete(oldest.value);
    }
    return "new";
  }

  /** It stands in the CIB. */
  noted(node: NodeId, incarnation: Incarnation, callId: number): void {
    const entry = this.nodes.get(node);
    if (entry?.incarnation === incarnation && entry.calls.has(callId)) entry.calls.set(callId, true);
  }

  clear(): void {
    this.nodes.clear();
  }
}
