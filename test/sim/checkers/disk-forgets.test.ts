// A disk that lacks what was confirmed is told of; one on which a write that nobody had confirmed yet took the place of it is not.

import assert from "node:assert/strict";
import { test } from "node:test";
import { element } from "../../../runtime/kernel/cib/element.ts";
import type { LogPosition, StoreRecord } from "../../../runtime/kernel/messages.ts";
import type { NodeFacts } from "../observations.ts";
import { DiskForgets } from "./disk-forgets.ts";

const VERSION = { adminEpoch: 0, epoch: 1, numUpdates: 0 };
const CIB = element("cib", {});
const NODE: NodeFacts = {
  id: 1,
  name: "n1",
  power: "on",
  life: undefined,
  state: () => "stopped",
  active: () => [],
};

function position(promisedPrimary: number): LogPosition {
  return {
    primaryNumber: 1,
    index: 1,
    adoptedPrimary: 1,
    promisedPrimary,
    promisedMembers: [],
    intact: true,
    empty: false,
  };
}

function whole(promisedPrimary: number, ...ids: string[]): StoreRecord {
  const recentRequests = ids.map((id) => ({ id, version: VERSION }));
  return { record: "whole", snapshot: { cib: CIB, position: position(promisedPrimary), recentRequests, history: [] } };
}

/** What the checker says of a store that holds these requests, after the writes that were confirmed and those that were not. */
function seenOf(
  confirmed: readonly StoreRecord[],
  unconfirmed: readonly StoreRecord[],
  found: readonly string[],
  promised = 1,
): string | undefined {
  const checker = new DiskForgets();
  const by = { node: NODE, incarnation: 1 };
  checker.see({ seen: "persisting", ...by, records: confirmed });
  checker.see({ seen: "persisted", ...by, records: confirmed });
  checker.see({ seen: "persisting", ...by, records: unconfirmed });
  return opened(checker, found, promised);
}

function opened(checker: DiskForgets, found: readonly string[], promised = 1): string | undefined {
  const recentRequests = found.map((id) => ({ id, version: VERSION }));
  const initial = { cib: CIB, position: position(promised), recentRequests, entries: [], history: [] };
  return checker.see({ seen: "store-opened", node: NODE, initial });
}

test("what was confirmed has to be there", () => {
  assert.equal(seenOf([whole(1, "a", "b")], [], ["a", "b"]), undefined);
  assert.match(seenOf([whole(1, "a", "b")], [], ["a"]) ?? "", /counts as whole, without b$/);
  assert.match(seenOf([whole(2, "a")], [], ["a"]) ?? "", /had promised 2, and its disk has promised 1/);
});

test("a whole document that was being written may be there in its place, or not, but nothing between", () => {
  assert.equal(seenOf([whole(1, "a", "b")], [whole(1, "a", "c")], ["a", "c"]), undefined);
  assert.equal(seenOf([whole(1, "a", "b")], [whole(1, "a", "c")], ["a", "b"]), undefined);
  assert.match(seenOf([whole(1, "a", "b")], [whole(1, "a", "c")], ["a"]) ?? "", /without b$/);
});

test("what a process has found at its start has to be there at the next", () => {
  const checker = new DiskForgets();
  assert.equal(opened(checker, ["a", "b"]), undefined);
  assert.match(opened(checker, ["a"]) ?? "", /without b$/);
});
