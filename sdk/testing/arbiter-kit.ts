// The laws of an arbiter, each as a test. The first of them: of those who have read the same, one replaces it and the others are told so.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { ArbiterSpec, RegisterContent, RegisterReplacement } from "../arbiter.ts";
import { API_VERSION, type Plugin } from "../plugin.ts";
import { createFakeWorld, type FakeWorld } from "./fakes.ts";
import { filledParameters } from "./parameters.ts";

/** What the kit needs to know. */
export interface ArbiterSetup {
  /** Parameters that have no default. */
  readonly parameters?: Readonly<Record<string, unknown>>;
  /** A world with an empty register; a new one for each law. */
  readonly world: () => FakeWorld;
}

interface Bench {
  readonly read: (how?: "dead" | "aborted") => Promise<RegisterContent | undefined>;
  readonly replace: (wanted: RegisterReplacement, how?: "dead" | "aborted") => Promise<"replaced" | "conflict">;
}

/** Texts that must come back to the last character. */
const TEXTS = ["first\n", '{"number":7,"members":[1,2]}\n', "äöü “quoted” \\ & <x> 100 % + =", " "];

/** Creates the register and tells what stands there. */
async function created({ read, replace }: Bench, text: string): Promise<RegisterContent> {
  assert.equal(await replace({ text }), "replaced");
  const content = await read();
  assert.ok(content, "what was replaced stands there");
  return content;
}

const LAWS: Readonly<Record<string, (bench: Bench) => Promise<void>>> = {
  "an empty register is read as nothing, and created once": async (bench) => {
    assert.equal((await bench.read()) ?? undefined, undefined);
    const content = await created(bench, "first\n");
    assert.equal(await bench.replace({ text: "second\n" }), "conflict");
    assert.deepEqual(await bench.read(), content);
  },
  "what was written comes back to the last character": async (bench) => {
    let { tag, text } = await created(bench, TEXTS[0] ?? "");
    for (const next of TEXTS) {
      assert.equal(await bench.replace({ text: next, expectedTag: tag }), "replaced");
      ({ tag, text } = (await bench.read()) ?? assert.fail("nothing"));
      assert.equal(text, next);
    }
  },
  "of two that have read the same, one replaces it, and the other is told": async (bench) => {
    const { tag } = await created(bench, "first\n");
    assert.equal(await bench.replace({ text: "second\n", expectedTag: tag }), "replaced");
    assert.equal(await bench.replace({ text: "third\n", expectedTag: tag }), "conflict");
    assert.equal((await bench.read())?.text, "second\n");
  },
  "a text that comes back is another content": async (bench) => {
    const first = await created(bench, "first\n");
    assert.equal(await bench.replace({ text: "second\n", expectedTag: first.tag }), "replaced");
    const second = await bench.read();
    assert.ok(second);
    assert.equal(await bench.replace({ text: "first\n", expectedTag: second.tag }), "replaced");
    assert.equal(await bench.replace({ text: "third\n", expectedTag: first.tag }), "conflict");
  },
  "when nobody can be reached, nothing is read as empty and nothing counts as replaced": async ({ read, replace }) => {
    await assert.rejects(async () => await read("dead"));
    await assert.rejects(async () => await replace({ text: "first\n" }, "dead"));
  },
  "a call whose signal has fired does nothing": async (bench) => {
    await assert.rejects(async () => await bench.replace({ text: "first\n" }, "aborted"));
    assert.equal((await bench.read()) ?? undefined, undefined);
  },
};

/** Runs every law, each in a world of its own. */
export function testArbiter(arbiter: Plugin<"arbiter", ArbiterSpec>, setup: ArbiterSetup): void {
  describe(`arbiter ${arbiter.spec.name}`, () => {
    test("is branded for this API", () => {
      assert.equal(arbiter.kind, "arbiter");
      assert.equal(arbiter.api, API_VERSION);
      assert.match(arbiter.spec.name, /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/);
    });
    const params = filledParameters(arbiter.spec.parameters, setup.parameters ?? {});
    for (const [law, prove] of Object.entries(LAWS)) {
      test(law, async () => {
        const world = setup.world();
        const context = (how?: "dead" | "aborted") =>
          (how === "dead" ? createFakeWorld({ dead: true }) : world).context(params, { aborted: how === "aborted" });
        await prove({
          read: async (how) => await arbiter.spec.read(context(how)),
          replace: async (wanted, how) => await arbiter.spec.replace(wanted, context(how)),
        });
      });
    }
  });
}
