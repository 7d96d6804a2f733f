import assert from "node:assert/strict";
import { test } from "node:test";
import { didYouMean, nearest } from "../../../runtime/model/nearest.ts";

test("what differs by a slip of the finger is found", () => {
  const names = ["web", "database", "cache", "node-1"];
  assert.equal(nearest("databse", names), "database");
  assert.equal(nearest("dtaabase", names), "database");
  assert.equal(nearest("WEB", names), "web");
  assert.equal(nearest("wb", names), "web");
  assert.equal(nearest("node1", names), "node-1");
});

test("what is something else is not guessed", () => {
  assert.equal(nearest("mail", ["web", "database"]), undefined);
  assert.equal(nearest("", ["database"]), undefined);
  assert.equal(didYouMean("mail", ["web"]), "");
});

test("of equals the first counts, and a long list ends", () => {
  assert.equal(nearest("n", ["n1", "n2"]), "n1");
  const many = Array.from({ length: 100_000 }, (_, i) => `resource-number-${i}`);
  assert.equal(nearest("resource-number-7", many), "resource-number-7");
});
