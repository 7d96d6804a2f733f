// What is sent in one turn goes together, in order, and what is broken in a bundle touches nothing else.

import assert from "node:assert/strict";
import { test } from "node:test";
import { bundle, createMessageCodec } from "../../../runtime/host/codec-message.ts";
import { Outbox } from "../../../runtime/host/outbox.ts";
import type { Message } from "../../../runtime/services/messages.ts";

const commit = (sequence: number): Message => ({ type: "commit", view: { number: 1, proposer: 1 }, sequence });
const large = (resource: string): Message => ({ type: "history-clear", resource: resource.repeat(200) });

function makeOutbox() {
  const codec = createMessageCodec();
  const turns: (() => void)[] = [];
  const handed: { readonly to: number; readonly bytes: Uint8Array }[][] = [];
  const outbox = new Outbox({
    codec,
    submit: (messages) => void handed.push([...messages]),
    soon: (call) => void turns.push(call),
  });
  const endTurn = (): void => {
    for (const call of turns.splice(0)) call();
  };
  const read = (to: number): unknown[] =>
    handed
      .flat()
      .filter((message) => message.to === to)
      .flatMap(({ bytes }) => codec.decodeAll(bytes))
      .map((decoded) => ("value" in decoded ? decoded.value : decoded.rejection.code));
  return { outbox, endTurn, handed, read, turns };
}

test("what goes to one node in a turn is one message, and all of it is handed over at once", () => {
  const { outbox, endTurn, handed, read } = makeOutbox();
  for (const sequence of [1, 2, 3]) for (const to of [2, 3]) outbox.send(to, commit(sequence));
  outbox.send(2, commit(4));
  assert.equal(handed.length, 0);
  endTurn();
  assert.deepEqual(
    handed.map((messages) => messages.map(({ to }) => to)),
    [[2, 3]],
  );
  assert.deepEqual(read(2), [1, 2, 3, 4].map(commit));
  assert.deepEqual(read(3), [1, 2, 3].map(commit));
  outbox.send(3, commit(5));
  endTurn();
  assert.deepEqual(read(3).at(-1), commit(5));
});

test("a flush hands over before the end of the turn, and once", () => {
  const { outbox, endTurn, handed } = makeOutbox();
  outbox.flush();
  outbox.send(2, commit(1));
  outbox.flush();
  endTurn();
  assert.equal(handed.length, 1);
});

test("long messages keep their place and do not make long bundles", () => {
  const { outbox, endTurn, handed, read } = makeOutbox();
  const messages = Array.from({ length: 300 }, (_, at) => (at % 2 === 0 ? commit(at) : large("x")));
  for (const message of messages) outbox.send(2, message);
  endTurn();
  assert.deepEqual(read(2), messages);
  assert.ok((handed[0]?.length ?? 0) > 1);
  assert.ok(handed[0]?.every(({ bytes }) => bytes.length < 20_000));
});

test("what is no message in a bundle is refused alone; what is no bundle is refused whole", () => {
  const codec = createMessageCodec();
  const kinds = (bytes: Uint8Array) =>
    codec.decodeAll(bytes).map((decoded) => ("value" in decoded ? decoded.value.type : decoded.rejection.code));
  const good = codec.encode(commit(1));
  assert.deepEqual(kinds(bundle([good, Uint8Array.of(0xf6), good])), ["commit", "unknown-type", "commit"]);
  assert.deepEqual(kinds(Uint8Array.of(0x81, 0x01)), ["not-plain"]);
  assert.deepEqual(kinds(Uint8Array.of(0x82, 0x81, 0x81)), ["too-deep"]);
  assert.deepEqual(kinds(bundle([bundle([good, good]), good])), ["unknown-type", "commit"]);
  assert.deepEqual(kinds(Uint8Array.of(0x9a, 0xff, 0xff, 0xff, 0xff)), ["truncated"]);
});
