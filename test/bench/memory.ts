// Memory of one idle node: three nodes with the demonstration's resources, looked at when all is quiet.

import { readFileSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import { DemoCluster, POWER_MARKER } from "../../runtime/cli/demo/cluster.ts";
import { configure, settledCoordinator, settledWeb } from "../../runtime/cli/demo/operator.ts";
import { ClusterWatch } from "../../runtime/cli/demo/watch.ts";
import { findProcesses } from "../../runtime/host/plugins/processes.ts";
import { PROGRAM } from "./program.ts";

const WAIT_MS = 30_000;
/** Long enough for what starting has left behind to be collected. */
const QUIET_MS = 20_000;

function proportionalKib(pid: number): number {
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  return Number(/^Pss:\s+(\d+) kB$/m.exec(text)?.[1] ?? "NaN");
}

/** Prints the proportional set size of each node's own process. */
export async function benchMemory(): Promise<void> {
  const cluster = await DemoCluster.create({ program: PROGRAM });
  const watch = new ClusterWatch(cluster.nodes);
  try {
    for (const node of cluster.nodes) cluster.start(node);
    const coordinator = await watch.waitFor((reports) => settledCoordinator(reports, 3), WAIT_MS);
    const client = coordinator && watch.client(coordinator.node.name);
    if (coordinator === undefined || client === undefined) throw new Error("The three nodes did not form one view.");
    await configure(cluster, client);
    if (!(await watch.waitFor((reports) => settledWeb(reports, 3), WAIT_MS)))
      throw new Error("Not every resource ran.");
    watch.close();
    await wait(QUIET_MS);
    for (const node of cluster.nodes) {
      const [leader] = await findProcesses({ marker: `${POWER_MARKER}=${node.directory}` });
      const mebibytes = leader === undefined ? Number.NaN : proportionalKib(leader.pid) / 1024;
      const role = node.name === coordinator.node.name ? "coordinator" : "member";
      process.stdout.write(`${node.name} (${role}): ${mebibytes.toFixed(1)} MiB\n`);
    }
  } finally {
    watch.close();
    await cluster.dispose();
  }
}
