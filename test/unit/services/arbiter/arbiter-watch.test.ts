// When the arbiter gets a vote, and when it loses it: by the coordinator of a majority of the nodes, one step at a time.

import assert from "node:assert/strict";
import { test } from "node:test";
import { applyEdits } from "../../../../runtime/kernel/cib/edits.ts";
import { type Element, element } from "../../../../runtime/kernel/cib/element.ts";
import { foundingCib } from "../../../../runtime/kernel/cib/version.ts";
import type { ArbiterCall, ArbiterOutcome, Standing } from "../../../../runtime/kernel/messages.ts";
import { formatLineage, type Lineage, parseLineage } from "../../../../runtime/kernel/quorum/lineage.ts";
import { ArbiterWatch, type ArbiterWatchEffect } from "../../../../runtime/services/arbiter/arbiter-watch.ts";
import { committedArbiter } from "../../../../runtime/services/controller/voters.ts";

const NODES = [1, 2, 3, 4].map((id) => ({ id, name: `n${id}` }));
const OURS: Lineage = { cluster: "shop", register: "r1", number: 3, members: [1, 2], base: 3, claim: "1.1.5.1" };

function cibWith(voters: string, arbiter?: string): Element {
  const pairs = Object.entries({ "systole-voters": voters, "systole-arbiter": arbiter }).flatMap(([name, value]) =>
    value === undefined ? [] : [element("nvpair", { id: `x-${name}`, name, value })],
  );
  const founding = foundingCib();
  const config = element("crm_config", {}, [element("cluster_property_set", { id: "x" }, pairs)]);
  const [configuration, ...rest] = founding.children;
  assert.ok(configuration);
  const others = configuration.children.filter((child) => child.name !== "crm_config");
  return { ...founding, children: [{ ...configuration, children: [config, ...others] }, ...rest] };
}

function standing(members: readonly number[], more: Partial<Standing> = {}): Standing {
  const lives = members.map((id) => ({ id, incarnation: 1, featureLevel: 1, primaryNumber: 3, seniority: 1 }));
  return {
    view: { id: { number: 9, proposer: 1 }, members: lives, departures: [] },
    ...{ coordinator: 1, quorate: true, primary: true, established: true, primaryNumber: 3 },
    ...{ votes: members.length, expectedVotes: 4, reason: "", missing: [] },
    ...more,
  };
}

interface Setup {
  readonly wanted?: string;
  readonly named?: boolean;
  readonly self?: number;
}

/** A watch, what it does, and the way to answer it. */
class Bench {
  readonly watch: ArbiterWatch;
  readonly events: string[] = [];
  readonly calls: { readonly id: string; readonly call: ArbiterCall }[] = [];
  changes = 0;
  nowMs = 0;
  #cib: Element;
  #request: string | undefined;

  constructor(cib: Element, { wanted = "1 2 3 4", named = true, self = 1 }: Setup = {}) {
    this.#cib = cib;
    const votes = new Map(wanted.split(" ").map((id) => [Number(id), 1]));
    const arbiter = named ? { arbiter: { cluster: "shop" } } : {};
    const voters = { votes, expectedVotes: () => undefined, ...arbiter };
    const runId = "01234567-0000-4000-8000-000000000000";
    this.watch = new ArbiterWatch({ self, nodes: NODES, runId, wanted: voters }, cib);
  }

