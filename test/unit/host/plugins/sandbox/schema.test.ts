// Schemas of parameters, rebuilt from what a hostile process says of them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { Duration, Secret, Type, Words } from "systole/sdk";
import * as TypeBox from "typebox";
import { readParameters } from "../../../../../runtime/host/plugins/parameters.ts";
import { rebuildParameters } from "../../../../../runtime/host/plugins/sandbox/schema.ts";

const plain = (schema: unknown): unknown => JSON.parse(JSON.stringify(schema));

function problemOf(properties: Readonly<Record<string, unknown>>): string {
  try {
    rebuildParameters({ type: "object", properties });
    return "none";
  } catch (error) {
    return error instanceof Error ? error.message : "";
  }
}

test("what the SDK builds comes out as it went in, and reads the same values", () => {
  const schema = Type.Object({
    address: Type.String({ minLength: 1, pattern: "^[0-9.]+$" }),
    port: Type.Integer({ default: 80, minimum: 1, maximum: 65_535 }),
    ratio: Type.Optional(Type.Number()),
    quiet: Type.Boolean({ default: false }),
    mode: Type.Enum(["a", "b"], { default: "a" }),
    either: Type.Union([Type.Literal("x"), Type.Literal("y")], { default: "x" }),
    wait: Duration("how long", { defaultMs: 500 }),
    password: Secret("which", { default: "none" }),
    words: Words("which", { default: ["a", "b c"] }),
  });
  const rebuilt = rebuildParameters(plain(schema));
  assert.deepEqual(plain(rebuilt), plain(schema));
  assert.ok(TypeBox.IsObject(rebuilt));
  const given = { address: "192.0.2.1", wait: "2s", words: "x 'y z'" };
  assert.deepEqual(readParameters(rebuilt, given, "w"), readParameters(schema, given, "w"));
  assert.throws(() => readParameters(rebuilt, { address: "here", mode: "c" }, "w"), /mode must be one of a, b/);
});

test("what no builder of the SDK makes is refused by its place", () => {
  assert.equal(
    problemOf({ a: { type: "string", $ref: "#" } }),
    "parameters.a has $ref, which no builder of the SDK makes",
  );
  assert.equal(problemOf({ a: { type: "null" } }), "parameters.a has no type that parameters can have");
  assert.equal(problemOf({ a: { type: "string", minLength: "1" } }), "parameters.a.minLength must be a number");
  assert.equal(problemOf({ a: { enum: [{}] } }), "parameters.a allows a value that is no string, number or boolean");
  assert.equal(problemOf({ a: { anyOf: [] } }), "parameters.a.anyOf must be a list of 1 to 256");
  assert.equal(problemOf({ a: 1 }), "parameters.a is no schema");
  assert.match(
    problemOf(Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`p${i}`, { type: "string" }]))),
    /up to 256/,
  );
  let deep: unknown = { type: "string" };
  for (let depth = 0; depth < 50; depth += 1) deep = { type: "array", items: deep };
  assert.match(problemOf({ a: deep }), /is no schema$/);
  const polluting: unknown = JSON.parse('{"type":"object","properties":{"__proto__":{"type":"string"}}}');
  assert.throws(() => rebuildParameters(polluting), /a name that cannot be/);
});

test("a pattern keeps this process busy for a bounded time", () => {
  assert.match(problemOf({ a: { type: "string", pattern: "(" } }), /is no regular expression/);
  assert.match(problemOf({ a: { type: "string", pattern: "a".repeat(1_001) } }), /is too long/);
  const slow = rebuildParameters({ type: "object", properties: { a: { type: "string", pattern: "^(a+)+$" } } });
  const began = performance.now();
  assert.throws(
    () => readParameters(slow, { a: `${"a".repeat(60)}b` }, "w"),
    /the pattern of parameter a comes to no answer/,
  );
  assert.ok(performance.now() - began < 5_000);
  assert.deepEqual(readParameters(slow, { a: "aaa" }, "w").values, { a: "aaa" });
});
