// A running node as the main thread sees it: the node machine under its driver, and around it what performs the machine's
// effects: pulse, store, plugins, log. Everything that fails comes back to the machine as an input; whatever is a bug ends the process.

import { BugError } from "../kernel/assert.ts";
import type { Element } from "../kernel/cib/element.ts";
import type { Incarnation, NodeId } from "../kernel/membership/view.ts";
import type { ChangeOutcome, ChangeRequest, LogSnapshot, Standing } from "../kernel/messages.ts";
import type { ArbiterStatus } from "../services/arbiter/arbiter-watch.ts";
import type { FenceRecord } from "../services/fencer/fencer.ts";
import type { ClusterEvent, NodeEffect, NodeInput, RequestOutcome, ServiceRequest } from "../services/messages.ts";
import type { NodeMachine, OperationInFlight, TransitionStatus } from "../services/node.ts";
import { BundleExchange } from "./bundle-exchange.ts";
import { epochMs, nowMs, SuspendDetector } from "./clock.ts";
import type { Rejection } from "./codec.ts";
import { createMessageCodec, isBundleMessage } from "./codec-message.ts";
import { Driver } from "./driver.ts";
import { EXIT, errorText, SystoleError, systemCode } from "./errors.ts";
import { EventLog } from "./event-log.ts";
import type { Log } from "./log.ts";
import { Outbox, type OutboxOptions } from "./outbox.ts";
import type { PluginEvent, PluginHost } from "./plugins/types.ts";
import { resourcesOf, usedPlugins } from "./plugins/used.ts";
import { type NodeProof, ProofExchange } from "./proof-exchange.ts";
import type { PulseLink, PulseMessage } from "./pulse-link.ts";
import { PulseWatch } from "./pulse-watch.ts";
import type { BundleMessage, ProofWish } from "./schema/bundle.ts";
import type { Store } from "./store.ts";
import { realTimers } from "./timers.ts";
import { Waiters } from "./waiters.ts";

/** What a node is made of. */
export interface NodeParts {
  readonly machine: NodeMachine;
  readonly pulse: PulseLink;
  readonly store: Store;
  readonly plugins: PluginHost;
  readonly log: Log;
  readonly self: NodeId;
  readonly nodes: readonly { readonly id: NodeId; readonly name: string }[];
  readonly mainSilenceMs: number;
  /** The process is to end now, with this code; everything here has stopped. */
  readonly onEnd: (code: number, text: string) => void;
}

/** The node. */
export class NodeHost {
  readonly events = new EventLog();
  readonly #parts: NodeParts;
  readonly #driver: Driver<NodeInput, NodeEffect>;
  readonly #codec = createMessageCodec();
  readonly #outbox: Outbox;
  readonly #bundles: BundleExchange;
  readonly #proofs: ProofExchange;
  readonly #watch: PulseWatch;
  readonly #changes = new Waiters<ChangeOutcome>();
  readonly #requests = new Waiters<RequestOutcome>();
  readonly #unreadable = new Map<NodeId, number>();
  readonly #suspends = new SuspendDetector();
  /** What the pulse said while a gap was being cleared up. */
  #fresh: NodeInput[] = [];
  #wallAheadMs = Number.NEGATIVE_INFINITY;
  #stopping = false;
  #leaving = false;
  #last: { readonly code: number; readonly text: string } | undefined;
  #ended = false;
  /** Those of the CIB whose plugins are kept ready. */
  #resources: Element | undefined;
  /** With which the process ends when it ends because of its disk. */
  #diskExit: number | undefined;

