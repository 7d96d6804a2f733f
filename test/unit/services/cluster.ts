// Whole node machines under a scripted pulse and virtual time, with agents and fence devices that do as they are told. Messages take
// one millisecond, calls of agents and devices a few; views come from the test. Used by node.test.ts.

import { createHash } from "node:crypto";
import { formatXml, parseXml } from "../../../runtime/compat/xml.ts";
import { applyEdits } from "../../../runtime/kernel/cib/edits.ts";
import type { Element } from "../../../runtime/kernel/cib/element.ts";
import { DurableLog, snapshotOf } from "../../../runtime/kernel/cib/log.ts";
import { applyPatchset } from "../../../runtime/kernel/cib/patchset.ts";
import { foundingCib } from "../../../runtime/kernel/cib/version.ts";
import type { Departure, DepartureCause, NodeId, View } from "../../../runtime/kernel/membership/view.ts";
import type { ChangeOutcome, StoreRecord } from "../../../runtime/kernel/messages.ts";
import type {
  AgentCall,
  AgentOutcome,
  AlertCall,
  AlertOutcome,
  DeviceCall,
  DeviceOutcome,
} from "../../../runtime/services/calls.ts";
import type { ClusterEvent, NodeEffect, NodeInput, RequestOutcome } from "../../../runtime/services/messages.ts";
import { createNode, type NodeMachine } from "../../../runtime/services/node.ts";
import { schedule } from "../../../runtime/services/scheduler/schedule.ts";

export const EPOCH_MS = 1_700_000_000_000;
export const MESSAGE_MS = 1;
export const AGENT_MS = 5;
export const DEVICE_MS = 10;
export const ALERT_MS = 20;
export const PERSIST_MS = 1;

const md5Hex = (text: string): string => createHash("md5").update(text).digest("hex");
const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

/** What happened, with the time, in the order in which it did. */
export interface Line {
  readonly atMs: number;
  readonly text: string;
}

type State = "running" | "promoted" | "stopped" | "failed";

interface FakeNode {
  readonly id: NodeId;
  readonly name: string;
  log: DurableLog;
  incarnation: number;
  machine: NodeMachine;
  up: boolean;
  view: View | undefined;
  /** Resources that run on the machine; they die with it, not with the process. */
  readonly services: Map<string, State>;
  exit: { readonly code: number; readonly text: string } | undefined;
}

export class Cluster {
  nowMs = 0;
  readonly nodes: FakeNode[];
  readonly lines: Line[] = [];
  readonly events: ClusterEvent[] = [];
  readonly answers = new Map<string, ChangeOutcome | RequestOutcome>();
  /** Times at which `web` was started while it was active elsewhere: must stay empty. */
  readonly doubles: string[] = [];
  /** How long a call takes that is not over in AGENT_MS; by verb and resource. */
  readonly agentMs = new Map<string, number>();
  /** What a device does; by device id. */
  readonly devices = new Map<string, "works" | "lies" | "hangs" | "fails">();
  /** Called before the ordinary answer of an agent; returns another one, or "hang". */
  onAgentCall: ((node: string, call: AgentCall) => AgentOutcome | "hang" | undefined) | undefined;
  /** Called for each call of an alert sink; returns its outcome, or "hang". Without it every one is done. */
  onAlertCall: ((node: string, call: AlertCall) => AlertOutcome | "hang" | undefined) | undefined;
  /** Asked before each effect of a node is performed; true: here its process or its computer ends. */
  beforeEffect: ((id: NodeId, effect: NodeEffect) => boolean) | undefined;
  private readonly queue: { readonly atMs: number; readonly order: number; readonly act: () => void }[] = [];
  private order = 0;
  private viewNumber = 0;
  private departures: Departure[] = [];

  constructor(count: number, configuration: string) {
    const document = withConfiguration(configuration, count);
    this.nodes = Array.from({ length: count }, (_, at) => this.makeNode(at + 1, count, document));
  }

