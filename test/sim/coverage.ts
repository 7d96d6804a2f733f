// What a run has covered, in words: a line for each seed, and one for all.

import { FAULT_KINDS } from "./dials.ts";
import type { RunResult } from "./run.ts";

/** Sums of all runs, for the last line. */
export class Coverage {
  readonly #faults = new Map<string, number>();
  seeds = 0;
  violations = 0;
  #nodes = 0;
  #simulatedMs = 0;
  #views = 0;
  #fences = 0;
  #changesAsked = 0;
  #changesDone = 0;
  #datagrams = 0;
  #votesGiven = 0;
  #leastFaults = Number.POSITIVE_INFINITY;
  #leastChanges = Number.POSITIVE_INFINITY;

  add(result: RunResult): void {
    this.seeds += 1;
    this.#nodes += result.nodes;
    this.#simulatedMs += result.simulatedMs;
    this.#views += result.counts.views;
    this.#fences += result.counts.fences;
    this.#changesAsked += result.changesAsked;
    this.#changesDone += result.changesDone;
    this.#datagrams += result.datagrams;
    this.#votesGiven += result.votesGiven;
    this.violations += result.violations.length;
    this.#leastFaults = Math.min(this.#leastFaults, faultsOf(result));
    this.#leastChanges = Math.min(this.#leastChanges, result.changesAsked);
    for (const kind of FAULT_KINDS) this.#faults.set(kind, (this.#faults.get(kind) ?? 0) + result.faults[kind]);
  }

  /** The last line of every run. */
  line(wallMs: number): string {
    const faults = [...this.#faults].map(([kind, count]) => `${kind} ${count}`).join(", ");
    const total = [...this.#faults.values()].reduce((sum, count) => sum + count, 0);
    const seconds = wallMs / 1000;
    return (
      `coverage: ${this.seeds} seeds, ${(this.#nodes / Math.max(1, this.seeds)).toFixed(1)} nodes in the mean, ` +
      `${(this.#simulatedMs / 60_000).toFixed(0)} simulated minutes in ${seconds.toFixed(1)} s ` +
      `(${Math.round((this.seeds / Math.max(seconds, 0.001)) * 3600)} seeds an hour); ` +
      `${total} faults, ${this.#leastFaults} at least in a seed (${faults}); ${this.#views} views, ${this.#fences} fences, ` +
      `${this.#changesDone} of ${this.#changesAsked} changes acknowledged, ${this.#leastChanges} at least asked for in a seed, ` +
      `${this.#datagrams} datagrams, ${this.#votesGiven} votes of an arbiter; ${this.violations} violations`
    );
  }
}

function faultsOf(result: RunResult): number {
  return FAULT_KINDS.reduce((sum, kind) => sum + result.faults[kind], 0);
}

/** The line of one seed. */
export function describe(result: RunResult, tookMs: number): string {
  const { seed, nodes, hash, counts, violations, convergedAfterMs } = result;
  const end =
    convergedAfterMs === undefined ? "did not converge" : `whole after ${(convergedAfterMs / 1000).toFixed(1)} s`;
  return (
    `seed ${seed}: ${nodes} nodes, ${faultsOf(result)} faults, ${counts.views} views, ${counts.fences} fences, ` +
    `${result.changesDone}/${result.changesAsked} changes, ${end}, hash ${hash}, ${tookMs.toFixed(0)} ms` +
    (violations.length === 0 ? "" : `, ${violations.length} VIOLATIONS`)
  );
}
