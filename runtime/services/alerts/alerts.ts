// Alerts: who outside is told of what happens in the cluster, and by whom.
//
// Each node has this machine, and each event is told by one node only. What concerns the cluster (who is a member, what was fenced, which
// attribute has changed) is told by the coordinator of the view; an operation of a resource by the node that ran it. So a recipient
// hears of an event once, not once from each node. Who is told follows from the <alerts> of the CIB (sinks.ts); each recipient has a queue
// of its own (recipient.ts), and nothing here is ever waited for.
// While a cluster is split each part has a coordinator: both tell what they see, and `primary` says whose word counts.

import type { Alert } from "../../../sdk/mod.ts";
import type { Element } from "../../kernel/cib/element.ts";
import { childNamed } from "../../kernel/cib/element.ts";
import { earliest, type Machine, type Tick } from "../../kernel/machine.ts";
import type { Incarnation, NodeId } from "../../kernel/membership/view.ts";
import type { Standing } from "../../kernel/messages.ts";
import type { AlertCall, AlertOutcome } from "../calls.ts";
import type { FenceRecord } from "../fencer/fence.ts";
import type { OperationResult } from "../messages.ts";
import type { UntimedEvent } from "../node-events.ts";
import { readBlocks } from "../scheduler/attributes.ts";
import { makeResolver } from "../scheduler/cluster.ts";
import { attributeChanges } from "./attribute-changes.ts";
import { type AlertEvent, attributeChanged, fenced, joined, lost, type NamedNode, operationEnded } from "./facts.ts";
import { Recipient } from "./recipient.ts";
import { alertsSection, hasRules, isWanted, readSinks, type Sink } from "./sinks.ts";
import { formatTimestamp } from "./timestamp.ts";

/** Recipients that are told; what a CIB names beyond them is not. */
export const MAX_RECIPIENTS = 64;

export interface AlertsConfig {
  readonly self: NodeId;
  readonly nodes: readonly NamedNode[];
  /** Identifies this life of the node. */
  readonly runId: string;
  /** The cluster's name, where the CIB has none. */
  readonly cluster?: string;
  readonly timeZoneOffsetMinutes: number;
  /** Numbers for calls, unique on this node. */
  readonly nextCallId: () => number;
}

export type AlertsInput =
  | Tick
  | { readonly type: "cib"; readonly cib: Element }
  | { readonly type: "standing"; readonly standing: Standing }
  /** A fence of the coordinator on this node has ended. */
  | { readonly type: "fence-outcome"; readonly record: FenceRecord; readonly ok: boolean }
  /** An operation of this node has ended; the same result may come again. */
  | { readonly type: "operation-result"; readonly result: OperationResult }
  | { readonly type: "alert-outcome"; readonly id: number; readonly outcome: AlertOutcome }
  | { readonly type: "wall-clock"; readonly epochMs: number };

export type AlertsEffect =
  | { readonly type: "alert-call"; readonly call: AlertCall }
  | { readonly type: "alert-abort"; readonly id: number; readonly why: string }
  | { readonly type: "event"; readonly event: UntimedEvent };

/** Tells those who want to know. */
export class Alerts implements Machine<AlertsInput, AlertsEffect> {
  private readonly config: AlertsConfig;
  private readonly sender: string;
  /** By the sink's id. */
  private readonly recipients = new Map<string, Recipient>();
  private cib: Element | undefined;
  private section: Element | undefined;
  /** Those of the section; read anew at each event when a rule says who is told. */
  private sinks: readonly Sink[] = [];
  private depends = false;
  private isCoordinator = false;
  /** Lives that are members as far as was told, by number. */
  private readonly announced = new Map<NodeId, Incarnation>();
  private lastCallId = 0;
  private sequence = 0;
  private epochOffsetMs = 0;
  private effects: AlertsEffect[] = [];

  constructor(config: AlertsConfig) {
    this.config = config;
    this.sender = this.nodeOf(config.self).name;
  }