  private makeNode(id: NodeId, count: number, document: Element): FakeNode {
    const position = {
      primaryNumber: 0,
      index: 0,
      adoptedPrimary: 0,
      promisedPrimary: 0,
      promisedMembers: [],
      intact: true,
      empty: false,
    };
    const log = new DurableLog({ cib: document, position, recentRequests: [], entries: [], history: [] });
    const node = {
      id,
      name: `n${id}`,
      log,
      incarnation: 0,
      up: false,
      view: undefined,
      services: new Map(),
      exit: undefined,
    };
    return { ...node, machine: this.machine(node, count) };
  }

  private machine(node: { id: NodeId; incarnation: number; log: DurableLog }, count = this.nodes.length): NodeMachine {
    const nodes = Array.from({ length: count }, (_, at) => ({ id: at + 1, name: `n${at + 1}`, votes: 1 }));
    const quorum = {
      nodes,
      twoNode: count === 2,
      waitForAll: count === 2,
      autoTieBreaker: false,
      fencing: true,
      acceptLoss: false,
    };
    return createNode(
      {
        self: node.id,
        incarnation: node.incarnation,
        nodes,
        kernel: { quorum: () => quorum, hash: sha256, validateConfiguration: () => [] },
        schedule,
        md5Hex,
        random: () => 0.5,
        runId: `0000000${node.id}-0000-0000-0000-${`${node.incarnation}`.padStart(12, "0")}`,
        epochMs: EPOCH_MS + this.nowMs,
      },
      { ...snapshotOf(node.log), entries: node.log.entries },
    );
  }

  node(id: NodeId): FakeNode {
    const node = this.nodes[id - 1];
    if (node === undefined) throw new Error(`no node ${id}`);
    return node;
  }

  /** A new life of these nodes' processes, with what their disks have. */
  start(...ids: NodeId[]): void {
    for (const id of ids) {
      const node = this.node(id);
      node.incarnation += 1;
      node.view = undefined;
      node.exit = undefined;
      node.machine = this.machine(node);
      node.up = true;
    }
  }

  /** The computer goes down, and everything on it. */
  kill(id: NodeId): void {
    const node = this.node(id);
    if (!node.up && node.services.size === 0) return;
    this.say(`n${id} dies`);
    node.up = false;
    node.view = undefined;
    node.services.clear();
  }

  /** The process dies or hangs; what it started goes on. */
  silence(id: NodeId): void {
    this.say(`n${id} falls silent`);
    this.node(id).up = false;
    this.node(id).view = undefined;
  }

  /** These nodes agree on a view now; how the others went is `cause`. */
  view(ids: readonly NodeId[], cause: DepartureCause = "silent"): void {
    this.viewNumber += 1;
    const members = ids.map((id) => {
      const { machine, incarnation } = this.node(id);
      return { id, incarnation, featureLevel: 1, ...machine.chain };
    });
    const before = this.nodes.filter((node) => node.incarnation > 0 && !ids.includes(node.id));
    for (const { id, incarnation } of before) {
      if (this.departures.some((departure) => departure.id === id && departure.incarnation === incarnation)) continue;
      this.departures = this.departures.filter((departure) => departure.id !== id);
      this.departures.push({ id, incarnation, cause });
    }
    this.departures = this.departures.filter((departure) => !ids.includes(departure.id)).sort((a, b) => a.id - b.id);
    const view: View = {
      id: { number: this.viewNumber, proposer: ids[0] ?? 0 },
      members,
      departures: this.departures,
    };
    this.say(`view ${ids.map((id) => `n${id}`).join(" ")}`);
    for (const id of ids) this.node(id).view = view;
    for (const id of ids) this.input(id, { type: "view", view, detectedAfterMs: {} });
  }

