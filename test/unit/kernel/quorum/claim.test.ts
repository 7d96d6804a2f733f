// How a half asks for the arbiter's vote: what it believes, and what it takes for "perhaps".

import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { ArbiterCall, ArbiterOutcome } from "../../../../runtime/kernel/messages.ts";
import { ArbiterClaim } from "../../../../runtime/kernel/quorum/claim.ts";
import { formatLineage, type Lineage, parseLineage } from "../../../../runtime/kernel/quorum/lineage.ts";

const FREE: Lineage = { cluster: "c", register: "r1", number: 4, members: [1, 2], base: 4, claim: "set-up" };
const TIMEOUT: ArbiterOutcome = { outcome: "timeout", reason: "No answer." };

/** A claim of node 1 that has adopted primary view 4, and what it asks. */
function claiming(adopted = 4) {
  const calls: { id: string; call: ArbiterCall }[] = [];
  const claim = new ArbiterClaim(
    {
      ...{ name: "1.1.9", register: "r1", members: [1], intact: [1], adopted, number: 5 },
      call: (id, call) => calls.push({ id, call }),
    },
    false,
    0,
  );
  let answered = 0;
  /** Answers the oldest call without an answer. */
  const answer = (outcome: ArbiterOutcome, nowMs: number): void => {
    const next = calls[answered];
    assert.ok(next, "nothing was asked");
    answered += 1;
    claim.outcome(next.id, outcome, nowMs);
  };
  const last = (): ArbiterCall => calls.at(-1)?.call ?? assert.fail("nothing was asked");
  return { claim, calls, answer, last };
}

const read = (held: Lineage, tag = "t1"): ArbiterOutcome => ({ outcome: "read", text: formatLineage(held), tag });

/** What the last call wants to write. */
function written(call: ArbiterCall): Lineage {
  const text = call.verb === "replace" ? call.text : assert.fail("it only reads");
  return parseLineage(text) ?? assert.fail(text);
}

describe("a claim", () => {
  it("reads, replaces what it has read, and has the vote when that is done", () => {
    const { claim, answer, last } = claiming();
    answer(read(FREE), 10);
    const call = last();
    assert.equal(call.verb === "replace" ? call.expectedTag : "", "t1");
    assert.deepEqual(written(call), { ...FREE, number: 5, members: [1], base: 4, claim: "1.1.9.1" });
    assert.equal(claim.state.state, "asking");
    answer({ outcome: "replaced" }, 20);
    assert.deepEqual([claim.state.state, "number" in claim.state ? claim.state.number : 0], ["granted", 5]);
    assert.equal(claim.deadlineMs, undefined);
  });

  it("takes a replacement without an answer for perhaps done: reads, and knows its own writing", () => {
    const { claim, answer, last } = claiming();
    answer(read(FREE), 10);
    const own = written(last());
    answer(TIMEOUT, 1510);
    assert.notEqual(claim.state.state, "granted");
    claim.tick(claim.deadlineMs ?? 0);
    claim.tick(5000);
    answer(read(own, "t2"), 5010);
    assert.equal(claim.state.state, "granted");
  });

  it("asks anew when the register is still as it was, and yields when another half was faster", () => {
    const { claim, answer, last, calls } = claiming();
    answer(read(FREE), 10);
    const first = written(last()).claim;
    answer(TIMEOUT, 1510);
    claim.tick(5000);
    answer(read(FREE), 5010);
    assert.notEqual(written(last()).claim, first, "no two claims are equal");
    answer({ outcome: "conflict" }, 5020);
    answer(read({ ...FREE, number: 5, members: [2], claim: "2.1.9.1" }, "t2"), 5030);
    assert.equal(claim.state.state, "refused");
    const asked = calls.length;
    claim.tick(5030 + 4_999);
    assert.equal(calls.length, asked, "it is left alone for a while");
    claim.tick(5030 + 5_000);
    assert.equal(calls.length, asked + 1);
  });

  it("does not listen to what comes late, or was never asked", () => {
    const { claim, answer, calls } = claiming();
    const [firstRead] = calls;
    assert.ok(firstRead);
    answer(TIMEOUT, 1500);
    claim.outcome(firstRead.id, read(FREE), 1600);
    claim.outcome("1.1.9.77", { outcome: "replaced" }, 1600);
    assert.equal(claim.state.state, "asking");
    claim.tick(5000);
    answer({ outcome: "replaced" }, 5010);
    assert.equal(claim.state.state, "unreachable", "a read is not answered by that");
  });

  it("is waited for while the answer may come soon, and no longer", () => {
    const { claim } = claiming();
    assert.equal(claim.worthWaiting(1_999), true);
    assert.equal(claim.deadlineMs, 2_000);
    claim.tick(2_000);
    assert.equal(claim.worthWaiting(2_000), false);
    assert.match(claim.state.text, /has not answered within 2000 ms/);
  });

  it("says what is wrong: an empty register, one with something else in it, an arbiter that cannot be asked", () => {
    const cases: readonly (readonly [ArbiterOutcome, string, RegExp])[] = [
      [{ outcome: "absent" }, "refused", /is empty: it has lost what it knew/],
      [{ outcome: "read", text: "hello", tag: "t" }, "refused", /something else is kept there/],
      [read({ ...FREE, register: "r0" }), "refused", /not the one that the cluster has agreed on/],
      [{ outcome: "error", reason: "ECONNREFUSED." }, "unreachable", /cannot be asked: ECONNREFUSED\./],
    ];
    for (const [outcome, state, text] of cases) {
      const { claim, answer } = claiming();
      answer(outcome, 2_500);
      assert.equal(claim.state.state, state);
      assert.match(claim.state.text, text);
    }
  });

  it("is refused what it lacks, until the operator takes the loss", () => {
    const { claim, answer, last } = claiming(3);
    answer(read({ ...FREE, number: 9, members: [2], base: 4 }), 10);
    assert.equal(claim.state.state, "refused");
    claim.force();
    answer(read({ ...FREE, number: 9, members: [2], base: 4 }), 20);
    assert.equal(written(last()).number, 10, "above what the others have");
  });
});
