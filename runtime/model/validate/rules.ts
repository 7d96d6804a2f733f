// What a table of elements cannot say: which attributes go together, what a resource needs, what is said twice.

import { isTrue } from "../text.ts";
import { RESOURCE_ELEMENTS } from "./grammar.ts";
import { CIB_LIMITS } from "./limits.ts";
import type { Problems } from "./problem.ts";
import { classOf } from "./references.ts";
import { type Found, foundNamed, type Survey } from "./structure.ts";

/** Checks the relations inside of elements. */
export function checkRules(survey: Survey, problems: Problems): void {
  checkCounts(survey, problems);
  for (const found of foundNamed(survey, "primitive", "template")) checkPrimitive(found, problems);
  for (const found of foundNamed(survey, "clone", "master")) checkClone(found, problems);
  for (const found of foundNamed(survey, "operations")) checkOperations(found, problems);
  for (const found of foundNamed(survey, "rsc_location")) checkLocation(found, problems);
  for (const found of foundNamed(survey, "rsc_colocation")) checkPair(found, "rsc", "with-rsc", problems);
  for (const found of foundNamed(survey, "rsc_order")) checkPair(found, "first", "then", problems);
  for (const found of foundNamed(survey, "rsc_ticket")) checkPair(found, "rsc", "rsc", problems);
  for (const found of foundNamed(survey, "resource_set")) checkSet(found, problems);
  for (const found of foundNamed(survey, "rule")) checkRule(found, problems);
  for (const found of foundNamed(survey, "expression", "date_expression")) checkExpression(found, problems);
  checkNodes(survey, problems);
  checkFencing(survey, problems);
}

function has(found: Found, ...names: readonly string[]): boolean {
  return found.element.children.some((child) => names.includes(child.name));
}

function checkCounts(survey: Survey, problems: Problems): void {
  const counted: readonly (readonly [keyof typeof CIB_LIMITS, readonly string[], string])[] = [
    ["nodes", ["node"], "nodes"],
    ["resources", [...RESOURCE_ELEMENTS, "template"], "resources"],
    ["constraints", ["rsc_location", "rsc_colocation", "rsc_order", "rsc_ticket"], "constraints"],
  ];
  for (const [limit, names, words] of counted) {
    const found = foundNamed(survey, ...names);
    const [first] = found;
    if (first === undefined || found.length <= CIB_LIMITS[limit]) continue;
    const text = `There are ${found.length} ${words}, more than the ${CIB_LIMITS[limit]} that are taken. Check what generated them, or split the cluster.`;
    problems.add("error", "too-large", first.place.parent ?? first.place, text);
  }
}

function checkPrimitive(found: Found, problems: Problems): void {
  const { class: agentClass, provider, template } = found.element.attributes;
  if (template !== undefined) {
    if (agentClass !== undefined) {
      problems.add(
        "error",
        "template-and-class",
        found.place,
        `It has both template="${template}" and a class of its own. Keep one of them.`,
      );
    }
    return;
  }
  if (agentClass === "ocf" && provider === undefined) {
    problems.add(
      "error",
      "missing-attribute",
      found.place,
      'The class "ocf" needs a provider, such as provider="systole".',
    );
  }
  if (agentClass !== undefined && agentClass !== "ocf" && provider !== undefined) {
    problems.add(
      "error",
      "invalid-value",
      found.place,
      `Only the class "ocf" has providers. Remove provider="${provider}".`,
    );
  }
}

function checkClone(found: Found, problems: Problems): void {
  if (has(found, "primitive") && has(found, "group")) {
    problems.add(
      "error",
      "repeated-element",
      found.place,
      "A clone holds one primitive or one group, and here is one of each. Make two clones of them.",
    );
  }
}

function checkOperations(found: Found, problems: Problems): void {
  const seen = new Map<string, string>();
  for (const op of found.element.children) {
    if (op.name !== "op") continue;
    const { id, name, interval, role } = op.attributes;
    const key = [name, interval, role === undefined ? "" : role].join("\n");
    const place = { parent: found.place, name: "op", id };
    if (seen.has(key)) {
      problems.add(
        "warning",
        "duplicate-operation",
        place,
        `The operation "${seen.get(key)}" has the same name and interval, so only one of them counts. Give it another interval.`,
      );
    } else if (id !== undefined) seen.set(key, id);
  }
}