  input(id: NodeId, input: NodeInput): void {
    const node = this.node(id);
    if (!node.up) return;
    for (const effect of node.machine.step(input, this.nowMs)) {
      if (!node.up || this.beforeEffect?.(id, effect) === true) return;
      this.perform(node, effect);
    }
  }

  after(delayMs: number, act: () => void): void {
    this.order += 1;
    this.queue.push({ atMs: this.nowMs + delayMs, order: this.order, act });
  }

  say(text: string): void {
    this.lines.push({ atMs: this.nowMs, text });
  }

  /** When a line with this text came first (since a time). */
  whenSaid(pattern: RegExp, sinceMs = 0): number | undefined {
    return this.lines.find((line) => line.atMs >= sinceMs && pattern.test(line.text))?.atMs;
  }

  /** Lets time pass: what is on its way arrives, deadlines are met. */
  run(forMs: number, until?: () => boolean): void {
    const endMs = this.nowMs + forMs;
    for (let steps = 0; steps < 1_000_000; steps++) {
      if (until?.()) return;
      this.queue.sort((a, b) => a.atMs - b.atMs || a.order - b.order);
      const next = this.queue[0];
      let tick: FakeNode | undefined;
      let tickMs = Number.POSITIVE_INFINITY;
      for (const node of this.nodes) {
        const deadlineMs = node.up ? node.machine.deadlineMs() : undefined;
        if (deadlineMs !== undefined && deadlineMs < tickMs) {
          tick = node;
          tickMs = deadlineMs;
        }
      }
      const atMs = Math.min(next?.atMs ?? Number.POSITIVE_INFINITY, tickMs);
      if (atMs > endMs) {
        this.nowMs = endMs;
        return;
      }
      this.nowMs = Math.max(this.nowMs, atMs);
      if (next !== undefined && next.atMs <= tickMs) {
        this.queue.shift();
        next.act();
      } else if (tick !== undefined) this.input(tick.id, { type: "tick" });
    }
    throw new Error("the cluster does not come to rest");
  }

  private perform(node: FakeNode, effect: NodeEffect): void {
    const { incarnation } = node;
    const back = (delayMs: number, input: NodeInput) =>
      this.after(delayMs, () => {
        if (node.incarnation === incarnation) this.input(node.id, input);
      });
    switch (effect.type) {
      case "send":
        this.deliver(node, effect);
        break;
      case "persist":
        this.after(PERSIST_MS, () => {
          if (!node.up || node.incarnation !== incarnation) return;
          write(node.log, effect.records);
          this.input(node.id, { type: "persisted", id: effect.id });
        });
        break;
      case "agent-call": {
        const outcome = this.agent(node, effect.call);
        const tookMs = this.agentMs.get(`${effect.call.verb} ${effect.call.resource.id}`) ?? AGENT_MS;
        if (outcome !== "hang") back(tookMs, { type: "agent-outcome", id: effect.call.id, outcome });
        break;
      }
      case "agent-abort":
        back(0, { type: "agent-outcome", id: effect.id, outcome: { outcome: "unknown", reason: effect.why } });
        break;
      case "device-call": {
        const outcome = this.device(node, effect.call);
        if (outcome !== "hang") back(DEVICE_MS, { type: "device-outcome", id: effect.call.id, outcome });
        break;
      }
      case "device-abort":
        back(0, { type: "device-outcome", id: effect.id, outcome: { outcome: "error", reason: effect.why } });
        break;
      case "alert-call": {
        const { id } = effect.call;
        const outcome = this.onAlertCall?.(node.name, effect.call) ?? { outcome: "done" };
        if (outcome !== "hang") back(ALERT_MS, { type: "alert-outcome", id, outcome });
        break;
      }
      case "alert-abort":
        back(0, { type: "alert-outcome", id: effect.id, outcome: { outcome: "error", reason: effect.why } });
        break;
      case "change-answer":
      case "request-answer":
        this.answers.set(effect.requestId, effect.outcome);
        break;
      case "event":
        this.events.push(effect.event);
        this.say(`${node.name}: ${effect.event.text}`);
        break;
      case "leave":
        this.say(`${node.name} leaves`);
        break;
      case "exit":
        this.say(`${node.name} exits with ${effect.code}`);
        node.exit = { code: effect.code, text: effect.text };
        node.up = false;
        break;
    }
  }

