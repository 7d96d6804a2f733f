// The codec: what is said comes out as it went in, and whatever else arrives is refused and never thrown.

import assert from "node:assert/strict";
import { test } from "node:test";
import { encode } from "cborg";
import fc from "fast-check";
import { decodeCbor, encodeCbor } from "../../../runtime/host/cbor.ts";
import { createDatagramCodec } from "../../../runtime/host/codec-datagram.ts";
import { createMessageCodec } from "../../../runtime/host/codec-message.ts";
import { MAX_ELEMENT_DEPTH } from "../../../runtime/host/schema/element.ts";
import { type Element, element } from "../../../runtime/kernel/cib/element.ts";
import type { Datagram } from "../../../runtime/kernel/membership/datagram.ts";
import type { Message } from "../../../runtime/services/messages.ts";

const BOUNDS = { maxBytes: 10_000, maxDepth: 8, maxItems: 1_000 };
const datagrams = createDatagramCodec();
const messages = createMessageCodec();

/** As the codec makes objects: with Object's prototype, which deepEqual looks at. */
const plain = <Shape extends object>(shape: { [Key in keyof Shape]: fc.Arbitrary<Shape[Key]> }): fc.Arbitrary<Shape> =>
  fc.record<Shape>(shape, { noNullPrototype: true });

const nodeId = fc.integer({ min: 1, max: 2 ** 31 - 1 });
const counter = fc.maxSafeNat();
const life = plain({ id: nodeId, incarnation: counter });
const viewId = plain({ number: counter, proposer: nodeId });
const chain = { primaryNumber: counter, seniority: counter };
const departure = plain({
  id: nodeId,
  incarnation: counter,
  cause: fc.constantFrom("left" as const, "silent" as const, "restarted" as const, "unreachable" as const),
});
const view = plain({
  id: viewId,
  members: fc.array(plain({ ...chain, id: nodeId, incarnation: counter, featureLevel: counter }), { minLength: 1 }),
  departures: fc.array(departure),
});
const fragment = { incarnation: counter, to: counter, stream: counter };
const anyDatagram: fc.Arbitrary<Datagram> = fc.oneof(
  plain({
    type: fc.constant("heartbeat" as const),
    incarnation: counter,
    sequence: counter,
    heard: fc.array(life),
    view: viewId,
    promised: counter,
    featureLevel: counter,
  }),
  plain({ type: fc.constant("propose" as const), incarnation: counter, id: viewId, members: fc.array(life) }),
  plain({
    type: fc.constant("accept" as const),
    incarnation: counter,
    id: viewId,
    chain: plain(chain),
    featureLevel: counter,
    departures: fc.array(departure),
  }),
  plain({ type: fc.constant("refuse" as const), incarnation: counter, id: viewId, promised: counter }),
  plain({ type: fc.constant("install" as const), incarnation: counter, view }),
  plain({ type: fc.constant("leave" as const), incarnation: counter }),
  plain({
    ...fragment,
    type: fc.constant("fragment" as const),
    sequence: counter,
    last: fc.boolean(),
    bytes: fc.uint8Array({ maxLength: 2000 }),
  }),
  plain({ ...fragment, type: fc.constant("acknowledge" as const), upTo: counter, also: fc.array(counter) }),
);

const xmlName = fc.stringMatching(/^[A-Za-z_][\w.-]{0,20}$/).filter((name) => name !== "__proto__");
const xmlValue = fc
  .string({ unit: "grapheme", maxLength: 40 })
  .filter((text) => [...text].every((character) => character >= " " && !/[\ufffe\uffff]/.test(character)));
const elementOfDepth: (depth?: number) => fc.Arbitrary<Element> = fc.memo((depth) =>
  plain({
    name: xmlName,
    attributes: fc.dictionary(xmlName, xmlValue, { noNullPrototype: true }),
    children: depth <= 1 ? fc.constant([]) : fc.array(elementOfDepth(depth - 1), { maxLength: 3 }),
  }),
);
const anyElement = elementOfDepth(4);

test("every datagram comes out as it went in", () => {
  fc.assert(
    fc.property(anyDatagram, (datagram) => {
      const decoded = datagrams.decode(datagrams.encode(datagram));
      assert.ok("value" in decoded, JSON.stringify(decoded));
      assert.deepEqual(decoded.value, datagram);
    }),
    { numRuns: 300, seed: 1 },
  );
});

test("a message with any CIB in it comes out as it went in", () => {
  fc.assert(
    fc.property(anyElement, counter, (tree, number) => {
      const message: Message = {
        type: "fetched",
        view: { number, proposer: 1 },
        status: tree,
      };
      const decoded = messages.decode(messages.encode(message));
      assert.ok("value" in decoded, JSON.stringify(decoded));
      assert.deepEqual(decoded.value, message);
    }),
    { numRuns: 200, seed: 2 },
  );
});

