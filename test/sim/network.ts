// The network between the simulated machines: datagrams are lost, late, doubled and out of order, wires are cut in one
// direction or both, on one link or on all. Nothing is ever corrupted: sealing drops what was.

import type { Datagram } from "../../runtime/kernel/membership/datagram.ts";
import type { NodeId } from "../../runtime/kernel/membership/view.ts";
import type { NetworkDials } from "./dials.ts";
import type { EventQueue } from "./queue.ts";
import type { Random } from "./random.ts";

/** Where a datagram comes out. */
export type Receive = (from: NodeId, link: number, datagram: Datagram) => void;

/** What a fault does to the traffic while it lasts. */
export interface Weather {
  readonly lossRate: number;
  readonly extraDelayMs: number;
}

const FAIR: Weather = { lossRate: 0, extraDelayMs: 0 };

/** All wires of the cluster. */
export class Network {
  readonly #queue: EventQueue;
  readonly #random: Random;
  readonly #dials: NetworkDials;
  readonly #receivers = new Map<NodeId, Receive>();
  /** How many faults cut a direction of a link now: index (link * size + from) * size + to. */
  readonly #cuts: Uint8Array;
  readonly #size: number;
  readonly #weather: Weather[];
  /** What is lost in fair weather. */
  #lossRate: number;
  /** What comes to the way of a datagram on a wire; index as in cuts. */
  readonly #slowMs: Float64Array;
  sent = 0;
  lost = 0;
  duplicated = 0;

  constructor(queue: EventQueue, random: Random, dials: NetworkDials, nodes: readonly NodeId[]) {
    this.#queue = queue;
    this.#random = random;
    this.#dials = dials;
    this.#lossRate = dials.lossRate;
    this.#size = Math.max(...nodes) + 1;
    this.#cuts = new Uint8Array(dials.links * this.#size * this.#size);
    this.#slowMs = new Float64Array(this.#cuts.length);
    this.#weather = Array.from({ length: dials.links }, () => FAIR);
  }

  /** The network interface of a node; `receive` decides what a machine does with it that is off. */
  attach(node: NodeId, receive: Receive): void {
    this.#receivers.set(node, receive);
  }

  send(from: NodeId, to: NodeId, link: number, datagram: Datagram): void {
    const receive = this.#receivers.get(to);
    const weather = this.#weather[link];
    if (receive === undefined || weather === undefined) throw new Error(`there is no node ${to} on link ${link}`);
    this.sent += 1;
    const wire = this.#wire(from, to, link);
    if ((this.#cuts[wire] ?? 0) > 0) return;
    const lossRate = this.#lossRate + weather.lossRate;
    if (lossRate > 0 && this.#random.chance(lossRate)) {
      this.lost += 1;
      return;
    }
    const extraMs = weather.extraDelayMs + (this.#slowMs[wire] ?? 0);
    this.#deliver(from, link, datagram, receive, extraMs);
    if (this.#random.chance(this.#dials.duplicateRate)) {
      this.duplicated += 1;
      this.#deliver(from, link, datagram, receive, extraMs);
    }
  }

  #deliver(from: NodeId, link: number, datagram: Datagram, receive: Receive, extraMs: number): void {
    const { delayMs, jitterMs, lateRate, lateMs } = this.#dials;
    let delay = delayMs + extraMs + this.#random.fraction() * jitterMs;
    if (lateRate > 0 && this.#random.chance(lateRate)) delay += this.#random.exponential(lateMs);
    this.#queue.after(delay, () => receive(from, link, datagram));
  }

  #wire(from: NodeId, to: NodeId, link: number): number {
    return (link * this.#size + from) * this.#size + to;
  }

  /** Cuts one direction, on one link or (undefined) on all; call what it returns to mend it. */
  cut(from: NodeId, to: NodeId, link: number | undefined): () => void {
    const links = link === undefined ? this.#weather.map((_, index) => index) : [link];
    const wires = links.map((each) => this.#wire(from, to, each));
    for (const wire of wires) this.#cuts[wire] = (this.#cuts[wire] ?? 0) + 1;
    return () => {
      for (const wire of wires) this.#cuts[wire] = (this.#cuts[wire] ?? 1) - 1;
    };
  }

  /** Makes one direction between two nodes slow, on all links; call what it returns to end that. */
  slow(from: NodeId, to: NodeId, extraMs: number): () => void {
    const wires = this.#weather.map((_, link) => this.#wire(from, to, link));
    for (const wire of wires) this.#slowMs[wire] = (this.#slowMs[wire] ?? 0) + extraMs;
    return () => {
      for (const wire of wires) this.#slowMs[wire] = Math.max(0, (this.#slowMs[wire] ?? 0) - extraMs);
    };
  }

  /** Nodes of different groups no longer hear one another; call what it returns to mend it. */
  partition(groups: readonly (readonly NodeId[])[]): () => void {
    const mend: (() => void)[] = [];
    for (const group of groups) {
      for (const other of groups) {
        if (group === other) continue;
        for (const from of group) for (const to of other) mend.push(this.cut(from, to, undefined));
      }
    }
    return () => {
      for (const undo of mend) undo();
    };
  }

  /** From now on no more than that is lost in fair weather. */
  repair(lossRate: number): void {
    this.#lossRate = Math.min(this.#lossRate, lossRate);
  }

  /** Bad weather on a link; call what it returns to clear it. */
  disturb(link: number, weather: Weather): () => void {
    const before = this.#weather[link] ?? FAIR;
    const sum = {
      lossRate: Math.min(1, before.lossRate + weather.lossRate),
      extraDelayMs: before.extraDelayMs + weather.extraDelayMs,
    };
    this.#weather[link] = sum;
    return () => {
      const now = this.#weather[link] ?? FAIR;
      this.#weather[link] = {
        lossRate: Math.max(0, now.lossRate - weather.lossRate),
        extraDelayMs: Math.max(0, now.extraDelayMs - weather.extraDelayMs),
      };
    };
  }
}
