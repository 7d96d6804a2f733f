// Bytes of plugins between nodes: who is asked, what is believed.

import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { BundleExchange } from "../../../runtime/host/bundle-exchange.ts";
import { createMessageCodec } from "../../../runtime/host/codec-message.ts";
import type { BundleMessage } from "../../../runtime/host/schema/bundle.ts";

const SHA = `sha512-${"a".repeat(86)}==`;
const BYTES = Uint8Array.of(1, 2, 3);

/** Nodes that hear one another at once; `has`: who has the bytes. */
function nodes(count: number, has: readonly number[], dead: readonly number[] = []) {
  const asked: string[] = [];
  const exchanges = new Map<number, BundleExchange>();
  const ids = Array.from({ length: count }, (_, at) => at + 1);
  const codec = createMessageCodec();
  for (const id of ids) {
    const send = (to: number, message: BundleMessage): void => {
      asked.push(`${id}>${to} ${message.type}`);
      const [decoded] = codec.decodeAll(codec.encode(message));
      assert.ok(decoded !== undefined && "value" in decoded && "sha512" in decoded.value);
      const heard = decoded.value;
      if (!dead.includes(to)) queueMicrotask(() => exchanges.get(to)?.hear(id, heard));
    };
    const read = (): Uint8Array | undefined => {
      if (has.includes(-id)) throw new Error("EIO");
      return has.includes(id) ? BYTES : undefined;
    };
    exchanges.set(
      id,
      new BundleExchange({ send, peers: () => ids.filter((one) => one !== id).reverse(), read, log: () => {} }),
    );
  }
  const [first] = exchanges.values();
  assert.ok(first);
  return { first, asked };
}

test("the members are asked in turn until one has the bytes; twice at once is one question", async () => {
  const { first, asked } = nodes(4, [3]);
  const both = await Promise.all([first.fetch(SHA), first.fetch(SHA)]);
  assert.deepEqual(both, [BYTES, BYTES]);
  assert.deepEqual(asked, ["1>2 bundle-wanted", "2>1 bundle-missing", "1>3 bundle-wanted", "3>1 bundle-given"]);
});

test("when nobody has them, or nobody is there, there are none", async () => {
  assert.equal(await nodes(3, []).first.fetch(SHA), undefined);
  assert.equal(await nodes(3, [-2, -3]).first.fetch(SHA), undefined);
  assert.equal(await nodes(1, []).first.fetch(SHA), undefined);
});

test("one that does not answer is not waited for for ever, and what nobody asked for is dropped", async (t) => {
  mock.timers.enable({ apis: ["setTimeout"] });
  t.after(() => mock.timers.reset());
  const { first } = nodes(3, [3], [2]);
  const fetched = first.fetch(SHA);
  await Promise.resolve();
  first.hear(3, { type: "bundle-given", sha512: SHA, bytes: Uint8Array.of(6) });
  first.hear(2, { type: "bundle-given", sha512: SHA.replace("a", "b"), bytes: Uint8Array.of(6) });
  mock.timers.tick(5_000);
  assert.deepEqual(await fetched, BYTES);
});
