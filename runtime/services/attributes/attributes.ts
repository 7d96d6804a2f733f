// Node attributes that live as long as the node is in the cluster (transient_attributes in the status section).
//
// Whoever wants one set tells the coordinator; the coordinator writes. With dampening, the first change of an attribute starts its
// time, and when that is over the values of all nodes are written as one change: a network that fails makes the same
// attribute change on every node within moments, and what follows from it shall be decided once.
// What this node itself wants set is told to each new coordinator again until it stands in the CIB.

import type { Element } from "../../kernel/cib/element.ts";
import { earliest, type Machine, type Tick } from "../../kernel/machine.ts";
import type { NodeId } from "../../kernel/membership/view.ts";
import type { ChangeOutcome, ChangeRequest, CibEdit } from "../../kernel/messages.ts";
import { compareText } from "../../model/text.ts";
import type { ServiceMessage } from "../messages.ts";
import { attributeEdit, nodeState, transientAttribute } from "./edits.ts";

/** Different attributes of one node that may wait to be written. */
export const MAX_WAITING_ATTRIBUTES = 4096;
/** When a node's <node_state> is not there yet, its attributes are looked at again after this time. */
export const NODE_STATE_RETRY_MS = 1000;
/** How often a write whose outcome is unknown is asked again. */
export const MAX_WRITE_ATTEMPTS = 5;

export interface AttributesConfig {
  readonly self: NodeId;
  readonly nodes: readonly { readonly id: NodeId; readonly name: string }[];
  readonly runId: string;
}

export type AttributesInput =
  | Tick
  /** This node wants an attribute of its own set (null: removed). */
  | { readonly type: "own"; readonly name: string; readonly value: string | null; readonly dampeningMs: number }
  /** A node, or a person, asks the coordinator on this node. */
  | {
      readonly type: "set";
      readonly node: string;
      readonly name: string;
      readonly value: string | null;
      readonly dampeningMs: number;
    }
  | { readonly type: "cib"; readonly cib: Element }
  /** Who writes now; undefined while there is nobody. */
  | { readonly type: "coordinator"; readonly coordinator: NodeId | undefined }
  | { readonly type: "answer"; readonly requestId: string; readonly outcome: ChangeOutcome };

export type AttributesEffect =
  | { readonly type: "send"; readonly to: NodeId; readonly message: ServiceMessage }
  | { readonly type: "change"; readonly request: ChangeRequest };

interface Waiting {
  /** By node name. */
  readonly values: Map<string, string | null>;
  dueMs: number;
}

/** The attributes of one node, and on the coordinator those of all. */
export class Attributes implements Machine<AttributesInput, AttributesEffect> {
  private readonly config: AttributesConfig;
  /** What this node wants and the CIB does not show yet. */
  private readonly own = new Map<string, { readonly value: string | null; readonly dampeningMs: number }>();
  /** By attribute name. */
  private readonly waiting = new Map<string, Waiting>();
  private readonly writes = new Map<string, { readonly request: ChangeRequest; attempts: number }>();
  private coordinator: NodeId | undefined;
  private cib: Element | undefined;
  private writeCount = 0;
  private effects: AttributesEffect[] = [];

  constructor(config: AttributesConfig) {
    this.config = config;
  }

  deadlineMs(): number | undefined {
    // While a write is under way its answer is what goes on from here.
    if (this.coordinator !== this.config.self || this.writes.size > 0) return undefined;
    let first: number | undefined;
    for (const waiting of this.waiting.values()) first = earliest(first, waiting.dueMs);
    return first;
  }

  step(input: AttributesInput, nowMs: number): AttributesEffect[] {
    this.effects = [];
    switch (input.type) {
      case "tick":
        break;
      case "own":
        this.setOwn(input.name, input.value, input.dampeningMs);
        break;
      case "set":
        this.set(input, nowMs);
        break;
      case "cib":
        this.cib = input.cib;
        this.forgetOwnThatStands();
        break;
      case "coordinator":
        this.follow(input.coordinator);
        break;
      case "answer":
        this.answered(input.requestId, input.outcome);
        break;
    }
    this.write(nowMs);
    return this.effects;
  }

