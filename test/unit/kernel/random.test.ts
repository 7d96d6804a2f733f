// Kernels under a seed: views of any shape installed late, messages in any order between pairs, slow disks, crashes that tear the
// last write, lost stores, changes asked for again. At any time: nothing is acknowledged that is not on every disk of the view. At
// the end everything heals: equal CIBs, every acknowledged change there, none made twice.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createDigest } from "../../../runtime/kernel/cib/digest.ts";
import { childNamed, type Element } from "../../../runtime/kernel/cib/element.ts";
import { elementAt, versionOf } from "../../../runtime/kernel/cib/version.ts";
import type { View } from "../../../runtime/kernel/membership/view.ts";
import { Cluster, type FakeNode, nodeState, property, seeded, sha256 } from "./cluster.ts";

const SEEDS = Number(process.env["SYSTOLE_KERNEL_SEEDS"] ?? 100);
const FIRST_SEED = Number(process.env["SYSTOLE_KERNEL_FIRST_SEED"] ?? 1);
const STEPS = 1500;
const OPTIONS = [{ name: "configuration" }, { name: "crm_config" }, { name: "cluster_property_set", id: "options" }];

interface Asked {
  readonly id: string;
  asks: number;
  refusals: number;
  done: boolean;
}

class Life {
  readonly cluster: Cluster;
  readonly count: number;
  readonly random: () => number;
  readonly asked: Asked[] = [];
  readonly waiting: { readonly id: number; readonly view: View; readonly atMs: number }[] = [];
  readonly shown = new Map<string, string>();
  readonly digestOf = createDigest(sha256);
  readonly primaries = new Map<number, string>();
  slow = 1;
  /** How seldom something goes wrong. */
  readonly calm: number;
  /** Whose store was lost since all was well. */
  wiped: number | undefined;

  constructor(seed: number) {
    const random = seeded(seed);
    this.random = random;
    this.calm = 0.9 + 0.09 * random();
    this.count = 2 + Math.floor(random() * 4);
    const quorum =
      this.count === 2
        ? { twoNode: true, waitForAll: true }
        : this.count === 4
          ? { autoTieBreaker: random() < 0.5 }
          : {};
    this.cluster = new Cluster({
      nodes: this.count,
      random,
      quorum,
      persistMs: () => 1 + Math.floor(random() * 4 * this.slow),
    });
    this.cluster.onEffect = (node, effect) => {
      if (effect.type === "answer") this.checkAnswer(node, effect.requestId, effect.outcome.outcome);
      if (effect.type === "cib") this.checkShown(node, effect.cib);
      if (effect.type !== "standing" || !effect.standing.primary) return;
      const { primaryNumber, view } = effect.standing;
      const key = JSON.stringify(view.id);
      const known = this.primaries.get(primaryNumber);
      assert.ok(known === undefined || known === key, `two primary views have the number ${primaryNumber}`);
      this.primaries.set(primaryNumber, key);
    };
  }

  pick<T>(from: readonly T[]): T | undefined {
    return from[Math.floor(this.random() * from.length)];
  }

  checkAnswer(node: FakeNode, id: string, outcome: string): void {
    const asked = this.asked.find((other) => other.id === id);
    if (asked === undefined) return;
    if (outcome === "refused") asked.refusals += 1;
    if (outcome !== "done") return;
    asked.done = true;
    assert.equal(node.kernel.standing?.primary, true, `${id} was acknowledged outside of a primary view`);
    for (const member of node.kernel.standing?.view.members ?? []) {
      if (member.id === this.wiped) continue;
      const has = this.cluster.node(member.id).disk.log.recent.has(id);
      assert.ok(has, `${id} was acknowledged by node ${node.id}, but is not on the disk of node ${member.id}`);
    }
  }

  /** In one view, one version is one content. */
  checkShown(node: FakeNode, cib: Element): void {
    const { adminEpoch, epoch, numUpdates } = versionOf(cib);
    const key = `${JSON.stringify(node.view?.id)} ${adminEpoch}.${epoch}.${numUpdates}`;
    const digest = this.digestOf(cib);
    assert.equal(digest, this.shown.get(key) ?? digest, `node ${node.id} shows something else as ${key}`);
    this.shown.set(key, digest);
  }

  step(): void {
    if (this.random() < this.calm) {
      // Messages travel in far less time than disks take.
      for (let i = 0; i < 4; i += 1) this.cluster.deliverOne();
      const dice = this.random();
      if (dice < 0.3) this.time(1);
      else if (dice < 0.5) this.ask();
      else if (dice < 0.55) this.status();
      return;
    }
    const dice = this.random();
    if (dice < 0.4) this.changeViews();
    else if (dice < 0.55) this.crash();
    else if (dice < 0.8) this.restart();
    else if (dice < 0.88) this.fence();
    else if (dice < 0.92) this.slow = this.random() < 0.3 ? 100 : 1;
    else this.time(Math.floor(this.random() * 300));
  }

  time(ms: number): void {
    this.cluster.nowMs += ms;
    this.cluster.confirmWrites();
    this.cluster.tick();
    for (let i = this.waiting.length - 1; i >= 0; i -= 1) {
      const next = this.waiting[i];
      if (next === undefined || next.atMs > this.cluster.nowMs) continue;
      this.waiting.splice(i, 1);
      this.install(next.id, next.view);
    }
  }

  install(id: number, view: View): void {
    const node = this.cluster.node(id);
    const member = view.members.find((other) => other.id === id);
    if (member?.incarnation === node.incarnation) this.cluster.install(id, view);
  }

