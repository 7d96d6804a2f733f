// What the schema that a CIB names has against it, told as the XML library of Pacemaker tells it: a CIB with something newer
// than its schema works all the same, and the reader learns why there may be trouble elsewhere.
//
// Told is what came to constraints in the years of schemas 3.x; each schema from the named one on is tried until one takes
// the CIB. Of several offences the library names the first. What it says of resources follows from its inner workings more
// than from the CIB, and is not told.

import type { Element } from "../../kernel/cib/element.ts";
import { elementLines } from "./element-lines.ts";

const NONE =
  'Schema validation of configuration is disabled (support for validate-with set to "none" is deprecated and will be removed in a future release)';

/** Schemas in order, each tried as long as the one before it refuses the CIB. */
const SCHEMAS: readonly string[] = [
  ...["1.0", "1.2", "1.3"],
  ...Array.from({ length: 11 }, (_, minor) => `2.${minor}`),
  ...Array.from({ length: 11 }, (_, minor) => `3.${minor}`),
  "4.0",
];

/** Attributes, or values of them, that only schemas from one on take: element -> attribute -> the schema, or that by value. */
const KNOWN_SINCE: Readonly<Record<string, Readonly<Record<string, string | Readonly<Record<string, string>>>>>> =
  (() => {
    const role = { Promoted: "3.7", Unpromoted: "3.7" };
    return {
      rsc_colocation: { influence: "3.6", "rsc-role": role, "with-rsc-role": role },
      rsc_location: { role },
      rsc_ticket: { "rsc-role": role },
      resource_set: { role },
      expression: { type: { integer: "3.5" } },
    };
  })();

/** An attribute that a schema does not take, and the elements from the constraint down to the one that has it. */
interface Offence {
  readonly path: readonly Element[];
  readonly attribute: string;
}

function isNewer(since: string | undefined, schema: number): boolean {
  return since !== undefined && SCHEMAS.indexOf(since) > schema;
}

function newerAttribute(element: Element, schema: number): string | undefined {
  const known = KNOWN_SINCE[element.name];
  if (known === undefined) return undefined;
  return Object.keys(element.attributes).find((name) => {
    const since = known[name];
    return isNewer(typeof since === "object" ? since[element.attributes[name] ?? ""] : since, schema);
  });
}

/** The first offence inside an element, itself included. */
function offenceIn(element: Element, schema: number): Offence | undefined {
  const attribute = newerAttribute(element, schema);
  if (attribute !== undefined) return { path: [element], attribute };
  for (const child of element.children) {
    const found = offenceIn(child, schema);
    if (found !== undefined) return { ...found, path: [element, ...found.path] };
  }
  return undefined;
}

function firstOffence(section: Element, schema: number): Offence | undefined {
  for (const child of section.children) {
    const found = offenceIn(child, schema);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Says a sentence about the line of an element. */
type Say = (element: Element, sentence: string) => string;

const failed = (parent: Element) => `Element ${parent.name} failed to validate content`;
const extra = (parent: Element, child: Element) => `Element ${parent.name} has extra content: ${child.name}`;
const invalid = (element: Element, attribute: string) => `Invalid attribute ${attribute} for element ${element.name}`;

/** What is said of a constraint before it is called too much for its section. */
function constraintLines(offence: Offence, say: Say): string[] {
  const { path, attribute } = offence;
  const [constraint, ...inner] = path;
  const last = path.at(-1);
  if (constraint === undefined || last === undefined) return [];
  if (last === constraint) return [say(constraint, invalid(constraint, attribute))];
  if (last.name === "resource_set") {
    const sets = constraint.children.filter((child) => child.name === "resource_set");
    const second = sets[1];
    if (last !== sets[0]) return second === undefined ? [] : [say(second, extra(constraint, second))];
    const outer = constraint.name === "rsc_location" || constraint.name === "rsc_ticket" ? last : constraint;
    return [say(last, invalid(last, attribute)), say(outer, failed(constraint))];
  }
  const lines = last === path.at(-2)?.children[0] ? [say(last, invalid(last, attribute))] : [];
  for (const rule of inner.filter((part) => part.name === "rule").reverse()) {
    const [head] = rule.children;
    if (head !== undefined) lines.push(say(head, failed(rule)));
  }
  const [outermost] = inner;
  return outermost === undefined ? lines : [...lines, say(outermost, failed(constraint))];
}

/** What one schema says; nothing when it takes the constraints. */
function refusal(constraints: Element, schema: number, say: Say): string[] {
  const [head] = constraints.children;
  const offence = firstOffence(constraints, schema);
  if (offence === undefined || head === undefined) return [];
  return [...constraintLines(offence, say), say(head, extra(constraints, head))];
}

/** Lines about a CIB and its text; none when its schema has nothing against it. */
export function schemaNotices(cib: Element, text: string): string[] {
  const named = cib.attributes["validate-with"];
  if (named === "none") return [NONE];
  const first = SCHEMAS.indexOf((named ?? "").replace(/^pacemaker-/, ""));
  const configuration = cib.children.find((child) => child.name === "configuration");
  const constraints = configuration?.children.find((child) => child.name === "constraints");
  if (first < 0 || constraints === undefined) return [];
  let lines: ReadonlyMap<Element, number> | undefined;
  const say: Say = (element, sentence) => {
    lines ??= elementLines(constraints, text);
    return `Entity: line ${lines.get(element) ?? 0}: element ${element.name}: Relax-NG validity error : ${sentence}`;
  };
  const notices: string[] = [];
  for (let schema = first; schema < SCHEMAS.length; schema += 1) {
    const said = refusal(constraints, schema, say);
    if (said.length === 0) break;
    notices.push(...said);
  }
  return notices;
}
