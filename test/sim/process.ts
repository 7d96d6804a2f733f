// One life of Systole on a computer: its two threads, the pulse in one and kernel and services in the other, and between them
// and the world what runtime/host does in production: every effect is carried out, every call answered once.

import type { Element } from "../../runtime/kernel/cib/element.ts";
import type { KernelInitial } from "../../runtime/kernel/kernel.ts";
import type { Machine } from "../../runtime/kernel/machine.ts";
import type { Datagram } from "../../runtime/kernel/membership/datagram.ts";
import type { ChainPosition, Incarnation, NodeId, View } from "../../runtime/kernel/membership/view.ts";
import type { Standing } from "../../runtime/kernel/messages.ts";
import { createPulse, type PulseEffect, type PulseInput } from "../../runtime/kernel/pulse.ts";
import type { AgentCall, AlertCall } from "../../runtime/services/calls.ts";
import type { Message, NodeEffect, NodeInput } from "../../runtime/services/messages.ts";
import { baseName } from "./agents.ts";
import type { Computer } from "./computer.ts";
import type { LifeFacts } from "./observations.ts";
import { Thread } from "./thread.ts";
import { Waker } from "./waker.ts";
import type { World } from "./world.ts";

/** The main thread says that it turns so often, and looks at its wall clock. */
const ALIVE_INTERVAL_MS = 500;
/** Kernel and services are told of the wall clock when it has gone apart from the monotonic one by this, as in production. */
const WALL_CLOCK_STEP_MS = 20;
const FEATURE_LEVEL = 1;
/** Of an exception's stack, so many lines are reported. */
const STACK_LINES = 5;

/** Kernel and services of a node, or the kernel alone. */
export interface Brain extends Machine<NodeInput, NodeEffect> {
  readonly chain: ChainPosition;
}

/** Thrown through a step when the process ends in the middle of its effects. */
class Ended extends Error {}

/** A running process. */
export class Process implements LifeFacts {
  readonly incarnation: Incarnation;
  readonly pulseThread: Thread;
  readonly mainThread: Thread;
  view: View | undefined;
  standing: Standing | undefined;
  cib: Element | undefined;
  /** The process ends when so many effects more have been carried out; undefined: it does not. */
  effectsUntilCrash: number | undefined;
  readonly #world: World;
  readonly #computer: Computer;
  readonly #pulse: Machine<PulseInput, PulseEffect>;
  readonly #brain: Brain;
  readonly #pulseWaker: Waker;
  readonly #brainWaker: Waker;
  #stoppedAtMs: number | undefined;
  #runningSinceMs: number;
  #wallAheadMs = 0;
  #leaving = false;