  constructor(parts: NodeParts) {
    this.#parts = parts;
    const { machine, pulse } = parts;
    this.#watch = new PulseWatch(pulse, parts.mainSilenceMs, () => this.#turn());
    const submit: OutboxOptions["submit"] = (messages) => pulse.submit(messages);
    this.#outbox = new Outbox({ codec: this.#codec, submit, soon: realTimers.soon });
    this.#bundles = new BundleExchange({
      send: (to, message) => this.#outbox.send(to, message),
      peers: () => this.#peers(),
      read: (sha512) => parts.plugins.trust.bundle(sha512),
      log: (text) => parts.log.write("error", text),
    });
    this.#proofs = new ProofExchange({
      send: (to, message) => this.#outbox.send(to, message),
      peers: () => this.#peers(),
      prove: (wish) => parts.plugins.trust.prove(wish),
    });
    this.#driver = new Driver({
      machine,
      perform: (effect) => this.#perform(effect),
      onBug: (error) => this.bug(error),
      timers: realTimers,
      gapGuard: { longerThanMs: this.#watch.gapMs, onGap: (gapMs) => this.#gap(gapMs) },
    });
  }

  start(): void {
    this.#keepPluginsReady();
    this.#driver.wake();
    this.#parts.pulse.listen({
      message: (message) => this.#hear(message),
      died: (text) => this.bug(new BugError(`Bug in Systole: the pulse died: ${text}`)),
    });
    this.#watch.start();
  }

  get cib(): Element {
    return this.#parts.machine.cib;
  }

  get standing(): Standing | undefined {
    return this.#parts.machine.standing;
  }

  /** What this node has on its disk. */
  get stored(): LogSnapshot {
    return this.#parts.machine.stored;
  }

  /** The plan that is being carried out, on the coordinator. */
  get transition(): TransitionStatus | undefined {
    return this.#parts.machine.transition;
  }

  get operations(): readonly OperationInFlight[] {
    return this.#parts.machine.inFlight;
  }

  get arbiter(): ArbiterStatus | undefined {
    return this.#parts.machine.arbiter;
  }

  get alertProblems(): readonly string[] {
    return this.#parts.machine.alertProblems;
  }

  get fencingHistory(): readonly FenceRecord[] {
    return this.#parts.machine.fencingHistory;
  }

  get stopping(): boolean {
    return this.#stopping;
  }

  /** Monotonic time since which everything is held back after a gap; undefined when nothing is. */
  get heldSinceMs(): number | undefined {
    return this.#watch.askedMs;
  }

  get longestLagMs(): number {
    return this.#watch.longestLagMs;
  }

  /** Resolves when the cluster has answered; asking again with the same id is safe. */
  change(request: ChangeRequest): Promise<ChangeOutcome> {
    const answer = this.#changes.wait(request.id);
    this.#driver.input({ type: "change", request });
    return answer;
  }

  /** Resolves when the coordinator has answered. */
  request(request: ServiceRequest): Promise<RequestOutcome> {
    const answer = this.#requests.wait(request.id);
    this.#driver.input({ type: "request", request });
    return answer;
  }

  /** An agent of this node sets an attribute of this node. */
  attribute(name: string, value: string | null): void {
    this.#driver.input({ type: "attribute", name, value });
  }

  /** The operator accepts that acknowledged changes may be missing: the cluster may start with the stores that are here. */
  startOverride(who: string): void {
    this.#note(
      "start-override",
      `${who} has told this node to start without a majority of intact stores; acknowledged changes may be missing.`,
    );
    this.#driver.input({ type: "start-override" });
  }

  /** Resources move away, the node leaves the view, the process ends. */
  shutdown(): void {
    if (this.#stopping) return;
    this.#stopping = true;
    this.#driver.input({ type: "shutdown" });
  }

  /** The bytes of a plugin from another node of the view, unchecked; undefined when none gives them. */
  fetchBundle(sha512: string): Promise<Uint8Array | undefined> {
    return this.#bundles.fetch(sha512);
  }

  /** What the other members of the view say of new bytes of a plugin. Never rejects, and takes no longer than a bounded time. */
  proveOnOthers(wish: Omit<ProofWish, "request">): Promise<readonly NodeProof[]> {
    return this.#proofs.askOthers(wish);
  }

  #peers(): NodeId[] {
    const members = this.standing?.view.members.map(({ id }) => id) ?? [];
    return members.filter((id) => id !== this.#parts.self);
  }

  /** A plugin has something to say. */
  pluginEvent(event: PluginEvent): void {
    this.#event({ ...event, epochMs: epochMs() });
  }

  #perform(effect: NodeEffect): void {
    const { pulse, plugins } = this.#parts;
    switch (effect.type) {
      case "send":
        this.#outbox.send(effect.to, effect.message);
        break;
      case "persist":
        this.#persist(effect);
        break;
      case "chain":
        pulse.chain(effect.chain);
        break;
      case "shun":
        pulse.shun(effect.node);
        break;
      case "agent-call":
      case "device-call":
      case "alert-call":
      case "arbiter-call":
        this.#callPlugin(effect);
        break;
      case "agent-abort":
        plugins.abortAgent(effect.id, effect.why);
        break;
      case "device-abort":
        plugins.abortDevice(effect.id, effect.why);
        break;
      case "alert-abort":
        plugins.abortAlert(effect.id, effect.why);
        break;
      case "change-answer":
        this.#changes.answer(effect.requestId, effect.outcome);
        break;
      case "request-answer":
        this.#requests.answer(effect.requestId, effect.outcome);
        break;
      case "cib":
        this.#keepPluginsReady();
        plugins.trust.lockChanged(effect.cib);
        this.events.changed();
        break;
      case "standing":
        this.events.changed();
        break;
      case "event":
        this.#event(effect.event);
        break;
      case "leave":
        this.#leaving = true;
        this.#outbox.flush();
        pulse.leave();
        break;
      case "exit":
        this.#outbox.flush();
        this.#exit(effect.code === EXIT.ok ? EXIT.ok : (this.#diskExit ?? effect.code), effect.text);
        break;
    }
  }

  #callPlugin(effect: Extract<NodeEffect, { type: `${string}-call` }>): void {
    const { plugins } = this.#parts;
    if (effect.type === "arbiter-call") {
      const { id, call, timeoutMs } = effect;
      this.#report(plugins.callArbiter(call, timeoutMs), (outcome) => ({ type: "arbiter-outcome", id, outcome }));
      return;
    }
    const { id } = effect.call;
    if (effect.type === "agent-call")
      this.#report(plugins.callAgent(effect.call), (outcome) => ({ type: "agent-outcome", id, outcome }));
    else if (effect.type === "device-call")
      this.#report(plugins.callDevice(effect.call), (outcome) => ({ type: "device-outcome", id, outcome }));
    else this.#report(plugins.callAlert(effect.call), (outcome) => ({ type: "alert-outcome", id, outcome }));
  }

  #keepPluginsReady(): void {
    const resources = resourcesOf(this.cib);
    if (resources === undefined || resources === this.#resources) return;
    this.#resources = resources;
    this.#parts.plugins.keepReady(usedPlugins(resources));
  }

  #persist({ id, records }: Extract<NodeEffect, { type: "persist" }>): void {
    this.#parts.store.persist(records).then(
      () => this.#driver.input({ type: "persisted", id }),
      (error: unknown) => {
        const code = systemCode(error) || "EIO";
        if (error instanceof SystoleError) this.#diskExit = error.exitCode;
        this.#driver.input({ type: "persist-failed", id, code, text: errorText(error) });
      },
    );
  }

  /** A plugin host that rejects has a bug: it promised to answer everything. */
  #report<Outcome>(call: Promise<Outcome>, input: (outcome: Outcome) => NodeInput): void {
    call.then(
      (outcome) => this.#driver.input(input(outcome)),
      (error: unknown) => this.bug(error),
    );
  }

  #hear(message: PulseMessage): void {
    switch (message.type) {
      case "view":
        this.#news({ type: "view", view: message.view, detectedAfterMs: message.detectedAfterMs });
        break;
      case "deliver":
        this.#deliver(message.from, message.incarnation, message.bytes);
        break;
      case "confirmed":
        this.#confirmed(message.id);
        break;
      case "note":
        this.#note(message.code, message.text, message.node);
        break;
      case "hung":
        this.#note(
          "main-hung",
          `The main thread did not turn for ${Math.round(message.silenceMs)} ms, so this node fell silent.`,
        );
        break;
      case "log":
        this.#parts.log.write(message.line.level, message.line.text, { plugin: message.line.plugin });
        break;
      case "gone":
        this.#end(this.#last?.code ?? EXIT.ok, this.#last?.text ?? "This node has left the cluster.");
        break;
    }
  }

  #deliver(from: NodeId, incarnation: Incarnation, bytes: Uint8Array): void {
    for (const decoded of this.#codec.decodeAll(bytes)) {
      if (!("value" in decoded)) this.#countUnreadable(from, decoded.rejection);
      else if (isBundleMessage(decoded.value)) this.#hearPluginHost(from, decoded.value);
      else this.#news({ type: "message", from, incarnation, message: decoded.value });
    }
  }

  #hearPluginHost(from: NodeId, message: BundleMessage): void {
    if (message.type !== "proof-wanted" && message.type !== "proof-given") this.#bundles.hear(from, message);
    else this.#proofs.hear(from, message).catch((error: unknown) => this.bug(error));
  }

  /** Says so at the 1st, 10th, 100th, ... of them. */
  #countUnreadable(from: NodeId, rejection: Rejection): void {
    const count = (this.#unreadable.get(from) ?? 0) + 1;
    this.#unreadable.set(from, count);
    if (!Number.isInteger(Math.log10(count))) return;
    const text = `A message of ${this.#nameOf(from)} was dropped: ${rejection.text}; ${count} such so far. It runs a release that is too different, or has a bug.`;
    this.#note(`message-${rejection.code}`, text, from);
  }

  #news(input: NodeInput): void {
    if (this.#driver.held) this.#fresh.push(input);
    else this.#driver.input(input);
  }

  /** This process did not turn for a while: others may have given it up. Nothing is decided before the pulse has said how things stand. */
  #gap(gapMs: number): void {
    this.#watch.ask();
    this.#parts.log.write(
      "warn",
      `The main thread did not turn for ${Math.round(gapMs)} ms; nothing is done before the pulse has confirmed the view.`,
      { code: "gap" },
    );
  }

  #confirmed(id: number): void {
    if (!this.#watch.isAnswer(id)) return;
    const fresh = this.#fresh;
    this.#fresh = [];
    this.#driver.release(fresh);
  }

  /** Regularly, and first thing after a pause. */
  #turn(): void {
    const sleptMs = this.#suspends.sleptMs();
    if (sleptMs > 0) {
      const text = `This machine was suspended for ${Math.round(sleptMs)} ms, so its peers have replaced it: the node ends before it does anything on what it knew. Start it again.`;
      this.#end(EXIT.system, text);
      return;
    }
    const wallAheadMs = epochMs() - nowMs();
    if (Math.abs(wallAheadMs - this.#wallAheadMs) > WALL_CLOCK_STEP_MS) {
      this.#wallAheadMs = wallAheadMs;
      this.#driver.input({ type: "wall-clock", epochMs: epochMs() });
    } else this.#driver.wake();
  }

  #note(code: string, text: string, node?: NodeId): void {
    const name = node === undefined ? {} : { node: this.#nameOf(node) };
    const severity = ORDINARY_NOTES.has(code) ? "info" : "warning";
    this.#event({ epochMs: epochMs(), kind: "note", code, text, severity, ...name });
  }

  #event(told: ClusterEvent): void {
    const event = told.kind === "note" ? { ...told, text: this.#withNames(told.text) } : told;
    const level = event.severity === "warning" ? "warn" : event.severity;
    const { kind, code, node: about, resource, durationMs } = event;
    this.#parts.log.write(level, event.text, { kind, code, about, resource, durationMs });
    this.events.add(event);
  }

  /** The kernel knows nodes by their numbers, people by their names. */
  #withNames(text: string): string {
    return text.replace(/\b[Nn]ode (\d+)\b/g, (words, id) => {
      return this.#parts.nodes.find((node) => `${node.id}` === id)?.name ?? words;
    });
  }

  #nameOf(id: NodeId): string {
    return this.#parts.nodes.find((node) => node.id === id)?.name ?? `node ${id}`;
  }

  /** Something that cannot be is so: the process ends, and the peers fence this node. */
  bug(error: unknown): void {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    this.#end(EXIT.bug, `${text} The node ends now, and its peers fence it. Please report this with the log.`);
  }

  /** After a farewell the others are given a moment to hear it: without it they would wait for the detection time, and fence. */
  #exit(code: number, text: string): void {
    this.#last = { code, text };
    if (this.#leaving) setTimeout(() => this.#end(code, text), FAREWELL_TIMEOUT_MS);
    else this.#end(code, text);
  }

  #end(code: number, text: string): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#driver.stop();
    this.#watch.stop();
    this.#parts.onEnd(code, text);
  }
}

/** The pulse itself stops waiting for an echo of its farewell long before. */
const FAREWELL_TIMEOUT_MS = 5_000;

/** Notes of the pulse on what happens in every healthy cluster. */
const ORDINARY_NOTES: ReadonlySet<string> = new Set(["peer-heard", "peer-left", "peer-restarted", "replayed"]);

/** The machine is told the wall clock again when it has moved by this against the monotonic one. */
const WALL_CLOCK_STEP_MS = 20;
