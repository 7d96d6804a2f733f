// Attempts to get more out of ctx than was granted. Outside, a host that asks nobody does whatever a plugin wishes; here each
// attempt goes through the plugin host of a node, from the plugin's file to the capability.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { findDeno } from "../../../runtime/host/plugins/sandbox/program.ts";
import { Bench, saidIn } from "./bench.ts";
import { CTX_ATTACKER, settingsOf } from "./ctx-attacker.ts";
import { ctxCluster } from "./ctx-cluster.ts";
import { ctxFiles } from "./ctx-files.ts";
import { ctxNet } from "./ctx-net.ts";
import { ctxRun } from "./ctx-run.ts";
import { NAIVE_CTX } from "./naive.ts";
import { outside } from "./places.ts";
import { markOf, type Outcome, pluginOf } from "./probe.ts";
import { openWorld, type World } from "./world.ts";

// Files last: outside, one of their attempts takes the threads by which Deno reaches any file.
const TOPICS = [ctxRun, ctxNet, ctxCluster, ctxFiles];
const deno = findDeno();
const skip = deno === undefined ? "there is no Deno for this platform (npm package deno)" : false;

describe("attempts to get more out of ctx than was granted", { skip, timeout: 120_000 }, () => {
  let world: World;
  let bench: Bench | undefined;
  const probes = TOPICS.flatMap((topic) => topic.probes);
  const outcomes = new Map<string, Outcome>();
  before(async () => {
    world = await openWorld();
    const stopSwapping = world.startSwapping();
    try {
      const found = await outside(probes, world.facts, deno ?? "", NAIVE_CTX);
      for (const outcome of found) outcomes.set(outcome.name, outcome);
    } finally {
      stopSwapping();
    }
    const source = pluginOf(probes, CTX_ATTACKER);
    bench = new Bench(world.facts.folder, { name: CTX_ATTACKER.name, source });
  });
  after(async () => {
    await bench?.close();
    await world.close();
  });

  for (const { topic, probes: rows } of TOPICS) {
    describe(topic, () => {
      for (const { name } of rows) {
        test(name, async (t) => {
          const outcome = outcomes.get(name);
          assert.ok(outcome !== undefined, "the attempt was not made outside");
          t.diagnostic(`outside: ${world.gotOut(outcome) ? "got out" : "held"} (${outcome.said.slice(0, 80)})`);
          assert.ok(world.gotOut(outcome), `outside: ${outcome.said}`);
          const mark = markOf(name, "plugin");
          const parameters = { attempt: name, mark, ...settingsOf(world.facts) };
          assert.ok(bench !== undefined);
          const stopSwapping = name.includes("becomes a link") ? world.startSwapping() : undefined;
          const said = saidIn(await bench.attack(parameters));
          stopSwapping?.();
          const gotOut = world.gotOut({ name, mark, said });
          t.diagnostic(`plugin: ${gotOut ? "got out" : "held"} (${said.slice(0, 160)})`);
          assert.equal(gotOut, false, said);
          assert.ok(world.victimLives(), "the other process lives");
          await bench.bystanderWorks();
        });
      }
    });
  }
});
