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
const TOLERATED_VALUES = new Set([
  "invalid-value",
  "invalid-option",
  "unknown-attribute",
  "unknown-option",
  "too-many-problems",
]);
/** Faults that no schema of Pacemaker knows: a running cluster may have them, and there is a plan for it. */
const TOLERATED_SHAPES = new Set(["duplicate-node", "not-a-fence-device", "misdirected-reference", "missing-value"]);
/** Faults between elements, which an upgrade can make: it takes one of two apart, or leaves out what another refers to. */
const FAULTS_OF_UPGRADES = new Set(["duplicate-id", "dangling-reference"]);
/** Faults that are refused even in a document that names no schema to be held to: planning it could take for ever. */
const NEVER_TOLERATED = new Set(["too-large", "too-long", "not-a-cib"]);
/** No plan asks for permissions, and those of schemas 1.x are written in other words. */
const PERMISSIONS = "/cib/configuration/acls/";

function tolerated(cib: Element, { severity, code, element, path }: Fault): boolean {
  // A resource without its template is none; crm_simulate breaks off on it.
  if (code === "misdirected-reference" && element === "primitive") return cib.attributes["validate-with"] === "none";
  if (severity === "warning" || TOLERATED_VALUES.has(code) || TOLERATED_SHAPES.has(code)) return true;
  if (code === "unknown-element" && path.startsWith(PERMISSIONS)) return true;
  if (code === "duplicate-id" && element === "node") return true;
  if (code === "dangling-reference" && element === "fencing-level") return true;
  return cib.attributes["validate-with"] === "none" && !NEVER_TOLERATED.has(code);
}

/** The faults of a CIB in the words of the newest schema, without those that only came about by saying it so. */
function faultsOf(cib: Element): Fault[] {
  const faults = validateCib(upgradeCib(cib));
  if (!faults.some(({ code }) => FAULTS_OF_UPGRADES.has(code))) return faults;
  const written = new Set(validateCib(cib).map(({ code }) => code));
  return faults.filter(({ code }) => !FAULTS_OF_UPGRADES.has(code) || written.has(code));
}

/**
 * Looks for faults in a CIB; those with which it can be planned are returned.
 * @param called how the source of the CIB is called in messages
 * @throws CliFailure with all faults when it cannot be planned.
 */
export function inspectCib(cib: Element, called: string): Problem[] {
  const faults = faultsOf(cib);
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
    text: `${problemText(fault)}${consequence(fault)}`,
  }));
}

function consequence({ severity, code }: Fault): string {
  if (severity === "warning") return "";
  const counts = TOLERATED_SHAPES.has(code) || FAULTS_OF_UPGRADES.has(code);
  return counts ? " The plan is made all the same." : " The plan is made without it.";
}

/** What is told on standard error: what is wrong, and what the plan says to it. */
export function problemLines(problems: readonly Problem[]): string[] {
  return problems.map(({ severity, text }) => `${severity}: ${text}`);
}
