import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { hashOrder } from "../../../../runtime/services/scheduler/hash-order.ts";

const numbered = (count: number): string[] => Array.from({ length: count }, (_, index) => `n${index}`);

test("names come in the order of their table, whatever the order in which they went in", () => {
  assert.deepEqual(hashOrder(["node1", "node2"]), ["node2", "node1"]);
  assert.deepEqual(hashOrder(["node2", "node1"]), ["node2", "node1"]);
  assert.deepEqual(hashOrder([]), []);
  assert.deepEqual(hashOrder(["node1", "node2", "node1"]), ["node2", "node1"]);
});

test("a table that grows loses nothing", () => {
  for (let count = 1; count < 200; count += 1) {
    const names = numbered(count);
    assert.deepEqual([...hashOrder(names)].sort(), [...names].sort());
  }
});

// What GLib 2.74 says, with the same hash of strings.
test("the order is that of GLib, before and after growing", () => {
  assert.equal(hashOrder(numbered(5)).join(" "), "n0 n2 n4 n1 n3");
  assert.equal(hashOrder(numbered(10)).join(" "), "n0 n6 n5 n4 n3 n9 n2 n8 n1 n7");
  assert.equal(hashOrder(numbered(18)).join(" "), "n0 n10 n13 n3 n6 n16 n9 n11 n1 n4 n14 n7 n17 n2 n12 n15 n5 n8");
});

test("the order is that of GLib after growing many times", () => {
  const md5 = (names: readonly string[]): string => createHash("md5").update(names.join(" ")).digest("hex");
  assert.equal(md5(hashOrder(numbered(40))), "bd768509985ac34e83d0699212577098");
  assert.equal(md5(hashOrder(numbered(100))), "ca2cafd5f079cb745422305037db9f1e");
  assert.equal(md5(hashOrder(numbered(1000))), "63a699965028ca6ff0d948fc627f37f4");
  assert.equal(md5(hashOrder(numbered(70_000))), "92cac880bf277ed7bf653b0d5bd6f739");
});

test("the order is that of GLib for names beyond ASCII", () => {
  const names = ["Köln", "Genève", "東京", "Łódź", "node-😀", "plain"];
  assert.equal(hashOrder(names).join(" "), "plain Genève 東京 Łódź Köln node-😀");
});
