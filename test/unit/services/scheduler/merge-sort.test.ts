import assert from "node:assert/strict";
import { test } from "node:test";
import { mergeSort } from "../../../../runtime/services/scheduler/merge-sort.ts";

test("what can be compared comes out in order, equals as they were", () => {
  const words = ["pear", "fig", "apple", "kiwi", "plum", "date", "lime"];
  const byLength = (one: string, other: string) => one.length - other.length;
  assert.deepEqual(mergeSort(words, byLength), [...words].sort(byLength));
  assert.deepEqual(mergeSort([], byLength), []);
  assert.deepEqual(words[0], "pear");
});

test("one that is like all others keeps what stands on its two sides apart", () => {
  // 0 says nothing about its age, so in the smaller first half [9, 0] nothing moves, and 9 is compared with 3 alone.
  const age = (one: number, other: number) => (one === 0 || other === 0 ? 0 : one - other);
  assert.deepEqual(mergeSort([9, 0, 3, 4], age), [3, 4, 9, 0]);
  assert.deepEqual(mergeSort([9, 0, 3], age), [9, 0, 3]);
});
