// Before anything is asked of anybody in a new view, each member says what it is doing. A coordinator that is gone, or that led the other
// half of a divided cluster, may have asked for a stop that is still going on; who does not know of it would start on top of what is going.

import type { NodeId } from "../../kernel/membership/view.ts";

/** A member that has not answered by then is not waited for: it is hung or of another release, and its own deadlines will tell. */
export const ROLL_CALL_MS = 2000;

/** Whose answer is missing in this view. */
export class RollCall {
  private readonly missing = new Set<NodeId>();
  private untilMs: number | undefined;

  begin(members: readonly { readonly id: NodeId }[], nowMs: number): void {
    this.missing.clear();
    for (const { id } of members) this.missing.add(id);
    this.untilMs = nowMs + ROLL_CALL_MS;
  }

  heard(node: NodeId): void {
    this.missing.delete(node);
  }

  /** Nobody is waited for any longer than that. */
  expire(nowMs: number): void {
    if (this.untilMs !== undefined && this.untilMs <= nowMs) this.clear();
  }

  clear(): void {
    this.missing.clear();
    this.untilMs = undefined;
  }

  get isOver(): boolean {
    return this.missing.size === 0;
  }

  get deadlineMs(): number | undefined {
    return this.isOver ? undefined : this.untilMs;
  }
}
