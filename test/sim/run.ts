// One seed from beginning to end: the cluster is founded, lives through its faults, is repaired, and must become whole again.

import type { PlantedFault } from "../../runtime/kernel/planted-fault.ts";
import { type Dials, drawDials, drawDialsWithArbiter, type FaultKind } from "./dials.ts";
import { Faults } from "./faults.ts";
import type { Layer } from "./layer.ts";
import { Random } from "./random.ts";
import { Trace } from "./trace.ts";
import type { Wire } from "./wire.ts";
import { type Counts, type Violation, World } from "./world.ts";

/** After the faults everything must be whole again within this. */
const CONVERGENCE_BOUND_MS = 240_000;
/** And stay so for this long. */
const CALM_MS = 2_000;
/** Faults begin when the cluster has had this long to be founded. */
const QUIET_START_MS = 15_000;
/** A run is given up after so many violations: the first ones tell. */
const MAX_VIOLATIONS = 5;

/** What is to be run. */
export interface RunOptions {
  readonly seed: number;
  readonly nodes?: number;
  readonly minutes: number;
  readonly layer: Layer;
  /** A cluster of even size with an arbiter. */
  readonly arbiter?: boolean;
  /** Turns some dials by hand, after they were drawn. */
  readonly turn?: (dials: Dials) => Dials;
  /** A mistake in the product, which the checkers are to find. */
  readonly planted?: PlantedFault | undefined;
  /** The real codecs between the nodes; see wire.ts. */
  readonly wire?: Wire;
  /** Receives each line of the trace. */
  readonly print?: (line: string) => void;
}

/** What became of it. */
export interface RunResult {
  readonly seed: number;
  readonly nodes: number;
  readonly violations: readonly Violation[];
  readonly hash: string;
  readonly simulatedMs: number;
  readonly events: number;
  readonly counts: Counts;
  readonly faults: Readonly<Record<FaultKind, number>>;
  readonly changesAsked: number;
  readonly changesDone: number;
  readonly datagrams: number;
  /** How often the arbiter has given its vote. */
  readonly votesGiven: number;
  readonly convergedAfterMs: number | undefined;
  /** The last lines of the trace, when it was not printed. */
  readonly tail: readonly string[];
}

/** Runs one seed. The same options give the same result, to the last bit of the trace's hash. */
export async function runSeed(options: RunOptions): Promise<RunResult> {
  const random = new Random(`seed-${options.seed}`);
  const draw = options.arbiter === true ? drawDialsWithArbiter : drawDials;
  const drawn = draw(random.fork("dials"), options.nodes);
  const dials = options.turn === undefined ? drawn : options.turn(drawn);
  const trace = new Trace(options.print);
  trace.line(0, "", `dials ${JSON.stringify(dials)}`);
  const world = new World(random, dials, options.layer, trace, options);
  const faults = new Faults(world, random.fork("faults"));
  const enough = (): boolean => world.violations.length >= MAX_VIOLATIONS;

  for (const node of world.nodes) node.switchPower("on", "at the beginning");
  everySecond(world);
  world.operators.begin();
  await passTime(world, QUIET_START_MS, enough);
  faults.begin();
  world.arbiter?.begin((text) => world.note("", text));
  await passTime(world, options.minutes * 60_000, enough);
  faults.heal();
  world.arbiter?.heal();
  world.operators.repair();
  world.observe({ seen: "healed" });
  const convergedAfterMs = enough() ? undefined : await converge(world, options.layer, enough);
  if (!enough()) world.observe({ seen: "end" });
  return {
    seed: options.seed,
    nodes: dials.nodes,
    violations: world.violations,
    hash: trace.hash,
    simulatedMs: world.nowMs,
    events: world.queue.taken,
    counts: world.counts,
    faults: faults.counts,
    changesAsked: world.operators.asked,
    changesDone: world.operators.done,
    datagrams: world.network.sent,
    votesGiven: world.arbiter?.replaced ?? 0,
    convergedAfterMs,
    tail: trace.tail,
  };
}

async function passTime(world: World, untilMs: number, enough: () => boolean): Promise<void> {
  while (!world.queue.runUntil(untilMs, enough)) await settled();
}

/** Everything that promises had to say has been said. */
function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

function everySecond(world: World): void {
  world.queue.after(1_000, () => {
    world.observe({ seen: "second" });
    everySecond(world);
  });
}

/** Lets time pass until all is whole and stays so; undefined when it takes too long. */
async function converge(world: World, layer: Layer, enough: () => boolean): Promise<number | undefined> {
  const healedAt = world.nowMs;
  let wholeSince: number | undefined;
  while (world.nowMs < healedAt + CONVERGENCE_BOUND_MS && !enough()) {
    await passTime(world, world.nowMs + 500, enough);
    const missing = world.operators.repaired ? layer.whatIsMissing(world) : "the operators have not finished";
    if (missing !== undefined) wholeSince = undefined;
    else {
      wholeSince ??= world.nowMs;
      if (world.nowMs - wholeSince >= CALM_MS) return wholeSince - healedAt;
    }
  }
  return undefined;
}
