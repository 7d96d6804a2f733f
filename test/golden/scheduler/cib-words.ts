// Words of a line, and what they become: pairs NAME=VALUE, options in blocks, rules.

import { type Element, element } from "../../../runtime/kernel/cib/element.ts";

/** Splits a line at white space; what stands between double quotes stays together. Braces are words. */
export function wordsOf(line: string): string[] {
  const parts = line.match(/[{}]|(?:"[^"]*"|[^\s"{}])+/g) ?? [];
  return parts.map((part) => part.replaceAll('"', ""));
}

/** NAME and VALUE of a word that is a pair. */
export function pairOf(word: string): readonly [string, string] | undefined {
  const place = word.indexOf("=");
  return place < 1 ? undefined : [word.slice(0, place), word.slice(place + 1)];
}

/** Takes the pairs out of a list of words: the pairs as attributes, and the words that are left. */
export function splitPairs(words: readonly string[]): { pairs: Record<string, string>; rest: string[] } {
  const pairs: Record<string, string> = {};
  const rest: string[] = [];
  for (const word of words) {
    const pair = pairOf(word);
    if (pair === undefined) rest.push(word);
    else pairs[pair[0]] = pair[1];
  }
  return { pairs, rest };
}

/** An id made from what the element is about. */
export function idFrom(...parts: readonly string[]): string {
  return parts.join("-").replaceAll(/[^\p{L}\p{N}_.-]/gu, "_");
}

/** A block of options (meta_attributes, instance_attributes, utilization, cluster_property_set). */
export function optionBlock(
  name: string,
  id: string,
  pairs: Readonly<Record<string, string>>,
  rule?: Element,
  score?: string,
): Element {
  const options = Object.entries(pairs).map(([option, value]) =>
    option.startsWith("@")
      ? element("nvpair", { "id-ref": value, ...(option === "@" ? {} : { name: option.slice(1) }) })
      : element("nvpair", { id: idFrom(id, option), name: option, value }),
  );
  return element(
    name,
    { id, ...(score === undefined ? {} : { score }) },
    rule === undefined ? options : [rule, ...options],
  );
}

/** Splits words into a first part and the parts that begin with one of these words. */
export function sections(words: readonly string[], names: readonly string[]): (readonly [string, string[]])[] {
  const found: [string, string[]][] = [["", []]];
  for (const word of words) {
    if (names.includes(word)) found.push([word, []]);
    else found[found.length - 1]?.[1].push(word);
  }
  return found;
}

const VALUELESS = new Set(["defined", "not_defined"]);

function dateExpression(id: string, words: string[]): Element {
  const how = words.shift() ?? "";
  const parts = (name: string) => {
    const attributes: Record<string, string> = { id: `${id}-${name}` };
    while (words[0]?.includes(":") && !words[0].includes("T")) {
      const [part = "", value = ""] = (words.shift() ?? "").split(":");
      attributes[part] = value;
    }
    return element(name, attributes);
  };
  if (how === "spec") return element("date_expression", { id, operation: "date_spec" }, [parts("date_spec")]);
  if (how !== "from") {
    const moment = { [how === "gt" ? "start" : "end"]: words.shift() };
    return element("date_expression", { id, operation: how, ...moment });
  }
  const start = words.shift();
  const until = words.shift();
  if (until === "for") return element("date_expression", { id, operation: "in_range", start }, [parts("duration")]);
  return element("date_expression", { id, operation: "in_range", start, end: words.shift() });
}

function expression(id: string, words: string[]): Element {
  const subject = words.shift() ?? "";
  if (subject === "date") return dateExpression(id, words);
  if (subject === "resource" || subject === "operation") {
    const attributes: Record<string, string> = {};
    while (words[0]?.includes(":")) {
      const [name = "", value = ""] = (words.shift() ?? "").split(":");
      attributes[name] = value;
    }
    return element(subject === "resource" ? "rsc_expression" : "op_expression", { id, ...attributes });
  }
  const [attribute = "", type] = subject.split(":");
  const operation = words.shift() ?? "";
  const value = VALUELESS.has(operation) ? {} : { value: words.shift() };
  return element("expression", { id, attribute, operation, ...value, ...(type === undefined ? {} : { type }) });
}

/**
 * Takes a rule from the front of a list of words:
 * `ATTRIBUTE[:TYPE] defined | not_defined | eq|ne|lt|gt VALUE`, `date gt|lt MOMENT`, `date from MOMENT to MOMENT`,
 * `date from MOMENT for hours:2`, `date spec hours:9-16 weekdays:1-5`, `resource type:Dummy`, `operation name:monitor`;
 * several with `and` or `or` between.
 */
export function takeRule(id: string, words: string[], attributes: Readonly<Record<string, string>>): Element {
  const expressions = [expression(`${id}-1`, words)];
  let joined: string | undefined;
  while (words[0] === "and" || words[0] === "or") {
    joined = words.shift();
    expressions.push(expression(`${id}-${expressions.length + 1}`, words));
  }
  return element("rule", { id, ...(joined === undefined ? {} : { "boolean-op": joined }), ...attributes }, expressions);
}
