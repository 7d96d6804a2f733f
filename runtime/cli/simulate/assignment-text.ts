// Scores and capacities as crm_simulate prints them, in the order in which the scheduler comes to them.

import { formatScore } from "../../model/score.ts";
import { hashOrder } from "../../services/scheduler/hash-order.ts";
import type { AssignmentLine, CapacityLine, ScoreLine } from "../../services/scheduler/schedule.ts";

const STEP_NAMES: Readonly<Record<Exclude<ScoreLine["step"], "promotion">, string>> = {
  primitive: "pcmk__primitive_assign",
  group: "pcmk__group_assign",
  clone: "pcmk__clone_assign",
  bundle: "pcmk__bundle_assign",
};

/** Whether a line is about scores. */
export function isScore(line: AssignmentLine): line is ScoreLine {
  return "score" in line;
}

/** One line in words. */
export function assignmentText(line: AssignmentLine): string {
  return isScore(line) ? scoreText(line) : capacityText(line);
}

function scoreText({ step, resource, node, score }: ScoreLine): string {
  const text = formatScore(score);
  if (step !== "promotion") return `${STEP_NAMES[step]}: ${resource} allocation score on ${node}: ${text}`;
  return node === "none"
    ? `${resource} promotion score (inactive): ${text}`
    : `${resource} promotion score on ${node}: ${text}`;
}

function capacityText({ step, resource, node, amounts }: CapacityLine): string {
  const known = new Map(amounts);
  const list = hashOrder([...known.keys()]).map((name) => ` ${name}=${known.get(name)}`);
  if (step === "used") return `pcmk__assign_resource: ${resource} utilization on ${node}:${list.join("")}`;
  return `${step === "original" ? "Original" : "Remaining"}: ${node} capacity:${list.join("")}`;
}

/** What the list of lines is called. */
export function assignmentHeader(scores: boolean, utilization: boolean): string {
  if (!scores) return "Utilization Information";
  return utilization ? "Assignment Scores and Utilization Information" : "Assignment Scores";
}