  private deliver(node: FakeNode, effect: NodeEffect & { type: "send" }): void {
    const to = this.node(effect.to);
    const { incarnation } = to;
    const message = structuredClone(effect.message);
    this.after(MESSAGE_MS, () => {
      const together = to.view?.members.some(
        (member) => member.id === node.id && member.incarnation === node.incarnation,
      );
      if (to.incarnation !== incarnation || together !== true) return;
      this.input(to.id, { type: "message", from: node.id, incarnation: node.incarnation, message });
    });
  }

  private agent(node: FakeNode, call: AgentCall): AgentOutcome | "hang" {
    const told = this.onAgentCall?.(node.name, call);
    if (told !== undefined) return told;
    const { id } = call.resource;
    const state = node.services.get(id) ?? "stopped";
    if (call.verb === "monitor") return { outcome: "state", state };
    if (call.verb === "start" && id === "web" && this.where(id).some((name) => name !== node.name)) {
      this.doubles.push(`${this.nowMs} on ${node.name} while on ${this.where(id).join(" ")}`);
    }
    this.say(`${call.verb} ${id} on ${node.name}`);
    if (call.verb === "start" || call.verb === "demote" || call.verb === "migrateFrom")
      node.services.set(id, "running");
    if (call.verb === "promote") node.services.set(id, "promoted");
    if (call.verb === "stop" || call.verb === "migrateTo") node.services.delete(id);
    return { outcome: "done" };
  }

  private device(node: FakeNode, call: DeviceCall): DeviceOutcome | "hang" {
    const behaviour = this.devices.get(call.device.id) ?? "works";
    if (call.verb === "check") return { outcome: "done" };
    const victim = this.nodes.find((candidate) => candidate.name === call.target);
    if (behaviour === "hangs") return "hang";
    if (behaviour === "fails" || victim === undefined) return { outcome: "error", reason: "no answer from the device" };
    if (call.verb === "setPower") {
      this.say(`${node.name} switches ${victim.name} ${call.want}`);
      if (behaviour === "works" && call.want === "off") this.kill(victim.id);
      return { outcome: "done" };
    }
    const isOn = victim.up || victim.services.size > 0;
    this.say(`${node.name} reads ${victim.name} ${isOn ? "on" : "off"}`);
    return { outcome: "power", power: isOn ? "on" : "off" };
  }

  /** Where a resource runs in truth, sorted. */
  where(resource: string): string[] {
    return this.nodes.filter((node) => node.services.has(resource)).map((node) => node.name);
  }

  /** The CIB of a node as XML. */
  xml(id: NodeId): string {
    return formatXml(this.node(id).machine.cib);
  }
}

function write(log: DurableLog, records: readonly StoreRecord[]): void {
  for (const record of records) {
    if (record.record !== "entry") {
      log.advance({ record });
      continue;
    }
    const patched = applyPatchset(log.document, record.entry.patchset);
    if (!patched.ok) throw new Error(patched.reason);
    log.advance({ record, after: patched.cib });
  }
}

function withConfiguration(configuration: string, count: number): Element {
  const nodes = Array.from({ length: count }, (_, at) => `<node id="${at + 1}" uname="n${at + 1}"/>`).join("");
  const xml = `<configuration>${configuration.replace("<nodes/>", `<nodes>${nodes}</nodes>`)}</configuration>`;
  const edited = applyEdits(foundingCib(), [{ edit: "replace-configuration", element: parseXml(xml) }]);
  if (!edited.ok) throw new Error(edited.reason);
  return edited.cib;
}
