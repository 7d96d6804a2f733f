// What goes wrong, and when. Faults come at random and overlap; each says what it did in the trace and ends by itself or at the
// healing. Disks are spoilt on at most a minority at a time, which is what is promised to be survived.

import type { Computer } from "./computer.ts";
import { bearableLossRate, FAULT_KINDS, type FaultKind } from "./dials.ts";
import type { Random } from "./random.ts";
import type { World } from "./world.ts";

/** A fault that has nothing to spoil gives way to another one, so often. */
const MAX_TRIES = 6;
/** Whoever repairs a cluster looks after it so often until it is whole, and switches on what was fenced meanwhile. */
const REPAIR_ROUND_MS = 30_000;

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
    const { devices, nodes, network, dials } = this.#world;
    devices.honest = true;
    network.repair(bearableLossRate(dials));
    for (const node of nodes) {
      node.agents.honest = true;
      if (node.sinks !== undefined) node.sinks.honest = true;
      node.clock.setWallOffset(this.#random.between(-1_000, 1_000));
      if (node.life !== undefined) node.life.effectsUntilCrash = undefined;
    }
    this.#repairRound();
  }

  /** Operators find computers that are off, and switch them on: those that were fenced and those that lost their power. */
  #powerOnLater(): void {
    this.#world.queue.after(this.#random.exponential(this.#world.dials.powerOnMs), () => {
      if (!this.#active) return;
      const off = this.#world.nodes.filter((node) => node.power === "off");
      if (off.length > 0) this.#random.pick(off).switchPower("on", "by an operator");
      this.#powerOnLater();
    });
  }

  /**
   * What the cluster still has to fence with stonith-action "off" stays off until somebody comes. One computer at a time, whenever it may be,
   * takes longer than the cluster may take to be whole when most were fenced: that would tell of the operators, not of the cluster.
   */
  #repairRound(): void {
    for (const node of this.#world.nodes) node.switchPower("on", "by an operator, after the faults");
    this.#world.queue.after(REPAIR_ROUND_MS, () => this.#repairRound());
  }

  #later(): void {
    const { faultIntervalMs, faultWeights } = this.#world.dials;
    this.#world.queue.after(this.#random.between(0.1, 1.9) * faultIntervalMs, () => {
      if (!this.#active) return;
      // Not every fault finds something to spoil just now.
      for (let tries = 0; tries < MAX_TRIES; tries += 1) {
        const kind = this.#random.weighted(faultWeights);
        if (kind === undefined || this.#bring(kind)) break;
      }
      this.#later();
    });
  }

  #bring(kind: FaultKind): boolean {
    const text = this.#do(kind, this.#random.pick(this.#world.nodes));
    if (text === undefined) return false;
    this.counts[kind] += 1;
    this.#world.note("", `fault ${kind}: ${text}`);
    return true;
  }

  /** Ends it after a while, or at the healing. */
  #lasting(meanMs: number, end: () => void): void {
    const once = () => {
      if (this.#open.delete(once)) end();
    };
    this.#open.add(once);
    this.#world.queue.after(this.#random.exponential(meanMs) * this.#world.dials.faultLength, once);
  }

  #do(kind: FaultKind, node: Computer): string | undefined {
    switch (kind) {
      case "partition":
      case "isolation":
      case "one-way-cut":
      case "link-down":
      case "bad-weather":
      case "slow-path":
        return this.#spoilNetwork(kind, node);
      case "crash":
      case "crash-at-effect":
      case "power-loss":
      case "pause":
      case "main-hang":
      case "graceful-restart":
        return this.#spoilProcess(kind, node);
      case "rack-loss":
      case "blackout":
        return this.#cutPower(kind);
      case "clock-jump":
        return this.#setClock(node);
      case "disk-full":
      case "disk-fails":
      case "disk-slow":
      case "store-lost":
      case "bit-rot":
        return this.#spoilDisk(kind, node);
      case "resource-dies":
      case "agents-fail":
      case "device-fails":
        return this.#spoilWorkers(kind, node);
    }
  }

  #spoilNetwork(
    kind: "partition" | "isolation" | "one-way-cut" | "link-down" | "bad-weather" | "slow-path",
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
      case "slow-path": {
        const other = this.#random.pick(nodes.filter((each) => each !== node));
        const extraMs = this.#random.between(20, 900);
        this.#lasting(6_000, network.slow(node.id, other.id, extraMs));
        return `${node.name} to ${other.name}: ${extraMs.toFixed(0)} ms more`;
      }
      case "bad-weather": {
        const weather = { lossRate: this.#random.between(0, 0.5), extraDelayMs: this.#random.between(0, 300) };
        this.#lasting(6_000, network.disturb(link, weather));
        return `link ${link}: loss ${weather.lossRate.toFixed(2)}, delay ${weather.extraDelayMs.toFixed(0)} ms`;
      }
    }
  }

  #spoilProcess(
    kind: "crash" | "crash-at-effect" | "power-loss" | "pause" | "main-hang" | "graceful-restart",
    node: Computer,
  ): string | undefined {
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

  /** Several computers lose their power at once, sometimes with the disks of a few of them; it comes back to one after the other. */
  #cutPower(kind: "rack-loss" | "blackout"): string | undefined {
    const { nodes, queue } = this.#world;
    const on = nodes.filter((node) => node.power === "on");
    const hit = kind === "blackout" ? on : on.filter(() => this.#random.chance(0.5));
    if (hit.length === 0) return undefined;
    for (const node of hit) node.switchPower("off", `in a ${kind}`);
    const lost = this.#random.chance(0.3) ? hit.filter((node) => this.#random.chance(0.4) && this.#maySpoil(node)) : [];
    for (const node of lost) this.#loseStore(node);
    const together = this.#random.chance(0.5);
    for (const node of hit) {
      const after = together ? 5_000 : this.#random.exponential(20_000);
      queue.after(after, () => node.switchPower("on", "again"));
    }
    return `${hit.map((node) => node.name).join(" ")}${lost.length > 0 ? `; stores lost: ${lost.map((node) => node.name).join(" ")}` : ""}`;
  }

  #setClock(node: Computer): string {
    const offsetMs = this.#random.pick([2_000, 60_000, 3_600_000, 86_400_000, 1e11]) * this.#random.between(-1, 1);
    node.clock.setWallOffset(offsetMs);
    return `${node.name} is ${(offsetMs / 1000).toFixed(0)} s off`;
  }

  #spoilDisk(
    kind: "disk-full" | "disk-fails" | "disk-slow" | "store-lost" | "bit-rot",
    node: Computer,
  ): string | undefined {
    const { disk } = node;
    switch (kind) {
      case "disk-full":
      case "disk-fails":
        disk.trouble.failure = kind === "disk-full" ? "ENOSPC" : this.#random.pick(["EIO", "EROFS"]);
        this.#lasting(5_000, () => {
          disk.trouble.failure = undefined;
        });
        return `${node.name}: ${disk.trouble.failure}`;
      case "disk-slow":
        disk.trouble.slowness = this.#random.between(5, 300);
        this.#lasting(5_000, () => {
          disk.trouble.slowness = 1;
        });
        return `${node.name}: ${disk.trouble.slowness.toFixed(0)} times`;
      case "store-lost":
        if (!this.#maySpoil(node)) return undefined;
        node.switchPower("off", "with its disk");
        this.#loseStore(node);
        return node.name;
      case "bit-rot":
        return this.#rot(node);
    }
  }

  /** Stores are spoilt on at most a minority between two recoveries. */
  #maySpoil(node: Computer): boolean {
    for (const each of this.#spoilt) {
      const { standing } = each.life ?? {};
      if (standing?.primary && standing.established) this.#spoilt.delete(each);
    }
    const spoilt = this.#spoilt.size + (this.#spoilt.has(node) ? 0 : 1);
    if (spoilt * 2 >= this.#world.nodes.length) return false;
    this.#spoilt.add(node);
    return true;
  }

  #loseStore(node: Computer): void {
    node.disk.lose();
    this.#world.observe({ seen: "store-lost", node });
  }

  /**
   * Bits of what has long been on the disk are others. It shows when the store is read again. Not together with a loss of power: to lose
   * the last write and what would have told of it is more than one fault.
   */
  #rot(node: Computer): string | undefined {
    if (node.power === "off" || node.life === undefined || !this.#maySpoil(node)) return undefined;
    node.processEnds(false, "killed, with a rotten disk");
    const where = node.disk.rot();
    if (where === undefined) return undefined;
    this.#world.observe({ seen: "store-lost", node });
    return `${node.name}: ${where}`;
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