  /** Whether something waits to be delivered. */
  get busy(): boolean {
    return [...this.recipients.values()].some((recipient) => recipient.busy);
  }

  /** Recipients that do not take what they are told, in sentences. */
  get problems(): readonly string[] {
    return [...this.recipients.values()].flatMap(({ problem }) => (problem === undefined ? [] : [problem]));
  }

  deadlineMs(): number | undefined {
    let first: number | undefined;
    for (const recipient of this.recipients.values()) first = earliest(first, recipient.deadlineMs());
    return first;
  }

  step(input: AlertsInput, nowMs: number): AlertsEffect[] {
    this.effects = [];
    switch (input.type) {
      case "tick":
        break;
      case "wall-clock":
        this.epochOffsetMs = input.epochMs - nowMs;
        break;
      case "cib":
        this.takeCib(input.cib, nowMs);
        break;
      case "standing":
        this.takeStanding(input.standing, nowMs);
        break;
      case "fence-outcome":
        this.tell(fenced(input.record, input.ok), nowMs);
        break;
      case "operation-result":
        this.takeResult(input.result, nowMs);
        break;
      case "alert-outcome":
        for (const recipient of this.recipients.values()) {
          if (recipient.callId === input.id) recipient.outcome(input.outcome, nowMs);
        }
        break;
    }
    for (const recipient of this.recipients.values()) recipient.proceed(nowMs);
    return this.effects;
  }

  // --- what happens ---------------------------------------------------------------------------------------------------------

  private takeStanding(standing: Standing, nowMs: number): void {
    const { established, primary, coordinator, view } = standing;
    this.isCoordinator = established && coordinator === this.config.self;
    if (!established) return;
    const lives = new Map(view.members.map(({ id, incarnation }) => [id, incarnation]));
    for (const [id, incarnation] of [...this.announced]) {
      if (lives.get(id) === incarnation) continue;
      this.announced.delete(id);
      const departure = view.departures.find((one) => one.id === id && one.incarnation === incarnation);
      const cause = departure?.cause ?? (lives.has(id) ? "restarted" : "unreachable");
      if (this.isCoordinator) this.tell(lost(this.nodeOf(id), cause, this.sender, primary), nowMs);
    }
    // A node that starts alone is no news before it is part of a cluster that may act.
    if (!primary) return;
    for (const [id, incarnation] of lives) {
      if (this.announced.has(id)) continue;
      this.announced.set(id, incarnation);
      if (this.isCoordinator) this.tell(joined(this.nodeOf(id)), nowMs);
    }
  }

  private takeResult(result: OperationResult, nowMs: number): void {
    // Reported once more, to a new coordinator: told already.
    if (result.callId <= this.lastCallId) return;
    this.lastCallId = result.callId;
    const event = operationEnded(result, this.sender);
    if (event !== undefined) this.tell(event, nowMs);
  }

  private takeCib(cib: Element, nowMs: number): void {
    const before = this.cib;
    this.cib = cib;
    this.configure(cib, nowMs);
    const listening = this.sinks.some((sink) => sink.kinds.has("attribute"));
    if (before === undefined || !this.isCoordinator || !(listening || this.depends)) return;
    // With a node that is gone its attributes go too, which its being gone says.
    for (const id of [...this.announced.keys()].sort((a, b) => a - b)) {
      for (const { name, value } of attributeChanges(before, cib, `${id}`)) {
        this.tell(attributeChanged(this.nodeOf(id), name, value), nowMs);
      }
    }
  }

  // --- who is told ----------------------------------------------------------------------------------------------------------

