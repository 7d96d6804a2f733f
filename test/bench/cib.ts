// Changes of the configuration: how long one takes, and how many go in a second, on three nodes as processes on this machine; with a
// small configuration and with one of 1,000 resources (over 1 MB), because a change is to cost by what it changes.

import { spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { availableParallelism, loadavg } from "node:os";
import { performance } from "node:perf_hooks";
import { type ApiClient, connectApi } from "../../runtime/api/client.ts";
import { DemoCluster } from "../../runtime/cli/demo/cluster.ts";
import { settledCoordinator } from "../../runtime/cli/demo/operator.ts";
import { ClusterWatch } from "../../runtime/cli/demo/watch.ts";
import { formatXml, parseXml } from "../../runtime/compat/xml.ts";
import type { Element } from "../../runtime/kernel/cib/element.ts";
import type { CibEdit } from "../../runtime/kernel/messages.ts";
import { median, percentile } from "./figures.ts";
import { benchPacemaker } from "./pacemaker.ts";
import { PROGRAM } from "./program.ts";

const WAIT_MS = 120_000;
const LARGE_RESOURCES = 1_000;
const WRITERS = 32;
const DEFAULT_SEQUENTIAL = 300;
const DEFAULT_SECONDS = 5;
const DEFAULT_ROUNDS = 3;
const PATIENCE_MS = 10_000;
/** Of the fields of /proc/PID/stat. */
const MS_PER_CLOCK_TICK = 10;
/** Before anything is measured, so that the code is compiled and the disk is awake. */
const WARM_UP = 100;

const OPTIONS = [{ name: "configuration" }, { name: "crm_config" }, { name: "cluster_property_set", id: "options" }];

/** A configuration in which nothing runs: what is measured is the store and the agreement, not the resources. */
function configurationText(resources: number): string {
  const value = "a description that makes the configuration as long as one of a large shop ".repeat(6);
  const primitives = Array.from({ length: resources }, (_, at) => {
    const pairs = ["config", "pid", "log"].map(
      (name) => `<nvpair id="r${at}-${name}" name="${name}" value="/srv/application-${at}/${name} ${value}"/>`,
    );
    return `<primitive id="r${at}" class="ocf" provider="systole" type="dummy"><instance_attributes id="r${at}-parameters">${pairs[0]}${pairs[1]}</instance_attributes><operations><op id="r${at}-monitor" name="monitor" interval="10s" timeout="20s"/></operations></primitive>`;
  }).join("");
  return `<configuration><crm_config><cluster_property_set id="options"><nvpair id="options-1" name="stonith-enabled" value="false"/><nvpair id="options-2" name="stop-all-resources" value="true"/><nvpair id="options-3" name="enable-startup-probes" value="false"/></cluster_property_set></crm_config><nodes>${[1, 2, 3].map((id) => `<node id="${id}" uname="n${id}"/>`).join("")}</nodes><resources>${primitives}</resources><constraints/></configuration>`;
}

/** One change, answered. */
async function changeOnce(client: ApiClient, edit: CibEdit): Promise<void> {
  const change = { id: randomUUID(), edits: [edit], who: "bench", why: "bench" };
  const outcome = await client.call("cib-change", { change });
  if (outcome.outcome !== "done") throw new Error(`a change was not done: ${JSON.stringify(outcome)}`);
}

/** An attribute of the writer's own, with another value each time. */
function noteEdit(writer: number, value: number): CibEdit {
  const path = [...OPTIONS, { name: "nvpair", id: `bench-${writer}` }];
  return { edit: "set", path, attributes: { name: `bench-${writer}`, value: `${value}` } };
}

/** Milliseconds of each change of one writer that waits for each answer. */
async function sequential(client: ApiClient, count: number): Promise<number[]> {
  const took: number[] = [];
  for (let value = 0; value < count; value += 1) {
    const began = performance.now();
    await changeOnce(client, noteEdit(0, Math.random() * 1e9 + value));
    took.push(performance.now() - began);
  }
  return took;
}

/** Changes a second of so many writers, spread over the nodes. */
async function parallel(clients: readonly ApiClient[], writers: number, seconds: number): Promise<number> {
  const began = performance.now();
  const end = began + seconds * 1000;
  let done = 0;
  const write = async (writer: number): Promise<void> => {
    const client = clients[writer % clients.length];
    while (client !== undefined && performance.now() < end) {
      await changeOnce(client, noteEdit(writer, Math.random() * 1e9));
      done += 1;
    }
  };
  await Promise.all(Array.from({ length: writers }, (_, writer) => write(writer)));
  return done / ((performance.now() - began) / 1000);
}

interface Options {
  readonly sequential: number;
  readonly seconds: number;
  readonly rounds: number;
}

/** One round's figures. */
interface Row {
  readonly p50: number;
  readonly p95: number;
  readonly rate: number;
  /** Processor time of all nodes for one change: of the single writer, and of one among many. It says little of how busy the machine is. */
  readonly singleMs: number;
  readonly parallelMs: number;
}

/** Starts three nodes with that configuration; returns connections, that to the coordinator first. */
async function begin(cluster: DemoCluster, configuration: Element): Promise<ApiClient[]> {
  const watch = new ClusterWatch(cluster.nodes);
  try {
    for (const node of cluster.nodes) cluster.start(node);
    const coordinator = await watch.waitFor((reports) => settledCoordinator(reports, 3), WAIT_MS);
    if (coordinator === undefined) throw new Error("The three nodes did not form one view.");
    const nodes = [...cluster.nodes].sort(
      (a, b) => Number(b.name === coordinator.node.name) - Number(a.name === coordinator.node.name),
    );
    const clients = await Promise.all(nodes.map((node) => connectApi(node.socketPath)));
    const [first] = clients;
    if (first === undefined) throw new Error("There is no node.");
    await changeOnce(first, { edit: "replace-configuration", element: configuration });
    await sequential(first, WARM_UP);
    return clients;
  } finally {
    watch.close();
  }
}

async function measureRound(cluster: DemoCluster, clients: readonly ApiClient[], options: Options): Promise<Row> {
  const [first] = clients;
  if (first === undefined) throw new Error("There is no node.");
  const began = await processorMs(cluster);
  const took = await sequential(first, options.sequential);
  const between = await processorMs(cluster);
  const rate = await parallel(clients, WRITERS, options.seconds);
  const ended = await processorMs(cluster);
  const singleMs = (between - began) / took.length;
  const parallelMs = (ended - between) / (rate * options.seconds);
  return { p50: percentile(took, 50), p95: percentile(took, 95), rate, singleMs, parallelMs };
}

async function measure(resources: number, options: Options): Promise<void> {
  // A node that a busy machine keeps from speaking for a second is not what is looked for.
  const cluster = await DemoCluster.create({ program: PROGRAM, detectionTimeoutMs: PATIENCE_MS });
  const configuration = parseXml(configurationText(resources));
  let clients: ApiClient[] = [];
  try {
    clients = await begin(cluster, configuration);
    const about = `${resources} resources, ${(formatXml(configuration).length / 1e6).toFixed(2)} MB`;
    process.stdout.write(`configuration of ${about}, three nodes, ${busyWith()}:\n`);
    const rows: Row[] = [];
    for (let round = 1; round <= options.rounds; round += 1) {
      const row = await measureRound(cluster, clients, options);
      rows.push(row);
      process.stdout.write(`  round ${round}: ${line(row)}\n`);
    }
    const middle = (pick: (row: Row) => number): number => median(rows.map(pick));
    const medians = {
      p50: middle((row) => row.p50),
      p95: middle((row) => row.p95),
      rate: middle((row) => row.rate),
      singleMs: middle((row) => row.singleMs),
      parallelMs: middle((row) => row.parallelMs),
    };
    process.stdout.write(`  medians: ${line(medians)}; ${busyWith()} at the end\n`);
  } finally {
    for (const client of clients) client.close();
    await cluster.dispose();
  }
}

/** Processor time of everything that the nodes have started, threads included, so far. */
async function processorMs(cluster: DemoCluster): Promise<number> {
  let totalMs = 0;
  for (const { pid } of await cluster.leftovers()) {
    try {
      const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1]?.split(" ") ?? [];
      totalMs += (Number(fields[11]) + Number(fields[12])) * MS_PER_CLOCK_TICK;
    } catch {
      // It has ended.
    }
  }
  return totalMs;
}

