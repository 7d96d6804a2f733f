// Pulses on a network in memory, under virtual time and a seed: same seed, same run.
//
// Datagrams take a random time, may be lost, doubled and overtake each other; links can be cut in one direction; nodes crash,
// restart, are paused and resumed. The net watches what may never happen while it runs: one view id with two memberships,
// a member that did not accept its view, a view number that goes down.

import type { Machine } from "../../runtime/kernel/machine.ts";
import type { Datagram } from "../../runtime/kernel/membership/datagram.ts";
import type { View } from "../../runtime/kernel/membership/view.ts";
import { createPulse, type PulseConfig, type PulseEffect, type PulseInput } from "../../runtime/kernel/pulse.ts";
import { EventQueue } from "./queue.ts";
import { Random } from "./random.ts";

/** How the network behaves. Times in milliseconds. */
export interface PulseNetOptions {
  readonly nodes: number;
  readonly seed?: number;
  readonly links?: number;
  readonly heartbeatIntervalMs?: number;
  readonly detectionTimeoutMs?: number;
  readonly mainSilenceMs?: number;
  readonly fragmentBytes?: number;
  /** Shortest and longest way of a datagram. */
  readonly latencyMs?: readonly [number, number];
  /** Share of datagrams that are lost, and that arrive twice. */
  readonly loss?: number;
  readonly duplicates?: number;
}

/** Something a node did that a test may look at. */
export interface NetEvent {
  readonly atMs: number;
  readonly node: number;
  readonly effect: Exclude<PulseEffect, { type: "send" }>;
}

interface NetNode {
  readonly id: number;
  incarnation: number;
  pulse: Machine<PulseInput, PulseEffect> | undefined;
  paused: boolean;
  /** What arrived while it was paused. */
  waiting: PulseInput[];
  wakeAtMs: number;
  view: View | undefined;
  viewNumber: number;
}

/** The network and its nodes, numbered from 1. */
export class PulseNet {
  readonly events: NetEvent[] = [];
  /** Sees each datagram that is sent; returning false loses it. */
  filter: (from: number, to: number, link: number, datagram: Datagram) => boolean = () => true;
  onEvent: (event: NetEvent) => void = () => {};
  datagrams = 0;
  loss: number;
  private readonly options: PulseNetOptions;
  private readonly queue = new EventQueue();
  private readonly random: Random;
  private readonly nodes = new Map<number, NetNode>();
  private readonly cuts = new Set<string>();
  private readonly membersOf = new Map<string, string>();
  private readonly acceptedBy = new Set<string>();

  constructor(options: PulseNetOptions) {
    this.options = options;
    this.loss = options.loss ?? 0;
    this.random = new Random(`pulse-net/${options.seed ?? 1}`);
    for (let id = 1; id <= options.nodes; id++) {
      this.nodes.set(id, {
        id,
        incarnation: 0,
        pulse: undefined,
        paused: false,
        waiting: [],
        wakeAtMs: Number.POSITIVE_INFINITY,
        view: undefined,
        viewNumber: 0,
      });
    }
  }

  /** Virtual time. */
  get nowMs(): number {
    return this.queue.nowMs;
  }

  get ids(): number[] {
    return [...this.nodes.keys()];
  }

  /** The settings of a node's pulse. */
  config(id: number, incarnation: number): PulseConfig {
    return {
      self: id,
      incarnation,
      featureLevel: 1,
      peers: this.ids.filter((peer) => peer !== id),
      links: this.options.links ?? 1,
      heartbeatIntervalMs: this.options.heartbeatIntervalMs ?? 100,
      detectionTimeoutMs: this.options.detectionTimeoutMs ?? 1000,
      mainSilenceMs: this.options.mainSilenceMs ?? Number.POSITIVE_INFINITY,
      fragmentBytes: this.options.fragmentBytes ?? 1200,
    };
  }

  /** Starts a node, or starts it again in a later life. */
  start(id: number): void {
    const node = this.node(id);
    node.incarnation += 1;
    node.pulse = createPulse(this.config(id, node.incarnation));
    node.paused = false;
    node.waiting = [];
    node.view = undefined;
    node.viewNumber = 0;
    node.wakeAtMs = Number.POSITIVE_INFINITY;
    this.input(id, { type: "tick" });
  }

  startAll(): void {
    for (const id of this.ids) this.start(id);
  }

  /** The node is gone without a word. */
  crash(id: number): void {
    this.node(id).pulse = undefined;
    this.node(id).view = undefined;
  }

  /** SIGSTOP: the node does nothing, and what arrives waits in its socket. */
  pause(id: number): void {
    this.node(id).paused = true;
  }

  /** SIGCONT. */
  resume(id: number): void {
    const node = this.node(id);
    node.paused = false;
    this.input(id, { type: "tick" });
    for (const input of node.waiting.splice(0)) this.input(id, input);
  }

  /** Loses all that `from` sends to `to`, on one link or on all. */
  cut(from: number, to: number, link?: number): void {
    for (const each of this.linksOf(link)) this.cuts.add(`${from} ${to} ${each}`);
  }

  /** Cuts both directions between each node of one side and each of the other. */
  partition(one: readonly number[], other: readonly number[]): void {
    for (const a of one) {
      for (const b of other) {
        this.cut(a, b);
        this.cut(b, a);
      }
    }
  }