  get register(): string | undefined {
    return committedArbiter(this.#cib);
  }

  take(effects: readonly ArbiterWatchEffect[]): void {
    for (const effect of effects) {
      if (effect.type === "arbiter-call") this.calls.push(effect);
      else if (effect.type === "event") this.events.push(effect.event.code);
      else {
        this.changes += 1;
        this.#request = effect.request.id;
        const edited = applyEdits(this.#cib, effect.request.edits);
        assert.ok(edited.ok);
        this.#cib = edited.cib;
      }
    }
  }

  stand(now: Standing): void {
    this.take(this.watch.step({ type: "standing", standing: now }, this.nowMs));
    this.wait();
  }

  /** Until it wants to do something, which it does then. */
  wait(): void {
    const deadlineMs = this.watch.deadlineMs();
    assert.ok(deadlineMs !== undefined, "it waits for nothing");
    this.nowMs = deadlineMs;
    this.take(this.watch.step({ type: "tick" }, this.nowMs));
  }

  answer(outcome: ArbiterOutcome): void {
    const asked = this.calls.at(-1);
    assert.ok(asked);
    this.take(this.watch.step({ type: "arbiter-outcome", id: asked.id, outcome }, this.nowMs));
  }

  /** The change has been made. */
  done(): void {
    const requestId = this.#request ?? assert.fail("nothing was changed");
    this.take(this.watch.step({ type: "cib", cib: this.#cib }, this.nowMs));
    const outcome = { outcome: "done", version: { adminEpoch: 0, epoch: 2, numUpdates: 0 } } as const;
    this.take(this.watch.step({ type: "answer", requestId, outcome }, this.nowMs));
  }
}

const read = (held: Lineage): ArbiterOutcome => ({ outcome: "read", text: formatLineage(held), tag: "t1" });

test("a register is set up, proved to compare, and then gets a vote by its name", () => {
  const bench = new Bench(cibWith("1:1 2:1 3:1 4:1"));
  bench.stand(standing([1, 2, 3]));
  assert.deepEqual(bench.calls.at(-1)?.call, { verb: "read" });
  bench.answer({ outcome: "absent" });
  const setUp = bench.calls.at(-1)?.call;
  assert.ok(setUp?.verb === "replace" && setUp.expectedTag === undefined);
  const lineage = parseLineage(setUp.text);
  assert.deepEqual([lineage?.cluster, lineage?.number, lineage?.members], ["shop", 3, [1, 2, 3]]);
  bench.answer({ outcome: "replaced" });
  assert.deepEqual(bench.calls.at(-1)?.call, setUp, "the same again, which must fail");
  assert.equal(bench.changes, 0);
  bench.answer({ outcome: "conflict" });
  assert.equal(bench.register, lineage?.register);
  bench.done();
  assert.deepEqual(bench.events, ["arbiter-votes"]);
  assert.match(bench.watch.status?.text ?? "", /has a vote; it can be asked from here/);
});

test("a server that replaces whatever is there gets no vote, and is told of once", () => {
  const bench = new Bench(cibWith("1:1 2:1"), { wanted: "1 2" });
  bench.stand(standing([1, 2]));
  for (let round = 0; round < 2; round += 1) {
    bench.answer({ outcome: "absent" });
    bench.answer({ outcome: "replaced" });
    bench.answer({ outcome: "replaced" });
    bench.wait();
  }
  assert.equal(bench.register, undefined);
  assert.deepEqual(bench.events, ["arbiter-unfit"]);
});

test("a register of another cluster, or with something else in it, is left alone", () => {
  for (const held of [read({ ...OURS, cluster: "other" }), { outcome: "read", text: "hello", tag: "t" } as const]) {
    const bench = new Bench(cibWith("1:1 2:1"), { wanted: "1 2" });
    bench.stand(standing([1, 2]));
    bench.answer(held);
    assert.deepEqual([bench.calls.length, bench.events], [1, ["arbiter-foreign"]]);
  }
});

test("an own register of earlier is taken over, with a new name", () => {
  const bench = new Bench(cibWith("1:1 2:1"), { wanted: "1 2" });
  bench.stand(standing([1, 2]));
  bench.answer(read(OURS));
  const setUp = bench.calls.at(-1)?.call;
  assert.ok(setUp?.verb === "replace");
  assert.equal(setUp.expectedTag, "t1");
  assert.notEqual(parseLineage(setUp.text)?.register, OURS.register);
});

test("nobody but the coordinator of a majority of nodes decides", () => {
  const cases: readonly (readonly [Standing, Setup])[] = [
    [standing([1, 2]), {}],
    [standing([1, 2, 3], { primary: false }), {}],
    [standing([1, 2, 3], { coordinator: 2 }), {}],
    [standing([1, 2, 3]), { self: 2 }],
  ];
  for (const [now, setup] of cases) {
    for (const cib of [cibWith("1:1 2:1 3:1 4:1"), cibWith("1:1 2:1 3:1 4:1", "r9")]) {
      const bench = new Bench(cib, setup);
      bench.stand(now);
      bench.answer({ outcome: "absent" });
      assert.deepEqual([bench.calls.length, bench.changes], [1, 0]);
    }
  }
});

test("its vote goes when its register is another one, when the votes are to change, when it is ahead of the cluster, and when no arbiter is named", () => {
  const lost = new Bench(cibWith("1:1 2:1", "r9"), { wanted: "1 2" });
  lost.stand(standing([1, 2]));
  lost.answer(read(OURS));
  assert.equal(lost.register, undefined);
  const changing = new Bench(cibWith("1:1 2:1", "r1"), { wanted: "1 2 3" });
  changing.stand(standing([1, 2, 3]));
  changing.answer(read(OURS));
  assert.equal(changing.register, undefined);
  const ahead = new Bench(cibWith("1:1 2:1", "r1"), { wanted: "1 2" });
  ahead.stand(standing([1, 2]));
  ahead.answer(read({ ...OURS, number: 4 }));
  assert.equal(ahead.register, undefined);
  const unnamed = new Bench(cibWith("1:1 2:1", "r1"), { wanted: "1 2", named: false });
  unnamed.stand(standing([1, 2]));
  assert.deepEqual([unnamed.register, unnamed.calls.length], [undefined, 0]);
  for (const bench of [lost, changing, ahead, unnamed]) {
    bench.done();
    assert.ok(bench.events.includes("arbiter-votes-no-more"));
  }
});

test("it stays with its own register, and an arbiter that cannot be asked costs it nothing but a warning", () => {
  const bench = new Bench(cibWith("1:1 2:1", "r1"), { wanted: "1 2" });
  bench.stand(standing([1, 2]));
  bench.answer(read(OURS));
  assert.deepEqual(bench.watch.status?.given, { members: [1, 2], primaryNumber: 3 });
  bench.wait();
  bench.answer({ outcome: "timeout", reason: "No answer." });
  bench.wait();
  bench.answer({ outcome: "error", reason: "Connection refused." });
  assert.equal(bench.watch.status?.reachable, false);
  bench.wait();
  bench.answer(read(OURS));
  assert.deepEqual([bench.changes, bench.events], [0, ["arbiter-unreachable", "arbiter-reachable"]]);
});

test("of an odd number of votes there are no halves, and that is told once", () => {
  const bench = new Bench(cibWith("1:1 2:1 3:1"), { wanted: "1 2 3" });
  bench.stand(standing([1, 2, 3]));
  bench.answer({ outcome: "absent" });
  bench.wait();
  bench.answer({ outcome: "absent" });
  assert.deepEqual([bench.changes, bench.events], [0, ["arbiter-idle"]]);
});

test("a node whose configuration names no arbiter and whose CIB has none does nothing", () => {
  const bench = new Bench(cibWith("1:1 2:1"), { wanted: "1 2", named: false });
  bench.stand(standing([1, 2]));
  assert.deepEqual([bench.calls.length, bench.changes, bench.watch.status], [0, 0, undefined]);
});
