// Observations in words, one line each, for people who read a trace. What is too frequent to read has no line.

import type { View } from "../../runtime/kernel/membership/view.ts";
import type { Standing } from "../../runtime/kernel/messages.ts";
import type { Observation } from "./observations.ts";

/** A line of the trace. */
export interface Line {
  readonly who: string;
  readonly text: string;
}

/** Members as `1.3 2.1`: id and incarnation. */
export function viewText(view: View): string {
  const members = view.members.map((member) => `${member.id}.${member.incarnation}`).join(" ");
  const gone = view.departures
    .map((departure) => `${departure.id}.${departure.incarnation} ${departure.cause}`)
    .join(", ");
  return `${view.id.number}/${view.id.proposer} {${members}}${gone === "" ? "" : ` (${gone})`}`;
}

function standingText(standing: Standing): string {
  const { view, primary, quorate, established, coordinator, primaryNumber, votes, expectedVotes } = standing;
  const words = [
    established ? "established" : "forming",
    quorate ? "quorate" : "not quorate",
    primary ? `primary ${primaryNumber}` : "not primary",
  ];
  return `view ${view.id.number}/${view.id.proposer} ${words.join(", ")}, coordinator ${coordinator}, ${votes}/${expectedVotes} votes: ${standing.reason}`;
}

/** Names a view among all of a run: its id, and the life of its proposer. */
export function viewName(view: View): string {
  const proposer = view.members.find((member) => member.id === view.id.proposer);
  return `${view.id.number}/${view.id.proposer}.${proposer?.incarnation ?? "?"}`;
}

/** The line of an observation; undefined when it has none. */
export function lineOf(seen: Observation): Line | undefined {
  switch (seen.seen) {
    case "started":
      return { who: seen.node.name, text: `start of process ${seen.incarnation}` };
    case "ended":
      return {
        who: seen.node.name,
        text: `end of process ${seen.incarnation}${seen.clean ? " (clean)" : ""}: ${seen.why}`,
      };
    case "power":
      return { who: seen.node.name, text: `power ${seen.power} ${seen.why}` };
    case "view":
      return { who: seen.node.name, text: `view ${viewText(seen.view)}` };
    case "standing":
      return { who: seen.node.name, text: `standing ${standingText(seen.standing)}` };
    case "resource":
      return { who: seen.node.name, text: `${seen.resource} is ${seen.state}` };
    case "agent-call": {
      const { verb, id, intervalMs } = seen.call;
      // Recurring monitors are most of all calls and tell nothing.
      return intervalMs > 0 ? undefined : { who: seen.node.name, text: `call ${id}: ${verb} ${seen.call.resource.id}` };
    }
    case "change-asked":
      return { who: "op", text: `change ${seen.request.id}: ${seen.request.why}` };
    case "change-answered":
      return { who: "op", text: `change ${seen.requestId}: ${JSON.stringify(seen.outcome)}` };
    case "cib": {
      const { admin_epoch: adminEpoch, epoch, num_updates: updates } = seen.cib.attributes;
      return { who: seen.node.name, text: `cib ${adminEpoch}.${epoch}.${updates}` };
    }
    case "store-lost":
      return { who: seen.node.name, text: "its store is lost" };
    case "healed":
      return { who: "", text: "faults have stopped" };
    case "end":
      return { who: "", text: "end" };
    case "send":
      return messageLine(seen);
    case "committed":
    case "agent-answer":
    case "change-sent":
    case "store-opened":
    case "alert-call":
    case "alert-answer":
    case "persisting":
    case "persisted":
    case "second":
      return undefined;
  }
}

/** Only what the coordinator decides is worth a line. */
function messageLine(seen: Extract<Observation, { seen: "send" }>): Line | undefined {
  const { message, to, node } = seen;
  if (message.type === "operation") {
    return { who: node.name, text: `-> ${to}: ${message.operation.operationKey} (${message.operation.transitionKey})` };
  }
  if (message.type === "fenced")
    return { who: node.name, text: `-> ${to}: fenced ${message.node}.${message.incarnation}` };
  return undefined;
}
