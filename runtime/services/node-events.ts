// What happens to a node and its view, in sentences for the log and for those who look on.

import type { View } from "../kernel/membership/view.ts";
import type { Standing } from "../kernel/messages.ts";
import type { ClusterEvent } from "./messages.ts";

/** An event before the time is put on it. */
export type UntimedEvent = Omit<ClusterEvent, "epochMs">;

type NameOf = (id: number) => string;

/** A new view: who is in it, who went, how, and after how long that was noticed. */
export function viewEvent(
  view: View,
  before: View | undefined,
  detectedAfterMs: Readonly<Record<string, number>>,
  nameOf: NameOf,
): UntimedEvent {
  const here = view.members.map((member) => nameOf(member.id)).join(", ");
  const gone = (before?.members ?? []).filter((old) => !view.members.some((member) => member.id === old.id));
  const words = gone.map((member) => {
    const cause = view.departures.find((departure) => departure.id === member.id)?.cause ?? "gone";
    const afterMs = detectedAfterMs[`${member.id}`];
    const detected = afterMs === undefined ? "" : ` after ${Math.round(afterMs)} ms`;
    return `${nameOf(member.id)} is gone (${cause}${detected})`;
  });
  const text = [`members are ${here}`, ...words].join("; ");
  return { kind: "view", code: "view", text, severity: gone.length > 0 ? "warning" : "info" };
}

/** Who coordinates, and whether this view may act. */
export function standingEvent(standing: Standing, self: number, nameOf: NameOf): UntimedEvent {
  const role = standing.coordinator === self ? "this node" : nameOf(standing.coordinator);
  return {
    kind: "standing",
    code: standing.primary ? "primary" : standing.quorate ? "quorate" : "no-quorum",
    text: `${role} coordinates. ${standing.reason}`,
    severity: standing.primary ? "info" : "warning",
    node: nameOf(standing.coordinator),
  };
}

/** A fence begins. */
export function fenceEvent(target: string, action: string, why: string): UntimedEvent {
  const text = `${target} is being fenced (${action}), because ${why}`;
  return { kind: "fence", code: "fence-begins", text, severity: "warning", node: target };
}
