// What goes wrong, and when. Faults come at random and overlap; each says what it did in the trace and ends by itself or at the
// healing. Disks are spoilt on at most a minority at a time, which is what is promised to be survived.

import type { Computer } from "./computer.ts";
import { FAULT_KINDS, type FaultKind } from "./dials.ts";
import type { Random } from "./random.ts";
import type { World } from "./world.ts";

/** Brings and ends the faults of one world. */
export class Faults {
  readonly #world: World;
  readonly #random: Random;
  readonly #open = new Set<() => void>();
  readonly counts: Record<FaultKind, number>;
  /** Nodes whose store was lost and has not been seen whole since. */
  readonly #spoilt = new Set<Computer>();
  #active = false;

  constructor(world: World, random: Random) {
    this.#world = world;
    this.#random = random;
    const counts: Record<string, number> = {};
    for (const kind of FAULT_KINDS) counts[kind] = 0;
    this.counts = counts as Record<FaultKind, number>;
  }

  begin(): void {
    this.#active = true;
    this.#later();
    this.#powerOnLater();
  }

  /** Ends everything that is broken, for good. */
  heal(): void {
    this.#active = false;
    for (const end of [...this.#open]) end();
    const { devices, nodes } = this.#world;
    devices.honest = true;
    for (const node of nodes) {
      node.agents.honest = true;
      if (node.life !== undefined) node.life.effectsUntilCrash = undefined;
    }
    this.#powerOnAll();
  }

  /** Operators find computers that are off, and switch them on: those that were fenced and those that lost their power. */
  #powerOnLater(): void {
    this.#world.queue.after(this.#random.exponential(this.#world.dials.powerOnMs), () => {
      const off = this.#world.nodes.filter((node) => node.power === "off");
      if (off.length > 0) this.#random.pick(off).switchPower("on", "by an operator");
      this.#powerOnLater();
    });
  }

  #powerOnAll(): void {
    for (const node of this.#world.nodes) node.switchPower("on", "by an operator, after the faults");
  }

  #later(): void {
    this.#world.queue.after(this.#random.exponential(this.#world.dials.faultIntervalMs), () => {
      if (!this.#active) return;
      const kind = this.#random.weighted(this.#world.dials.faultWeights);
      if (kind !== undefined) this.#bring(kind);
      this.#later();
    });
  }

  #bring(kind: FaultKind): void {
    const text = this.#do(kind, this.#random.pick(this.#world.nodes));
    if (text === undefined) return;
    this.counts[kind] += 1;
    this.#world.note("", `fault ${kind}: ${text}`);
  }

  /** Ends it after a while, or at the healing. */
  #lasting(meanMs: number, end: () => void): void {
    const once = () => {
      if (this.#open.delete(once)) end();
    };
    this.#open.add(once);
    this.#world.queue.after(this.#random.exponential(meanMs), once);
  }

  #do(kind: FaultKind, node: Computer): string | undefined {
    switch (kind) {
      case "partition":
      case "isolation":
      case "one-way-cut":
      case "link-down":
      case "bad-weather":
        return this.#spoilNetwork(kind, node);
      case "crash":
      case "crash-at-effect":
      case "power-loss":
      case "blackout":
      case "pause":
      case "main-hang":
      case "graceful-restart":
        return this.#spoilProcess(kind, node);
      case "disk-full":
      case "disk-slow":
      case "store-lost":
        return this.#spoilDisk(kind, node);
      case "resource-dies":
      case "agents-fail":
      case "device-fails":
        return this.#spoilWorkers(kind, node);
    }
  }

  #spoilNetwork(
    kind: "partition" | "isolation" | "one-way-cut" | "link-down" | "bad-weather",
    node: Computer,
  ): string | undefined {
    const { network, nodes, dials } = this.#world;
    const ids = nodes.map((each) => each.id);
    const link = this.#random.integer(0, dials.network.links - 1);
    switch (kind) {
      case "partition": {
        const groups: number[][] = [[], []];
        if (this.#random.chance(0.2)) groups.push([]);
        for (const id of ids) this.#random.pick(groups).push(id);
        this.#lasting(8_000, network.partition(groups));
        return groups.map((group) => group.join(" ")).join(" | ");
      }
      case "isolation":
        this.#lasting(6_000, network.partition([[node.id], ids.filter((id) => id !== node.id)]));
        return node.name;
      case "one-way-cut": {
        const other = this.#random.pick(nodes.filter((each) => each !== node));
        this.#lasting(6_000, network.cut(node.id, other.id, this.#random.chance(0.3) ? link : undefined));
        return `${other.name} does not hear ${node.name}`;
      }
      case "link-down": {
        const mend = ids.flatMap((from) => ids.filter((to) => to !== from).map((to) => network.cut(from, to, link)));
        this.#lasting(6_000, () => {
          for (const undo of mend) undo();
        });
        return `link ${link}`;
      }
      case "bad-weather": {
        const weather = { lossRate: this.#random.between(0, 0.5), extraDelayMs: this.#random.between(0, 300) };
        this.#lasting(6_000, network.disturb(link, weather));
        return `link ${link}: loss ${weather.lossRate.toFixed(2)}, delay ${weather.extraDelayMs.toFixed(0)} ms`;
      }
    }
  }

  #spoilProcess(
    kind: "crash" | "crash-at-effect" | "power-loss" | "blackout" | "pause" | "main-hang" | "graceful-restart",
    node: Computer,
  ): string | undefined {
    if (kind === "blackout") {
      for (const each of this.#world.nodes) each.switchPower("off", "in a blackout");
      this.#world.queue.after(this.#random.exponential(5_000), () => this.#powerOnAll());
      return "all computers";
    }
    if (node.power === "off") return undefined;
    if (kind === "power-loss") {
      node.switchPower("off", "as a fault");
      return node.name;
    }
    const { life } = node;
    if (life === undefined) return undefined;
    switch (kind) {
      case "crash":
        node.processEnds(false, "killed");
        return node.name;
      case "crash-at-effect":
        life.effectsUntilCrash = this.#random.integer(0, 200);
        return `${node.name} in ${life.effectsUntilCrash} effects`;
      case "pause":
      case "main-hang":
        this.#lasting(this.#random.pick([300, 1_500, 6_000]), life.stop(kind === "pause" ? "all" : "main"));
        return node.name;
      case "graceful-restart":
        life.input({ type: "shutdown" });
        return node.name;
    }
  }

  #spoilDisk(kind: "disk-full" | "disk-slow" | "store-lost", node: Computer): string | undefined {
    const { disk } = node;
    switch (kind) {
      case "disk-full":
        disk.full = true;
        this.#lasting(5_000, () => {
          disk.full = false;
        });
        return node.name;
      case "disk-slow":
        disk.slowness = this.#random.between(5, 300);
        this.#lasting(5_000, () => {
          disk.slowness = 1;
        });
        return `${node.name}: ${disk.slowness.toFixed(0)} times`;
      case "store-lost": {
        for (const each of this.#spoilt)
          if (!each.disk.read().damaged && each.life?.standing?.primary) this.#spoilt.delete(each);
        const spoilt = this.#spoilt.size + (this.#spoilt.has(node) ? 0 : 1);
        if (spoilt * 2 >= this.#world.nodes.length) return undefined;
        this.#spoilt.add(node);
        node.switchPower("off", "with its disk");
        disk.lose();
        this.#world.observe({ seen: "store-lost", node });
        return node.name;
      }
    }
  }

  #spoilWorkers(kind: "resource-dies" | "agents-fail" | "device-fails", node: Computer): string | undefined {
    const { devices } = this.#world;
    switch (kind) {
      case "resource-dies": {
        const active = node.active();
        if (active.length === 0) return undefined;
        const resource = this.#random.pick(active);
        node.agents.set(resource, this.#random.chance(0.3) ? "failed" : "stopped");
        return `${resource} on ${node.name}`;
      }
      case "agents-fail":
        node.agents.failing = true;
        this.#lasting(5_000, () => {
          node.agents.failing = false;
        });
        return node.name;
      case "device-fails":
        devices.failing = true;
        this.#lasting(8_000, () => {
          devices.failing = false;
        });
        return "";
    }
  }
}
