// Sealing: only what a configured peer of this cluster sealed for this node comes through, and each datagram once.

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import { type Opened, SEAL_BYTES, Seal, type SealOptions } from "../../../runtime/host/seal.ts";

const KEY = randomBytes(32);
const options = (self: number, rest: Partial<SealOptions> = {}): SealOptions => ({
  key: KEY,
  cluster: "demo",
  self,
  incarnation: 100 + self,
  featureLevel: 7,
  peers: [1, 2, 3].filter((id) => id !== self),
  ...rest,
});
const text = (opened: Opened | string): string =>
  typeof opened === "string" ? opened : Buffer.from(opened.bytes).toString();
const bytes = (content: string): Uint8Array => new TextEncoder().encode(content);

test("what is sealed is opened, with sender, life and feature level", () => {
  const one = new Seal(options(1));
  const two = new Seal(options(2));
  const sealed = one.seal(2, bytes("hello"));
  assert.equal(sealed.length, 5 + SEAL_BYTES);
  const opened = two.open(sealed);
  assert.ok(typeof opened !== "string");
  assert.deepEqual({ ...opened, bytes: text(opened) }, { from: 1, incarnation: 101, featureLevel: 7, bytes: "hello" });
  assert.equal(text(two.open(one.seal(2, new Uint8Array()))), "");
  assert.ok(!Buffer.from(sealed).includes("hello"));
});

test("a datagram is taken once, whatever the order in which they come", () => {
  const one = new Seal(options(1));
  const two = new Seal(options(2));
  const sealed = Array.from({ length: 50 }, (_, i) => one.seal(2, bytes(`${i}`)));
  const order = [49, 0, 48, 1, 20, 30, 25];
  for (const i of order) assert.equal(text(two.open(sealed[i] ?? bytes(""))), `${i}`);
  for (const i of order) assert.equal(two.open(sealed[i] ?? bytes("")), "replayed");
});

test("the replay window agrees with remembering everything", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 19_999 }), { maxLength: 200 }), (order) => {
      const two = new Seal(options(2));
      const seen = new Set<number>();
      let newest = -1;
      for (const i of order) {
        const expected = seen.has(i) || i <= newest - 8192 ? "replayed" : "taken";
        assert.equal(typeof two.open(STREAM[i] ?? bytes("")) === "string" ? "replayed" : "taken", expected);
        seen.add(i);
        newest = Math.max(newest, i);
      }
    }),
    { numRuns: 30, seed: 6 },
  );
});
const streamer = new Seal(options(1));
const STREAM = Array.from({ length: 20_000 }, () => streamer.seal(2, bytes("x")));

test("a changed byte, anywhere, is not taken", () => {
  const one = new Seal(options(1));
  const sealed = one.seal(2, bytes("hello"));
  for (let at = 0; at < sealed.length; at += 1) {
    const changed = Uint8Array.from(sealed);
    changed[at] = (changed[at] ?? 0) ^ 1;
    assert.equal(typeof new Seal(options(2)).open(changed), "string", `byte ${at}`);
  }
  for (let length = 0; length < sealed.length; length += 1) {
    assert.equal(typeof new Seal(options(2)).open(sealed.subarray(0, length)), "string", `${length} bytes`);
  }
});

test("each cause has its own name", () => {
  const two = () => new Seal(options(2));
  const one = new Seal(options(1));
  assert.equal(two().open(new Seal(options(1, { key: randomBytes(32) })).seal(2, bytes("x"))), "wrong-key");
  assert.equal(two().open(new Seal(options(1, { cluster: "other" })).seal(2, bytes("x"))), "foreign-cluster");
  assert.equal(two().open(new Seal(options(4)).seal(2, bytes("x"))), "unknown-node");
  assert.equal(two().open(one.seal(3, bytes("x"))), "misdirected");
  assert.equal(
    two().open(bytes("GET / HTTP/1.1\r\nHost: somebody-else.example\r\nAccept: */*\r\n\r\n")),
    "not-systole",
  );
  const newer = Uint8Array.from(one.seal(2, bytes("x")));
  newer[1] = 2;
  assert.equal(two().open(newer), "too-new");
  newer[1] = 0;
  assert.equal(two().open(newer), "too-old");
});

test("a later life of a sender replaces the earlier one, never the other way round", () => {
  const two = new Seal(options(2));
  const early = new Seal(options(1, { incarnation: 5 }));
  const twin = new Seal(options(1, { incarnation: 5 }));
  const late = new Seal(options(1, { incarnation: 6 }));
  const kept = early.seal(2, bytes("kept"));
  assert.equal(text(two.open(early.seal(2, bytes("early")))), "early");
  assert.equal(two.open(twin.seal(2, bytes("twin"))), "old-life");
  assert.equal(text(two.open(late.seal(2, bytes("late")))), "late");
  assert.equal(two.open(kept), "old-life");
});

test("a forged header of a later life does not displace the real one", () => {
  const two = new Seal(options(2));
  const real = new Seal(options(1));
  assert.equal(text(two.open(real.seal(2, bytes("a")))), "a");
  assert.equal(
    two.open(new Seal(options(1, { incarnation: 10 ** 12, key: randomBytes(32) })).seal(2, bytes("x"))),
    "wrong-key",
  );
  assert.equal(text(two.open(real.seal(2, bytes("b")))), "b");
});

test("garbage never throws", () => {
  const two = new Seal(options(2));
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (garbage) => {
      assert.equal(typeof two.open(garbage), "string");
    }),
    { numRuns: 500, seed: 7 },
  );
});
