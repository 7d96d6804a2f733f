// How votes are counted is part of the committed configuration; what could lose acknowledged changes is refused.

import assert from "node:assert/strict";
import { test } from "node:test";
import { parseXml } from "../../../runtime/compat/xml.ts";
import { parseConfig } from "../../../runtime/host/config.ts";
import { createJudge, quorumUnder } from "../../../runtime/host/judgement.ts";

function config(quorum: object = {}) {
  const nodes = [1, 2, 3].map((id) => ({
    id,
    name: `n${id}`,
    links: [{ address: "127.0.0.1", port: 7000 + id }],
  }));
  const file = { cluster: "c", node: "n1", nodes, keyFile: "key", stateDirectory: "state", quorum };
  return parseConfig(JSON.stringify(file), "/x/node.json");
}

function cib(votes?: string) {
  const pair = votes === undefined ? "" : `<nvpair id="v" name="systole-expected-votes" value="${votes}"/>`;
  return parseXml(
    `<cib><configuration><crm_config><cluster_property_set id="o">${pair}</cluster_property_set></crm_config><nodes/><resources/><constraints/></configuration></cib>`,
  );
}

test("the committed expected votes count, the configured ones without them", () => {
  assert.equal(quorumUnder(cib("5"), config({ expectedVotes: 4 })).expectedVotes, 5);
  assert.equal(quorumUnder(cib(), config({ expectedVotes: 4 })).expectedVotes, 4);
  assert.equal(quorumUnder(cib(), config()).expectedVotes, undefined);
});

test("a change to fewer expected votes than there are votes, or to nonsense, is refused with a sentence", () => {
  const judge = createJudge(config());
  assert.deepEqual(judge(cib("5"), cib()), []);
  assert.deepEqual(judge(cib("3"), cib("5")), []);
  assert.match(judge(cib("2"), cib())[0]?.text ?? "", /fewer than the 3 votes.*acceptLoss/);
  assert.match(judge(cib("many"), cib())[0]?.text ?? "", /is "many"\. Use a whole number/);
  assert.match(judge(cib("0"), cib())[0]?.text ?? "", /expected_votes is 0/);
  assert.deepEqual(judge(cib("5"), cib()), []);
  assert.match(judge(cib("6"), cib())[0]?.text ?? "", /nobody could change it back. Use at most 5/);
  const loose = createJudge(config({ acceptLoss: true }));
  assert.deepEqual(loose(cib("2"), cib()), []);
});

test("a node's configuration that expects too few is refused at the start", () => {
  assert.throws(() => config({ expectedVotes: 2 }), /config-lossy|fewer than the 3 votes/);
  assert.equal(config({ expectedVotes: 2, acceptLoss: true }).quorum.acceptLoss, true);
});

function withVoters(voters: string) {
  const pair = `<nvpair id="v" name="systole-voters" value="${voters}"/>`;
  return parseXml(
    `<cib><configuration><crm_config><cluster_property_set id="s">${pair}</cluster_property_set></crm_config><nodes/><resources/><constraints/></configuration></cib>`,
  );
}

test("the committed list of votes counts, whatever the node's file says", () => {
  const votes = (cibWith: ReturnType<typeof cib>) =>
    quorumUnder(cibWith, config()).nodes.map((node) => [node.id, node.votes]);
  const own = [
    [1, 1],
    [2, 1],
    [3, 1],
  ];
  assert.deepEqual(votes(cib()), own);
  assert.deepEqual(votes(withVoters("1:1 2:1")), [
    [1, 1],
    [2, 1],
    [3, 0],
  ]);
  assert.deepEqual(votes(withVoters("1:1 2:1 3:1 4:1 5:2")).slice(3), [
    [4, 1],
    [5, 2],
  ]);
});

test("the list changes by one vote at a time, and nobody can take it away while it is not what the file says", () => {
  const judge = createJudge(config());
  const said = (next: string, previous: string) => judge(withVoters(next), withVoters(previous))[0];
  assert.equal(said("1:1 2:1 3:1 4:1", "1:1 2:1 3:1"), undefined);
  assert.equal(said("1:1 2:1", "1:1 2:1 3:1"), undefined);
  assert.equal(said("1:1 2:1 3:1 4:1 5:1", "1:1 2:1 3:1")?.code, "config-voters");
  assert.match(
    said("1:1", "1:1 2:1 3:1")?.text ?? "",
    /more than one vote at once.*one vote at a time: change these files/,
  );
  assert.match(said("all of us", "1:1 2:1 3:1")?.text ?? "", /should be ids with votes/);
  assert.deepEqual(judge(cib(), withVoters("1:1 2:1 3:1")), []);
  assert.equal(judge(cib(), withVoters("1:1 2:1"))[0]?.code, "config-voters");
  assert.deepEqual(judge(withVoters("1:1 2:1 3:1"), cib()), []);
  assert.deepEqual(createJudge(config({ acceptLoss: true }))(withVoters("1:1"), withVoters("1:1 2:1 3:1")), []);
});

function withArbiter(voters: string, arbiter?: string) {
  const pairs = Object.entries({ "systole-voters": voters, "systole-arbiter": arbiter })
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `<nvpair id="${name}" name="${name}" value="${value}"/>`);
  return parseXml(
    `<cib><configuration><crm_config><cluster_property_set id="s">${pairs.join("")}</cluster_property_set></crm_config><nodes/><resources/><constraints/></configuration></cib>`,
  );
}

test("the arbiter's vote is one of the votes: it comes and goes alone, and the others stand still while it counts", () => {
  const judge = createJudge(config());
  const said = (next: ReturnType<typeof cib>, previous: ReturnType<typeof cib>) => judge(next, previous)[0]?.text ?? "";
  const four = "1:1 2:1 3:1 4:1";
  assert.equal(quorumUnder(withArbiter(four, "r1"), config()).arbiter, "r1");
  assert.equal(said(withArbiter(four, "r1"), withArbiter(four)), "");
  assert.equal(said(withArbiter(four), withArbiter(four, "r1")), "");
  assert.equal(said(withArbiter(four, "r1"), withArbiter(four, "r1")), "");
  const twice = /two halves of a cluster that counts in two ways could both have a majority/;
  assert.match(
    said(withArbiter(four, "r2"), withArbiter(four, "r1")),
    /from "r1" to "r2", to another register at once/,
  );
  assert.match(said(withArbiter("1:1 2:1 3:1", "r1"), withArbiter(four, "r1")), twice);
  assert.match(said(withArbiter("1:1 2:1 3:1"), withArbiter(four, "r1")), twice);
  assert.match(said(withArbiter(four, "r1"), withArbiter("1:1 2:1 3:1")), twice);
  assert.equal(said(withArbiter(four), withArbiter("1:1 2:1 3:1")), "");
});

test("an arbiter is named in the node's configuration, in the place of two_node and of the tie-breaker", () => {
  const arbiter = { plugin: "http-register", parameters: { url: "http://192.0.2.9/registers/c" } };
  assert.deepEqual(config({ arbiter }).arbiter, arbiter);
  assert.equal(config().arbiter, undefined);
  assert.throws(() => config({ arbiter, autoTieBreaker: true }), /goes together with no "quorum\.autoTieBreaker"/);
  assert.throws(() => config({ arbiter: { plugin: "x", parameters: { port: 1 } } }), /quorum\.arbiter/);
  assert.throws(() => config({ device: {} }), /called an arbiter here/);
});