/** Figures of three nodes on few cores say little without what else went on. */
function busyWith(): string {
  return `load ${loadavg()[0]?.toFixed(1)} on ${availableParallelism()} cores`;
}

function line(row: Row): string {
  const one = `one writer p50 ${row.p50.toFixed(2)} ms, p95 ${row.p95.toFixed(2)} ms (${(1000 / row.p50).toFixed(0)}/s, ${row.singleMs.toFixed(1)} ms of processor each)`;
  return `${one}; ${WRITERS} writers ${row.rate.toFixed(0)} changes/s (${row.parallelMs.toFixed(1)} ms of processor each)`;
}

/** Prints the figures of Systole, then those of Pacemaker where it can be had. */
export async function benchCib(given: readonly string[]): Promise<void> {
  const number = (name: string, otherwise: number): number => {
    const at = given.indexOf(`--${name}`);
    return at < 0 ? otherwise : Number(given[at + 1]);
  };
  const options = {
    sequential: number("changes", DEFAULT_SEQUENTIAL),
    seconds: number("seconds", DEFAULT_SECONDS),
    rounds: number("rounds", DEFAULT_ROUNDS),
  };
  await measure(0, options);
  await measure(number("resources", LARGE_RESOURCES), options);
  if (!given.includes("--alone")) benchPacemaker({ exists: existsSync, run: spawnSync });
}
