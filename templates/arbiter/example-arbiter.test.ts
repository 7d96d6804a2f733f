// The laws of every arbiter, and what only this one does.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createFakeWorld, testArbiter } from "systole/sdk/testing";
import arbiter from "./example-arbiter.ts";

const parameters = { url: "https://consul.example.net:8501/v1/kv/systole/shop", token: "secret" };

/** Consul, with no key yet. */
function fakeConsul() {
  let index = 0;
  let value: string | undefined;
  const put =
    (expected: number) =>
    ({ body = "" }) => {
      const fits = expected === (value === undefined ? 0 : index);
      if (fits) {
        index += 1;
        value = body;
      }
      return { text: `${fits}` };
    };
  const read = () =>
    value === undefined
      ? { status: 404 }
      : { text: JSON.stringify([{ ModifyIndex: index, Value: Buffer.from(value).toString("base64") }]) };
  const changes = Array.from({ length: 10 }, (_, expected) => [`${parameters.url}?cas=${expected}`, put(expected)]);
  return createFakeWorld({ urls: { [`${parameters.url}?consistent`]: read, ...Object.fromEntries(changes) } });
}

testArbiter(arbiter, { parameters, world: fakeConsul });

test("an answer that is no entry is an error, not an empty register", async () => {
  for (const answer of [{ text: "[]" }, { text: "oops" }, { status: 500 }, { status: 403 }]) {
    const world = createFakeWorld({ urls: { [`${parameters.url}?consistent`]: () => answer } });
    await assert.rejects(async () => await arbiter.spec.read(world.context(parameters)));
  }
});
