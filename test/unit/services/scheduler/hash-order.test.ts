import assert from "node:assert/strict";
import { test } from "node:test";
import { hashOrder } from "../../../../runtime/services/scheduler/hash-order.ts";

test("names come in the order of their table, whatever the order in which they went in", () => {
  assert.deepEqual(hashOrder(["node1", "node2"]), ["node2", "node1"]);
  assert.deepEqual(hashOrder(["node2", "node1"]), ["node2", "node1"]);
  assert.deepEqual(hashOrder([]), []);
});

test("a table that grows loses nothing", () => {
  for (let count = 1; count < 200; count += 1) {
    const names = Array.from({ length: count }, (_, index) => `n${index}`);
    assert.deepEqual([...hashOrder(names)].sort(), [...names].sort());
  }
});

// What GLib 2.74 says, with the same hash of strings.
test("the order is that of GLib, before and after growing", () => {
  assert.equal(hashOrder(Array.from({ length: 5 }, (_, index) => `n${index}`)).join(" "), "n0 n2 n4 n1 n3");
  assert.equal(
    hashOrder(Array.from({ length: 10 }, (_, index) => `n${index}`)).join(" "),
    "n0 n6 n5 n4 n3 n9 n2 n8 n1 n7",
  );
  assert.equal(
    hashOrder(Array.from({ length: 18 }, (_, index) => `n${index}`)).join(" "),
    "n0 n10 n13 n3 n6 n16 n9 n11 n1 n4 n14 n7 n17 n2 n12 n15 n5 n8",
  );
});