  constructor(world: World, computer: Computer, incarnation: Incarnation, initial: KernelInitial) {
    this.#world = world;
    this.#computer = computer;
    this.incarnation = incarnation;
    this.#runningSinceMs = world.queue.nowMs;
    const { dials, queue } = world;
    this.pulseThread = new Thread(queue, dials.threadDelayMs);
    this.mainThread = new Thread(queue, dials.threadDelayMs);
    this.#brain = world.makeBrain(computer, incarnation, initial);
    this.#pulse = createPulse({
      self: computer.id,
      incarnation,
      featureLevel: FEATURE_LEVEL,
      peers: world.nodes.filter((node) => node.id !== computer.id).map((node) => node.id),
      links: dials.network.links,
      heartbeatIntervalMs: dials.heartbeatIntervalMs,
      detectionTimeoutMs: dials.detectionTimeoutMs,
      mainSilenceMs: dials.mainSilenceMs,
      fragmentBytes: world.wire?.fragmentBytes ?? dials.fragmentBytes,
      chain: this.#brain.chain,
      planted: world.planted,
    });
    const random = computer.random.fork(`timers-${incarnation}`);
    this.#pulseWaker = new Waker(queue, computer.clock, random, {
      deadlineMs: () => (this.ended || this.pulseThread.stopped ? undefined : this.#pulse.deadlineMs()),
      tick: () => this.#stepPulse({ type: "tick" }),
    });
    this.#brainWaker = new Waker(queue, computer.clock, random, {
      deadlineMs: () => (this.ended || this.mainThread.stopped ? undefined : this.#brain.deadlineMs()),
      tick: () => this.#stepBrain({ type: "tick" }),
    });
  }

  get ended(): boolean {
    return this.mainThread.ended;
  }

  get runningSinceMs(): number | undefined {
    return this.#stoppedAtMs === undefined ? this.#runningSinceMs : undefined;
  }

  /** First steps: both machines get their first tick, and the main thread begins to say that it lives. */
  start(): void {
    this.#sayAlive();
    this.#stepPulse({ type: "tick" });
    if (!this.ended) this.#stepBrain({ type: "tick" });
  }

  /** A datagram has arrived at this process's socket. */
  receive(from: NodeId, link: number, datagram: Datagram): void {
    const input: PulseInput = { type: "datagram", from, link, datagram };
    if (this.pulseThread.isFree) this.#stepPulse(input);
    else this.pulseThread.receive(() => this.#stepPulse(input));
  }

  /** Something for the main thread, from the world (a client, an agent, the disk). */
  input(input: NodeInput): void {
    if (this.mainThread.isFree) this.#stepBrain(input);
    else this.mainThread.run(() => this.#stepBrain(input));
  }

  /** SIGSTOP, or only the main thread hangs; `undo` ends it. */
  stop(threads: "all" | "main"): () => void {
    const stopped = threads === "all" ? [this.pulseThread, this.mainThread] : [this.mainThread];
    for (const thread of stopped) thread.stop();
    this.#stoppedAtMs = this.#world.queue.nowMs;
    return () => {
      for (const thread of stopped) thread.go();
      if (this.mainThread.stopped || this.pulseThread.stopped) return;
      this.#stoppedAtMs = undefined;
      this.#runningSinceMs = this.#world.queue.nowMs;
      this.#pulseWaker.set();
      this.#brainWaker.set();
    };
  }

  end(): void {
    this.pulseThread.end();
    this.mainThread.end();
  }

  #now(): number {
    return this.#computer.clock.monotonicMs(this.#world.queue.nowMs);
  }

  #sayAlive(): void {
    if (this.ended) return;
    this.mainThread.run(() => {
      this.pulseThread.post(() => this.#stepPulse({ type: "alive" }));
      const epochMs = this.#computer.clock.epochMs(this.#world.queue.nowMs);
      const wallAheadMs = epochMs - this.#now();
      if (Math.abs(wallAheadMs - this.#wallAheadMs) <= WALL_CLOCK_STEP_MS) return;
      this.#wallAheadMs = wallAheadMs;
      this.#stepBrain({ type: "wall-clock", epochMs });
    });
    this.#world.queue.after(ALIVE_INTERVAL_MS, () => this.#sayAlive());
  }

  #stepPulse(input: PulseInput): void {
    if (this.ended) return;
    try {
      for (const effect of this.#pulse.step(input, this.#now())) {
        this.#countEffect();
        this.#carryOutPulse(effect);
      }
      this.#pulseWaker.set();
    } catch (error) {
      this.#failed(error);
    }
  }

  #stepBrain(input: NodeInput): void {
    if (this.ended) return;
    try {
      for (const effect of this.#brain.step(input, this.#now())) {
        this.#countEffect();
        this.#carryOut(effect);
      }
      this.#brainWaker.set();
    } catch (error) {
      this.#failed(error);
    }
  }

  /** An exception out of the product is a bug of the product: it is reported, and the process dies of it as in life. */
  #failed(error: unknown): void {
    if (error instanceof Ended) return;
    const text =
      error instanceof Error
        ? (error.stack ?? error.message).split("\n").slice(0, STACK_LINES).join(" ")
        : String(error);
    this.#world.violation("assertion", `${this.#computer.name}: ${text}`);
    this.#computer.processEnds(false, "a bug");
  }

  #countEffect(): void {
    if (this.ended) throw new Ended();
    if (this.effectsUntilCrash === undefined) return;
    this.effectsUntilCrash -= 1;
    if (this.effectsUntilCrash >= 0) return;
    this.#computer.processEnds(false, "killed between two effects");
    throw new Ended();
  }

  #carryOutPulse(effect: PulseEffect): void {
    const { network, mailbag, wire } = this.#world;
    switch (effect.type) {
      case "send":
        network.send(this.#computer.id, effect.to, effect.link, wire?.datagram(effect.datagram) ?? effect.datagram);
        return;
      case "view":
        this.#newView(effect.view, effect.lastHeardMs);
        return;
      case "deliver": {
        const { from, incarnation } = effect;
        const message = mailbag.unwrap(effect.bytes);
        this.mainThread.post(() => this.#stepBrain({ type: "message", from, incarnation, message }));
        return;
      }
      case "note":
        this.#world.note(this.#computer.name, `pulse ${effect.code}: ${effect.text}`);
        return;
      case "hung":
        this.#world.note(this.#computer.name, `pulse: the main thread has been silent for ${effect.silenceMs} ms`);
        return;
      case "gone":
        this.#computer.processEnds(true, "left the cluster");
        return;
    }
  }

  #newView(view: View, lastHeardMs: Readonly<Record<string, number>>): void {
    this.view = view;
    const now = this.#now();
    const detectedAfterMs: Record<string, number> = {};
    for (const [id, heardMs] of Object.entries(lastHeardMs)) detectedAfterMs[id] = now - heardMs;
    this.#world.observe({ seen: "view", node: this.#computer, incarnation: this.incarnation, view });
    this.mainThread.post(() => this.#stepBrain({ type: "view", view, detectedAfterMs }));
  }

  #carryOut(effect: NodeEffect): void {
    const world = this.#world;
    const by = { node: this.#computer, incarnation: this.incarnation };
    switch (effect.type) {
      case "send":
        this.#submit(effect.to, effect.message);
        return;
      case "persist":
        this.#persist(effect.id, effect.records);
        return;
      case "chain":
        this.pulseThread.post(() => this.#stepPulse({ type: "chain", chain: effect.chain }));
        return;
      case "shun":
        this.pulseThread.post(() => this.#stepPulse({ type: "shun", node: effect.node }));
        return;
      case "agent-call":
        this.#callAgent(effect.call);
        return;
      case "agent-abort":
        this.#computer.agents.abort(effect.id);
        return;
      case "device-call":
        world.callDevice(this.#computer, effect.call, (outcome) =>
          this.input({ type: "device-outcome", id: effect.call.id, outcome }),
        );
        return;
      case "device-abort":
        // A switch that has been asked cannot be un-asked; its outcome comes.
        return;
      case "arbiter-call":
        this.#askArbiter(effect);
        return;
      case "alert-call":
        this.#callSink(effect.call);
        return;
      case "alert-abort":
        this.#computer.sinks?.abort(effect.id, effect.why);
        return;
      case "change-answer":
        world.operators.answered(effect.requestId, effect.outcome);
        return;
      case "request-answer":
        world.note(this.#computer.name, `request ${effect.requestId}: ${JSON.stringify(effect.outcome)}`);
        return;
      case "cib":
        this.cib = effect.cib;
        world.observe({ seen: "cib", ...by, cib: effect.cib });
        this.#observeCommitted();
        return;
      case "standing":
        this.standing = effect.standing;
        world.observe({ seen: "standing", ...by, standing: effect.standing });
        this.#observeCommitted();
        return;
      case "event":
        world.note(this.#computer.name, `${effect.event.kind} ${effect.event.code}: ${effect.event.text}`);
        return;
      case "leave":
        this.#leaving = true;
        this.pulseThread.post(() => this.#stepPulse({ type: "leave" }));
        return;
      case "exit":
        world.note(this.#computer.name, `exit ${effect.code}: ${effect.text}`);
        // With a leave under way the pulse has the last word.
        if (!this.#leaving) this.#computer.processEnds(false, effect.text);
        return;
    }
  }

  #callAgent(call: AgentCall): void {
    const resource = baseName(call.resource.id);
    this.#computer.agents.perform(call, (outcome) => {
      const by = { node: this.#computer, incarnation: this.incarnation };
      this.#world.observe({ seen: "agent-answer", ...by, resource, call, outcome });
      this.input({ type: "agent-outcome", id: call.id, outcome });
    });
  }

  #callSink(call: AlertCall): void {
    const { sinks } = this.#computer;
    const by = { node: this.#computer, incarnation: this.incarnation };
    this.#world.observe({ seen: "alert-call", ...by, call, others: sinks?.underWay(call.sink.id) ?? [] });
    sinks?.perform(call, (outcome) => {
      this.#world.observe({ seen: "alert-answer", ...by, call, outcome });
      this.input({ type: "alert-outcome", id: call.id, outcome });
    });
  }

  #askArbiter({ id, call, timeoutMs }: Extract<NodeEffect, { type: "arbiter-call" }>): void {
    const { arbiter } = this.#world;
    const { name } = this.#computer;
    const wish = call.verb === "read" ? "" : ` ${call.text.trim()}`;
    this.#world.note(name, `arbiter ${id}: ${call.verb}${wish}`);
    arbiter?.perform(this.#computer.id, call, timeoutMs, (outcome) => {
      this.#world.note(name, `arbiter ${id}: ${JSON.stringify(outcome)}`);
      this.input({ type: "arbiter-outcome", id, outcome });
    });
  }

  #observeCommitted(): void {
    const { cib, standing, incarnation } = this;
    if (cib === undefined || !standing?.established || !standing.primary) return;
    this.#world.observe({ seen: "committed", node: this.#computer, incarnation, cib });
  }

  #submit(to: NodeId, message: Message): void {
    this.#world.observe({ seen: "send", node: this.#computer, incarnation: this.incarnation, to, message });
    const bytes = this.#world.mailbag.wrap(message);
    this.pulseThread.post(() => this.#stepPulse({ type: "submit", to, bytes }));
  }

  #persist(id: number, records: Parameters<Computer["disk"]["persist"]>[0]): void {
    const by = { node: this.#computer, incarnation: this.incarnation };
    this.#world.observe({ seen: "persisting", ...by, records });
    this.#computer.disk.persist(records, (result) => {
      if (this.ended) return;
      if (!result.ok) {
        this.input({ type: "persist-failed", id, code: result.code, text: result.text });
        return;
      }
      this.#world.observe({ seen: "persisted", ...by, records });
      this.input({ type: "persisted", id });
    });
  }
}
