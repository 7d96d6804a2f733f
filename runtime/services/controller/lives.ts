// Which life of each node may have left something running.
//
// A process that dies does not take its services with it, and a start that it had begun may still be going on. So when a node comes back
// in a later life before the earlier one was accounted for (left cleanly, or read as off), it is not taken in as if nothing had happened:
// it counts as lost until it was fenced, just as if it had stayed away. Every member keeps this account, because any may be the next
// coordinator, and what a newcomer says of itself replaces what the status had of its earlier life.

import type { Element } from "../../kernel/cib/element.ts";
import type { Incarnation, NodeId } from "../../kernel/membership/view.ts";
import type { Standing } from "../../kernel/messages.ts";
import { nodeState } from "../attributes/edits.ts";
import { INCARNATION, isDown } from "./node-states.ts";

/** The lives that this node has seen act and that are not over for certain. */
export class Lives {
  private readonly open = new Map<NodeId, Incarnation>();

  /** A view is established: what went cleanly or is off is over, who is a member of a primary view may act from now on. */
  standing(standing: Standing): void {
    for (const { id, incarnation, cause } of standing.view.departures) if (cause === "left") this.left(id, incarnation);
    for (const { id, incarnation, account } of standing.missing) {
      if (account === "left") this.left(id, incarnation);
      else if (account === "fenced") this.close(id, incarnation);
    }
    if (!standing.primary) return;
    for (const { id, incarnation } of standing.view.members) if (!this.open.has(id)) this.open.set(id, incarnation);
  }

  /** A coordinator has written that a life is over. */
  cib(cib: Element): void {
    for (const id of [...this.open.keys()]) {
      const state = nodeState(cib, `${id}`);
      if (state !== undefined && isDown(state)) this.close(id, Number(state.attributes[INCARNATION] ?? 0));
    }
  }

  /** This life has stopped what it ran. It says nothing of an earlier one, which it may never have looked for. */
  private left(id: NodeId, incarnation: Incarnation): void {
    if (this.open.get(id) === incarnation) this.open.delete(id);
  }

  /** This life, and any before it, is over. */
  close(id: NodeId, incarnation: Incarnation): void {
    if ((this.open.get(id) ?? Number.POSITIVE_INFINITY) <= incarnation) this.open.delete(id);
  }

  /** A life before this one that is not accounted for. */
  earlier(id: NodeId, incarnation: Incarnation): Incarnation | undefined {
    const open = this.open.get(id);
    return open !== undefined && open < incarnation ? open : undefined;
  }
}
