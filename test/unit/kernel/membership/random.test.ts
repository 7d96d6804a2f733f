// Random lives on a random network. The net itself checks, at each installed view, that one id means one view, that all its
// members accepted it, and that the numbers of a node only grow. Here: when the faults stop, all come together; and on
// a network that stays broken, the views come to rest.

import assert from "node:assert/strict";
import { it } from "node:test";
import { PulseNet } from "../../../sim/pulse-net.ts";
import { Random } from "../../../sim/random.ts";

const LIVES_SEEDS = 250;
const BROKEN_SEEDS = 40;

class Lives {
  readonly net: PulseNet;
  private readonly random: Random;
  private readonly up = new Set<number>();
  private readonly paused = new Set<number>();

  constructor(seed: number) {
    this.random = new Random(`lives/${seed}`);
    const { random } = this;
    this.net = new PulseNet({
      nodes: random.integer(2, 7),
      seed,
      links: random.integer(1, 2),
      loss: random.chance(0.5) ? 0.2 * random.fraction() : 0,
      duplicates: 0.2 * random.fraction(),
      latencyMs: [0.1, random.between(0.5, 20)],
    });
    for (const id of this.net.ids) this.net.at(random.between(0, 500), () => this.start(id));
    this.net.run(500);
  }

  private start(id: number): void {
    this.net.start(id);
    this.up.add(id);
    this.paused.delete(id);
  }

  fault(): void {
    const { net, random, up, paused } = this;
    const id = random.pick(net.ids);
    const other = random.pick(net.ids);
    const kind = random.weighted({ crash: 4, start: 5, pause: 2, resume: 3, cut: 3, partition: 1, mend: 2, leave: 1 });
    if (kind === "crash" && up.delete(id)) net.crash(id);
    else if (kind === "start" && (!up.has(id) || random.chance(0.3))) this.start(id);
    else if (kind === "pause" && up.has(id)) {
      net.pause(id);
      paused.add(id);
    } else if (kind === "resume" && paused.delete(id)) net.resume(id);
    else if (kind === "cut" && id !== other) net.cut(id, other);
    else if (kind === "partition") {
      const side = net.ids.filter(() => random.chance(0.5));
      net.partition(
        side,
        net.ids.filter((node) => !side.includes(node)),
      );
    } else if (kind === "mend") net.mendAll();
    else if (kind === "leave" && up.has(id) && !paused.has(id)) {
      net.input(id, { type: "leave" });
      up.delete(id);
    }
    net.run(random.between(0, 1500));
  }

  heal(): void {
    this.net.mendAll();
    this.net.loss = 0;
    for (const id of this.paused) this.net.resume(id);
    for (const id of this.net.ids) if (!this.up.has(id)) this.start(id);
  }
}

it(`${LIVES_SEEDS} random lives: what may never happen does not, and all come together when the faults stop`, () => {
  for (let seed = 1; seed <= LIVES_SEEDS; seed++) {
    const lives = new Lives(seed);
    const { net } = lives;
    try {
      for (let fault = 0; fault < 15; fault++) lives.fault();
      lives.heal();
      assert.ok(
        net.runUntil(() => net.agree(net.ids), 8000),
        "the nodes come together",
      );
      net.run(2000);
      assert.ok(net.agree(net.ids), "and stay together");
    } catch (error) {
      const seen = net.ids.map((id) => `${id}: ${net.membersSeenBy(id)}`).join("; ");
      throw new Error(`seed ${seed}, at ${net.nowMs} ms, seen: ${seen}`, { cause: error });
    }
  }
});

it(`${BROKEN_SEEDS} networks that stay broken: cliques form and rest, equal on each member`, () => {
  for (let seed = 1; seed <= BROKEN_SEEDS; seed++) {
    const random = new Random(`broken/${seed}`);
    const net = new PulseNet({ nodes: random.integer(3, 8), seed });
    const whole = random.chance(0.5);
    if (whole) {
      net.startAll();
      net.run(500);
    }
    const share = random.between(0, 0.5);
    for (const a of net.ids) {
      for (const b of net.ids) {
        if (a >= b || !random.chance(share)) continue;
        net.cut(a, b);
        if (random.chance(0.6)) net.cut(b, a);
      }
    }
    if (!whole) net.startAll();
    net.run(15_000);
    const restMs = net.nowMs;
    net.run(10_000);
    const late = net.events.filter(({ atMs, effect }) => atMs > restMs && effect.type === "view");
    assert.deepEqual(late, [], `seed ${seed}: the views rest`);
    for (const id of net.ids) {
      const view = net.viewOf(id);
      for (const member of view?.members ?? []) assert.deepEqual(net.viewOf(member.id), view, `seed ${seed}`);
    }
  }
});
