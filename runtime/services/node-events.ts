// What happens to a node and its view, in sentences for the log and for those who look on.

import type { View } from "../kernel/membership/view.ts";
import type { Standing } from "../kernel/messages.ts";
import type { ClusterEvent } from "./messages.ts";

/** An event before the time is put on it. */
export type UntimedEvent = Omit<ClusterEvent, "epochMs">;

type NameOf = (id: number) => string;

/** A new view: who went, how, and after how long that was noticed, an event each; then who is in it. */
export function viewEvents(
  view: View,
  before: View | undefined,
  detectedAfterMs: Readonly<Record<string, number>>,
  nameOf: NameOf,
): UntimedEvent[] {
  const gone = (before?.members ?? []).filter((old) => !view.members.some((member) => member.id === old.id));
  const departed = gone.map((member): UntimedEvent => {
    const node = nameOf(member.id);
    const cause = view.departures.find((departure) => departure.id === member.id)?.cause ?? "unreachable";
    const durationMs = detectedAfterMs[`${member.id}`];
    const after = durationMs === undefined ? "" : `, ${Math.round(durationMs)} ms after it was last heard`;
    return {
      kind: "view",
      code: "departed",
      text: `${node} is out of the view (${cause}${after})`,
      severity: cause === "left" ? "info" : "warning",
      node,
      ...(durationMs === undefined ? {} : { durationMs }),
    };
  });
  const here = view.members.map((member) => nameOf(member.id)).join(", ");
  const severity = gone.length > 0 ? "warning" : "info";
  return [...departed, { kind: "view", code: "view", text: `members are ${here}`, severity }];
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
