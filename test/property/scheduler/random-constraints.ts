// Random constraints between the resources that a random cluster has.

import fc from "fast-check";
import type { ResourceBlock } from "./random-resources.ts";

const SCORES = ["INFINITY", "-INFINITY", "100", "-50", "1", "5000"];
const NODES = ["n1", "n2", "n3", "n4", "r0", "r1g"];

interface Picks {
  readonly score: string;
  readonly node: string;
  readonly words: readonly number[];
}

const picks: fc.Arbitrary<Picks> = fc.record({
  score: fc.constantFrom(...SCORES),
  node: fc.constantFrom(...NODES),
  words: fc.array(fc.nat(30), { minLength: 8, maxLength: 8 }),
});

const RULES = [
  "pingd not_defined or pingd lt 2",
  "site eq a",
  "#uname eq n1",
  "#kind eq remote",
  "date gt 1970-01-12",
  "date from 1970-01-12T13:00:00Z to 1970-01-12T13:50:00Z",
  "date spec hours:9-16",
  "site ne b and date lt 2030-01-01",
  "pingd:number gt 1",
];
const DISCOVERY = [
  "",
  "",
  "",
  "resource-discovery=never",
  "resource-discovery=exclusive",
  "role=Promoted",
  "role=Started",
];
const COLOCATION = [
  "",
  "",
  "",
  "rsc-role=Promoted",
  "with-rsc-role=Promoted",
  "influence=false",
  "node-attribute=site",
  "rsc-role=Stopped",
];
const ORDER = [
  "",
  "",
  "kind=Optional",
  "kind=Serialize",
  "symmetrical=false",
  "first-action=promote",
  "first-action=promote then-action=promote",
  "first-action=stop then-action=start",
  "first-action=demote then-action=stop",
  "require-all=false",
  "score=0",
];
const TICKETS = [
  "",
  "loss-policy=stop",
  "loss-policy=demote",
  "loss-policy=fence",
  "loss-policy=freeze",
  "rsc-role=Promoted",
];
const SETS = [
  "",
  "",
  "sequential=false",
  "role=Promoted",
  "require-all=false",
  "sequential=false require-all=false",
  "action=start",
];

function pick(list: readonly string[], number: number | undefined): string {
  return list[(number ?? 0) % Math.max(1, list.length)] ?? "";
}

/** Ids that a constraint may name: mostly whole resources, now and then a part of one. */
function subjects(blocks: readonly ResourceBlock[], deep: boolean): string[] {
  return deep
    ? blocks.flatMap((block) => block.ids.filter((id) => !/[tg]$/.test(id)))
    : blocks.map((block) => block.top);
}

type Make = (blocks: readonly ResourceBlock[]) => string;

function makeSet(ids: readonly string[], start: number, count: number, options: string): string {
  const members = Array.from({ length: Math.min(count, ids.length) }, (_none, i) => ids[(start + i) % ids.length]);
  return `{ ${members.join(" ")} ${options} }`;
}

const KINDS: readonly ((picks: Picks, tops: readonly string[], all: readonly string[]) => string)[] = [
  ({ score, node, words }, tops) => `location ${pick(tops, words[0])} on ${node} ${score} ${pick(DISCOVERY, words[1])}`,
  ({ score, words }, tops) => `location ${pick(tops, words[0])} when ${pick(RULES, words[1])} ${score}`,
  ({ words }, tops) => `location ${pick(tops, words[0])} when ${pick(RULES, words[1])} pingd`,
  ({ score, node, words }) => `location /r[${(words[0] ?? 0) % 3}-9].*/ on ${node} ${score}`,
  ({ score, node, words }, tops) => `location ${makeSet(tops, words[0] ?? 0, 2, "")} on ${node} ${score}`,
  ({ score, words }, tops, all) => {
    const one = pick(tops, words[0]);
    const other = pick(all, words[1]);
    return one === other ? "" : `colocate ${one} with ${other} ${score} ${pick(COLOCATION, words[2])}`;
  },
  ({ score, words }, tops) => {
    const one = makeSet(tops, words[0] ?? 0, 2, pick(SETS, words[1]));
    const other = tops.length < 4 ? "" : makeSet(tops, (words[0] ?? 0) + 2, 2, pick(SETS, words[2]));
    return `colocate ${one} ${other} ${score}`;
  },
  ({ words }, tops, all) => {
    const one = pick(tops, words[0]);
    const other = pick(all, words[1]);
    return one === other ? "" : `order ${one} then ${other} ${pick(ORDER, words[2])}`;
  },
  ({ words }, tops) => {
    const one = makeSet(tops, words[0] ?? 0, 2, pick(SETS, words[1]));
    const other = tops.length < 4 ? "" : makeSet(tops, (words[0] ?? 0) + 2, 2, pick(SETS, words[2]));
    return `order ${one} ${other} ${pick(["", "kind=Optional", "symmetrical=false"], words[3])}`;
  },
  ({ words }, tops) => `needs ${pick(tops, words[0])} ticket east ${pick(TICKETS, words[1])}`,
];

/** A constraint of any kind; empty when what was drawn makes none. */
export const randomConstraint: fc.Arbitrary<Make> = fc
  .tuple(fc.nat(KINDS.length - 1), picks, fc.nat(4))
  .map(([kind, drawn, depth]) => (blocks: readonly ResourceBlock[]) => {
    const make = KINDS[kind];
    return make === undefined ? "" : make(drawn, subjects(blocks, false), subjects(blocks, depth === 0));
  });