function checkLocation(found: Found, problems: Problems): void {
  const { rsc, node, score } = found.element.attributes;
  const pattern = found.element.attributes["rsc-pattern"];
  const subjects = [rsc !== undefined, pattern !== undefined, has(found, "resource_set")].filter(Boolean).length;
  if (subjects !== 1) {
    const text =
      subjects === 0
        ? "It says of no resource where it belongs. Give rsc, rsc-pattern or a <resource_set>."
        : "Give only one of rsc, rsc-pattern and <resource_set>.";
    problems.add("error", "incomplete", found.place, text);
  }
  if (pattern !== undefined && !isPattern(pattern)) {
    problems.add(
      "error",
      "invalid-value",
      found.place,
      `rsc-pattern="${pattern.slice(0, 80)}" is not a regular expression. Correct it, or use rsc.`,
    );
  }
  if (has(found, "rule")) {
    if (node !== undefined)
      problems.add("error", "incomplete", found.place, "Give either node with score, or <rule>, not both.");
  } else if (node === undefined || score === undefined) {
    problems.add("error", "incomplete", found.place, "It does not say where: give node and score, or a <rule>.");
  }
}

function isPattern(text: string): boolean {
  try {
    return new RegExp(text) instanceof RegExp;
  } catch {
    return false;
  }
}

/** Colocation, order and ticket: either the two names or sets. */
function checkPair(found: Found, one: string, other: string, problems: Problems): void {
  const first = found.element.attributes[one];
  const second = found.element.attributes[other];
  const sets = has(found, "resource_set");
  const both = first !== undefined && second !== undefined;
  const names = one === other ? one : `${one} and ${other}`;
  if (sets && (first !== undefined || second !== undefined)) {
    problems.add("error", "incomplete", found.place, `Give either ${names}, or <resource_set>, not both.`);
  } else if (!sets && !both) {
    problems.add("error", "incomplete", found.place, `It does not say of what: give ${names}, or <resource_set>.`);
  } else if (both && one !== other && first === second) {
    problems.add("warning", "self-reference", found.place, `It relates "${first}" to itself, which has no effect.`);
  }
}

function checkSet(found: Found, problems: Problems): void {
  if (found.element.attributes["id-ref"] === undefined && !has(found, "resource_ref")) {
    problems.add(
      "error",
      "empty",
      found.place,
      "This set names no resource: it needs a <resource_ref>. Put one in, or delete it.",
    );
  }
  if (found.element.attributes["score"] !== undefined && found.element.attributes["kind"] !== undefined) {
    problems.add("error", "incomplete", found.place, "Give score or kind, not both.");
  }
}

const EXPRESSIONS = ["rule", "expression", "date_expression", "rsc_expression", "op_expression"];

function checkRule(found: Found, problems: Problems): void {
  const attributes = found.element.attributes;
  if (attributes["id-ref"] === undefined && !has(found, ...EXPRESSIONS)) {
    problems.add(
      "error",
      "empty",
      found.place,
      "This rule has no expression, so it says nothing. Put one in, or delete it.",
    );
  }
  if (attributes["score"] !== undefined && attributes["score-attribute"] !== undefined) {
    problems.add("error", "incomplete", found.place, "Give score or score-attribute, not both.");
  }
}

function checkExpression(found: Found, problems: Problems): void {
  const { operation, value, start, end } = found.element.attributes;
  const missing = (what: string, code = "missing-attribute"): void =>
    problems.add("error", code, found.place, `The operation "${operation}" needs ${what}. Give it.`);
  if (found.place.name === "expression") {
    if (operation !== "defined" && operation !== "not_defined" && value === undefined)
      missing("a value", "missing-value");
    return;
  }
  if (operation === "gt" && start === undefined) missing("a start");
  if (operation === "lt" && end === undefined) missing("an end");
  if (operation === "in_range" && start === undefined && end === undefined) missing("a start or an end");
  if (operation === "date_spec" && !has(found, "date_spec")) missing("a <date_spec>");
}

function checkNodes(survey: Survey, problems: Problems): void {
  const ids = new Set<string>();
  const names = new Map<string, string>();
  for (const found of foundNamed(survey, "node")) {
    const { id = "", uname = "" } = found.element.attributes;
    const twin = names.get(uname.toLowerCase());
    if (ids.has(id)) {
      problems.add("error", "duplicate-id", found.place, `Two nodes have the id "${id}". Give each its own.`);
    } else if (twin !== undefined) {
      problems.add(
        "error",
        "duplicate-node",
        found.place,
        `The nodes "${twin}" and "${id}" have the same name "${uname}". Give each its own.`,
      );
    }
    ids.add(id);
    names.set(uname.toLowerCase(), id);
  }
}

function checkFencing(survey: Survey, problems: Problems): void {
  const resources = foundNamed(survey, "primitive");
  const [first] = resources;
  if (first === undefined || resources.some((found) => classOf(found, survey) === "stonith")) return;
  for (const pair of foundNamed(survey, "nvpair")) {
    const { name, value } = pair.element.attributes;
    if ((name === "stonith-enabled" || name === "fencing-enabled") && !isTrue(value)) return;
  }
  problems.add(
    "warning",
    "no-fence-device",
    { parent: undefined, name: "cib", id: undefined },
    "Fencing is enabled, but there is no fence device, so no resource will be started. Add a primitive of class stonith, or set stonith-enabled to false and accept that a lost node may still be writing.",
  );
}
