// A plugin that does what no plugin should. Whatever it does, its own call gets an answer in words, its own process may
// end and is started again, and the host and the other plugin go on as if nothing had happened.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { after, before, describe, test } from "node:test";
import { findDeno } from "../../../runtime/host/plugins/sandbox/program.ts";
import { Bench, saidIn } from "./bench.ts";
import { DEEDS, type Deed, hostileSource } from "./hostile-plugin.ts";
import { askNaively } from "./naive-plugin-host.ts";

const deno = findDeno();
const skip = deno === undefined ? "there is no Deno for this platform (npm package deno)" : false;
const folder = mkdtempSync(join(tmpdir(), "systole-hostile-"));
after(() => rmSync(folder, { recursive: true, force: true }));

/** A denial may be told so often. */
const MOST_DENIALS = 12;
/** Peers that hear nothing for so long think of this node as lost; a busy machine that runs tests takes its part of it. */
const LONGEST_TURN_MS = 2_000;
/** More than any memoryLimitMiB here, and little enough for the machine that runs the test. */
const MUCH_MIB = 320;

describe("a hostile plugin", { skip, timeout: 200_000 }, () => {
  let opened = 0;
  const open = (): Bench => {
    opened += 1;
    return new Bench(join(folder, `${opened}`), { name: "hostile", source: hostileSource("hostile") });
  };
  let shared: Bench;
  before(() => {
    shared = open();
  });
  after(async () => {
    await shared.close();
  });

  for (const [topic, deeds] of Object.entries(DEEDS)) {
    describe(topic, () => {
      for (const { name, said, end, timeoutMs, harm, ...deed } of deeds) {
        test(name, async (t) => {
          const naive = await outside(deed, harm, timeoutMs);
          t.diagnostic(`outside: ${naive.slice(0, 120)}`);
          // Who spoils its process for the next one gets one of its own.
          const alone = end !== undefined || topic === "globals";
          const bench = alone ? open() : shared;
          if (alone) t.after(() => bench.close());
          // Its process runs before the time of the call does.
          await bench.attack({ does: `before ${name}` });
          const delay = monitorEventLoopDelay({ resolution: 20 });
          delay.enable();
          const settings = timeoutMs === undefined ? {} : { timeoutMs };
          const outcome = saidIn(await bench.attack({ does: name }, settings));
          t.diagnostic(`plugin: ${outcome.slice(0, 120)}`);
          assert.match(outcome, said);
          await bench.bystanderWorks();
          delay.disable();
          assert.ok(delay.max < LONGEST_TURN_MS * 1e6, `the host's longest turn took ${delay.max / 1e6} ms`);
          if (end !== undefined) {
            // Its call may have been answered before.
            await bench.until(({ code }) => code === "plugin-ended");
            t.diagnostic(`process: ${bench.lastEnd().slice(0, 160)}`);
            assert.match(bench.lastEnd(), end);
          }
          for (const { text } of [...bench.lines, ...bench.events]) assert.doesNotMatch(text, /\p{Cc}/u);
        });
      }
    });
  }

  test("denials are told, but not each of five hundred", () => {
    const denied = shared.events.filter(({ kind }) => kind === "denied");
    assert.ok(denied.length > 0 && denied.length <= MOST_DENIALS, `${denied.length} were told`);
  });
});

/** Lets a program take memory outside, and says what it says then. */
function takeOutside(source: string): Promise<string> {
  const child = spawn(deno ?? "", ["run", "-A", "--quiet", "--no-config", "-"], { stdio: ["pipe", "pipe", "ignore"] });
  let text = "";
  child.stdout.on("data", (chunk: Buffer) => {
    text += chunk.toString("utf8");
  });
  child.stdin.end(source);
  return new Promise((resolve) => child.once("close", () => resolve(text.trim())));
}

/** Sees that the deed does its harm where nothing holds it; says which. */
async function outside(
  { does, before }: Pick<Deed, "does" | "before">,
  harm: Deed["harm"],
  timeoutMs: number | undefined,
): Promise<string> {
  if (typeof harm === "object" && "takes" in harm) {
    const take = `const all = []; while (all.length < ${MUCH_MIB}) all.push(${harm.takes}); console.log(all.length);`;
    assert.equal(await takeOutside(take), `${MUCH_MIB}`, "outside, memory is there for whoever takes it");
    return `took ${MUCH_MIB} MiB`;
  }
  const { how, said } = await askNaively(deno ?? "", does, before, timeoutMs);
  const shown = `${how} ${said.trim().slice(0, 300)}`;
  if (typeof harm === "string") assert.equal(how, harm, shown);
  else assert.match(`${how}\n${said}`, harm, shown);
  return shown;
}

test("an honest plugin does a naive host no harm", { skip, timeout: 60_000 }, async () => {
  const { how, said } = await askNaively(deno ?? "", `return "running";`);
  assert.equal(how, "said", said);
  for (const { name, harm } of Object.values(DEEDS).flat())
    if (harm instanceof RegExp) assert.doesNotMatch(`${how}\n${said}`, harm, name);
});
