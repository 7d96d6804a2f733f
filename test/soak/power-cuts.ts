// Power cuts: a kernel and its store live on a disk in memory that records every write and every sync; at any of these moments the power
// goes. What POSIX allows to be left is written to a real directory, and a real node is started on it: it must start, form its cluster,
// have every change that was acknowledged before the cut, and take new ones.

import { type ChildProcess, spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { setTimeout as wait } from "node:timers/promises";
import { type ApiClient, connectApi } from "../../runtime/api/client.ts";
import { STORE_FOLDER } from "../../runtime/host/backup.ts";
import { SystoleError } from "../../runtime/host/errors.ts";
import { createKeyFile } from "../../runtime/host/key.ts";
import { openStore } from "../../runtime/host/store.ts";
import type { Element } from "../../runtime/kernel/cib/element.ts";
import { foundingCib } from "../../runtime/kernel/cib/version.ts";
import { createKernel, type Kernel } from "../../runtime/kernel/kernel.ts";
import type { CibEdit, KernelInput } from "../../runtime/kernel/messages.ts";
import { CUT_KINDS, type CutKind, MemoryDisk } from "../unit/host/memory-disk.ts";
import { seeded, sha256 } from "../unit/kernel/cluster.ts";

/** A node that has not formed its cluster by then never will, however busy the machine. */
const START_MS = 60_000;
const LOOK_AGAIN_MS = 20;
/** How often a node is started that a busy machine has kept from starting, and what it says then. */
const MAX_STARTS = 5;
const TOO_BUSY = /The transport did not open within \d+ ms/;
/** A machine that is busy with something else is not what is looked for. */
const PATIENT = { detectionTimeoutMs: 100, persistTimeoutMs: START_MS, mainSilenceMs: START_MS };
/** Changes in one life, and lives of one disk: every life but the first starts from a cut. */
const CHANGES_A_LIFE = 12;
const LIVES = 3;
/** Small, so that a life has several generations of files. */
const ROTATE_BYTES = 6_000;
/** Of the moments at which something is written, this part are cut. */
const CUTS_PER_STEP = 0.25;
const COUNTER = "counter-";
const PATH = [{ name: "configuration" }, { name: "crm_config" }, { name: "cluster_property_set", id: "options" }];

/** What a power cut left, and what had been acknowledged by then. */
export interface Cut {
  readonly disk: MemoryDisk;
  readonly kind: CutKind;
  readonly acknowledged: readonly number[];
  readonly about: string;
}

/** The change of that number; its length differs, so that it lies across sectors in every way. */
function countEdit(number: number, padding: number): CibEdit {
  const path = [...PATH, { name: "nvpair", id: `${COUNTER}${number}` }];
  return { edit: "set", path, attributes: { name: `${COUNTER}${number}`, value: `1${"0".repeat(padding)}` } };
}

/** One node's kernel on its store, as far as changes go. */
class Life {
  readonly kernel: Kernel;
  readonly answered: (id: string) => void;
  readonly persist: (records: Parameters<Awaited<ReturnType<typeof openStore>>["persist"]>[0]) => Promise<void>;
  #nowMs = 0;

  constructor(store: Awaited<ReturnType<typeof openStore>>, answered: (id: string) => void) {
    const nodes = [{ id: 1, name: "n1", votes: 1 }];
    const quorum = {
      nodes,
      twoNode: false,
      waitForAll: false,
      autoTieBreaker: false,
      fencing: true,
      acceptLoss: false,
    };
    const config = { self: 1, quorum: () => quorum, hash: sha256, validateConfiguration: () => [] };
    this.kernel = createKernel(config, { ...store.initial, cib: store.initial.cib ?? foundingCib() });
    this.answered = answered;
    this.persist = (records) => store.persist(records);
  }

  /** One input, and everything that follows from it. */
  async input(first: KernelInput): Promise<void> {
    const inputs = [first];
    for (let input = inputs.shift(); input !== undefined; input = inputs.shift()) {
      this.#nowMs += 1;
      for (const effect of this.kernel.step(input, this.#nowMs)) {
        if (effect.type === "persist") {
          await this.persist(effect.records);
          inputs.push({ type: "persisted", id: effect.id });
        } else if (effect.type === "answer" && effect.outcome.outcome === "done") this.answered(effect.requestId);
      }
    }
  }
}

/** The cuts of one seed, in the order in which they happened. */
export async function cutsOf(seed: number): Promise<readonly Cut[]> {
  const random = seeded(seed);
  const cuts: Cut[] = [];
  const acknowledged: number[] = [];
  let disk = new MemoryDisk();
  let number = 0;
  for (let life = 1; life <= LIVES; life += 1) {
    disk.onStep = () => {
      if (random() >= CUTS_PER_STEP) return;
      const kind = CUT_KINDS[Math.floor(random() * CUT_KINDS.length)] ?? "torn";
      const about = `seed ${seed}, life ${life}, cut ${cuts.length + 1} (${kind})`;
      cuts.push({ disk: disk.cut(random, kind), kind, acknowledged: [...acknowledged], about });
    };
    const store = await openStore("/state", { files: disk.files, rotateBytes: ROTATE_BYTES });
    const node = new Life(store, (id) => void acknowledged.push(Number(id.slice(1))));
    const member = { id: 1, incarnation: life, ...node.kernel.chain, featureLevel: 1 };
    await node.input({ type: "view", view: { id: { number: life, proposer: 1 }, members: [member], departures: [] } });
    const record = { who: "power", why: "cut" };
    for (let count = 0; count < CHANGES_A_LIFE; count += 1, number += 1) {
      const edits = [countEdit(number, Math.floor(random() * 1_500))];
      await node.input({ type: "change", request: { id: `c${number}`, edits, ...record } });
    }
    disk = disk.cut(random);
  }
  return cuts;
}

/**
 * What a started node said; undefined when all was well. A node whose thread for the transport did not even begin in its time was kept from
 * it by a busy machine, and is started again on the same directory.
 */
async function startOn(directory: string, program: string, port: number, cut: Cut): Promise<string | undefined> {
  const stateDirectory = mkdtempSync(join(directory, "state-"));
  cut.disk.writeTo(join(stateDirectory, STORE_FOLDER));
  try {
    for (let tries = 1; ; tries += 1) {
      const problem = await startOnce(directory, stateDirectory, program, port, cut);
      if (tries >= MAX_STARTS || problem === undefined || !TOO_BUSY.test(problem)) return problem;
    }
  } finally {
    rmSync(stateDirectory, { recursive: true, force: true });
  }
}

async function startOnce(
  directory: string,
  stateDirectory: string,
  program: string,
  port: number,
  cut: Cut,
): Promise<string | undefined> {
  const socket = join(stateDirectory, "s");
  const file = join(stateDirectory, "node.json");
  const nodes = [{ id: 1, name: "n1", links: [{ address: "127.0.0.1", port }] }];
  const config = { cluster: "cut", node: "n1", nodes, keyFile: join(directory, "key"), stateDirectory, socket };
  writeFileSync(file, JSON.stringify({ ...config, log: { level: "warn" }, ...PATIENT }), { mode: 0o600 });
  const child = spawn(process.execPath, [program, "node", file], { stdio: ["ignore", "pipe", "pipe"] });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (bytes) => (said += String(bytes)));
  try {
    const problem = await examine(socket, child, cut);
    return problem === undefined ? undefined : `${cut.about}: ${problem}\n${said}`;
  } catch (error) {
    return `${cut.about}: ${String(error)}\n${said}`;
  } finally {
    if (child.exitCode === null && child.signalCode === null) {
      child.kill("SIGKILL");
      await once(child, "close");
    }
  }
}

/** Looks whether the node is whole: in a primary view, with everything that was acknowledged, and able to take a change. */
async function examine(socket: string, child: ChildProcess, cut: Cut): Promise<string | undefined> {
  const client = await connected(socket, child);
  try {
    await inPrimaryView(client, child);
    const { element } = await client.call("cib-query", { section: "configuration" });
    const kept = counters(element);
    const missing = cut.acknowledged.filter((number) => !kept.has(number));
    if (missing.length > 0) return `acknowledged changes are missing: ${missing.join(", ")}`;
    const { changes } = await client.call("cib-history", { limit: 1000 });
    if (changes.some((change, at) => change.number !== at + 1)) return "the history has a gap";
    const next = Math.max(-1, ...kept) + 1;
    const record = { id: `again-${next}`, who: "power", why: "after the cut" };
    const outcome = await client.call("cib-change", { change: { ...record, edits: [countEdit(next, 10)] } });
    return outcome.outcome === "done" ? undefined : `a change afterwards is answered ${JSON.stringify(outcome)}`;
  } finally {
    client.close();
  }
}

function counters(element: Element): Set<number> {
  const name = element.attributes["name"] ?? "";
  const own = element.name === "nvpair" && name.startsWith(COUNTER) ? [Number(name.slice(COUNTER.length))] : [];
  return new Set([...own, ...element.children.flatMap((child) => [...counters(child)])]);
}

async function connected(socket: string, child: ChildProcess): Promise<ApiClient> {
  const deadline = performance.now() + START_MS;
  while (performance.now() < deadline) {
    try {
      return await connectApi(socket);
    } catch (error) {
      if (!(error instanceof SystoleError) || error.code !== "not-running") throw error;
    }
    if (child.exitCode !== null) throw new Error(`the node ended with ${child.exitCode}`);
    await wait(LOOK_AGAIN_MS);
  }
  throw new Error(`the node did not answer within ${START_MS} ms`);
}

async function inPrimaryView(client: ApiClient, child: ChildProcess): Promise<void> {
  const deadline = performance.now() + START_MS;
  for (;;) {
    const { standing } = await client.call("status", {});
    if (standing?.established === true && standing.primary) return;
    if (child.exitCode !== null || performance.now() > deadline) {
      throw new Error(`no primary view within ${START_MS} ms: ${standing?.reason}`);
    }
    await wait(LOOK_AGAIN_MS);
  }
}

/** What a campaign found. */
export interface PowerCutFigures {
  readonly cuts: number;
  readonly byKind: Readonly<Record<string, number>>;
  /** Changes that had been acknowledged before the cuts, all together. */
  readonly acknowledged: number;
  readonly problems: readonly string[];
}

/** Starts a node on what each of so many power cuts left. `together` of them run at once. */
export async function powerCuts(options: {
  readonly cuts: number;
  readonly firstSeed: number;
  readonly together: number;
  readonly program: string;
  readonly onProgress?: (done: number) => void;
  readonly onProblem?: (problem: string) => void;
}): Promise<PowerCutFigures> {
  const directory = mkdtempSync(join(tmpdir(), "systole-cuts-"));
  createKeyFile(join(directory, "key"));
  const byKind: Record<string, number> = {};
  const problems: string[] = [];
  const waiting: Cut[] = [];
  let seed = options.firstSeed;
  let [taken, done, acknowledged] = [0, 0, 0];
  const worker = async (): Promise<void> => {
    const port = await freePort();
    while (taken < options.cuts) {
      taken += 1;
      if (waiting.length === 0) waiting.push(...shuffled(await cutsOf(seed), seed++));
      const cut = waiting.shift();
      if (cut === undefined) continue;
      const problem = await startOn(directory, options.program, port, cut);
      if (problem !== undefined) {
        problems.push(problem);
        options.onProblem?.(problem);
      }
      byKind[cut.kind] = (byKind[cut.kind] ?? 0) + 1;
      acknowledged += cut.acknowledged.length;
      done += 1;
      options.onProgress?.(done);
    }
  };
  try {
    await Promise.all(Array.from({ length: options.together }, worker));
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
  return { cuts: done, byKind, acknowledged, problems };
}

/** So that a small sample has early cuts and late ones. */
function shuffled(cuts: readonly Cut[], seed: number): Cut[] {
  const random = seeded(seed);
  const ranked = cuts.map((cut) => ({ cut, rank: random() }));
  return ranked.sort((a, b) => a.rank - b.rank).map(({ cut }) => cut);
}

async function freePort(): Promise<number> {
  const socket = createSocket("udp4");
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  const { port } = socket.address();
  await new Promise<void>((resolve) => socket.close(() => resolve()));
  return port;
}
