// May never happen: a recipient is told two things at once from one life of a node, an earlier thing after a later one, or again what it
// has taken. (An alert that failed is tried again, and some are given up; from two nodes alerts may come in any order.)

import type { Alert } from "../../../sdk/mod.ts";
import type { Checker, Observation } from "../observations.ts";

export class AlertsOutOfOrder implements Checker {
  readonly name = "alerts-out-of-order";
  readonly sees = ["alert-call", "alert-answer"] as const;
  /** NODE LIFE SINK: the last alert that was tried, and whether it was taken. */
  readonly #last = new Map<string, { readonly sequence: number; taken: boolean }>();

  see(seen: Observation): string | undefined {
    if (seen.seen !== "alert-call" && seen.seen !== "alert-answer") return undefined;
    const { node, incarnation, call } = seen;
    const key = `${node.name} ${incarnation} ${call.sink.id}`;
    const last = this.#last.get(key);
    if (seen.seen === "alert-answer") {
      const isLast = last !== undefined && call.alert?.sequence === last.sequence && !isCount(call.alert);
      if (isLast && seen.outcome.outcome === "done") last.taken = true;
      return undefined;
    }
    if (seen.others.length > 0) return `${node.name} tells ${call.sink.id} something while it is being told something`;
    if (call.alert === undefined || isCount(call.alert)) return undefined;
    const { sequence } = call.alert;
    if (last !== undefined && sequence < last.sequence)
      return `${node.name} tells ${call.sink.id} of alert ${sequence} after ${last.sequence}`;
    if (last?.sequence === sequence) {
      return last.taken
        ? `${node.name} tells ${call.sink.id} again of alert ${sequence}, which it has taken`
        : undefined;
    }
    this.#last.set(key, { sequence, taken: false });
    return undefined;
  }
}

/** How many were given up stands outside the order. */
function isCount(alert: Alert): boolean {
  return alert.kind === "dropped";
}
