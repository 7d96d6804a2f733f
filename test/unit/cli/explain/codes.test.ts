// The table of codes has each code that is recorded, and none that is not.

import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { REASON_CODES, WAIT_CODES } from "../../../../runtime/cli/explain/codes.ts";

const SCHEDULER = join(import.meta.dirname, "../../../../runtime/services/scheduler");
const EXPLAIN = join(SCHEDULER, "explain");

function texts(folder: string): string[] {
  return readdirSync(folder)
    .filter((name) => name.endsWith(".ts"))
    .map((name) => readFileSync(join(folder, name), "utf8"));
}

/** Where a code is given: as a field, to the functions that make reasons, or in front of the words of a fencing or a tie. */
const PLACES = [
  /\bcode: "([a-z-]+)"/g,
  /\bcode: [^,;"{}]*\? "([a-z-]+)"/g,
  /\bcode: [^,;{}]*\? "[a-z-]+" : "([a-z-]+)"/g,
  /\b(?:says|about)\("([a-z-]+)"/g,
  /\["(tie-[a-z]+)", [`"]/g,
  /: \[\s*"([a-z-]+)",\s+\(/g,
];
/** The same outside of the folder. */
const CALLS = /\bexplain\?\.(?:because|placed)\(\w+, "([a-z-]+)"/g;

const found = (list: readonly string[], place: RegExp): string[] =>
  list.flatMap((text) => [...text.matchAll(place)].flatMap((match) => match[1] ?? []));
const inside = texts(EXPLAIN);
const outside = texts(SCHEDULER);
const recorded = new Set([...PLACES.flatMap((place) => found(inside, place)), ...found(outside, CALLS)]);

test("each code that is recorded is in the table", () => {
  assert.ok(recorded.size > 80, `${recorded.size} were found`);
  const missing = [...recorded].filter((code) => !(code in REASON_CODES) && !(code in WAIT_CODES));
  assert.deepEqual(missing, []);
});

test("each code of the tables is recorded somewhere", () => {
  const all = [...inside, ...outside].join("\n");
  const unused = [...Object.keys(REASON_CODES), ...Object.keys(WAIT_CODES)].filter(
    (code) => !all.includes(`"${code}"`),
  );
  assert.deepEqual(unused, []);
});

test("the tables are sorted, and each code has a clause", () => {
  for (const table of [REASON_CODES, WAIT_CODES]) {
    assert.deepEqual(Object.keys(table), Object.keys(table).sort());
    for (const [code, text] of Object.entries(table)) assert.match(text, /^[a-z].*[^.]$/, code);
  }
});
