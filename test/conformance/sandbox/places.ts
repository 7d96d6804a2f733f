// Where attempts are made: with every grant, in the sandbox's process without the guest, and as a plugin.

import { spawn } from "node:child_process";
import { hostCrypto } from "../../../runtime/host/plugins/ciphers.ts";
import type { HostContext } from "../../../runtime/host/plugins/context.ts";
import { PLUGIN_KINDS } from "../../../runtime/host/plugins/manifest.ts";
import { GuestChild } from "../../../runtime/host/plugins/sandbox/child.ts";
import { type GuestProgram, guestProgram, NOBODY } from "../../../runtime/host/plugins/sandbox/program.ts";
import { GuestSession } from "../../../runtime/host/plugins/sandbox/session.ts";
import { API_VERSIONS } from "../../../runtime/host/plugins/trust/api-version.ts";
import { markOf, type Outcome, type Probe, pluginOf, programOf, type WorldFacts } from "./probe.ts";

const PROCESS_LIMIT_MS = 60_000;
const HEAP_MIB = 128;

function outcomesOf(lines: readonly string[]): Outcome[] {
  return lines.filter((line) => line.startsWith("{")).map((line): Outcome => JSON.parse(line));
}

/** Everything that a program on this machine may do, and settings that lead to loopback. */
function runOutside(command: string, args: readonly string[], source: string, world: WorldFacts): Promise<string[]> {
  const registry = `http://127.0.0.1:${world.httpPort}/`;
  const env = { ...process.env, NPM_CONFIG_REGISTRY: registry, JSR_URL: registry };
  const child = spawn(command, args, { cwd: world.folder, env, stdio: ["pipe", "pipe", "inherit"] });
  const timer = setTimeout(() => child.kill("SIGKILL"), PROCESS_LIMIT_MS);
  let text = "";
  child.stdout.on("data", (chunk: Buffer) => {
    text += chunk.toString("utf8");
  });
  child.stdin.end(source);
  return new Promise((resolve) => {
    child.once("close", () => {
      clearTimeout(timer);
      resolve(text.split("\n"));
    });
  });
}

/** What is not for everybody yet, and is to be tried all the same. */
const UNSTABLE = ["net", "webgpu", "raw-imports"].map((one) => `--unstable-${one}`);

/** With every grant, in Deno or, for some, in Node. */
export async function outside(
  probes: readonly Probe[],
  world: WorldFacts,
  deno: string,
  prelude?: string,
): Promise<Outcome[]> {
  const inNode = probes.filter(({ outsideIn }) => outsideIn === "node");
  const inDeno = probes.filter(({ outsideIn }) => outsideIn === undefined);
  const denoArguments = ["run", "-A", "--quiet", "--no-lock", "--unstable-kv", ...UNSTABLE, "-"];
  const found = await runOutside(deno, denoArguments, programOf(inDeno, world, "outside", prelude), world);
  const node = ["--input-type=module", "-"];
  if (inNode.length > 0)
    found.push(...(await runOutside(process.execPath, node, programOf(inNode, world, "outside"), world)));
  const outcomes = outcomesOf(found);
  if (outcomes.length < probes.length) throw new Error(`outside ended after ${outcomes.length} attempts`);
  return outcomes;
}

/** The sandbox's program with another source in place of the guest's. */
export async function sandboxProgram(deno: string, source: string, heapMiB = HEAP_MIB): Promise<GuestProgram> {
  const program = await guestProgram(deno, { uid: NOBODY, gid: NOBODY, heapMiB, wall: false });
  const [first, ...rest] = program.command;
  const address = `data:text/javascript;base64,${Buffer.from(source).toString("base64")}`;
  return { ...program, command: [first, ...rest.slice(0, -1), address] };
}

/** In the sandbox's process, with nothing of the guest around it: what Deno and the system hold by themselves. */
export async function inProcess(
  probes: readonly Probe[],
  world: WorldFacts,
  deno: string,
  folder: string,
): Promise<Outcome[]> {
  const program = await sandboxProgram(deno, programOf(probes, world, "process"));
  const lines: string[] = [];
  const why = await new Promise<string>((resolve) => {
    const child = new GuestChild(program, folder, { line: (text) => void lines.push(text), ended: resolve });
    const timer = setTimeout(() => child.kill("took too long"), PROCESS_LIMIT_MS);
    child.exited.then(() => clearTimeout(timer));
  });
  const found = outcomesOf(lines);
  if (found.length < probes.length) throw new Error(`the process ended after ${found.length} attempts: it ${why}`);
  return found;
}

/** A context that does nothing. */
export function quietContext(params: Readonly<Record<string, unknown>>, signal: AbortSignal): HostContext {
  const quiet = (): void => undefined;
  return {
    ...{ params, node: "n", resource: "r", signal, crypto: hostCrypto, redact: (text: string) => text },
    refuseWithheld: () => undefined,
    log: { debug: quiet, info: quiet, warn: quiet, error: quiet },
    state: { get: async () => undefined, set: async () => undefined, remove: async () => undefined },
    sleep: async () => undefined,
  };
}

/** As a plugin, by the product's own process and conversation; what looks at a plugin's bytes before is left out here. */
export async function asPlugin(
  probes: readonly Probe[],
  world: WorldFacts,
  deno: string,
  folder: string,
): Promise<Outcome[]> {
  const program = await guestProgram(deno, { uid: NOBODY, gid: NOBODY, heapMiB: HEAP_MIB, wall: false });
  const session = new GuestSession(program, folder, { log: () => undefined, ended: () => undefined });
  const found: Outcome[] = [];
  try {
    await session.load({ name: "attacker", source: pluginOf(probes), kinds: PLUGIN_KINDS, apis: API_VERSIONS });
    for (const { name } of probes) {
      const mark = markOf(name, "plugin");
      const params = { attempt: name, mark, world: JSON.stringify(world) };
      const request = { member: "monitor", arguments: [], contextAt: 0, params, node: "n", resource: "r" };
      const answer = await session.call(request, quietContext(params, AbortSignal.timeout(PROCESS_LIMIT_MS)));
      found.push({ name, mark, said: answerText(answer) });
    }
  } finally {
    await session.close();
  }
  return found;
}

function answerText(answer: unknown): string {
  const said: unknown = typeof answer === "object" && answer !== null && "failed" in answer ? answer.failed : answer;
  return String(said);
}
