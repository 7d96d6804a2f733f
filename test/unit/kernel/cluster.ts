// Kernels of several nodes under a scripted pulse, for tests: views are given, messages arrive in order between each pair as long
// as both stay in a common view, disks take as long as the seed says and keep only what they have confirmed.

import { createHash } from "node:crypto";
import { type Element, element } from "../../../runtime/kernel/cib/element.ts";
import { DurableLog, snapshotOf } from "../../../runtime/kernel/cib/log.ts";
import { applyPatchset } from "../../../runtime/kernel/cib/patchset.ts";
import { foundingCib } from "../../../runtime/kernel/cib/version.ts";
import { createKernel, type Kernel, type KernelConfig } from "../../../runtime/kernel/kernel.ts";
import type { Departure, NodeId, View, ViewMember } from "../../../runtime/kernel/membership/view.ts";
import type {
  ChangeOutcome,
  ChangeRequest,
  KernelEffect,
  KernelInput,
  KernelMessage,
  LogPosition,
  Standing,
  StoreRecord,
} from "../../../runtime/kernel/messages.ts";
import type { QuorumConfig } from "../../../runtime/kernel/quorum/votes.ts";

export const EMPTY: LogPosition = {
  primaryNumber: 0,
  index: 0,
  adoptedPrimary: 0,
  promisedPrimary: 0,
  promisedMembers: [],
  intact: false,
  empty: true,
};

export const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

/** A random number generator with a seed: equal seed, equal run. Returns a number from 0 to 1. */
export function seeded(seed: number): () => number {
  let state = (seed * 2_654_435_761) >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state >>>= 0;
    state ^= state >>> 17;
    state ^= state << 5;
    state >>>= 0;
    return state / 4_294_967_296;
  };
}

/** What a disk has confirmed, as a log of its own. */
class FakeDisk {
  log: DurableLog;

  constructor(cib: Element) {
    this.log = new DurableLog({ cib, position: EMPTY, recentRequests: [], entries: [], history: [] });
  }

  /** The records are applied in order, `count` of them (a torn write keeps the first ones). */
  write(records: readonly StoreRecord[], count = records.length): void {
    for (const record of records.slice(0, count)) this.#apply(record);
  }

  #apply(record: StoreRecord): void {
    if (record.record !== "entry") this.log.advance({ record });
    else this.log.advance({ record, after: applyOrThrow(this.log.document, record) });
  }
}

function applyOrThrow(document: Element, record: Extract<StoreRecord, { record: "entry" }>): Element {
  const patched = applyPatchset(document, record.entry.patchset);
  if (!patched.ok) throw new Error(patched.reason);
  return patched.cib;
}

export interface FakeNode {
  readonly id: NodeId;
  incarnation: number;
  kernel: Kernel;
  disk: FakeDisk;
  up: boolean;
  view: View | undefined;
  flight: { readonly id: number; readonly records: readonly StoreRecord[]; readonly dueMs: number } | undefined;
  readonly answers: Map<string, ChangeOutcome[]>;
  readonly standings: Standing[];
  readonly notes: string[];
}

export interface ClusterOptions {
  readonly nodes: number;
  readonly quorum?: Partial<QuorumConfig>;
  readonly random?: () => number;
  readonly persistMs?: (node: NodeId) => number;
  readonly config?: Partial<KernelConfig>;
}

export class Cluster {
  readonly nodes = new Map<NodeId, FakeNode>();
  nowMs = 1000;
  readonly trace: string[] = [];
  onEffect: ((node: FakeNode, effect: KernelEffect) => void) | undefined;
  /** Messages on their way, by "from to". */
  readonly channels = new Map<
    string,
    { readonly from: NodeId; readonly to: NodeId; readonly messages: { incarnation: number; message: KernelMessage }[] }
  >();
  #viewNumber = 0;
  readonly #options: ClusterOptions;
  readonly #random: () => number;

