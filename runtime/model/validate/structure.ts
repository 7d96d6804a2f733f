// One walk over the configuration by the grammar: unknown elements and attributes, missing ones, values of the wrong form.
// On its way it notes every id and every reference, so that the later checks need no walk of their own.

import type { Element } from "../../kernel/cib/element.ts";
import { didYouMean } from "../nearest.ts";
import { type ElementRule, GRAMMAR } from "./grammar.ts";
import { CIB_LIMITS } from "./limits.ts";
import type { Place, Problems } from "./problem.ts";
import { ID, type ValueKind } from "./values.ts";

/** An element with where it stands. */
export interface Found {
  readonly element: Element;
  readonly place: Place;
  readonly parent: Found | undefined;
}

/** An attribute that names another element. */
export interface FoundReference {
  readonly place: Place;
  readonly attribute: string;
  readonly value: string;
  readonly targets: readonly string[];
}

/** What the walk has seen. */
export interface Survey {
  /** Elements with an id of their own, by id; the first of each. */
  readonly byId: Map<string, Found>;
  readonly byName: Map<string, Found[]>;
  readonly references: FoundReference[];
  elements: number;
  /** Set when the document is so large that looking further makes no sense. */
  tooLarge: boolean;
}

/** All elements of that name. */
export function foundNamed(survey: Survey, ...names: readonly string[]): Found[] {
  return names.flatMap((name) => survey.byName.get(name) ?? []);
}

/** Walks a <configuration>; `above` is the place of the element it stands in. */
export function surveyConfiguration(configuration: Element, above: Place | undefined, problems: Problems): Survey {
  const survey: Survey = { byId: new Map(), byName: new Map(), references: [], elements: 0, tooLarge: false };
  visit(configuration, "configuration", undefined, above, 1, survey, problems);
  return survey;
}

function visit(
  element: Element,
  ruleName: string,
  parent: Found | undefined,
  above: Place | undefined,
  depth: number,
  survey: Survey,
  problems: Problems,
): void {
  const place: Place = { parent: above, name: element.name, id: element.attributes["id"] };
  const rule = GRAMMAR[ruleName];
  if (rule === undefined || survey.tooLarge) return;
  if (!withinLimits(element, place, depth, survey, problems)) return;
  const found: Found = { element, place, parent };
  const sameName = survey.byName.get(element.name);
  if (sameName === undefined) survey.byName.set(element.name, [found]);
  else sameName.push(found);
  checkAttributes(found, rule, survey, problems);
  const counts: Record<string, number> = {};
  for (const child of element.children) {
    const childRule = Object.hasOwn(rule.children, child.name) ? rule.children[child.name] : undefined;
    counts[child.name] = (counts[child.name] ?? 0) + 1;
    if (childRule === undefined) unknownChild(child, element, rule, place, problems);
    else visit(child, childRule, found, place, depth + 1, survey, problems);
  }
  checkChildren(element, rule, counts, place, problems);
}

function withinLimits(element: Element, place: Place, depth: number, survey: Survey, problems: Problems): boolean {
  survey.elements += 1;
  const attributes = Object.keys(element.attributes).length;
  const tooLarge = (text: string): false => {
    problems.add("error", "too-large", place, text);
    survey.tooLarge = true;
    return false;
  };
  if (survey.elements > CIB_LIMITS.elements) {
    return tooLarge(
      `The configuration has more than ${CIB_LIMITS.elements} elements, which no cluster needs. Check what generated it.`,
    );
  }
  if (depth > CIB_LIMITS.depth) {
    return tooLarge(`Elements are nested more than ${CIB_LIMITS.depth} deep. Take levels out.`);
  }
  if (attributes > CIB_LIMITS.attributes) {
    return tooLarge(
      `It has ${attributes} attributes, more than the ${CIB_LIMITS.attributes} that are taken. Check what generated it.`,
    );
  }
  for (const name in element.attributes) {
    const length = element.attributes[name]?.length ?? 0;
    const limit = name === "id" || name === "name" ? CIB_LIMITS.idCharacters : CIB_LIMITS.attributeCharacters;
    if (length > limit) {
      problems.add(
        "error",
        "too-long",
        place,
        `"${name.slice(0, 80)}" has ${length} characters, more than the ${limit} that are taken. Shorten it.`,
      );
      return false;
    }
  }
  return true;
}

function checkAttributes(found: Found, rule: ElementRule, survey: Survey, problems: Problems): void {
  const { element, place } = found;
  for (const name in rule.required) {
    if (element.attributes[name] === undefined) {
      problems.add(
        "error",
        "missing-attribute",
        place,
        `The attribute "${name}" is missing. Give it: ${rule.required[name]?.wanted}.`,
      );
    }
  }
  for (const group of rule.oneAttributeOf ?? []) {
    if (group.every((name) => element.attributes[name] === undefined)) {
      problems.add(
        "error",
        "missing-attribute",
        place,
        `One of the attributes ${group.join(", ")} is needed and none is there.`,
      );
    }
  }
  if (element.attributes["id-ref"] !== undefined && element.attributes["id"] !== undefined) {
    const text = `It has both id and id-ref: it cannot be something of its own and stand for something else. Remove one of the two.`;
    problems.add("error", "id-and-reference", place, text);
  }
  for (const name in element.attributes) {
    const kind = kindOf(rule, name);
    const value = element.attributes[name];
    if (value === undefined) continue;
    if (kind === undefined) unknownAttribute(name, rule, place, problems);
    else checkValue(found, name, value, kind, survey, problems);
  }
}

