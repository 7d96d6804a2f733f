// Lines about constraints; N=V at the end are further attributes. WHAT is a resource, a tag, or a set: { RESOURCE … N=V … }
//
//   location WHAT on NODE SCORE             location /PATTERN/ on NODE SCORE
//   location WHAT when RULE SCORE           RULE as in cib-words.ts
//   colocate WHAT with WHAT SCORE           colocate { a b } { c } SCORE
//   order WHAT then WHAT                    order { a b } then { c d }
//   needs WHAT ticket TICKET

import { type Element, element } from "../../../runtime/kernel/cib/element.ts";
import { splitPairs, takeRule } from "./cib-words.ts";

interface Subjects {
  readonly sets: Element[];
  readonly rest: string[];
}

function readSets(id: string, words: readonly string[]): Subjects {
  const sets: Element[] = [];
  const outside: string[] = [];
  for (let i = 0; i < words.length; i += 1) {
    if (words[i] !== "{") {
      outside.push(words[i] ?? "");
      continue;
    }
    const end = words.indexOf("}", i);
    const { pairs, rest } = splitPairs(words.slice(i + 1, end));
    const references = rest.map((resource) => element("resource_ref", { id: resource }));
    sets.push(element("resource_set", { id: `${id}-set-${sets.length + 1}`, ...pairs }, references));
    i = end;
  }
  return { sets, rest: outside };
}

function location(id: string, words: readonly string[]): Element {
  const { sets, rest } = readSets(id, words);
  const subject = sets.length === 0 ? rest.shift() : undefined;
  const pattern = subject === undefined ? null : /^\/(.*)\/$/.exec(subject);
  const about = subject === undefined ? {} : pattern === null ? { rsc: subject } : { "rsc-pattern": pattern[1] };
  const how = rest.shift();
  if (how === "when") {
    const rules: Element[] = [];
    let pairs: Record<string, string> = {};
    while (rest.length > 0) {
      const ruleId = `${id}-rule-${rules.length + 1}`;
      const rule = takeRule(ruleId, rest, {});
      const score = rest.shift() ?? "";
      const scored = /^[-+]?(\d+|INFINITY)$/.test(score) ? { score } : { "score-attribute": score };
      const more = splitPairs(rest.splice(0, rest.includes("when") ? rest.indexOf("when") + 1 : rest.length));
      const { role, ...others } = more.pairs;
      pairs = { ...pairs, ...others };
      const extra = role === undefined ? {} : { role };
      rules.push({ ...rule, attributes: { ...rule.attributes, ...scored, ...extra } });
    }
    return element("rsc_location", { id, ...about, ...pairs }, [...sets, ...rules]);
  }
  const node = rest.shift();
  const {
    pairs,
    rest: [score],
  } = splitPairs(rest);
  return element("rsc_location", { id, ...about, node, ...(score === undefined ? {} : { score }), ...pairs }, sets);
}

function colocation(id: string, words: readonly string[]): Element {
  const { sets, rest } = readSets(id, words);
  const { pairs, rest: left } = splitPairs(rest);
  const names = left.filter((word) => word !== "with");
  const [score] = names.splice(sets.length > 0 ? 0 : 2);
  const [rsc, other] = names;
  const about = rsc === undefined ? {} : { rsc, "with-rsc": other };
  return element("rsc_colocation", { id, ...about, ...(score === undefined ? {} : { score }), ...pairs }, sets);
}

function order(id: string, words: readonly string[]): Element {
  const { sets, rest } = readSets(id, words);
  const { pairs, rest: left } = splitPairs(rest);
  const [first, then] = left.filter((word) => word !== "then");
  const about = [["first", first] as const, ["then", then] as const].filter(([, name]) => name !== undefined);
  return element("rsc_order", { id, ...Object.fromEntries(about), ...pairs }, sets);
}

function ticket(id: string, words: readonly string[]): Element {
  const { sets, rest } = readSets(id, words);
  const { pairs, rest: left } = splitPairs(rest);
  const name = left[left.indexOf("ticket") + 1];
  const rsc = left[0] === "ticket" ? {} : { rsc: left[0] };
  return element("rsc_ticket", { id, ticket: name, ...rsc, ...pairs }, sets);
}

const KINDS: Readonly<Record<string, (id: string, words: readonly string[]) => Element>> = {
  location,
  colocate: colocation,
  order,
  needs: ticket,
};

/** Reads a line about a constraint; undefined when it is about something else. */
export function readConstraint(words: readonly string[], number: number): Element | undefined {
  const [word = "", ...rest] = words;
  const kind = KINDS[word];
  if (kind === undefined) return undefined;
  const named = rest.findIndex((other) => other.startsWith("id="));
  const id = named < 0 ? `${word}-${number}` : (rest.splice(named, 1)[0]?.slice(3) ?? "");
  return kind(id, rest);
}
