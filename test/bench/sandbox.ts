// What it costs that plugins live in processes of their own: time to start, memory, a round trip, and the processor time of a
// monitor when a node watches 100 resources every 10 seconds. Beside it the same agent in this process, and in a Node child.
//
// Processor time is what the kernel counted for this process and the plugin's together, less what both take when idle.

import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import dummy from "../../plugins/agents/dummy.ts";
import type { HostContext } from "../../runtime/host/plugins/context.ts";
import { openDaemons } from "../../runtime/host/plugins/daemons.ts";
import { createInstance } from "../../runtime/host/plugins/instance.ts";
import { openLimits } from "../../runtime/host/plugins/limits.ts";
import type { Loader, PluginSource } from "../../runtime/host/plugins/loader.ts";
import { createLoader } from "../../runtime/host/plugins/loader.ts";
import { checkManifest, PLUGIN_KINDS } from "../../runtime/host/plugins/manifest.ts";
import { describeInSandbox } from "../../runtime/host/plugins/sandbox/describe.ts";
import { summarize } from "../../runtime/host/plugins/sandbox/guest/summary.ts";
import { findDeno, guestProgram, NOBODY } from "../../runtime/host/plugins/sandbox/program.ts";
import { Resident } from "../../runtime/host/plugins/sandbox/resident.ts";
import { openStateStore } from "../../runtime/host/plugins/state.ts";
import { API_VERSIONS } from "../../runtime/host/plugins/trust/api-version.ts";
import { median } from "./figures.ts";

const STARTS = 9;
const RESOURCES = 100;
const INTERVAL_MS = 10_000;
const BURST = 5_000;
const CONCURRENCY = 20;
/** What a burst has left behind is collected meanwhile. */
const SETTLE_MS = 3_000;
const IDLE_MS = 5_000;
const DEFAULT_SECONDS = 20;

/** A way of running the agent. */
interface Place {
  monitor(resource: string): Promise<unknown>;
  readonly pid?: number;
}

/** Processes behind a process: the wall's child is the plugin. */
function family(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8")
    .split(" ")
    .filter((child) => child !== "");
  return [pid, ...children.flatMap((child) => family(Number(child)))];
}

/** Milliseconds that all threads of a process and its children have run. */
function ranMs(pid: number | undefined): number {
  if (pid === undefined) return 0;
  let ranNs = 0;
  for (const member of family(pid)) {
    for (const thread of readdirSync(`/proc/${member}/task`))
      ranNs += Number(readFileSync(`/proc/${member}/task/${thread}/schedstat`, "utf8").split(" ")[0]);
  }
  return ranNs / 1e6;
}

function ownMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1_000;
}

function memoryOf(pid: number | undefined): string {
  if (pid === undefined) return "none of its own";
  let pss = 0;
  let own = 0;
  for (const member of family(pid)) {
    const text = readFileSync(`/proc/${member}/smaps_rollup`, "utf8");
    pss += Number(/^Pss:\s+(\d+)/m.exec(text)?.[1]);
    own += Number(/^Private_Dirty:\s+(\d+)/m.exec(text)?.[1]);
  }
  return `PSS ${(pss / 1024).toFixed(1)} MiB, of it private ${(own / 1024).toFixed(1)} MiB`;
}

function line(name: string, text: string): void {
  process.stdout.write(`  ${name.padEnd(34)} ${text}\n`);
}

async function sourceOfDummy(folder: string): Promise<PluginSource> {
  const options = {
    plugins: [],
    pluginsBase: folder,
    bundleFolder: join(folder, "bundles"),
    evaluate: describeInSandbox,
  };
  const loader: Loader = createLoader(options);
  return (await loader.find("resource-agent", "dummy")).source;
}

/** Contexts for the agent, as the plugin host makes them. */
function instances(folder: string) {
  const states = openStateStore(join(folder, "state"));
  const daemons = openDaemons({ states, outputFolder: folder, childEnvironment: {} });
  const quiet = (): void => undefined;
  const manifest = checkManifest(summarize(dummy, PLUGIN_KINDS, API_VERSIONS), "dummy");
  const around = {
    nodeName: "n1",
    states,
    daemons,
    limits: openLimits(quiet),
    childEnvironment: {},
    log: quiet,
    onEvent: quiet,
    onAttribute: quiet,
  };
  const made = new Map<string, ReturnType<typeof createInstance>>();
  const contextOf = (resource: string) => {
    const instance = made.get(resource) ?? createInstance(manifest, resource, {}, around);
    made.set(resource, instance);
    return instance.context(new AbortController().signal);
  };
  return { contextOf, close: () => daemons.close() };
}

async function startIn(
  source: PluginSource,
  folder: string,
  deno: string | undefined,
  wall: boolean,
): Promise<{ readonly resident: Resident; readonly readyMs: number }> {
  const quiet = (): void => undefined;
  const resident = new Resident(source.shown, source.text, {
    program: (heapMiB) => guestProgram(deno, { uid: NOBODY, gid: NOBODY, heapMiB, wall }),
    ...{ folder, startTurn: (start) => start(), log: quiet, onEnded: quiet },
  });
  const startedMs = performance.now();
  await resident.describe();
  return { resident, readyMs: performance.now() - startedMs };
}

