// Is this a CIB that the cluster can run with? Asked before anything is taken from outside; the answer is all of its faults,
// each with element, id, place, cause and what to do. One fault of severity "error" refuses the document whole.
//
//   survey (grammar, values, ids) -> references -> rules -> options        all of them linear in the size of the document
//
// The configuration is checked; the status section belongs to the cluster itself and is only bounded by the reader.

import type { Element } from "../kernel/cib/element.ts";
import { didYouMean } from "./nearest.ts";
import { CIB_COUNTERS } from "./validate/grammar.ts";
import { KnownGood } from "./validate/known-good.ts";
import { checkOptions } from "./validate/options.ts";
import { type Place, type Problem, Problems } from "./validate/problem.ts";
import { checkReferences } from "./validate/references.ts";
import { checkRules } from "./validate/rules.ts";
import { foundNamed, invalidValueText, type Survey, surveyConfiguration } from "./validate/structure.ts";

export type { Problem } from "./validate/problem.ts";

/** Sections that Pacemaker's schemas want even when they are empty. */
const EXPECTED_SECTIONS = ["crm_config", "nodes", "resources", "constraints"];

/** All faults of a whole CIB document; none when it is empty of them. */
export function validateCib(cib: Element): Problem[] {
  const problems = new Problems();
  const place: Place = { parent: undefined, name: cib.name.slice(0, 80), id: undefined };
  if (cib.name !== "cib") {
    problems.add(
      "error",
      "not-a-cib",
      place,
      `The document is a <${cib.name.slice(0, 80)}>, where a <cib> is wanted. Give a whole CIB, as "systole cib query" prints it.`,
    );
    return problems.list();
  }
  for (const name in CIB_COUNTERS) {
    const kind = CIB_COUNTERS[name];
    const value = cib.attributes[name];
    if (kind === undefined || value === undefined || kind.accepts(value)) continue;
    problems.add("error", "invalid-value", place, invalidValueText(name, value, kind));
  }
  const configurations = cib.children.filter((child) => child.name === "configuration");
  for (const child of cib.children) {
    if (child.name === "configuration" || child.name === "status") continue;
    const text = `<cib> cannot hold <${child.name.slice(0, 80)}>.${didYouMean(child.name, ["configuration", "status"])}`;
    problems.add(
      "error",
      "unknown-element",
      { parent: place, name: child.name.slice(0, 80), id: child.attributes["id"] },
      text,
    );
  }
  const [configuration] = configurations;
  if (configuration === undefined) {
    problems.add("error", "empty", place, "There is no <configuration> in it. Give a whole CIB.");
  } else if (configurations.length > 1) {
    problems.add(
      "error",
      "repeated-element",
      place,
      `<configuration> is there ${configurations.length} times, and may be there once.`,
    );
  } else check(configuration, place, problems);
  return problems.list();
}

/**
 * All faults of a <configuration>. What the previous one had already does not refuse a change: such a fault becomes a warning,
 * so that a cluster that was taken over with a fault in it can still be changed.
 */
export function validateConfiguration(next: Element, previous?: Element): Problem[] {
  const found = problemsOf(next);
  if (previous === undefined || !found.some((problem) => problem.severity === "error")) return found;
  const before = new Set(problemsOf(previous).map(problemKey));
  return found.map((problem) =>
    before.has(problemKey(problem))
      ? { ...problem, severity: "warning", text: `${problem.text} (It was so before.)` }
      : problem,
  );
}

/**
 * Makes a check of one configuration after the other, for a cluster that runs: gives all errors of the next one that the previous one
 * did not have, and no warnings. A change costs by what it changes, as long as there are no errors (see validate/known-good.ts).
 */
export function createConfigurationCheck(): (next: Element, previous: Element | undefined) => Problem[] {
  const known = new KnownGood();
  return (next, previous) => {
    if (previous !== undefined && known.follows(previous) && known.follows(next)) return [];
    const { problems, survey } = examine(next);
    const errors = problems.filter(isError);
    if (errors.length === 0 && survey !== undefined) known.learn(next, survey);
    if (errors.length === 0 || previous === undefined) return errors;
    return validateConfiguration(next, previous).filter(isError);
  };
}

function isError({ severity }: Problem): boolean {
  return severity === "error";
}

function problemKey(problem: Problem): string {
  return `${problem.code} ${problem.path} ${problem.text}`;
}

function problemsOf(configuration: Element): Problem[] {
  return examine(configuration).problems;
}

function examine(configuration: Element): { readonly problems: Problem[]; readonly survey: Survey | undefined } {
  const problems = new Problems();
  if (configuration.name !== "configuration") {
    const place = { parent: undefined, name: configuration.name.slice(0, 80), id: undefined };
    problems.add("error", "unknown-element", place, `<${place.name}> is no <configuration>.`);
    return { problems: problems.list(), survey: undefined };
  }
  const survey = check(configuration, { parent: undefined, name: "cib", id: undefined }, problems);
  return { problems: problems.list(), survey };
}

function check(configuration: Element, above: Place, problems: Problems): Survey {
  const survey = surveyConfiguration(configuration, above, problems);
  if (survey.tooLarge) return survey;
  for (const name of EXPECTED_SECTIONS) {
    if (foundNamed(survey, name).length > 0) continue;
    const place = { parent: above, name: "configuration", id: undefined };
    problems.add(
      "warning",
      "missing-section",
      place,
      `There is no <${name}>. It counts as empty here; Pacemaker's tools want <${name}/>.`,
    );
  }
  checkReferences(survey, problems);
  checkRules(survey, problems);
  checkOptions(survey, problems);
  return survey;
}

/** One problem as a line: element, id, place, text. */
export function problemText(problem: Problem): string {
  const id = problem.id === undefined ? "" : ` id="${problem.id}"`;
  return `<${problem.element}${id}> (${problem.path}): ${problem.text}`;
}
