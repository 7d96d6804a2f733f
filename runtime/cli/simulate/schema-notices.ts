// What the schema that a CIB names has against its constraints, told as the XML library of Pacemaker tells it: a CIB
// with something newer than its schema works all the same, and the reader learns why there may be trouble elsewhere.

import type { Element } from "../../kernel/cib/element.ts";

const NONE =
  'Schema validation of configuration is disabled (support for validate-with set to "none" is deprecated and will be removed in a future release)';

/** Schemas in order, each tried as long as the one before it refuses the CIB. */
const SCHEMAS: readonly string[] = [
  ...["1.0", "1.2", "1.3"],
  ...Array.from({ length: 11 }, (_, minor) => `2.${minor}`),
  ...Array.from({ length: 11 }, (_, minor) => `3.${minor}`),
  "4.0",
];

const NEW_ROLES = new Set(["Promoted", "Unpromoted"]);

/** The first schema that knows an attribute of a colocation with that value; undefined for what all know. */
function knownSince(name: string, value: string): string | undefined {
  if (name === "influence") return "3.6";
  if ((name === "rsc-role" || name === "with-rsc-role") && NEW_ROLES.has(value)) return "3.7";
  return undefined;
}

interface Offence {
  readonly attribute: string;
  readonly since: number;
  /** Line of the constraint, from 1. */
  readonly line: number;
}

/** On which line each child of <constraints> ends its opening tag. */
function constraintLines(text: string): number[] {
  const start = text.indexOf("<constraints");
  const end = text.indexOf("</constraints>", start);
  if (start < 0 || end < 0) return [];
  const lines: number[] = [];
  let line = text.slice(0, start).split("\n").length;
  let place = start;
  for (const tag of text.slice(start, end).matchAll(/<rsc_\w+(?:[^"'>]|"[^"]*"|'[^']*')*>/g)) {
    const tagEnd = start + tag.index + tag[0].length;
    line += text.slice(place, tagEnd).split("\n").length - 1;
    place = tagEnd;
    lines.push(line);
  }
  return lines;
}

function offencesOf(constraint: Element, line: number, schema: number): Offence | undefined {
  if (constraint.name !== "rsc_colocation") return undefined;
  for (const [attribute, value] of Object.entries(constraint.attributes)) {
    const since = SCHEMAS.indexOf((value === undefined ? undefined : knownSince(attribute, value)) ?? "");
    if (since > schema) return { attribute, since, line };
  }
  return undefined;
}

/** Lines about a CIB and its text; none when its schema has nothing against its constraints. */
export function schemaNotices(cib: Element, text: string): string[] {
  const named = cib.attributes["validate-with"];
  if (named === "none") return [NONE];
  const first = SCHEMAS.indexOf((named ?? "").replace(/^pacemaker-/, ""));
  const configuration = cib.children.find((child) => child.name === "configuration");
  const constraints = configuration?.children.find((child) => child.name === "constraints")?.children ?? [];
  const [head] = constraints;
  if (first < 0 || head === undefined) return [];
  const lines = constraintLines(text);
  const notices: string[] = [];
  for (let schema = first; schema < SCHEMAS.length; schema += 1) {
    const found = constraints
      .map((constraint, index) => offencesOf(constraint, lines[index] ?? 0, schema))
      .find((offence) => offence !== undefined);
    if (found === undefined) break;
    notices.push(
      `Entity: line ${found.line}: element rsc_colocation: Relax-NG validity error : Invalid attribute ${found.attribute} for element rsc_colocation`,
      `Entity: line ${lines[0] ?? 0}: element ${head.name}: Relax-NG validity error : Element constraints has extra content: ${head.name}`,
    );
  }
  return notices;
}
