// One computer: its power, clocks, disk and resources, and Systole's process, which a supervisor starts again when it has ended.
// Resources outlive the process; nothing but the disk outlives the power.

import type { NodeId } from "../../runtime/kernel/membership/view.ts";
import { Agents, type AgentWatch, type ResourceState } from "./agents.ts";
import { Clock } from "./clock.ts";
import { foundingCib } from "./configuration.ts";
import type { Outlet } from "./devices.ts";
import { type Disk, RecordDisk } from "./disk.ts";
import type { NodeFacts } from "./observations.ts";
import { Process } from "./process.ts";
import type { Random } from "./random.ts";
import { Sinks } from "./sinks.ts";
import { StoreDisk } from "./store-disk.ts";
import type { World } from "./world.ts";

/** From power on to the start of Systole, in the mean. */
const BOOT_MS = 3_000;

/** One computer. */
export class Computer implements NodeFacts, Outlet {
  readonly id: NodeId;
  readonly name: string;
  readonly random: Random;
  readonly clock: Clock;
  readonly disk: Disk;
  readonly agents: Agents;
  /** Absent: nobody is told of anything. */
  readonly sinks: Sinks | undefined;
  readonly #world: World;
  #power: "on" | "off" = "off";
  #process: Process | undefined;
  #incarnation = 0;
  /** Counts what would start the process, so that what is outdated does nothing. */
  #plan = 0;
  boots = 0;

  constructor(world: World, id: NodeId, name: string) {
    this.#world = world;
    this.id = id;
    this.name = name;
    this.random = world.random.fork(name);
    const { queue, dials } = world;
    const drift = this.random.between(-dials.clockDrift, dials.clockDrift);
    this.clock = new Clock(1 + drift, this.random.between(-2000, 2000));
    const chance = this.random.fork("disk");
    this.disk = dials.disk.realStore
      ? new StoreDisk(queue, chance, dials.disk, world.planted)
      : new RecordDisk(queue, chance, dials.disk, (text) => world.violation("log-out-of-order", `${name}: ${text}`));
    this.agents = new Agents(queue, this.random.fork("agents"), dials.agents, this.#watch());
    this.sinks = dials.alerts && new Sinks(queue, this.random.fork("sinks"), dials.alerts);
    world.network.attach(id, (from, link, datagram) => this.#process?.receive(from, link, datagram));
  }

  #watch(): AgentWatch {
    const world = this.#world;
    return {
      changed: (resource, state) => world.observe({ seen: "resource", node: this, resource, state }),
      began: (resource, call, others) => {
        const incarnation = this.#process?.incarnation ?? 0;
        world.observe({ seen: "agent-call", node: this, incarnation, resource, call, others });
      },
    };
  }

  get power(): "on" | "off" {
    return this.#power;
  }

  get life(): Process | undefined {
    return this.#process;
  }

  state(resource: string): ResourceState {
    return this.agents.state(resource);
  }

  active(): readonly string[] {
    return this.agents.active();
  }

  switchPower(power: "on" | "off", why: string): void {
    if (power === this.#power) return;
    this.#power = power;
    this.#world.observe({ seen: "power", node: this, power, why });
    if (power === "off") {
      if (this.#process === undefined) this.disk.interrupt(true);
      else this.#end(this.#process, true, false, `power off ${why}`);
      this.agents.powerLost();
      this.#plan += 1;
    } else {
      this.boots += 1;
      this.clock.boot(this.#world.queue.nowMs, this.random.between(0, 1000));
      this.startAfter(this.random.exponential(BOOT_MS));
    }
  }

  /** Starts the process then, unless something else is decided before. */
  startAfter(delayMs: number): void {
    this.#plan += 1;
    const plan = this.#plan;
    this.#world.queue.after(delayMs, () => {
      if (plan === this.#plan) this.start();
    });
  }

  start(): void {
    if (this.#power === "off" || this.#process !== undefined) return;
    const plan = this.#plan;
    this.disk.open(foundingCib(this.#world.names), (initial) => {
      if (plan !== this.#plan || this.#process !== undefined) return;
      this.#world.observe({ seen: "store-opened", node: this, initial });
      this.#incarnation += 1;
      const process = new Process(this.#world, this, this.#incarnation, initial);
      this.#process = process;
      this.#world.observe({ seen: "started", node: this, incarnation: process.incarnation });
      process.start();
    });
  }

  /** Systole's process is gone. The supervisor starts it again, a while later. */
  processEnds(clean: boolean, why: string): void {
    const process = this.#process;
    if (process === undefined) return;
    this.#end(process, false, clean, why);
    this.startAfter(this.random.exponential(this.#world.dials.restartMs));
  }

  #end(process: Process, powerLost: boolean, clean: boolean, why: string): void {
    process.end();
    this.#process = undefined;
    this.agents.processEnded();
    this.sinks?.forget();
    this.disk.interrupt(powerLost);
    this.#world.observe({ seen: "ended", node: this, incarnation: process.incarnation, clean, why });
  }
}
