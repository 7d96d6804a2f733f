// The history of the configuration: what is remembered, for how long, and that every way to the same log gives the same history.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createDigest } from "../../../../runtime/kernel/cib/digest.ts";
import {
  documentAfter,
  HISTORY_CHANGE_CHARACTERS,
  HISTORY_CHANGES,
  HISTORY_CHARACTERS,
} from "../../../../runtime/kernel/cib/history.ts";
import { DurableLog, differenceFor, extendLog, snapshotOf } from "../../../../runtime/kernel/cib/log.ts";
import { foundingCib } from "../../../../runtime/kernel/cib/version.ts";
import type { LogPosition } from "../../../../runtime/kernel/messages.ts";
import { property } from "../cluster.ts";
import { FOUNDED, grow, newLog } from "./log-bench.ts";

const digestOf = createDigest((text) => text);
const BEHIND: LogPosition = { ...FOUNDED, intact: false };

test("each change is there with its number, author, reason and time, and every document on the way can be seen again", () => {
  const log = newLog();
  const documents = [log.document];
  for (let i = 0; i < 30; i += 1) documents.push(grow(log, 1).document);
  const { history, document } = log;
  assert.deepEqual(history.map(({ number, who, why }) => [number, who, why]).slice(0, 2), [
    [1, "w", "y"],
    [2, "w", "y"],
  ]);
  documents.forEach((wanted, number) => {
    const found = documentAfter(document, history, number);
    assert.ok("document" in found);
    assert.equal(digestOf(found.document), digestOf(wanted));
  });
});

test("caught up by entries, with a whole document, or from the disk: the same history", () => {
  const log = grow(newLog(), 40);
  const lagging = grow(newLog(), 10);
  const entries = extendLog(lagging, differenceFor(log, lagging.position));
  const whole = extendLog(newLog(), differenceFor(log, BEHIND));
  assert.ok(typeof entries !== "string" && typeof whole !== "string");
  assert.deepEqual(entries.log.history, log.history);
  assert.deepEqual(whole.log.history, log.history);
  const fromDisk = new DurableLog({ ...JSON.parse(JSON.stringify(snapshotOf(log))), entries: [] });
  assert.deepEqual(grow(fromDisk, 5).history, grow(log, 5).history);
});

test("the history is bounded in number and in length, wherever it was cut before", () => {
  const log = grow(newLog(), 10);
  for (let round = 0; round < 3; round += 1) {
    grow(log, HISTORY_CHANGES / 2);
    const again = new DurableLog({ ...snapshotOf(log), entries: [] });
    assert.ok(log.history.length <= HISTORY_CHANGES);
    assert.deepEqual(grow(again, 60).history, grow(log, 60).history);
  }
  assert.equal(log.history.at(-1)?.number, log.position.index);
  const oldest = log.history[0]?.number ?? 0;
  assert.ok(oldest > 1);
  const beyond = documentAfter(log.document, log.history, oldest - 2);
  assert.match("refused" in beyond ? beyond.refused : "", /does not reach back to change \d+: it begins with/);
});

test("long changes go earlier, and one that is too long leaves its name only", () => {
  const long = "x".repeat(HISTORY_CHANGE_CHARACTERS / 4);
  const log = grow(newLog(), 40, 1, (index) => [property("x", `${long}${index}`)]);
  const characters = log.history.reduce((sum, change) => sum + change.characters, 0);
  assert.ok(characters <= HISTORY_CHARACTERS, `${characters}`);
  assert.ok(log.history.length >= 3 && log.history.length < 40);
  grow(log, 1, 1, () => [property("x", "x".repeat(HISTORY_CHANGE_CHARACTERS + 1))]);
  assert.equal(log.history.at(-1)?.patch, undefined);
  const before = documentAfter(log.document, log.history, log.position.index - 1);
  assert.match("refused" in before ? before.refused : "", /too long to be remembered/);
  assert.ok("document" in documentAfter(log.document, log.history, log.position.index));
});

test("no history, no past", () => {
  const none = documentAfter(foundingCib(), [], 0);
  assert.ok("refused" in none);
});
