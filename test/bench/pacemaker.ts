// The same on a real Corosync and Pacemaker, where the laboratory beside the project can start one (Debian's packages, root).

import type { SpawnSyncReturns } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { performance } from "node:perf_hooks";
import { fileURLToPath } from "node:url";

const LAB = join(dirname(fileURLToPath(import.meta.url)), "../../../shared/lab/real-cluster");
const NODES = 3;
/** Until the cluster has elected its coordinator. */
const START_TRIES = 60;
const CHANGES = 60;
const WRITERS = 4;

/** What is needed of the operating system. */
export interface Shell {
  exists(path: string): boolean;
  run(
    program: string,
    words: readonly string[],
    options: { encoding: "utf8"; env: NodeJS.ProcessEnv },
  ): SpawnSyncReturns<string>;
}

/** Prints how many changes a second Pacemaker's own command line makes, one after the other and four at once; or why not. */
export function benchPacemaker(shell: Shell): void {
  if (!shell.exists(LAB)) {
    process.stdout.write("Pacemaker beside it: skipped, there is no ../shared/lab/real-cluster here\n");
    return;
  }
  // A laboratory of its own: others may be using theirs.
  const directory = mkdtempSync(join(tmpdir(), "systole-bench-lab-"));
  const env = { ...process.env, LAB_DIR: join(directory, "lab") };
  const lab = (...words: readonly string[]) => shell.run(LAB, words, { encoding: "utf8", env });
  const up = lab("up", `${NODES}`);
  try {
    if (up.status !== 0) {
      process.stdout.write(`Pacemaker beside it: skipped, it does not start here: ${firstLine(up)}\n`);
      return;
    }
    if (!becomesQuorate(lab)) {
      process.stdout.write("Pacemaker beside it: skipped, it did not elect a coordinator in time\n");
      return;
    }
    const write = (from: number, to: number): string =>
      `for i in $(seq ${from} ${to}); do crm_attribute --type crm_config --name bench-$1 --update $i || exit 1; done`;
    const timed = (script: string): number => {
      const began = performance.now();
      const done = lab("exec", "n1", "sh", "-c", script, "sh", "0");
      if (done.status !== 0) throw new Error(`Pacemaker refused a change: ${firstLine(done)}`);
      return (performance.now() - began) / 1000;
    };
    const one = CHANGES / timed(write(1, CHANGES));
    const each = CHANGES / WRITERS;
    const branches = Array.from({ length: WRITERS }, (_, at) => `( set -- ${at}; ${write(1, each)} ) &`).join(" ");
    const four = CHANGES / timed(`${branches} wait`);
    process.stdout.write(
      `Pacemaker with Corosync on ${NODES} nodes: one command-line writer ${one.toFixed(0)} changes/s, ${WRITERS} at once ${four.toFixed(0)} changes/s\n`,
    );
  } finally {
    lab("down");
    rmSync(directory, { recursive: true, force: true });
  }
}

function becomesQuorate(lab: (...words: readonly string[]) => SpawnSyncReturns<string>): boolean {
  for (let tries = 0; tries < START_TRIES; tries += 1) {
    const { stdout } = lab("exec", "n1", "sh", "-c", "sleep 1; crm_mon -1 2>/dev/null");
    if (/partition with quorum/.test(stdout) && /Online: \[ n1 n2 n3 \]/.test(stdout)) return true;
  }
  return false;
}

function firstLine({ stderr, stdout }: SpawnSyncReturns<string>): string {
  return `${stderr}${stdout}`.trim().split("\n")[0] ?? "";
}
