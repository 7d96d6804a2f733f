// When the node is killed, no plugin outlives it, not even one that never looks up.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { familyOf } from "../../../../../runtime/host/plugins/sandbox/memory.ts";

const folder = mkdtempSync(join(tmpdir(), "systole-orphan-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const LOOPS = `import { defineResourceAgent, Type } from "systole/sdk";
export default defineResourceAgent({
  name: "loops", summary: "Loops", parameters: Type.Object({ does: Type.String() }),
  async monitor({ params }) { while (params.does === "loop") {} return "running"; },
  async start() {}, async stop() {},
});`;

/** Whether it runs: who has ended and waits to be noticed does not. */
function runs(pid: number): boolean {
  try {
    return !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, "latin1"));
  } catch {
    return false;
  }
}

for (const wall of ["wall", "no wall"]) {
  const missing = wall === "wall" && !existsSync("/usr/bin/bwrap") ? "missing: bubblewrap" : false;
  test(`a host that is killed takes its plugins with it (${wall})`, { timeout: 60_000, skip: missing }, async () => {
    writeFileSync(join(folder, "loops.ts"), LOOPS);
    const program = fileURLToPath(new URL("./orphan-host.ts", import.meta.url));
    const host = spawn(process.execPath, ["--import", "tsx", program, folder, wall], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    const [said] = await once(host.stdout, "data");
    assert.equal(String(said), "state\n");
    const guests = familyOf(host.pid ?? 0).slice(1);
    assert.ok(guests.length > 0);
    host.kill("SIGKILL");
    await once(host, "exit");
    while (guests.some(runs)) await wait(10);
  });
}
