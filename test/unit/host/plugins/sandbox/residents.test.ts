// Plugins that do their worst, in real processes: each hurts itself only, is answered honestly, and comes back.

import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { createPluginHost } from "../../../../../runtime/host/plugins/host.ts";
import type {
  PluginEvent,
  PluginHost,
  PluginLogLine,
  SandboxPolicy,
} from "../../../../../runtime/host/plugins/types.ts";
import type { AgentOutcome } from "../../../../../runtime/services/calls.ts";

const LIMIT = { timeout: 60_000 };
const folder = mkdtempSync(join(tmpdir(), "systole-residents-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const WORST = `import { defineResourceAgent, Secret, Type } from "systole/sdk";
const kept = [];
export default defineResourceAgent({
  name: "worst", summary: "Does its worst", parameters: Type.Object({ does: Type.String({ default: "" }), secret: Secret("A secret", { default: "hush-hush" }) }),
  permissions: { run: ["sleep *", "id -u"] },
  async monitor({ log, params, run, signal, state }) {
    switch (params.does) {
      case "loop": for (;;) {}
      case "heap": for (;;) kept.push(new Array(1e5).fill(kept.length));
      case "bytes": for (;;) kept.push(new Uint8Array(1 << 24).fill(7));
      case "forget": Promise.reject(new Error("forgotten")); return "running";
      case "console": console.log("said", { a: 1 }, params.secret); return "running";
      case "deep": { let deep: unknown = []; for (let i = 0; i < 1e5; i += 1) deep = [deep]; return deep as "running"; }
      case "circle": { const circle: unknown[] = []; circle.push(circle); return circle as never; }
      case "long": return { failed: "x".repeat(1 << 21) };
      case "nothing": return undefined as never;
      case "recurse": { const f = (): number => f() + 1; f(); return "running"; }
      case "slow": await run("sleep", ["600"]); return "running";
      case "globals": return { failed: ["process", "Deno", "fetch", "Worker", "WebSocket", "navigator", "require", "prompt"].filter((name) => name in globalThis).join() };
      case "eval": return { failed: String(new Function("return 1")()) };
      case "who": { const { stdout } = await run("id", ["-u"]); return { failed: stdout.trim() }; }
      default: return "running";
    }
  },
  async start() {}, async stop() {},
});`;

const GREEDY = `const kept = [];
for (const end = Date.now() + 60_000; Date.now() < end; ) kept.push(new Uint8Array(1 << 24).fill(7));
export default kept;`;

const OTHER = WORST.replaceAll("worst", "other");

class Bench {
  readonly events: PluginEvent[] = [];
  readonly lines: PluginLogLine[] = [];
  readonly host: PluginHost;
  #lastId = 0;

  constructor(name: string, sandbox: SandboxPolicy, plugins = ["./worst.ts", "./other.ts"]) {
    this.host = createPluginHost({
      nodeName: "n1",
      stateDirectory: join(folder, name),
      plugins,
      pluginsBase: folder,
      childEnvironment: {},
      signatures: { policy: "off", keys: [] },
      fetchBundle: async () => undefined,
      sandbox,
      log: (line) => this.lines.push(line),
      onEvent: (event) => this.events.push(event),
      onAttribute: () => undefined,
    });
  }

  monitor(does: string, timeoutMs = 20_000, type = "worst"): Promise<AgentOutcome> {
    this.#lastId += 1;
    return this.host.callAgent({
      id: this.#lastId,
      resource: { id: "r", class: "ocf", provider: "systole", type },
      verb: "monitor",
      parameters: { does },
      meta: {},
      timeoutMs,
      intervalMs: 10_000,
    });
  }

  /** The plugin works, perhaps after its restart. */
  async works(type = "worst"): Promise<void> {
    assert.deepEqual(await this.monitor("", 20_000, type), { outcome: "state", state: "running" });
  }

  lastEnd(): string {
    return this.events.filter(({ code }) => code === "plugin-ended").at(-1)?.text ?? "";
  }
}

/** Processes of this test's guests: they stand in its folder. */
function guests(): number[] {
  return readdirSync("/proc")
    .filter((entry) => /^\d+$/.test(entry))
    .filter((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("--max-old-space-size") && standsHere(pid);
      } catch {
        return false;
      }
    })
    .map(Number);
}

function standsHere(pid: string): boolean {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  return stat.split(") ")[1]?.split(" ")[1] === `${process.pid}`;
}

before(() => {
  writeFileSync(join(folder, "worst.ts"), WORST);
  writeFileSync(join(folder, "other.ts"), OTHER);
});

for (const [title, name, sandbox] of [
  ["in Deno", "deno", { requireSandbox: true }],
  ["in a Node child process", "node", { requireSandbox: false, deno: "none" }],
] as const) {
  describe(title, () => {
    let bench: Bench;
    before(() => {
      bench = new Bench(name, sandbox);
    });
    after(async () => {
      await bench.host.close();
      assert.deepEqual(guests(), [], "no process is left");
    });

    test(
      "an endless loop is answered at its deadline, ended after grace; what else was under way is unknown",
      LIMIT,
      async () => {
        await bench.works();
        const { confinement, held, used } = bench.host.standing();
        assert.equal(confinement, sandbox.requireSandbox ? "sandboxed" : "not sandboxed");
        assert.match(held, sandbox.requireSandbox ? /^Deno/ : /^Node child process/);
        assert.deepEqual(used, [{ plugin: "ocf:systole:worst", state: "running" }]);
        const slow = bench.monitor("slow");
        const began = performance.now();
        assert.equal((await bench.monitor("loop", 200)).outcome, "timeout");
        assert.ok(performance.now() - began < 1_000);
        const unknown = await slow;
        assert.equal(unknown.outcome, "unknown");
        assert.match(
          "reason" in unknown ? (unknown.reason ?? "") : "",
          /^The process of Plugin \.\/worst\.ts did not turn/,
        );
        await bench.works();
        assert.match(
          bench.lastEnd(),
          /^The process of Plugin \.\/worst\.ts did not turn for 1000 ms .*; it is started again/,
        );
      },
    );

    test("the other plugin has noticed nothing", LIMIT, async () => {
      await bench.works("other");
      assert.ok(!bench.events.some(({ text }) => text.includes("other.ts")));
    });

    test("a heap or bytes without end: unknown, then it works again", LIMIT, async () => {
      for (const does of ["heap", "bytes"]) {
        const outcome = await bench.monitor(does);
        assert.equal(outcome.outcome, "unknown", does);
        await bench.works();
      }
      assert.match(bench.lastEnd(), /used \d+ MiB of memory, more than its memoryLimitMiB of 128/);
    });

    test("answers that are none are an error of the plugin, which lives on", LIMIT, async () => {
      const pid = guests().length;
      for (const does of ["circle", "nothing", "deep", "long", "recurse"]) {
        const { outcome } = await bench.monitor(does);
        assert.ok(outcome === "error" || outcome === "unknown", `${does}: ${outcome}`);
      }
      await bench.works();
      assert.equal(guests().length, pid);
    });

    test("a forgotten promise and the console are lines in the log", LIMIT, async () => {
      assert.equal((await bench.monitor("forget")).outcome, "state");
      assert.equal((await bench.monitor("console")).outcome, "state");
      await bench.works();
      const texts = bench.lines.map(({ text }) => text);
      assert.ok(texts.includes('said {"a":1} ******'));
      assert.ok(texts.some((text) => text.includes("forgotten")));
    });

    test("what reaches out is not there, and text is no code", LIMIT, async () => {
      assert.deepEqual(await bench.monitor("globals"), { outcome: "state", state: "failed", reason: "" });
      const outcome = await bench.monitor("eval");
      assert.ok(outcome.outcome === "error" && /Code generation from strings disallowed/.test(outcome.reason));
    });

    test("the host says how far plugins are held", LIMIT, async () => {
      const [plugin] = await bench.host.describe("ocf:systole:worst");
      assert.equal(plugin?.trust, name === "deno" ? "sandboxed" : "not sandboxed");
      assert.equal(
        bench.events.some(({ code }) => code === "not-sandboxed"),
        name === "node",
      );
    });
  });
}

test("memory is watched from the first moment on, also while a plugin is being loaded", LIMIT, async () => {
  writeFileSync(join(folder, "greedy.ts"), GREEDY);
  const bench = new Bench("greedy", { requireSandbox: true }, ["./greedy.ts"]);
  try {
    const [plugin] = (await bench.host.list()).filter(({ problem }) => problem !== undefined);
    assert.match(plugin?.problem?.text ?? "", /^Plugin \.\/greedy\.ts used \d+ MiB of memory, more than/);
  } finally {
    await bench.host.close();
  }
});

test("where a sandbox is required and there is none, no plugin is started", LIMIT, async () => {
  const bench = new Bench("required", { requireSandbox: true, deno: "none" });
  const outcome = await bench.monitor("");
  assert.ok(outcome.outcome === "error" && outcome.code === "not-installed");
  assert.match(
    outcome.reason,
    /is not started: there is no Deno for this platform, and requireSandbox is set\. Install the package/,
  );
  const { confinement, held, used } = bench.host.standing();
  assert.deepEqual([confinement, held], ["refused", "there is no Deno for this platform, and requireSandbox is set"]);
  assert.deepEqual(
    used.map(({ plugin, state }) => [plugin, state]),
    [["ocf:systole:worst", "refused"]],
  );
  await bench.host.close();
});

/** The process at the end of a line of only children: behind the wall, that is the plugin. */
function innermost(pid: number): number {
  const [child = ""] = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ");
  return child === "" ? pid : innermost(Number(child));
}

for (const wall of [true, false]) {
  const missing =
    process.getuid?.() !== 0 ? "needs root" : wall && !existsSync("/usr/bin/bwrap") ? "missing: bubblewrap" : false;
  test(`plugins do not run as root, though what the host runs for them does (${wall ? "with" : "without"} bubblewrap)`, {
    ...LIMIT,
    skip: missing,
  }, async () => {
    const bench = new Bench(`user${wall}`, { requireSandbox: true, wall });
    try {
      await bench.works();
      for (const pid of guests()) {
        const status = readFileSync(`/proc/${innermost(pid)}/status`, "utf8");
        assert.match(status, /^Uid:\t65534\t65534\t65534\t65534$/m);
        assert.match(status, /^CapBnd:\t0+$/m);
        assert.match(status, /^NoNewPrivs:\t1$/m);
        const here = readlinkSync(`/proc/self/ns/net`);
        assert.equal(readlinkSync(`/proc/${innermost(pid)}/ns/net`) === here, !wall);
      }
      assert.deepEqual(await bench.monitor("who"), { outcome: "state", state: "failed", reason: "0" });
    } finally {
      await bench.host.close();
    }
  });
}