  private configure(cib: Element, nowMs: number): void {
    const section = alertsSection(cib);
    if (section === this.section) return;
    this.section = section;
    this.depends = section !== undefined && hasRules(section);
    const count = this.readSinks(nowMs);
    if (count > MAX_RECIPIENTS) this.tellTooMany(count);
    const wanted = new Set(this.sinks.map(({ id }) => id));
    for (const [id, recipient] of [...this.recipients]) {
      // Who is silent by a rule of time goes on with what waits for it.
      if (wanted.has(id) || (this.depends && namesId(section, id))) continue;
      this.recipients.delete(id);
      const { callId } = recipient;
      const why = `the alert ${id} is not configured any more`;
      if (callId !== undefined) this.effects.push({ type: "alert-abort", id: callId, why });
    }
    for (const sink of this.sinks) this.recipientOf(sink).configure(sink);
  }

  /** Reads who is to be told now; how many the CIB has. */
  private readSinks(nowMs: number): number {
    const { cib, section } = this;
    if (cib === undefined || section === undefined) {
      this.sinks = [];
      return 0;
    }
    const all = readSinks(section, {
      nowEpochSeconds: Math.floor((nowMs + this.epochOffsetMs) / 1000),
      zoneMinutes: this.config.timeZoneOffsetMinutes,
      resolve: makeResolver(cib),
    });
    this.sinks = all.slice(0, MAX_RECIPIENTS);
    return all.length;
  }

  private tellTooMany(count: number): void {
    const text = `The CIB has ${count} recipients of alerts, and only the first ${MAX_RECIPIENTS} are told. Let one that tells others stand for several.`;
    this.effects.push({ type: "event", event: { kind: "alert", code: "alert-recipients", text, severity: "warning" } });
  }

  private recipientOf(sink: Sink): Recipient {
    const known = this.recipients.get(sink.id);
    if (known !== undefined) return known;
    const recipient = new Recipient(sink, {
      sender: this.sender,
      nextCallId: this.config.nextCallId,
      call: (call) => this.effects.push({ type: "alert-call", call }),
      tell: (event) => this.effects.push({ type: "event", event }),
    });
    this.recipients.set(sink.id, recipient);
    return recipient;
  }

  private tell(event: AlertEvent, nowMs: number): void {
    if (this.section === undefined) return;
    if (this.depends) {
      this.readSinks(nowMs);
      for (const sink of this.sinks) this.recipientOf(sink).configure(sink);
    }
    const name = event.kind === "attribute" ? event.name : undefined;
    const wanted = this.sinks.filter((sink) => isWanted(sink, event.kind, name));
    if (wanted.length === 0) return;
    this.sequence += 1;
    const epochMs = Math.max(0, Math.round(nowMs + this.epochOffsetMs));
    const cluster = this.clusterName();
    for (const sink of wanted) {
      const { id, recipient, timestampFormat } = sink;
      const alert: Alert = {
        deliveryId: `${this.config.runId}-${this.sequence}-${id}`,
        sequence: this.sequence,
        epochMs,
        timestamp: formatTimestamp(timestampFormat, epochMs, this.config.timeZoneOffsetMinutes),
        ...(cluster === undefined ? {} : { cluster }),
        sender: this.sender,
        ...(recipient === undefined ? {} : { recipient }),
        ...event,
      };
      this.recipientOf(sink).add(alert);
    }
  }

  private clusterName(): string | undefined {
    const { cib } = this;
    const values = new Map<string, string>();
    const config = childNamed(childNamed(cib, "configuration"), "crm_config");
    const input = { nowEpochSeconds: 0, zoneMinutes: 0, resolve: (element: Element) => element };
    readBlocks(config, "cluster_property_set", values, input);
    return values.get("cluster-name") ?? this.config.cluster;
  }

  private nodeOf(id: NodeId): NamedNode {
    return this.config.nodes.find((node) => node.id === id) ?? { id, name: `node ${id}` };
  }
}

/** Whether the section has an alert or recipient of that id, be it switched on or off. */
function namesId(section: Element | undefined, id: string): boolean {
  return section?.children.some((child) => child.attributes["id"] === id || namesId(child, id)) ?? false;
}
