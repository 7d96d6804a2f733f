// What a monitor costs a whole node at the pace of a cluster: one node of its own that watches 100 resources every 10 seconds, evenly
// spread, once with monitors gathered (timetable.ts) and once without. Counted is what the kernel says that the node's main
// thread and the plugin's process have run, less what both take while the same resources run unwatched.

import { type ChildProcess, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { type ApiClient, connectApi } from "../../runtime/api/client.ts";
import { parseXml } from "../../runtime/compat/xml.ts";
import { createKeyFile } from "../../runtime/host/key.ts";
import { PROGRAM } from "./program.ts";

const RESOURCES = 100;
const INTERVAL_MS = 10_000;
const DEFAULT_SECONDS = 40;
const IDLE_SECONDS = 20;
/** Everything has started and been compiled by then. */
const SETTLE_MS = 10_000;
/** Rounds of monitors in which they find together, and the garbage of the change is collected. */
const GATHER_MS = 45_000;
const PORT = 47_311;

/** Milliseconds that a thread has run. */
function threadMs(pid: number, thread: number | string): number {
  return Number(readFileSync(`/proc/${pid}/task/${thread}/schedstat`, "utf8").split(" ")[0]) / 1e6;
}

function children(pid: number): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8");
  return text
    .split(" ")
    .filter((child) => child !== "")
    .map(Number);
}

/** The processes below one whose command line says that they are a plugin's. */
function pluginProcesses(pid: number): number[] {
  const isPlugin = (one: number): boolean =>
    /deno|guest/.test(readFileSync(`/proc/${one}/cmdline`, "latin1").slice(0, 4_000));
  const below = (one: number): number[] => [one, ...children(one).flatMap(below)];
  return children(pid).filter(isPlugin).flatMap(below);
}

function ranMs(pid: number): { readonly main: number; readonly plugin: number } {
  let plugin = 0;
  for (const process of pluginProcesses(pid))
    for (const thread of readdirSync(`/proc/${process}/task`)) plugin += threadMs(process, thread);
  return { main: threadMs(pid, pid), plugin };
}

async function perSecond(pid: number, seconds: number): Promise<{ readonly main: number; readonly plugin: number }> {
  const before = ranMs(pid);
  await wait(seconds * 1_000);
  const after = ranMs(pid);
  return { main: (after.main - before.main) / seconds, plugin: (after.plugin - before.plugin) / seconds };
}

function configurationText(watched: boolean): string {
  const monitor = (at: number): string =>
    `<op id="r${at}-m" name="monitor" interval="${INTERVAL_MS}ms" timeout="20s" start-delay="${(at * INTERVAL_MS) / RESOURCES}ms"/>`;
  const resources = Array.from(
    { length: RESOURCES },
    (_, at) =>
      `<primitive id="r${at}" class="ocf" provider="systole" type="dummy"><operations>${watched ? monitor(at) : ""}</operations></primitive>`,
  );
  return `<configuration><crm_config><cluster_property_set id="options"><nvpair id="options-1" name="stonith-enabled" value="false"/></cluster_property_set></crm_config><nodes><node id="1" uname="n1"/></nodes><resources>${resources.join("")}</resources><constraints/></configuration>`;
}

async function configure(client: ApiClient, watched: boolean): Promise<void> {
  const edits = [{ edit: "replace-configuration" as const, element: parseXml(configurationText(watched)) }];
  const outcome = await client.call("cib-change", { change: { id: randomUUID(), edits, who: "bench", why: "bench" } });
  if (outcome.outcome !== "done") throw new Error(`The configuration was not taken: ${JSON.stringify(outcome)}`);
}

async function begin(folder: string, gatherMonitors: boolean): Promise<ChildProcess> {
  const [socket, keyFile] = [join(folder, "socket"), join(folder, "key")];
  createKeyFile(keyFile);
  const nodes = [{ id: 1, name: "n1", links: [{ address: "127.0.0.1", port: PORT }] }];
  const own = { keyFile, stateDirectory: join(folder, "state"), socket, gatherMonitors };
  writeFileSync(join(folder, "node.json"), JSON.stringify({ cluster: "bench", node: "n1", nodes, ...own }));
  const child = spawn(process.execPath, [PROGRAM, "node", join(folder, "node.json")], { stdio: "ignore" });
  while (!existsSync(socket) && child.exitCode === null) await wait(50);
  return child;
}

async function measure(gatherMonitors: boolean, seconds: number): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "systole-bench-"));
  const node = await begin(folder, gatherMonitors);
  const { pid } = node;
  try {
    if (pid === undefined) throw new Error("The node did not start.");
    const client = await connectApi(join(folder, "socket"), { timeoutMs: 60_000 });
    await wait(1_000);
    await configure(client, false);
    await wait(SETTLE_MS);
    const idle = await perSecond(pid, IDLE_SECONDS);
    await configure(client, true);
    await wait(GATHER_MS);
    const busy = await perSecond(pid, seconds);
    const each = (more: number): number => more / (RESOURCES / (INTERVAL_MS / 1_000));
    const [host, plugin] = [each(busy.main - idle.main), each(busy.plugin - idle.plugin)];
    const name = gatherMonitors ? "gathered" : "each by itself";
    process.stdout.write(
      `  ${name.padEnd(16)} ${(host + plugin).toFixed(2)} ms of processor a monitor (plugin ${plugin.toFixed(2)}, the node's main thread ${host.toFixed(2)}); without monitors ${(idle.main + idle.plugin).toFixed(1)} ms/s\n`,
    );
    client.close();
  } finally {
    node.kill("SIGTERM");
    if (node.exitCode === null) await once(node, "exit");
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Prints what a monitor costs with and without gathering, in turn. */
export async function benchMonitors(options: readonly string[]): Promise<void> {
  const seconds = Number(options[options.indexOf("--seconds") + 1] ?? DEFAULT_SECONDS) || DEFAULT_SECONDS;
  process.stdout.write(`A node that watches ${RESOURCES} resources every ${INTERVAL_MS / 1_000} s\n`);
  for (const gatherMonitors of [false, true]) await measure(gatherMonitors, seconds);
}