  constructor(options: ClusterOptions) {
    this.#options = options;
    this.#random = options.random ?? (() => 0);
    for (let id = 1; id <= options.nodes; id += 1) {
      const disk = new FakeDisk(foundingCib());
      const node: FakeNode = {
        id,
        incarnation: 0,
        disk,
        up: false,
        view: undefined,
        flight: undefined,
        kernel: createKernel(this.#config(id), {
          cib: foundingCib(),
          position: EMPTY,
          recentRequests: [],
          entries: [],
          history: [],
        }),
        answers: new Map(),
        standings: [],
        notes: [],
      };
      this.nodes.set(id, node);
      this.start(id);
    }
  }

  #config(self: NodeId): KernelConfig {
    const nodes = Array.from({ length: this.#options.nodes }, (_, i) => ({
      id: i + 1,
      name: `node${i + 1}`,
      votes: 1,
    }));
    const quorum: QuorumConfig = {
      nodes,
      twoNode: false,
      waitForAll: false,
      autoTieBreaker: false,
      fencing: true,
      acceptLoss: false,
      ...this.#options.quorum,
    };
    return {
      self,
      quorum: () => quorum,
      hash: sha256,
      validateConfiguration: () => [],
      ...this.#options.config,
    };
  }

  node(id: NodeId): FakeNode {
    const node = this.nodes.get(id);
    if (node === undefined) throw new Error(`no node ${id}`);
    return node;
  }

  /** Starts a node (again): a new life with what its disk has. */
  start(id: NodeId): void {
    const node = this.node(id);
    const { log } = node.disk;
    const initial = { ...snapshotOf(log), entries: log.entries };
    node.incarnation += 1;
    node.kernel = createKernel(this.#config(id), initial);
    node.up = true;
    node.view = undefined;
    node.flight = undefined;
    for (const [key, channel] of this.channels) {
      if (channel.from === id || channel.to === id) this.channels.delete(key);
    }
    this.input(id, { type: "wall-clock", epochMs: 1_700_000_000_000 + this.nowMs });
  }

  /** The node is gone at once; of a write under way the disk keeps nothing, everything, or the beginning. */
  crash(id: NodeId): void {
    const node = this.node(id);
    const { flight } = node;
    if (flight !== undefined) node.disk.write(flight.records, Math.floor(this.#random() * (flight.records.length + 1)));
    this.trace.push(`${this.nowMs} node ${id} crashes`);
    node.flight = undefined;
    node.up = false;
    node.view = undefined;
  }

  /** The store is lost. */
  wipe(id: NodeId, damaged: boolean): void {
    const node = this.node(id);
    this.trace.push(`${this.nowMs} node ${id} loses its store`);
    node.disk = new FakeDisk(foundingCib());
    if (damaged) node.disk.log.position = { ...EMPTY, empty: false };
  }

  /** These nodes agree on a view, each at once or later by `late`. */
  view(
    ids: readonly NodeId[],
    options: { readonly departures?: readonly Departure[]; readonly install?: readonly NodeId[] } = {},
  ): View {
    this.#viewNumber += 1;
    const members: ViewMember[] = [...ids]
      .sort((a, b) => a - b)
      .map((id) => {
        const { kernel, incarnation } = this.node(id);
        return { id, incarnation, featureLevel: 1, ...kernel.chain };
      });
    const view: View = {
      id: { number: this.#viewNumber, proposer: members[0]?.id ?? 0 },
      members,
      departures: options.departures ?? [],
    };
    for (const id of options.install ?? ids) this.install(id, view);
    return view;
  }

  install(id: NodeId, view: View): void {
    const node = this.node(id);
    if (!node.up || (node.view !== undefined && node.view.id.number >= view.id.number)) return;
    node.view = view;
    this.trace.push(
      `${this.nowMs} node ${id} view ${view.id.number} [${view.members.map((member) => member.id).join(" ")}]`,
    );
    // What was on its way between nodes that are no longer together is lost.
    for (const [key, channel] of this.channels) {
      const other = channel.from === id ? channel.to : channel.to === id ? channel.from : undefined;
      if (other !== undefined && !view.members.some((member) => member.id === other)) this.channels.delete(key);
    }
    this.input(id, { type: "view", view });
  }

  input(id: NodeId, input: KernelInput): void {
    const node = this.node(id);
    if (!node.up) return;
    for (const effect of node.kernel.step(input, this.nowMs)) this.#perform(node, effect);
  }

  #perform(node: FakeNode, effect: KernelEffect): void {
    this.onEffect?.(node, effect);
    if (effect.type === "send") {
      if (node.view?.members.some((member) => member.id === effect.to) !== true) return;
      const key = `${node.id} ${effect.to}`;
      const channel = this.channels.get(key) ?? { from: node.id, to: effect.to, messages: [] };
      // As bytes would: nothing is shared between two nodes.
      channel.messages.push({
        incarnation: this.node(effect.to).incarnation,
        message: structuredClone(effect.message),
      });
      this.channels.set(key, channel);
    } else if (effect.type === "persist") {
      if (node.flight !== undefined) throw new Error(`node ${node.id} has two writes under way`);
      node.flight = {
        id: effect.id,
        records: effect.records,
        dueMs: this.nowMs + (this.#options.persistMs?.(node.id) ?? 1),
      };
    } else if (effect.type === "answer") {
      node.answers.set(effect.requestId, [...(node.answers.get(effect.requestId) ?? []), effect.outcome]);
      this.trace.push(`${this.nowMs} node ${node.id} answers ${effect.requestId} ${JSON.stringify(effect.outcome)}`);
    } else if (effect.type === "standing") {
      node.standings.push(effect.standing);
      const { established, primary, primaryNumber, coordinator, reason } = effect.standing;
      if (established)
        this.trace.push(
          `${this.nowMs} node ${node.id} established primary=${primary} ${primaryNumber} by ${coordinator}: ${reason}`,
        );
    } else if (effect.type === "note") {
      node.notes.push(`${effect.code}: ${effect.text}`);
      this.trace.push(`${this.nowMs} node ${node.id} notes ${effect.text}`);
    } else if (effect.type === "step-out") {
      node.notes.push(`${effect.code}: ${effect.text}`);
      this.trace.push(`${this.nowMs} node ${node.id} steps out ${effect.text}`);
      this.crash(node.id);
    }
  }

  /** Delivers one message of a random channel; false when there is none. */
  deliverOne(): boolean {
    const open = [...this.channels.values()].filter((channel) => channel.messages.length > 0);
    const channel = open[Math.floor(this.#random() * open.length)];
    const next = channel?.messages.shift();
    if (channel === undefined || next === undefined) return false;
    const { to, from } = channel;
    if (next.incarnation === this.node(to).incarnation)
      this.input(to, { type: "message", from, message: next.message });
    return true;
  }

  /** Confirms the writes that are due. */
  confirmWrites(): void {
    for (const node of this.nodes.values()) {
      const { flight } = node;
      if (!node.up || flight === undefined || flight.dueMs > this.nowMs) continue;
      node.disk.write(flight.records);
      node.flight = undefined;
      this.input(node.id, { type: "persisted", id: flight.id });
    }
  }

  tick(): void {
    for (const node of this.nodes.values()) {
      const deadlineMs = node.kernel.deadlineMs();
      if (node.up && deadlineMs !== undefined && deadlineMs <= this.nowMs) this.input(node.id, { type: "tick" });
    }
  }

  /** Lets time pass, everything on its way arriving. */
  run(forMs: number): void {
    for (const end = this.nowMs + forMs; this.nowMs < end; this.nowMs += 1) {
      while (this.deliverOne());
      this.confirmWrites();
      this.tick();
    }
    while (this.deliverOne());
  }

  ask(id: NodeId, request: Partial<ChangeRequest> & { readonly id: string }): void {
    this.input(id, { type: "change", request: { edits: [], who: "test", why: "because", ...request } });
  }
}

/** A change that adds one property under its own id: what was acknowledged can be looked for, and counted. */
export function property(id: string, value = id): ChangeRequest["edits"][number] {
  const set = [{ name: "configuration" }, { name: "crm_config" }, { name: "cluster_property_set", id: "options" }];
  return { edit: "set", path: [...set, { name: "nvpair", id }], attributes: { name: id, value } };
}

export function nodeState(id: NodeId, text: string): Element {
  return element("node_state", { id: String(id), uname: `node${id}`, text });
}
