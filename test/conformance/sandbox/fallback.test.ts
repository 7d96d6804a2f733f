// Where there is no Deno, plugins run in Node, which holds nothing back, and that is said wherever they are shown. What goes
// through ctx is checked there as well: the checks are the host's.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Bench, saidIn } from "./bench.ts";
import { CTX_ATTACKER, settingsOf } from "./ctx-attacker.ts";
import { ctxCluster } from "./ctx-cluster.ts";
import { ctxFiles } from "./ctx-files.ts";
import { ctxNet } from "./ctx-net.ts";
import { ctxRun } from "./ctx-run.ts";
import { markOf, type Probe, pluginOf } from "./probe.ts";
import { openWorld, type World } from "./world.ts";

/** What it may. */
const GRANTED: Probe = {
  name: "what is granted",
  attempt: `return await ctx.fs.readText(world.folder + "/granted/plain.txt");`,
};
const probes = [...ctxRun.probes, ...ctxNet.probes, ...ctxCluster.probes, ...ctxFiles.probes];

describe("a plugin in a Node child process", { timeout: 120_000 }, () => {
  let world: World;
  let bench: Bench;
  before(async () => {
    world = await openWorld();
    const source = pluginOf([...probes, GRANTED], CTX_ATTACKER);
    const sandbox = { requireSandbox: false, deno: "none", wall: false };
    bench = new Bench(world.facts.folder, { name: CTX_ATTACKER.name, source }, sandbox);
  });
  after(async () => {
    await bench.close();
    await world.close();
  });
  const attack = async (name: string): Promise<{ readonly said: string; readonly gotOut: boolean }> => {
    const mark = markOf(name, "plugin");
    const said = saidIn(await bench.attack({ attempt: name, mark, ...settingsOf(world.facts) }));
    return { said, gotOut: world.gotOut({ name, mark, said }) };
  };

  test("is called not sandboxed in the list, in the status and in an event", async () => {
    const listed = (await bench.host.list()).filter(({ kind }) => kind === "resource-agent");
    assert.ok(listed.length > 1);
    for (const { trust, name } of listed) assert.equal(trust, "not sandboxed", name);
    assert.equal(bench.host.standing().confinement, "not sandboxed");
    assert.equal(bench.events.filter(({ code }) => code === "not-sandboxed").length, 1, "told once");
  });

  test("gets no more out of ctx than was granted", async (t) => {
    assert.equal((await attack(GRANTED.name)).said, "harmless", "the attacker is at work");
    for (const { name } of probes) {
      const { said, gotOut } = await attack(name);
      t.diagnostic(`${name}: ${gotOut ? "got out" : "held"} (${said.slice(0, 100)})`);
      assert.equal(gotOut, false, `${name}: ${said}`);
    }
    await bench.bystanderWorks();
  });
});