/** Calls in turn and side by side, and at the pace of a cluster. */
async function measure(place: Place, seconds: number): Promise<void> {
  for (let warm = 0; warm < BURST; warm += 1) await place.monitor("warm");
  const alone: number[] = [];
  for (let call = 0; call < BURST / 5; call += 1) {
    const startedMs = performance.now();
    await place.monitor("alone");
    alone.push(performance.now() - startedMs);
  }
  line("one monitor, two round trips", `${median(alone).toFixed(2)} ms`);
  const [ran, own, startedMs] = [ranMs(place.pid), ownMs(), performance.now()];
  const worker = async (name: string): Promise<void> => {
    for (let call = 0; call < BURST / CONCURRENCY; call += 1) await place.monitor(name);
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, (_, index) => worker(`r${index}`)));
  const tookMs = performance.now() - startedMs;
  const burst = `${((ranMs(place.pid) - ran) / BURST).toFixed(3)} ms of the plugin's and ${((ownMs() - own) / BURST).toFixed(3)} ms of the host's processor each`;
  line(`${CONCURRENCY} side by side`, `${Math.round((BURST / tookMs) * 1_000)} monitors/s, ${burst}`);
  line("memory of the process", memoryOf(place.pid));
  await measurePace(place, seconds);
}

async function measurePace(place: Place, seconds: number): Promise<void> {
  await wait(SETTLE_MS);
  const idle = [ranMs(place.pid), ownMs()] as const;
  await wait(IDLE_MS);
  const idlePerMs = [(ranMs(place.pid) - idle[0]) / IDLE_MS, (ownMs() - idle[1]) / IDLE_MS] as const;
  const before = [ranMs(place.pid), ownMs()] as const;
  const pauseMs = INTERVAL_MS / RESOURCES;
  const startedMs = performance.now();
  let calls = 0;
  for (; performance.now() - startedMs < seconds * 1_000; calls += 1) {
    await place.monitor(`r${calls % RESOURCES}`);
    await wait(Math.max(0, startedMs + (calls + 1) * pauseMs - performance.now()));
  }
  const tookMs = performance.now() - startedMs;
  const plugin = (ranMs(place.pid) - before[0] - idlePerMs[0] * tookMs) / calls;
  const host = (ownMs() - before[1] - idlePerMs[1] * tookMs) / calls;
  line(
    `${RESOURCES} resources every ${INTERVAL_MS / 1_000} s`,
    `${(plugin + host).toFixed(2)} ms of processor a monitor (plugin ${plugin.toFixed(2)}, host ${host.toFixed(2)}); idle: plugin ${(idlePerMs[0] * 1_000).toFixed(2)}, host ${(idlePerMs[1] * 1_000).toFixed(2)} ms/s`,
  );
}

/** Prints the figures of each way of running a plugin. */
export async function benchSandbox(options: readonly string[]): Promise<void> {
  const seconds = Number(options[options.indexOf("--seconds") + 1] ?? DEFAULT_SECONDS) || DEFAULT_SECONDS;
  const folder = mkdtempSync(join(tmpdir(), "systole-bench-"));
  const { contextOf, close } = instances(folder);
  const deno = findDeno();
  try {
    const source = await sourceOfDummy(folder);
    const ways = [
      ...(deno === undefined
        ? []
        : [["Deno and bubblewrap", deno, true] as const, ["Deno alone", deno, false] as const]),
      ["Node child process, not sandboxed", undefined, false] as const,
    ];
    for (const [name, program, wall] of ways) {
      process.stdout.write(`${name}\n`);
      const starts: number[] = [];
      for (let start = 0; start < STARTS; start += 1) {
        const { resident, readyMs } = await startIn(source, folder, program, wall);
        await resident.close();
        starts.push(readyMs);
      }
      line(
        "start to ready",
        `${median(starts).toFixed(0)} ms (${Math.min(...starts).toFixed(0)} to ${Math.max(...starts).toFixed(0)})`,
      );
      const { resident } = await startIn(source, folder, program, wall);
      const { pid } = resident;
      const monitor = (resource: string) => resident.call("monitor", [], 0, contextOf(resource));
      await measure({ monitor, ...(pid === undefined ? {} : { pid }) }, seconds);
      await resident.close();
    }
    process.stdout.write("in this process, trusted (how transports run)\n");
    await measure({ monitor: (resource) => dummy.spec.monitor(inProcess(contextOf(resource))) }, seconds);
  } finally {
    close();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** The host's context with the type that this agent wants. */
function inProcess(context: HostContext) {
  const { daemon } = context;
  if (daemon === undefined) throw new Error("The agent dummy declares a daemon.");
  return { ...context, daemon, params: { delay: 0 } };
}
