// Memory and threads by workers, in the sandbox's process without the guest, whose globals have no workers: the host watches the
// process as a whole, whoever in it takes the memory.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { findDeno } from "../../../runtime/host/plugins/sandbox/program.ts";
import { Resident } from "../../../runtime/host/plugins/sandbox/resident.ts";
import { quietContext, sandboxProgram } from "./places.ts";

const deno = findDeno();
const skip = deno === undefined ? "there is no Deno for this platform (npm package deno)" : false;
const folder = mkdtempSync(join(tmpdir(), "systole-workers-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const WORKERS = 24;
const EACH_MIB = 16;

/** Starts workers, each of which takes memory and says so; done when all have. */
const TAKE = `const source = "data:text/javascript," + encodeURIComponent("globalThis.all = new Uint8Array(${EACH_MIB} << 20).fill(7); postMessage(1);");
const workers = Array.from({ length: ${WORKERS} }, () => new Worker(source, { type: "module" }));
await Promise.all(workers.map((worker) => new Promise((done) => { worker.onmessage = done; })));`;

const SUMMARY = {
  branded: true,
  kind: "resource-agent",
  api: 1,
  spec: { name: "workers", summary: "x", parameters: { type: "object", properties: {} }, memoryLimitMiB: 128 },
  functions: ["monitor", "start", "stop"],
};

const IMPOSTOR = `const texts = new TextEncoder();
const say = (message) => Deno.stdout.writeSync(texts.encode(JSON.stringify({ jsonrpc: "2.0", ...message }) + "\\n"));
say({ method: "ready", params: { magic: "systole-plugin-guest", protocol: 1, runtime: "impostor" } });
let text = "";
for await (const chunk of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
  const lines = (text + chunk).split("\\n");
  text = lines.pop();
  for (const line of lines) {
    const { id, method } = JSON.parse(line);
    if (method === "load") say({ id, result: { digest: ${JSON.stringify(createHash("sha512").update("").digest("hex"))}, summary: ${JSON.stringify(SUMMARY)} } });
    if (method === "call") { ${TAKE}
      say({ id, result: "running" }); }
  }
}`;

test("outside, workers take whatever memory there is", { skip, timeout: 60_000 }, async () => {
  const child = spawn(deno ?? "", ["run", "-A", "--quiet", "--no-config", "-"], { stdio: ["pipe", "pipe", "inherit"] });
  let text = "";
  child.stdout.on("data", (chunk: Buffer) => {
    text += chunk.toString("utf8");
  });
  child.stdin.end(`${TAKE}\nconsole.log("taken"); Deno.exit(0);`);
  await new Promise((resolve) => child.once("close", resolve));
  assert.equal(text.trim(), "taken");
});

test("memory by many workers ends the process that they are in", { skip, timeout: 60_000 }, async (t) => {
  const ends: string[] = [];
  const resident = new Resident("Plugin workers", "", {
    program: (heapMiB) => sandboxProgram(deno ?? "", IMPOSTOR, heapMiB),
    folder,
    startTurn: (start) => start(),
    log: () => undefined,
    onEnded: (said) => void ends.push(said),
  });
  try {
    await resident.describe();
    const context = quietContext({}, AbortSignal.timeout(30_000));
    await assert.rejects(resident.call("monitor", [], 0, context), /The process of Plugin workers/);
    t.diagnostic(`process: ${ends.join(" ")}`);
    assert.match(ends.join(" "), /memory|SIGKILL|SIGTRAP|SIGABRT/);
  } finally {
    await resident.close();
  }
});
