// Messages of members that have installed a view before this node has: they wait until it is installed here too.

import { compareViewIds, type NodeId, type ViewId } from "../membership/view.ts";
import type { KernelMessage } from "../messages.ts";

/** Messages of one sender that wait; more are dropped. */
const MAX_EARLY_MESSAGES = 4096;

/** What came before its view. */
export class EarlyMessages {
  readonly #bySender = new Map<NodeId, KernelMessage[]>();

  /** Keeps a message; of a sender only those of its newest view can still be of use. Returns how many were dropped for it. */
  keep(from: NodeId, message: KernelMessage): number {
    const kept = this.#bySender.get(from);
    const [first] = kept ?? [];
    const order = first === undefined ? 1 : compareViewIds(message.view, first.view);
    if (kept === undefined || order > 0) {
      this.#bySender.set(from, [message]);
      return kept?.length ?? 0;
    }
    if (order < 0 || kept.length >= MAX_EARLY_MESSAGES) return 1;
    kept.push(message);
    return 0;
  }

  /** Takes out what is of this view or an older one, sender by sender, each in the order in which it came. */
  take(view: ViewId): { readonly from: NodeId; readonly message: KernelMessage }[] {
    const taken: { readonly from: NodeId; readonly message: KernelMessage }[] = [];
    for (const from of [...this.#bySender.keys()].sort((a, b) => a - b)) {
      const kept = this.#bySender.get(from) ?? [];
      const [first] = kept;
      if (first === undefined || compareViewIds(first.view, view) > 0) continue;
      this.#bySender.delete(from);
      for (const message of kept) taken.push({ from, message });
    }
    return taken;
  }
}
