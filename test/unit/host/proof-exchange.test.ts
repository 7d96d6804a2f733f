// New bytes of a plugin, proven by every member: who is asked, what is believed, and for how long it is waited.

import assert from "node:assert/strict";
import { mock, test } from "node:test";
import { createMessageCodec } from "../../../runtime/host/codec-message.ts";
import { MAX_PROOFS, PROOF_PATIENCE_MS, ProofExchange } from "../../../runtime/host/proof-exchange.ts";
import type { BundleMessage } from "../../../runtime/host/schema/bundle.ts";

const WISH = {
  kind: "resource-agent",
  name: "lamp",
  sha512: `sha512-${"a".repeat(86)}==`,
  signatures: ["c2ln"],
  shadowMs: 1_000,
};

type ProofMessage = Extract<BundleMessage, { type: "proof-wanted" | "proof-given" }>;
type Prove = ConstructorParameters<typeof ProofExchange>[0]["prove"];

/** Nodes that hear one another at once, but for the dead; each proves in its way. */
function nodes(proves: readonly Prove[], dead: readonly number[] = []): readonly ProofExchange[] {
  const codec = createMessageCodec();
  const exchanges: ProofExchange[] = [];
  const ids = proves.map((_, at) => at + 1);
  for (const id of ids) {
    const send = (to: number, message: BundleMessage): void => {
      const [decoded] = codec.decodeAll(codec.encode(message));
      assert.ok(decoded !== undefined && "value" in decoded, JSON.stringify(decoded));
      const heard = decoded.value;
      assert.ok(heard.type === "proof-wanted" || heard.type === "proof-given");
      if (!dead.includes(to)) queueMicrotask(() => void exchanges[to - 1]?.hear(id, heard));
    };
    const prove = proves[id - 1];
    assert.ok(prove !== undefined);
    exchanges.push(new ProofExchange({ send, peers: () => ids.filter((one) => one !== id).reverse(), prove }));
  }
  return exchanges;
}

const good: Prove = async ({ name }) => ({ good: true, text: `${name} starts.` });
const bad: Prove = async () => ({ good: false, text: "It sees something else." });
const throws: Prove = async () => {
  throw new Error("There is no Deno.");
};

test("every other member is asked, and says what it saw or why it could not look", async () => {
  const [first] = nodes([good, good, bad, throws]);
  assert.deepEqual(await first?.askOthers(WISH), [
    { id: 2, state: "proven", text: "lamp starts." },
    { id: 3, state: "refused", text: "It sees something else." },
    { id: 4, state: "refused", text: "There is no Deno." },
  ]);
  assert.deepEqual(await nodes([good])[0]?.askOthers(WISH), []);
});

test("who does not answer is not waited for for ever, and is told apart from who refuses", async (t) => {
  mock.timers.enable({ apis: ["setTimeout"] });
  t.after(() => mock.timers.reset());
  const [first] = nodes([good, good, good], [2]);
  const asked = first?.askOthers(WISH);
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
  const forged: ProofMessage = { type: "proof-given", request: 1, good: true, text: "I am node 2." };
  await first?.hear(3, forged);
  await first?.hear(2, { ...forged, request: 7 });
  mock.timers.tick(PROOF_PATIENCE_MS + WISH.shadowMs);
  const [second, third] = (await asked) ?? [];
  assert.equal(second?.state, "silent", "what another node says in its place counts for nothing");
  assert.match(second.text, /^it did not say within 46 s whether it can run the new version; it is busy, away,/);
  assert.equal(third?.state, "proven");
});

test("a node proves only so many at a time", async () => {
  const ends: (() => void)[] = [];
  const waits: Prove = () => new Promise((resolve) => ends.push(() => resolve({ good: true, text: "done" })));
  const [first] = nodes([good, waits]);
  const asked = Array.from({ length: MAX_PROOFS + 1 }, () => first?.askOthers(WISH));
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
  for (const end of ends) end();
  const states = (await Promise.all(asked)).map((said) => said?.[0]?.state);
  assert.deepEqual(states, [...Array.from({ length: MAX_PROOFS }, () => "proven"), "refused"]);
});
