import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { Departure, View } from "../../../../runtime/kernel/membership/view.ts";
import {
  judgeQuorum,
  type MemberState,
  type QuorumConfig,
  refuseImpossible,
  refuseLossy,
  START_OVERRIDE_COMMAND,
} from "../../../../runtime/kernel/quorum/votes.ts";

function config(nodes: number, more: Partial<QuorumConfig> = {}): QuorumConfig {
  return {
    nodes: Array.from({ length: nodes }, (_, i) => ({ id: i + 1, name: `node${i + 1}`, votes: 1 })),
    twoNode: false,
    waitForAll: false,
    autoTieBreaker: false,
    fencing: true,
    acceptLoss: false,
    ...more,
  };
}

/** A view of these nodes, in the chain of primary views or, with `running` false, at a start. */
function view(ids: readonly number[], running = true, departures: readonly Departure[] = []): View {
  const chain = running ? { primaryNumber: 4, seniority: 2 } : { primaryNumber: 0, seniority: 0 };
  return {
    id: { number: 9, proposer: ids[0] ?? 0 },
    members: ids.map((id) => ({ id, incarnation: 1, featureLevel: 1, ...chain })),
    departures,
  };
}

/** What the members said: their last primary view had these members. */
function states(ids: readonly number[], previous: readonly number[], more: Partial<MemberState> = {}): MemberState[] {
  return ids.map((id) => ({
    id,
    incarnation: 1,
    promisedPrimary: previous.length > 0 ? 4 : 0,
    promisedMembers: previous.map((member) => ({ id: member, incarnation: 1 })),
    intact: true,
    fenced: [],
    ...more,
  }));
}

const ALL = [1, 2, 3, 4, 5];