  ask(): void {
    const again = this.random() < 0.15 ? this.pick(this.asked.slice(-10)) : undefined;
    const asked = again ?? { id: `c${this.asked.length + 1}`, asks: 0, refusals: 0, done: false };
    if (again === undefined) this.asked.push(asked);
    const node = this.pick([...this.cluster.nodes.values()].filter((candidate) => candidate.up));
    if (node === undefined) return;
    asked.asks += 1;
    // Its own property, and a mark that it would set again if it were made twice.
    const mark = { edit: "set", path: OPTIONS, attributes: { last: asked.id } } as const;
    this.cluster.ask(node.id, { id: asked.id, edits: [property(asked.id), mark] });
  }

  status(): void {
    const node = this.pick([...this.cluster.nodes.values()].filter((candidate) => candidate.up));
    if (node === undefined) return;
    const element = nodeState(node.id, `${this.cluster.nowMs}`);
    this.cluster.input(node.id, { type: "node-state", element });
    this.cluster.ask(node.id, {
      id: `s${this.random()}`,
      edits: [{ edit: "put", parent: [{ name: "status" }], element }],
    });
  }

  /** The nodes that are up fall into groups; each group has a view, which its members install now, later, or never. */
  changeViews(): void {
    const groups = new Map<number, number[]>();
    const parts = this.random() < 0.6 ? 1 : 2;
    for (const node of this.cluster.nodes.values()) {
      if (!node.up) continue;
      const group = Math.floor(this.random() * parts);
      groups.set(group, [...(groups.get(group) ?? []), node.id]);
    }
    this.waiting.length = 0;
    for (const ids of groups.values()) {
      const view = this.cluster.view(ids, { install: [] });
      for (const id of ids) {
        if (this.random() < 0.9)
          this.waiting.push({ id, view, atMs: this.cluster.nowMs + Math.floor(this.random() * 4) });
      }
    }
  }

  crash(): void {
    const node = this.pick([...this.cluster.nodes.values()].filter((candidate) => candidate.up));
    if (node === undefined) return;
    this.cluster.crash(node.id);
    // At most one store is lost between two moments at which all was well: a minority.
    if (this.wiped !== undefined || this.count < 3 || this.random() > 0.1) return;
    this.wiped = node.id;
    this.cluster.wipe(node.id, this.random() < 0.5);
  }

  restart(): void {
    const node = this.pick([...this.cluster.nodes.values()].filter((candidate) => !candidate.up));
    if (node !== undefined) this.cluster.start(node.id);
  }

  fence(): void {
    const down = this.pick([...this.cluster.nodes.values()].filter((candidate) => !candidate.up));
    const up = this.pick([...this.cluster.nodes.values()].filter((candidate) => candidate.up));
    if (down && up) this.cluster.input(up.id, { type: "fenced", node: down.id, incarnation: down.incarnation });
  }

  heal(): void {
    this.slow = 1;
    this.waiting.length = 0;
    for (const node of this.cluster.nodes.values()) {
      if (!node.up) this.cluster.start(node.id);
    }
    this.cluster.view([...this.cluster.nodes.keys()]);
    this.cluster.run(100);
    // What nobody has answered is answered by its deadline.
    for (let i = 0; i < 120; i += 1) this.time(100);
    this.cluster.run(20);
  }

  check(): void {
    const [first] = this.cluster.nodes.values();
    assert.ok(first);
    const cib = JSON.stringify(first.kernel.cib);
    for (const node of this.cluster.nodes.values()) {
      assert.equal(node.kernel.standing?.established, true, `node ${node.id} is not established`);
      assert.equal(node.kernel.standing?.primary, true, node.kernel.standing?.reason);
      assert.equal(
        sha256(JSON.stringify(node.kernel.cib)),
        sha256(cib),
        `node ${node.id} differs from node ${first.id}`,
      );
      assert.equal(node.disk.log.position.intact, true);
      assert.deepEqual(
        childNamed(node.disk.log.document, "configuration"),
        childNamed(node.kernel.cib, "configuration"),
        `the disk of node ${node.id} has something else`,
      );
    }
    const made = elementAt(first.kernel.cib, OPTIONS)?.children.map((child) => child.attributes["id"]) ?? [];
    for (const { id, done, asks, refusals } of this.asked) {
      if (done) assert.ok(made.includes(id), `${id} was acknowledged and is lost`);
      else if (asks > 0 && asks === refusals) assert.ok(!made.includes(id), `${id} was refused and is there`);
    }
    assert.equal(versionOf(first.kernel.cib).epoch, made.length, "some change was made twice");
  }
}

test(`${SEEDS} lives of 2 to 5 kernels`, () => {
  let done = 0;
  let asked = 0;
  for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed += 1) {
    const life = new Life(seed);
    try {
      life.cluster.view([...life.cluster.nodes.keys()]);
      life.cluster.run(20);
      for (let round = 0; round < 3; round += 1) {
        life.wiped = undefined;
        for (let i = 0; i < STEPS / 3; i += 1) life.step();
        life.heal();
        life.check();
      }
    } catch (error) {
      if (error instanceof Error)
        error.message = `seed ${seed}: ${error.message}\n${life.cluster.trace.slice(-40).join("\n")}`;
      throw error;
    }
    done += life.asked.filter((request) => request.done).length;
    asked += life.asked.length;
  }
  // The lives must be worth something: most of what is asked for gets done.
  assert.ok(done > asked / 4, `${done} of ${asked} changes were acknowledged`);
});
