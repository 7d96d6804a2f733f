// Votes change one at a time, and never so that those who are here lose their majority; any two majorities around a step have a member in
// common.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import {
  formatVoters,
  nextVoters,
  parseVoters,
  type Votes,
  votesBetween,
} from "../../../../runtime/services/controller/voters.ts";

const votes = (text: string): Votes => parseVoters(text) ?? assert.fail(text);

/** All the steps that are taken from one list to another while these nodes are here. */
function steps(from: string, to: string, here: readonly number[], expectedVotes?: number): string[] {
  const taken: string[] = [];
  for (let list: Votes | undefined = votes(from); taken.length < 100; ) {
    list = nextVoters(list, votes(to), here, expectedVotes);
    if (list === undefined) return taken;
    taken.push(formatVoters(list));
  }
  return assert.fail("it does not end");
}

test("what is no list of votes is none", () => {
  assert.deepEqual([...votes("2:1 1:3")].sort(), [
    [1, 3],
    [2, 1],
  ]);
  for (const text of ["", "1", "1:x", "0:1", "1:1,2:1", "1:-1"]) assert.equal(parseVoters(text), undefined, text);
});

test("a cluster grows and shrinks by one vote at a time", () => {
  assert.deepEqual(steps("1:1 2:1 3:1", "1:1 2:1 3:1 4:1 5:1", [1, 2, 3, 4, 5]), [
    "1:1 2:1 3:1 4:1",
    "1:1 2:1 3:1 4:1 5:1",
  ]);
  assert.deepEqual(steps("1:1 2:1 3:1 4:1 5:1", "1:1 2:1 3:1", [1, 2, 3]), ["1:1 2:1 3:1 5:1", "1:1 2:1 3:1"]);
  assert.deepEqual(steps("1:1 2:1", "1:3 2:1", [1, 2]), ["1:2 2:1", "1:3 2:1"]);
});

test("a node that is away gets no vote, and nobody votes himself out of his majority", () => {
  assert.deepEqual(steps("1:1 2:1 3:1", "1:1 2:1 3:1 4:1 5:1", [1, 2, 3]), []);
  assert.deepEqual(steps("1:1 2:1 3:1", "1:1 2:1 3:1 4:1 5:1", [1, 2, 5]), ["1:1 2:1 3:1 5:1"]);
  assert.deepEqual(steps("1:1 2:1 3:1", "3:1", [1, 2]), [], "n3 alone would be all that counts, and it is away");
  assert.deepEqual(steps("1:1 2:1 3:1", "1:1 2:1 3:1 4:1", [1, 2, 3, 4], 3), [], "more than are expected");
});

test("any majority before a step and any after it have a member in common", () => {
  const list = fc.dictionary(fc.constantFrom("1", "2", "3", "4", "5"), fc.nat(3));
  const property = fc.property(list, list, fc.subarray([1, 2, 3, 4, 5]), (from, to, here) => {
    const asVotes = (entries: Record<string, number>): Votes =>
      new Map(Object.entries(entries).map(([id, count]) => [Number(id), count]));
    const before = asVotes(from);
    const after = nextVoters(before, asVotes(to), here, undefined);
    if (after === undefined) return;
    assert.equal(votesBetween(before, after), 1);
    const isMajority = (members: number, by: Votes): boolean => {
      let [ours, all] = [0, 0];
      for (const [id, count] of by) {
        all += count;
        if ((members >> id) & 1) ours += count;
      }
      return ours * 2 > all;
    };
    for (let one = 0; one < 64; one += 1) {
      for (let other = 0; other < 64; other += 1) {
        if ((one & other) === 0) assert.ok(!isMajority(one, before) || !isMajority(other, after));
      }
    }
  });
  fc.assert(property, { seed: 7, numRuns: 300 });
});