  /** Why an attribute of that node cannot be set; undefined when it can. */
  refusal(node: string): string | undefined {
    const known = this.config.nodes.find((candidate) => candidate.name === node);
    if (known === undefined) {
      const names = this.config.nodes.map((candidate) => candidate.name).join(", ");
      return `There is no node ${node} in this cluster. Use one of ${names}.`;
    }
    if (this.cib === undefined || nodeState(this.cib, `${known.id}`) === undefined) {
      return `${node} has not been in the cluster yet, so it has no transient attributes. Start it first.`;
    }
    return undefined;
  }

  private setOwn(name: string, value: string | null, dampeningMs: number): void {
    if (this.own.size >= MAX_WAITING_ATTRIBUTES && !this.own.has(name)) return;
    this.own.set(name, { value, dampeningMs });
    this.tell(name);
  }

  private tell(name: string): void {
    const wanted = this.own.get(name);
    if (wanted === undefined || this.coordinator === undefined) return;
    const node = this.nameOf(this.config.self);
    const message: ServiceMessage = { type: "attribute", node, name, ...wanted };
    this.effects.push({ type: "send", to: this.coordinator, message });
  }

  private forgetOwnThatStands(): void {
    if (this.cib === undefined) return;
    const id = `${this.config.self}`;
    for (const [name, { value }] of [...this.own]) {
      if ((transientAttribute(this.cib, id, name) ?? null) === value) this.own.delete(name);
    }
  }

  private follow(coordinator: NodeId | undefined): void {
    this.coordinator = coordinator;
    if (coordinator !== this.config.self) {
      this.waiting.clear();
      this.writes.clear();
    }
    for (const name of [...this.own.keys()].sort(compareText)) this.tell(name);
  }

  private set(input: AttributesInput & { type: "set" }, nowMs: number): void {
    if (this.coordinator !== this.config.self || !this.config.nodes.some((node) => node.name === input.node)) return;
    let waiting = this.waiting.get(input.name);
    if (waiting === undefined) {
      if (this.waiting.size >= MAX_WAITING_ATTRIBUTES) return;
      waiting = { values: new Map(), dueMs: nowMs + input.dampeningMs };
      this.waiting.set(input.name, waiting);
    }
    waiting.values.set(input.node, input.value);
    // Without dampening it is wanted now, with everything else that waits for this attribute.
    waiting.dueMs = Math.min(waiting.dueMs, nowMs + input.dampeningMs);
  }

  private write(nowMs: number): void {
    // One write at a time: what is written next depends on what stands then.
    if (this.cib === undefined || this.coordinator !== this.config.self || this.writes.size > 0) return;
    const edits: CibEdit[] = [];
    const names: string[] = [];
    for (const [name, waiting] of [...this.waiting].sort(([a], [b]) => compareText(a, b))) {
      if (waiting.dueMs > nowMs) continue;
      for (const [node, value] of [...waiting.values].sort(([a], [b]) => compareText(a, b))) {
        if (this.refusal(node) !== undefined) continue;
        waiting.values.delete(node);
        const edit = this.editFor(node, name, value);
        if (edit !== undefined) edits.push(edit);
      }
      if (waiting.values.size === 0) this.waiting.delete(name);
      else waiting.dueMs = nowMs + NODE_STATE_RETRY_MS;
      names.push(name);
    }
    if (edits.length === 0) return;
    this.writeCount += 1;
    const id = `${this.config.runId}:attributes:${this.writeCount}`;
    const who = `attributes on ${this.nameOf(this.config.self)}`;
    const request: ChangeRequest = { id, edits, who, why: `set ${names.join(", ")}` };
    this.writes.set(id, { request, attempts: 1 });
    this.effects.push({ type: "change", request });
  }

  private editFor(node: string, name: string, value: string | null): CibEdit | undefined {
    const known = this.config.nodes.find((candidate) => candidate.name === node);
    if (known === undefined || this.cib === undefined) return undefined;
    if ((transientAttribute(this.cib, `${known.id}`, name) ?? null) === value) return undefined;
    return attributeEdit(this.cib, `${known.id}`, name, value);
  }

  private answered(requestId: string, outcome: ChangeOutcome): void {
    const write = this.writes.get(requestId);
    if (write === undefined) return;
    if (outcome.outcome === "unknown" && write.attempts < MAX_WRITE_ATTEMPTS) {
      write.attempts += 1;
      this.effects.push({ type: "change", request: write.request });
      return;
    }
    this.writes.delete(requestId);
  }

  private nameOf(id: NodeId): string {
    return this.config.nodes.find((node) => node.id === id)?.name ?? `${id}`;
  }
}
