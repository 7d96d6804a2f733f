// `npm start -- --once`: the whole life of the demonstration without anybody's hands, and its figures.
//
// The figures are taken from outside: the launcher tells the nodes nothing, failoverMs ends with an answer of a process that
// started after the signal, and the other three are what the surviving nodes noted of themselves.

import { SystoleError } from "../../host/errors.ts";
import type { ClusterEvent } from "../../services/messages.ts";
import { DemoCluster, type DemoNode, type DemoOptions } from "./cluster.ts";
import { configure, nodeNamed, placeWeb, settledCoordinator, settledWeb } from "./operator.ts";
import { WebProbe } from "./probe.ts";
import { ClusterWatch } from "./watch.ts";

/** How the node is broken: by SIGKILL, by SIGSTOP, or by SIGKILL while it is also the coordinator. */
export type Kill = "kill" | "stop" | "coordinator";

const VIEW_TIMEOUT_MS = 30_000;
const SETTLE_TIMEOUT_MS = 30_000;
const FAILOVER_TIMEOUT_MS = 30_000;
const STOP_TIMEOUT_MS = 30_000;

/** The last line of `--once`. Times in milliseconds; absent when it did not come to that. */
export interface OnceResult {
  readonly ok: boolean;
  readonly failoverMs?: number;
  readonly detectMs?: number;
  readonly fenceMs?: number;
  readonly startMs?: number;
  readonly kill: Kill;
  readonly error?: string;
}

/** Says what happens, with the time since the start. */
class Timeline {
  readonly #startedMs = performance.now();
  readonly #write: (line: string) => void;

  constructor(write: (line: string) => void) {
    this.#write = write;
  }