describe("quorum", () => {
  it("needs more than half of the expected votes, for each size and each number of members", () => {
    for (let nodes = 1; nodes <= 9; nodes++) {
      for (let here = 1; here <= nodes; here++) {
        const ids = Array.from({ length: here }, (_, i) => i + 1);
        const verdict = judgeQuorum(config(nodes), view(ids), states(ids, ids));
        assert.equal(verdict.quorate, here * 2 > nodes, `${here} of ${nodes}`);
        assert.equal(verdict.votes, here);
      }
    }
  });

  it("no two disjoint views are both primary without a fence, whatever the votes and the options", () => {
    for (let trial = 0; trial < 512; trial++) {
      const votes = [trial & 1, (trial >> 1) & 3, 1, (trial >> 3) & 1, 2];
      const nodes = ALL.map((id, i) => ({ id, name: `node${id}`, votes: votes[i] ?? 0 }));
      const options = { nodes, autoTieBreaker: (trial & 16) !== 0, expectedVotes: ((trial >> 5) & 7) + 1 };
      for (let split = 1; split < 31; split++) {
        const one = ALL.filter((_, i) => (split >> i) & 1);
        const other = ALL.filter((id) => !one.includes(id));
        const a = judgeQuorum(config(5, options), view(one), states(one, ALL));
        const b = judgeQuorum(config(5, options), view(other), states(other, ALL));
        assert.ok(!(a.primary && b.primary), `${one} and ${other} with ${JSON.stringify(options)}`);
      }
    }
  });

  it("a majority is primary without waiting for a fence; it outvotes the rest", () => {
    const verdict = judgeQuorum(config(5), view([1, 2, 3]), states([1, 2, 3], ALL));
    assert.equal(verdict.primary, true);
    assert.deepEqual(
      verdict.missing.map(({ id, account }) => [id, account]),
      [
        [4, "outvoted"],
        [5, "outvoted"],
      ],
    );
    assert.match(verdict.reason, /3 of 5 expected votes.*node4 \(outvoted/);
  });

  it("a minority is not quorate, and says what is missing", () => {
    const verdict = judgeQuorum(config(5), view([4, 5]), states([4, 5], ALL));
    assert.deepEqual([verdict.quorate, verdict.primary], [false, false]);
    assert.match(verdict.reason, /No quorum: 2 of 5 expected votes.*3 are needed/);
  });

  it("the tie breaker makes the half with the lowest id quorate, which still waits for the fence", () => {
    const tie = config(4, { autoTieBreaker: true });
    const one = judgeQuorum(tie, view([1, 3]), states([1, 3], [1, 2, 3, 4]));
    assert.deepEqual([one.quorate, one.primary], [true, false]);
    assert.equal(judgeQuorum(tie, view([2, 4]), states([2, 4], [1, 2, 3, 4])).quorate, false);
    const fenced = [
      { id: 2, incarnation: 1 },
      { id: 4, incarnation: 1 },
    ];
    assert.equal(judgeQuorum(tie, view([1, 3]), states([1, 3], [1, 2, 3, 4], { fenced })).primary, true);
  });

  it("a store that is damaged counts no vote", () => {
    const said = [...states([1, 2], ALL), ...states([3], ALL, { intact: false })];
    const verdict = judgeQuorum(config(5), view([1, 2, 3]), said);
    assert.deepEqual([verdict.quorate, verdict.votes], [false, 2]);
    assert.match(verdict.reason, /node3 count no vote until caught up/);
  });

  it("a member that has said nothing counts no vote", () => {
    assert.equal(judgeQuorum(config(3), view([1, 2]), states([1], [1, 2, 3])).votes, 1);
  });
});

describe("two nodes", () => {
  const two = config(2, { twoNode: true, waitForAll: true });

  it("the survivor has the quorum, and is primary only when the other is confirmed off", () => {
    const before = judgeQuorum(two, view([1]), states([1], [1, 2]));
    assert.deepEqual([before.quorate, before.primary, before.quorumVotes], [true, false, 1]);
    assert.match(
      before.reason,
      /node2 of the previous primary view may still be active.*Waiting for the confirmed fence/,
    );
    const fenced = [{ id: 2, incarnation: 1 }];
    assert.equal(judgeQuorum(two, view([1]), states([1], [1, 2], { fenced })).primary, true);
  });

  it("the fence of an earlier life is no fence of this one", () => {
    const fenced = [{ id: 2, incarnation: 0 }];
    assert.equal(judgeQuorum(two, view([1]), states([1], [1, 2], { fenced })).primary, false);
  });

  it("who left cleanly needs no fence; who was only silent does", () => {
    const left = view([1], true, [{ id: 2, incarnation: 1, cause: "left" }]);
    assert.equal(judgeQuorum(two, left, states([1], [1, 2])).primary, true);
    const laterLife = view([1], true, [{ id: 2, incarnation: 2, cause: "left" }]);
    assert.equal(judgeQuorum(two, laterLife, states([1], [1, 2])).primary, false, "a later life does not speak for it");
    for (const cause of ["silent", "restarted", "unreachable"] as const) {
      const gone = view([1], true, [{ id: 2, incarnation: 1, cause }]);
      assert.equal(judgeQuorum(two, gone, states([1], [1, 2])).primary, false, cause);
    }
  });

  it("after a start, one waits for the other even when it is confirmed off", () => {
    const fenced = [{ id: 2, incarnation: 1 }];
    const alone = judgeQuorum(two, view([1], false), states([1], [1, 2], { fenced }));
    assert.equal(alone.quorate, false);
    assert.match(alone.reason, /wait_for_all.*not seen yet: node2/);
    assert.ok(alone.reason.includes(START_OVERRIDE_COMMAND));
    assert.equal(judgeQuorum(two, view([1, 2], false), states([1, 2], [1, 2])).primary, true);
    const overridden = states([1], [1, 2], { fenced, startOverride: true });
    assert.equal(judgeQuorum(two, view([1], false), overridden).primary, true);
  });
});

describe("start of the whole cluster", () => {
  it("needs a majority of intact stores, or the named command", () => {
    const said = (override: boolean) => [
      ...states([1], [1, 2, 3], { startOverride: override }),
      ...states([2, 3], [], { intact: false }),
    ];
    const refused = judgeQuorum(config(3), view([1, 2, 3], false), said(false));
    assert.deepEqual([refused.quorate, refused.primary], [false, false]);
    assert.match(refused.reason, /stores of node2, node3 are new, lost or damaged/);
    assert.ok(refused.reason.includes(START_OVERRIDE_COMMAND));
    assert.equal(judgeQuorum(config(3), view([1, 2, 3], false), said(true)).primary, true);
  });

  it("of two nodes one damaged store is too many, unless the other is running", () => {
    const two = config(2, { twoNode: true, waitForAll: true });
    const said = [...states([1], [1, 2]), ...states([2], [], { intact: false })];
    assert.equal(judgeQuorum(two, view([1, 2], false), said).quorate, false);
    assert.equal(judgeQuorum(two, view([1, 2], true), said).primary, true);
  });

  it("a new cluster, where nobody has promised anything, starts with a majority", () => {
    assert.equal(judgeQuorum(config(3), view([1, 2], false), states([1, 2], [])).primary, true);
  });
});

describe("the previous primary view", () => {
  it("is the newest that any member knows", () => {
    const said = [...states([1], [1, 2], {}), ...states([3], [2, 3], { promisedPrimary: 6 })];
    const verdict = judgeQuorum(config(4, { autoTieBreaker: true }), view([1, 3]), said);
    assert.deepEqual(
      verdict.missing.map(({ id, account }) => [id, account]),
      [[2, "unaccounted"]],
    );
  });

  it("does not miss a node that is here in a later life", () => {
    const now = view([1, 2]);
    const later = {
      ...now,
      members: now.members.map((m) => (m.id === 2 ? { ...m, incarnation: 2, seniority: 0 } : m)),
    };
    const said = [...states([1], [1, 2]), ...states([2], [1, 2], { incarnation: 2 })];
    const verdict = judgeQuorum(config(2, { twoNode: true, waitForAll: true }), later, said);
    assert.deepEqual(verdict.missing, []);
    assert.equal(verdict.primary, true);
  });
});

describe("options that can lose changes", () => {
  it("are refused in a sentence that says what to do, unless the loss is accepted", () => {
    const lossy: [Partial<QuorumConfig>, RegExp][] = [
      [{ twoNode: true, waitForAll: true, fencing: false }, /two_node without fencing.*Configure a fence device/],
      [{ twoNode: true }, /two_node without wait_for_all/],
    ];
    for (const [options, words] of lossy) {
      assert.match(refuseLossy(config(2, options)) ?? "", words);
      assert.equal(refuseLossy(config(2, { ...options, acceptLoss: true })), undefined);
    }
    assert.equal(refuseLossy(config(2, { twoNode: true, waitForAll: true })), undefined);
  });

  it("accepted losses without a fence device let the survivor go on", () => {
    const two = config(2, { twoNode: true, waitForAll: true, fencing: false, acceptLoss: true });
    assert.equal(judgeQuorum(two, view([1]), states([1], [1, 2])).primary, true);
    const withFence = { ...two, fencing: true };
    assert.equal(
      judgeQuorum(withFence, view([1]), states([1], [1, 2])).primary,
      false,
      "a device that is there is waited for",
    );
  });

  it("impossible numbers are refused", () => {
    assert.match(refuseImpossible(config(3, { twoNode: true })) ?? "", /two_node is for exactly two nodes/);
    assert.match(refuseImpossible(config(2, { expectedVotes: 0 })) ?? "", /expected_votes is 0/);
    assert.match(refuseImpossible(config(1, { nodes: [{ id: 1, name: "a", votes: 0 }] })) ?? "", /No node has a vote/);
    const twice = [
      { id: 1, name: "a", votes: 1 },
      { id: 1, name: "b", votes: 1 },
    ];
    assert.match(refuseImpossible(config(2, { nodes: twice })) ?? "", /same id/);
    assert.equal(refuseImpossible(config(3)), undefined);
  });
});

describe("quorum with an arbiter", () => {
  const four = config(4, { arbiter: "r1" });
  const word = (number: number, register = "r1") => ({ register, number, text: "node 2 went on." });
  const said = states([3, 4], [1, 2, 3, 4]);

  it("exactly half waits for the vote, and with it goes on at once: the others are outvoted", () => {
    const waits = judgeQuorum(four, view([3, 4]), said);
    assert.deepEqual([waits.quorate, waits.arbiter], [false, "wanted"]);
    const refused = judgeQuorum(four, view([3, 4]), said, word(0));
    assert.match(refused.reason, /exactly half, 2 of 4.*node2 went on/);
    const granted = judgeQuorum(four, view([3, 4]), said, word(5));
    assert.deepEqual([granted.quorate, granted.primary, granted.arbiter], [true, true, "granted"]);
    assert.deepEqual(
      granted.missing.map(({ account }) => account),
      ["outvoted", "outvoted"],
    );
  });

  it("the word of another register counts for nothing", () => {
    assert.equal(judgeQuorum(four, view([3, 4]), said, word(5, "r0")).quorate, false);
    assert.equal(judgeQuorum(config(4), view([3, 4]), said, word(5)).quorate, false, "nor where none is agreed on");
  });

  it("neither less than half nor more than half asks for it", () => {
    assert.equal(judgeQuorum(four, view([4]), states([4], [1, 2, 3, 4]), word(5)).quorate, false);
    const majority = judgeQuorum(four, view([2, 3, 4]), states([2, 3, 4], [1, 2, 3, 4]));
    assert.deepEqual([majority.primary, majority.arbiter], [true, "none"]);
    assert.equal(judgeQuorum(config(5, { arbiter: "r1" }), view([1, 2]), states([1, 2], ALL), word(5)).quorate, false);
  });

  it("a damaged store counts no vote, so it can make a half of a majority", () => {
    const [first, second] = states([1, 2], [1, 2]);
    assert.ok(first && second);
    const two = config(2, { arbiter: "r1" });
    const verdict = judgeQuorum(two, view([1, 2]), [first, { ...second, intact: false }]);
    assert.deepEqual([verdict.quorate, verdict.arbiter], [false, "wanted"]);
  });

  it("of two nodes none goes on by a fence alone, nor by the tie-breaker: the other's changes would be lost", () => {
    const fenced = states([1], [1, 2], { fenced: [{ id: 2, incarnation: 1 }] });
    for (const options of [{ twoNode: true, waitForAll: true }, { autoTieBreaker: true }]) {
      assert.equal(judgeQuorum(config(2, options), view([1]), fenced).primary, true, "without an arbiter it may");
      assert.equal(judgeQuorum(config(2, { ...options, arbiter: "r1" }), view([1]), fenced).primary, false);
    }
  });

  it("wait_for_all comes first", () => {
    const two = config(2, { waitForAll: true, arbiter: "r1" });
    const verdict = judgeQuorum(two, view([1], false), states([1], [1, 2]), word(5));
    assert.deepEqual([verdict.quorate, verdict.arbiter], [false, "none"]);
    assert.match(verdict.reason, /wait_for_all/);
  });
});
