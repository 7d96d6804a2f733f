// Fences nodes that are processes of this same machine, by killing everything that carries the victim's mark in its
// environment: the node itself and each service that it started, since children inherit the mark. For several nodes on one
// machine: demonstrations, trials, tests.
//
// "off" is read, not assumed: no process that carries the mark, and no descendant of one, lives any more (a zombie does not
// live). What takes the mark out of its own environment and leaves its parents is not seen; ordinary services do neither.
// A node on another machine would look like "off" from here, hence the parameter bootId.

import { AgentError, defineFenceDevice, type Processes, Type, Words } from "systole/sdk";

/** Killed processes are looked at after 1, 2, 4, ... ms, at most this. */
const LONGEST_PAUSE_MS = 16;
/** "off" is said after so many looks that found nothing. */
const LOOKS = 2;
/** A victim that still has new processes after so many rounds of killing is out of reach of this device. */
const MAXIMUM_ROUNDS = 20;

/** The mark of a victim: `{node}` stands for its name. */
function markOf(params: { readonly marker: string; readonly value: string }, target: string): string {
  return `${params.marker}=${params.value.replaceAll("{node}", target)}`;
}

/** Why this machine's processes say nothing of the victim; undefined if they do. */
async function elsewhere(processes: Processes, wanted: string | undefined): Promise<string | undefined> {
  // Fencing is what a failover waits for: nothing is asked of the host that is not needed.
  if (wanted === undefined) return undefined;
  const here = await processes.bootId();
  if (wanted === here) return undefined;
  return `this machine's boot id is ${here}, not ${wanted}: the victim's processes cannot be seen from here`;
}

/** Whether anything with the mark lives. One look can miss the child of a process that forked and ended meanwhile. */
async function anyLeft(mark: string, processes: Processes): Promise<boolean> {
  for (let look = 0; look < LOOKS; look += 1) {
    if ((await processes.find({ marker: mark })).length > 0) return true;
  }
  return false;
}

/** Kills until there is nothing left to kill. */
async function killAll(mark: string, processes: Processes, sleep: (ms: number) => Promise<void>): Promise<void> {
  for (let round = 0; round < MAXIMUM_ROUNDS; round += 1) {
    const victims = await processes.find({ marker: mark });
    if (victims.length === 0) return;
    await processes.kill(victims);
    for (
      let pauseMs = 1;
      (await processes.find({ identities: victims })).length > 0;
      pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)
    ) {
      await sleep(pauseMs);
    }
  }
  throw new AgentError(
    "generic",
    `Processes with ${mark} were killed ${MAXIMUM_ROUNDS} times and there are new ones: something outside starts them again.`,
  );
}

export default defineFenceDevice({
  name: "process-power",
  summary: "Kills every process of a node that runs on this same machine, and reads back that all are gone",
  parameters: Type.Object({
    marker: Type.String({
      description: "Name of the environment variable that marks a node's processes",
      default: "SYSTOLE_POWER_DOMAIN",
      pattern: "^[A-Za-z_][A-Za-z0-9_]*$",
    }),
    value: Type.String({
      description: "Its value for a victim; {node} stands for the victim's name",
      default: "{node}",
      minLength: 1,
    }),
    bootId: Type.Optional(
      Type.String({
        description: "Boot id of the machine on which the nodes run; on any other, the power is read as unknown",
      }),
    ),
    onProgram: Type.Optional(
      Type.String({ description: "Program that starts a node again; without it, power cannot be switched on" }),
    ),
    onArguments: Words("Its arguments; {node} stands for the node's name", { default: [] }),
  }),
  permissions: { processes: ["{marker}=*"], run: ["{onProgram}"] },
  timeouts: { power: "5s", setPower: "10s" },
  async power(target, { log, params, processes }) {
    const problem = await elsewhere(processes, params.bootId);
    if (problem !== undefined) {
      log.warn(`Power of ${target} is unknown: ${problem}.`);
      return "unknown";
    }
    return (await anyLeft(markOf(params, target), processes)) ? "on" : "off";
  },
  async setPower(target, want, { params, processes, run, sleep }) {
    const problem = await elsewhere(processes, params.bootId);
    if (problem !== undefined) throw new AgentError("arguments", `${target} cannot be switched ${want}: ${problem}.`);
    if (want === "off") {
      await killAll(markOf(params, target), processes, sleep);
    } else if (params.onProgram !== undefined) {
      await run(
        params.onProgram,
        params.onArguments.map((word) => word.replaceAll("{node}", target)),
      );
    } else {
      throw new AgentError("unimplemented", `${target} cannot be switched on: the device has no onProgram.`);
    }
  },
  async check({ params, processes }) {
    const problem = await elsewhere(processes, params.bootId ?? (await processes.bootId()));
    if (problem !== undefined) throw new AgentError("arguments", `The device is of no use on this node: ${problem}.`);
  },
});