  mend(from: number, to: number): void {
    for (const each of this.linksOf()) this.cuts.delete(`${from} ${to} ${each}`);
  }

  mendAll(): void {
    this.cuts.clear();
  }

  private linksOf(link?: number): number[] {
    return link !== undefined ? [link] : Array.from({ length: this.options.links ?? 1 }, (_, index) => index);
  }

  private node(id: number): NetNode {
    const node = this.nodes.get(id);
    if (node === undefined) throw new Error(`there is no node ${id}`);
    return node;
  }

  /** Gives one input to a node now. */
  input(id: number, input: PulseInput): void {
    const node = this.node(id);
    if (node.pulse === undefined) return;
    if (node.paused) {
      if (input.type !== "tick") node.waiting.push(input);
      return;
    }
    for (const effect of node.pulse.step(input, this.nowMs)) {
      if (effect.type === "send") this.carry(id, effect.to, effect.link, effect.datagram);
      else this.note(node, effect);
    }
    this.schedule(node);
  }

  private schedule(node: NetNode): void {
    const deadlineMs = node.pulse?.deadlineMs();
    if (deadlineMs === undefined || deadlineMs === Number.POSITIVE_INFINITY) return;
    const atMs = Math.max(deadlineMs, this.nowMs);
    if (node.wakeAtMs <= atMs && node.wakeAtMs >= this.nowMs) return;
    node.wakeAtMs = atMs;
    const { incarnation } = node;
    this.at(atMs, () => {
      if (node.wakeAtMs !== atMs || node.incarnation !== incarnation) return;
      node.wakeAtMs = Number.POSITIVE_INFINITY;
      this.input(node.id, { type: "tick" });
    });
  }

  private note(node: NetNode, effect: NetEvent["effect"]): void {
    if (effect.type === "view") this.checkView(node, effect.view);
    const event: NetEvent = { atMs: this.nowMs, node: node.id, effect };
    this.events.push(event);
    this.onEvent(event);
  }

  private checkView(node: NetNode, view: View): void {
    const key = `${view.id.number} ${view.id.proposer} ${view.members.find((m) => m.id === view.id.proposer)?.incarnation}`;
    const whole = JSON.stringify(view);
    const before = this.membersOf.get(key);
    if (before !== undefined && before !== whole) throw new Error(`view ${key} is ${before} and ${whole}`);
    this.membersOf.set(key, whole);
    if (view.id.number <= node.viewNumber) {
      throw new Error(`node ${node.id} went from view ${node.viewNumber} to ${view.id.number}`);
    }
    for (const member of view.members) {
      if (member.id === view.id.proposer) continue;
      if (!this.acceptedBy.has(`${key} ${member.id} ${member.incarnation}`)) {
        throw new Error(`node ${member.id} never accepted view ${key}, which node ${node.id} installs`);
      }
    }
    node.viewNumber = view.id.number;
    node.view = view;
  }

  private carry(from: number, to: number, link: number, datagram: Datagram): void {
    this.datagrams += 1;
    if (datagram.type === "accept") {
      const proposer = this.node(datagram.id.proposer).incarnation;
      const key = `${datagram.id.number} ${datagram.id.proposer} ${proposer}`;
      this.acceptedBy.add(`${key} ${from} ${datagram.incarnation}`);
    }
    if (!this.filter(from, to, link, datagram) || this.cuts.has(`${from} ${to} ${link}`)) return;
    const copies = this.random.fraction() < (this.options.duplicates ?? 0) ? 2 : 1;
    for (let copy = 0; copy < copies; copy++) {
      if (this.loss > 0 && this.random.fraction() < this.loss) continue;
      const [shortest, longest] = this.options.latencyMs ?? [0.1, 0.5];
      const atMs = this.nowMs + this.random.between(shortest, longest);
      this.at(atMs, () => {
        if (!this.cuts.has(`${from} ${to} ${link}`)) this.input(to, { type: "datagram", from, link, datagram });
      });
    }
  }

  /** Runs something at a time. */
  at(atMs: number, run: () => void): void {
    this.queue.at(atMs, run);
  }

  /** Lets time pass. */
  run(forMs: number): void {
    this.runUntil(() => false, forMs);
  }

  /** Lets time pass until something is so, at most for so long; tells whether it came to be. */
  runUntil(done: () => boolean, forMs: number): boolean {
    if (!done()) this.queue.runUntil(this.nowMs + forMs, done);
    return done();
  }

  /** The installed view of a running node. */
  viewOf(id: number): View | undefined {
    return this.node(id).view;
  }

  /** The members a node believes in, as "1 2 3". */
  membersSeenBy(id: number): string {
    return (this.viewOf(id)?.members ?? []).map((member) => member.id).join(" ");
  }

  /** Each of these nodes has the same view of just these. */
  agree(ids: readonly number[]): boolean {
    const sorted = [...ids].sort((a, b) => a - b);
    const [first] = sorted;
    if (first === undefined) return true;
    const view = this.viewOf(first);
    if (view === undefined || view.members.map((member) => member.id).join(" ") !== sorted.join(" ")) return false;
    return sorted.every((id) => {
      const other = this.viewOf(id)?.id;
      return other?.number === view.id.number && other.proposer === view.id.proposer;
    });
  }
}