test("the same message for several members is encoded once", () => {
  const message: Message = { type: "commit", view: { number: 1, proposer: 1 }, sequence: 4 };
  assert.equal(messages.encode(message), messages.encode(message));
});

test("garbage is refused and never thrown", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
      assert.ok("rejection" in datagrams.decode(bytes));
      assert.ok("rejection" in messages.decode(bytes));
    }),
    { numRuns: 2000, seed: 3 },
  );
});

test("a datagram with a flipped byte is a datagram or refused, never an exception", () => {
  fc.assert(
    fc.property(anyDatagram, fc.nat(), fc.integer({ min: 1, max: 255 }), (datagram, at, flip) => {
      const bytes = datagrams.encode(datagram);
      const index = at % bytes.length;
      bytes[index] = (bytes[index] ?? 0) ^ flip;
      const decoded = datagrams.decode(bytes);
      assert.ok("rejection" in decoded || typeof decoded.value.incarnation === "number");
    }),
    { numRuns: 1000, seed: 4 },
  );
});

test("any valid JSON value that is no datagram is refused", () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 4 }), (value) => {
      assert.ok("rejection" in datagrams.decode(encode(value)));
    }),
    { numRuns: 500, seed: 5 },
  );
});

test("unknown members, missing members and wrong types are refused with the type's name", () => {
  for (const wrong of [
    { type: "leave" },
    { type: "leave", incarnation: -1 },
    { type: "leave", incarnation: 1.5 },
    { type: "leave", incarnation: "1" },
    { type: "leave", incarnation: 1, more: true },
  ]) {
    const decoded = datagrams.decode(encode(wrong));
    assert.ok("rejection" in decoded);
    assert.deepEqual(decoded.rejection, { code: "invalid", text: 'it is no valid "leave"' });
  }
  const decoded = datagrams.decode(encode({ type: "dance", incarnation: 1 }));
  assert.ok("rejection" in decoded);
  assert.equal(decoded.rejection.code, "unknown-type");
});

test("bounds hold: bytes, depth, items, lengths that lie, tags, and the key that would set a prototype", () => {
  const nested = (depth: number): unknown => (depth === 0 ? 1 : [nested(depth - 1)]);
  assert.deepEqual(decodeCbor(encodeCbor(nested(8)), BOUNDS), { value: nested(8) });
  assert.equal(decodeCbor(encodeCbor(nested(9)), BOUNDS), "too-deep");
  assert.equal(decodeCbor(encodeCbor("x".repeat(10_001)), BOUNDS), "too-large");
  assert.equal(decodeCbor(encodeCbor(Array.from({ length: 1_000 }, () => 0)), BOUNDS), "too-many-items");
  assert.equal(decodeCbor(Uint8Array.of(0x9a, 0xff, 0xff, 0xff, 0xff), BOUNDS), "truncated");
  assert.equal(decodeCbor(Uint8Array.of(0x5b, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff), BOUNDS), "truncated");
  assert.equal(decodeCbor(Uint8Array.of(0xc0, 0x01), BOUNDS), "not-plain");
  assert.equal(decodeCbor(Uint8Array.of(0x9f, 0xff), BOUNDS), "not-plain");
  assert.equal(decodeCbor(Uint8Array.of(0x01, 0x01), BOUNDS), "not-cbor");
  assert.equal(decodeCbor(encode(new Map([["__proto__", { type: "leave" }]])), BOUNDS), "not-plain");
  assert.equal(decodeCbor(Uint8Array.of(0xa2, 0x61, 0x61, 0x01, 0x61, 0x61, 0x02), BOUNDS), "not-cbor");
  assert.deepEqual(decodeCbor(encodeCbor(1.25), BOUNDS), { value: 1.25 });
});

test("an element that could not be written as XML, or is too deep, is refused", () => {
  const message = (status: unknown) => encode({ type: "fetched", view: { number: 1, proposer: 1 }, status });
  const plain = { name: "status", attributes: { id: "1" }, children: [] };
  assert.ok("value" in messages.decode(message(plain)));
  for (const wrong of [
    { ...plain, name: "a b" },
    { ...plain, name: "" },
    { ...plain, attributes: { "x<": "1" } },
    { ...plain, attributes: { id: "\u0000" } },
    { ...plain, attributes: { id: 1 } },
    { ...plain, attributes: [] },
    { ...plain, children: {} },
    { ...plain, children: [{}] },
    { ...plain, more: 1 },
  ]) {
    assert.ok("rejection" in messages.decode(message(wrong)), JSON.stringify(wrong));
  }
  let deep = element("status");
  for (let depth = 1; depth < MAX_ELEMENT_DEPTH; depth += 1) deep = element("status", {}, [deep]);
  assert.ok("value" in messages.decode(message(deep)));
  assert.ok("rejection" in messages.decode(message(element("status", {}, [deep]))));
});
