// The simulated world of one seed: computers, wires, power switches, operators, and the checkers that watch. What is here is
// wiring; what each part does stands in its own file.

import type { KernelInitial } from "../../runtime/kernel/kernel.ts";
import type { Incarnation } from "../../runtime/kernel/membership/view.ts";
import type { PlantedFault } from "../../runtime/kernel/planted-fault.ts";
import type { DeviceCall, DeviceOutcome } from "../../runtime/services/calls.ts";
import { Arbiter } from "./arbiter.ts";
import { Computer } from "./computer.ts";
import type { NodeName } from "./configuration.ts";
import { Devices } from "./devices.ts";
import type { Dials } from "./dials.ts";
import type { Layer } from "./layer.ts";
import { Mailbag, type Post } from "./mailbag.ts";
import { Network } from "./network.ts";
import type { Checker, Facts, Observation } from "./observations.ts";
import { Operators } from "./operators.ts";
import type { Brain } from "./process.ts";
import { EventQueue } from "./queue.ts";
import type { Random } from "./random.ts";
import type { Trace } from "./trace.ts";
import { lineOf } from "./trace-lines.ts";
import type { Wire } from "./wire.ts";

/** Something that may never happen, and did. */
export interface Violation {
  readonly checker: string;
  readonly atMs: number;
  readonly text: string;
}

/** What was covered. */
export interface Counts {
  views: number;
  fences: number;
  standings: number;
  starts: number;
}

/** One world. */
export class World implements Facts {
  readonly queue = new EventQueue();
  readonly random: Random;
  readonly dials: Dials;
  readonly trace: Trace;
  readonly network: Network;
  readonly mailbag: Post;
  /** Set when everything is to go through the real codecs. */
  readonly wire: Wire | undefined;
  /** A mistake in the product, on every node. */
  readonly planted: PlantedFault | undefined;
  readonly nodes: readonly Computer[];
  readonly names: readonly NodeName[];
  readonly devices: Devices;
  readonly arbiter: Arbiter | undefined;
  readonly operators: Operators;
  readonly violations: Violation[] = [];
  /** A view has been primary: from then on something may have been acknowledged. */
  founded = false;
  readonly counts: Counts = { views: 0, fences: 0, standings: 0, starts: 0 };
  /** By what they see: an observation concerns three or four of some twenty. */
  readonly #checkers = new Map<Observation["seen"], Checker[]>();
  readonly #layer: Layer;

  constructor(
    random: Random,
    dials: Dials,
    layer: Layer,
    trace: Trace,
    { wire, planted }: { readonly wire?: Wire | undefined; readonly planted?: PlantedFault | undefined },
  ) {
    this.planted = planted;
    this.random = random;
    this.dials = dials;
    this.trace = trace;
    for (const checker of layer.makeCheckers()) {
      for (const seen of checker.sees) this.#checkers.set(seen, [...(this.#checkers.get(seen) ?? []), checker]);
    }
    this.#layer = layer;
    this.names = Array.from({ length: dials.nodes }, (_, index) => ({ id: index + 1, name: `n${index + 1}` }));
    const ids = this.names.map((node) => node.id);
    this.network = new Network(this.queue, random.fork("network"), dials.network, ids);
    this.wire = wire;
    this.mailbag = wire ?? new Mailbag(random.fork("mailbag"));
    this.nodes = this.names.map((node) => new Computer(this, node.id, node.name));
    const outlets = new Map(this.nodes.map((node) => [node.name, node]));
    this.devices = new Devices(this.queue, random.fork("devices"), dials.devices, outlets);
    const chance = random.fork("arbiter");
    this.arbiter = dials.arbiter && new Arbiter(this.queue, chance, dials.arbiter, ids, layer.name === "kernel");
    this.operators = new Operators(this, random.fork("operators"));
  }

  get nowMs(): number {
    return this.queue.nowMs;
  }

  makeBrain(computer: Computer, incarnation: Incarnation, initial: KernelInitial): Brain {
    return this.#layer.makeBrain(this, computer, incarnation, initial);
  }

  callDevice(by: Computer, call: DeviceCall, answer: (outcome: DeviceOutcome) => void): void {
    this.note(by.name, `device ${call.device.id} ${call.verb} ${call.want ?? ""} ${call.target ?? ""}`);
    this.devices.perform(call, (outcome) => {
      this.note(by.name, `device ${call.device.id} ${call.verb} ${call.target ?? ""}: ${JSON.stringify(outcome)}`);
      answer(outcome);
    });
  }

  /** Shows it to every checker, and puts it in the trace. */
  observe(observation: Observation): void {
    if (observation.seen === "view") this.counts.views += 1;
    else if (observation.seen === "standing") {
      this.counts.standings += 1;
      this.founded ||= observation.standing.established && observation.standing.primary;
    } else if (observation.seen === "started") this.counts.starts += 1;
    else if (observation.seen === "power" && observation.power === "off") this.counts.fences += 1;
    const line = lineOf(observation);
    if (line !== undefined) this.trace.line(this.nowMs, line.who, line.text);
    else this.trace.mix(this.queue.taken, 1);
    for (const checker of this.#checkers.get(observation.seen) ?? []) {
      const wrong = checker.see(observation, this);
      if (wrong !== undefined) this.violation(checker.name, wrong);
    }
  }

  note(who: string, text: string): void {
    this.trace.line(this.nowMs, who, text);
  }

  violation(checker: string, text: string): void {
    this.violations.push({ checker, atMs: this.nowMs, text });
    this.trace.line(this.nowMs, "", `VIOLATION ${checker}: ${text}`);
  }
}
