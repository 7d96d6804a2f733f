// What is wrong with a CIB that is to be simulated, before and after it was planned.
//
// As with crm_simulate, a document that is not built like a CIB is not planned at all: there would be half a plan, for what was
// left of it. A value that cannot be is told and planned with the default that counts instead.

import { EXIT } from "../../host/errors.ts";
import type { Element } from "../../kernel/cib/element.ts";
import { upgradeCib } from "../../model/upgrade.ts";
import { type Problem as Fault, problemText, validateCib } from "../../model/validate.ts";
import type { Problem } from "../../services/scheduler/schedule.ts";
import { CliFailure } from "../failure.ts";

/** Faults of single values: the element is used, with what counts where nothing is said. */
const TOLERATED = new Set([
  "invalid-value",
  "invalid-option",
  "unknown-attribute",
  "unknown-option",
  "too-many-problems",
]);
/** Faults that are refused even in a document that names no schema to be held to: planning it could take for ever. */
const NEVER_TOLERATED = new Set(["too-large", "too-long", "not-a-cib"]);

function tolerated(cib: Element, { severity, code }: Fault): boolean {
  if (severity === "warning" || TOLERATED.has(code)) return true;
  return cib.attributes["validate-with"] === "none" && !NEVER_TOLERATED.has(code);
}

/**
 * Looks for faults in a CIB; those with which it can be planned are returned.
 * @param called how the source of the CIB is called in messages
 * @throws CliFailure with all faults when it cannot be planned.
 */
export function inspectCib(cib: Element, called: string): Problem[] {
  const faults = validateCib(upgradeCib(cib));
  const fatal = faults.filter((fault) => !tolerated(cib, fault));
  const [first] = fatal;
  if (first !== undefined) {
    const count = fatal.length === 1 ? "an error" : `${fatal.length} errors`;
    const said = `${called} has ${count}, so nothing of it was planned:`;
    throw new CliFailure(first.code, EXIT.data, said, fatal.map(problemText));
  }
  return faults.map((fault) => ({
    severity: fault.severity,
    code: fault.code,
    element: fault.id ?? fault.element,
    text: `${problemText(fault)}${fault.severity === "error" ? " The plan is made without it." : ""}`,
  }));
}

/** What is told on standard error: what is wrong, and what the plan says to it. */
export function problemLines(problems: readonly Problem[]): string[] {
  return problems.map(({ severity, text }) => `${severity}: ${text}`);
}