function kindOf(rule: ElementRule, name: string): ValueKind | undefined {
  if (Object.hasOwn(rule.required, name)) return rule.required[name];
  return Object.hasOwn(rule.optional, name) ? rule.optional[name] : undefined;
}

function unknownAttribute(name: string, rule: ElementRule, place: Place, problems: Problems): void {
  // Attributes of a namespace (xml:base, xmlns) belong to XML, not to the CIB.
  if (name.includes(":") || name === "xmlns") return;
  const known = [...Object.keys(rule.required), ...Object.keys(rule.optional)];
  const hint = didYouMean(name, known);
  const may = known.length === 0 ? "It takes no attributes." : `It may have: ${known.join(", ")}.`;
  problems.add(
    "error",
    "unknown-attribute",
    place,
    `<${place.name}> has no attribute "${name}".${hint === "" ? ` ${may}` : hint}`,
  );
}

function checkValue(
  found: Found,
  name: string,
  value: string,
  kind: ValueKind,
  survey: Survey,
  problems: Problems,
): void {
  const { place } = found;
  if (!kind.accepts(value)) {
    problems.add("error", "invalid-value", place, invalidValueText(name, value, kind));
    return;
  }
  if (kind.refersTo !== undefined) {
    survey.references.push({ place, attribute: name, value, targets: kind.refersTo });
  }
  if (kind !== ID) return;
  const first = survey.byId.get(value);
  if (first === undefined) survey.byId.set(value, found);
  else {
    const other = `<${first.place.name}>`;
    problems.add(
      "error",
      "duplicate-id",
      place,
      `The id "${value}" is used already, by ${other}. Ids are unique in a configuration: give one of the two another id.`,
    );
  }
}

/** `kind="Optionl" is not one of …`, with the nearest word. */
export function invalidValueText(name: string, value: string, kind: ValueKind): string {
  const shown = value.length > 80 ? `${value.slice(0, 80)}…` : value;
  const hint = kind.words === undefined ? "" : didYouMean(value, kind.words);
  return `${name}="${shown}" is not ${kind.wanted}.${hint}`;
}

const NESTED_CLONE =
  "A clone cannot hold a clone: put the group or primitive into one of them, and raise its clone-max.";

/** Placements that people try, and why they are none. */
const MISPLACED: Readonly<Record<string, string>> = {
  "clone clone": NESTED_CLONE,
  "clone master": NESTED_CLONE,
  "master clone": NESTED_CLONE,
  "master master": NESTED_CLONE,
  "group group":
    "A group cannot hold a group: list the primitives of both in one, or order and colocate the two groups.",
  "group clone": "A group cannot hold a clone: clone the whole group, or order and colocate the two.",
  "group master": "A group cannot hold a clone: clone the whole group, or order and colocate the two.",
  "group bundle": "A group cannot hold a bundle: order and colocate the two.",
  "clone bundle": "A clone cannot hold a bundle: a bundle has replicas of its own.",
};

function unknownChild(child: Element, parent: Element, rule: ElementRule, above: Place, problems: Problems): void {
  const place: Place = { parent: above, name: child.name, id: child.attributes["id"] };
  const why = MISPLACED[`${parent.name} ${child.name}`];
  const known = Object.keys(rule.children);
  const hint = didYouMean(child.name, known);
  const may = known.length === 0 ? "It holds nothing." : `It may hold: ${known.join(", ")}.`;
  const text = why ?? `<${parent.name}> cannot hold <${child.name.slice(0, 80)}>.${hint === "" ? ` ${may}` : hint}`;
  problems.add("error", why === undefined ? "unknown-element" : "misplaced-element", place, text);
}

function checkChildren(
  element: Element,
  rule: ElementRule,
  counts: Readonly<Record<string, number>>,
  place: Place,
  problems: Problems,
): void {
  const wanted = rule.oneChildOf;
  const misplaced = element.children.some((child) => MISPLACED[`${element.name} ${child.name}`] !== undefined);
  if (!misplaced && wanted?.every((name) => counts[name] === undefined)) {
    const names = wanted.map((name) => `<${name}>`).join(" or ");
    problems.add(
      "error",
      "empty",
      place,
      `This <${element.name}> is empty: it needs a ${names}. Put one in, or delete it.`,
    );
  }
  for (const name of rule.once ?? []) {
    const count = counts[name] ?? 0;
    if (count > 1)
      problems.add("error", "repeated-element", place, `<${name}> is there ${count} times, and may be there once.`);
  }
}
