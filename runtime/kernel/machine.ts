// The one shape of every decision in Systole: input in, effects out.
//
// Membership, CIB, controller, executor, fencer and attributes are each a Machine. None of them reads a clock, does I/O
// or waits: what takes time is an effect now and an input later. So the same code runs in production under the driver
// (runtime/host) and under a seed in the simulator (test/sim).

/** A sans-IO state machine. */
export interface Machine<Input, Effect> {
  /**
   * Takes one input at `nowMs` (monotonic milliseconds, never decreasing) and returns what is to be done, in order.
   * Bad input from outside is dropped and counted, never thrown; a broken invariant is a bug and throws (see assert).
   */
  step(input: Input, nowMs: number): Effect[];
  /** The machine wants `step({ type: "tick" }, now)` no later than this; undefined when only an input can change anything. */
  deadlineMs(): number | undefined;
}

/** The input by which a machine learns that time has passed. */
export interface Tick {
  readonly type: "tick";
}

/** The earliest of several deadlines. */
export function earliest(...deadlines: readonly (number | undefined)[]): number | undefined {
  let first: number | undefined;
  for (const deadline of deadlines) {
    if (deadline !== undefined && (first === undefined || deadline < first)) first = deadline;
  }
  return first;
}
