// What a log that lags behind is given, and what it makes of it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { differenceFor, extendLog, RECENT_REQUESTS } from "../../../../runtime/kernel/cib/log.ts";
import { grow, newLog } from "./log-bench.ts";

test("who lacks the end is given the entries after its own, and comes to the same document", () => {
  const long = grow(newLog(), 9);
  for (const have of [0, 1, 8]) {
    const short = grow(newLog(), have);
    const difference = differenceFor(long, short.position);
    assert.equal(difference?.difference === "entries" ? difference.entries.length : -1, 9 - have);
    const extended = extendLog(short, difference);
    assert.ok(typeof extended !== "string");
    assert.deepEqual(extended.log.document, long.document);
    assert.deepEqual([...extended.log.recent], [...long.recent]);
    assert.equal(short.position.index, have);
  }
  assert.equal(differenceFor(long, grow(newLog(), 9).position), undefined);
});

test("a tail of its own, a damaged store, or too old an end: everything", () => {
  const long = grow(newLog(), 1500);
  const own = grow(grow(newLog(), 3), 2, 7);
  for (const position of [own.position, { ...long.position, intact: false }, grow(newLog(), 2).position]) {
    const difference = differenceFor(long, position);
    assert.equal(difference?.difference, "whole");
    const extended = extendLog(own, difference);
    assert.ok(typeof extended !== "string");
    assert.deepEqual(extended.log.document, long.document);
    assert.equal(extended.log.position.index, 1500);
  }
});

test("entries that do not follow are refused with a sentence", () => {
  const long = grow(newLog(), 5);
  const difference = { difference: "entries", entries: long.entries.slice(3) } as const;
  assert.equal(extendLog(newLog(), difference), "Entry 4 came after 0.");
});

test("what is kept in memory is bounded", () => {
  const log = grow(newLog(), RECENT_REQUESTS + 100);
  assert.ok(log.entries.length <= 1100);
  assert.equal(log.recent.size, RECENT_REQUESTS);
  assert.equal(log.recent.has("1.1"), false);
});