  note(text: string): void {
    const seconds = ((performance.now() - this.#startedMs) / 1000).toFixed(3).padStart(8);
    this.#write(`${seconds} s  ${text}`);
  }
}

/** Runs it; never rejects for what can be expected to fail. */
export async function runOnce(kill: Kill, options: DemoOptions, write: (line: string) => void): Promise<OnceResult> {
  const timeline = new Timeline(write);
  const cluster = await DemoCluster.create(options);
  const watch = new ClusterWatch(cluster.nodes);
  const interrupted = new AbortController();
  const onSignal = (): void => interrupted.abort();
  process.once("SIGINT", onSignal);
  process.once("SIGTERM", onSignal);
  try {
    const stopped = new Promise<never>((_, reject) => {
      const error = new SystoleError(
        "stopping",
        "The demonstration was interrupted; everything it started is stopped.",
      );
      interrupted.signal.addEventListener("abort", () => reject(error));
    });
    return { ok: true, ...(await Promise.race([live(kill, cluster, watch, timeline), stopped])), kill };
  } catch (error) {
    if (!(error instanceof SystoleError)) throw error;
    for (const node of cluster.nodes) write(`--- last lines of ${node.name}'s log\n${cluster.lastLog(node)}`);
    return { ok: false, kill, error: error.message };
  } finally {
    process.off("SIGINT", onSignal);
    process.off("SIGTERM", onSignal);
    watch.close();
    await cluster.dispose();
  }
}

type Figures = Required<Pick<OnceResult, "failoverMs" | "detectMs" | "fenceMs" | "startMs">>;

async function live(kill: Kill, cluster: DemoCluster, watch: ClusterWatch, timeline: Timeline): Promise<Figures> {
  await bringUp(cluster, watch, timeline);
  const victim = await chooseVictim(kill, cluster, watch, timeline);
  const figures = await failOver(kill, victim, cluster, watch, timeline);
  await bringBack(victim, cluster, watch, timeline);
  await stopCleanly(cluster, watch, timeline);
  return figures;
}

/** Fails with a sentence when a wait ends with nothing. */
async function must<T>(waiting: Promise<T | undefined>, failure: string): Promise<T> {
  const value = await waiting;
  if (value === undefined) throw new SystoleError("no-answer", failure);
  return value;
}

async function bringUp(cluster: DemoCluster, watch: ClusterWatch, timeline: Timeline): Promise<void> {
  for (const node of cluster.nodes) cluster.start(node);
  timeline.note(`three nodes started: ${cluster.nodes.map((node) => node.name).join(", ")}`);
  const all = cluster.nodes.length;
  const coordinator = await must(
    watch.waitFor((reports) => settledCoordinator(reports, all), VIEW_TIMEOUT_MS),
    `The nodes did not form one quorate view within ${VIEW_TIMEOUT_MS / 1000} s.`,
  );
  timeline.note(`one view of all three, quorate; coordinator ${coordinator.node.name}`);
  const client = watch.client(coordinator.node.name);
  if (client === undefined) throw new SystoleError("connection-lost", `${coordinator.node.name} does not answer.`);
  await configure(cluster, client);
  timeline.note("configuration acknowledged by every node");
  const { web } = await must(
    watch.waitFor((reports) => settledWeb(reports, all), SETTLE_TIMEOUT_MS),
    `Not every resource ran within ${SETTLE_TIMEOUT_MS / 1000} s.`,
  );
  timeline.note(`every resource runs; web on ${web} at http://${cluster.webAddress}:${cluster.webPort}/`);
}

/** The node that runs web; for `coordinator`, web is moved to the coordinator first. */
async function chooseVictim(
  kill: Kill,
  cluster: DemoCluster,
  watch: ClusterWatch,
  timeline: Timeline,
): Promise<DemoNode> {
  const all = cluster.nodes.length;
  const failure = "The cluster did not come to rest.";
  const before = await must(
    watch.waitFor((reports) => settledWeb(reports, all), SETTLE_TIMEOUT_MS),
    failure,
  );
  const coordinator = before.status.coordinator;
  if (kill !== "coordinator" || coordinator === undefined || before.web === coordinator) {
    return nodeNamed(cluster, kill === "coordinator" && coordinator !== undefined ? coordinator : before.web);
  }
  const client = watch.client(coordinator);
  if (client === undefined) throw new SystoleError("connection-lost", `${coordinator} does not answer.`);
  await placeWeb(client, coordinator);
  await must(
    watch.waitFor((reports) => (settledWeb(reports, all)?.web === coordinator ? true : undefined), SETTLE_TIMEOUT_MS),
    `web did not move to the coordinator ${coordinator}.`,
  );
  await placeWeb(client, undefined);
  timeline.note(`web moved to the coordinator ${coordinator}`);
  await must(
    watch.waitFor((reports) => settledWeb(reports, all), SETTLE_TIMEOUT_MS),
    failure,
  );
  return nodeNamed(cluster, coordinator);
}

async function failOver(
  kill: Kill,
  victim: DemoNode,
  cluster: DemoCluster,
  watch: ClusterWatch,
  timeline: Timeline,
): Promise<Figures> {
  const probe = new WebProbe(cluster.webAddress, cluster.webPort);
  try {
    await must(
      probe.waitFor((answer) => answer.node === victim.name, SETTLE_TIMEOUT_MS),
      `web does not answer from ${victim.name}.`,
    );
    const signal = kill === "stop" ? "SIGSTOP" : "SIGKILL";
    const killedEpochMs = Date.now();
    cluster.signal(victim, signal);
    timeline.note(`${signal} to ${victim.name}`);
    const answer = await must(
      probe.waitFor((one) => one.startedEpochMs >= killedEpochMs && one.node !== victim.name, FAILOVER_TIMEOUT_MS),
      `web did not answer from another node within ${FAILOVER_TIMEOUT_MS / 1000} s.`,
    );
    const failoverMs = answer.answeredEpochMs - killedEpochMs;
    timeline.note(`web answers from ${answer.node} after ${failoverMs} ms`);
    const after = (event: ClusterEvent): boolean => event.epochMs >= killedEpochMs && event.durationMs !== undefined;
    const duration = async (what: string, wanted: (event: ClusterEvent) => boolean): Promise<number> => {
      const event = await must(
        watch.waitForEvent((one) => after(one) && wanted(one), SETTLE_TIMEOUT_MS),
        `No node noted ${what}.`,
      );
      timeline.note(event.text);
      return Math.round(event.durationMs ?? 0);
    };
    return {
      failoverMs,
      detectMs: await duration("the failure", (one) => one.code === "departed" && one.node === victim.name),
      fenceMs: await duration("the fence", (one) => one.kind === "fence" && one.code === "fenced"),
      startMs: await duration(
        "the start",
        (one) => one.kind === "operation" && one.resource === "web" && one.code === "start-done",
      ),
    };
  } finally {
    probe.close();
  }
}

async function bringBack(
  victim: DemoNode,
  cluster: DemoCluster,
  watch: ClusterWatch,
  timeline: Timeline,
): Promise<void> {
  if (!(await cluster.ended(victim, SETTLE_TIMEOUT_MS))) {
    throw new SystoleError("no-answer", `${victim.name} still runs although it was fenced.`);
  }
  cluster.start(victim);
  timeline.note(`${victim.name} started again`);
  const { web } = await must(
    watch.waitFor((reports) => settledWeb(reports, cluster.nodes.length), SETTLE_TIMEOUT_MS),
    `${victim.name} did not come back to a healthy cluster within ${SETTLE_TIMEOUT_MS / 1000} s.`,
  );
  timeline.note(`${victim.name} is back, every resource runs; web stays on ${web}`);
}

async function stopCleanly(cluster: DemoCluster, watch: ClusterWatch, timeline: Timeline): Promise<void> {
  watch.close();
  for (const node of cluster.nodes) cluster.signal(node, "SIGTERM");
  for (const node of cluster.nodes) {
    if (!(await cluster.ended(node, STOP_TIMEOUT_MS))) {
      throw new SystoleError("no-answer", `${node.name} did not stop within ${STOP_TIMEOUT_MS / 1000} s.`);
    }
    const status = cluster.exitStatus(node);
    if (status !== 0)
      throw new SystoleError("no-answer", `${node.name} did not stop cleanly: exit status ${status ?? "none"}.`);
  }
  const left = await cluster.leftovers();
  if (left.length > 0)
    throw new SystoleError("no-answer", `Processes were left behind: ${left.map((one) => one.pid).join(", ")}.`);
  timeline.note("all nodes stopped cleanly, nothing left running");
}
