// Which lives are accounted for: a life that leaves speaks for itself alone, power that goes ends every life before.

import assert from "node:assert/strict";
import { test } from "node:test";
import { element } from "../../../../runtime/kernel/cib/element.ts";
import type { Departure } from "../../../../runtime/kernel/membership/view.ts";
import type { Standing } from "../../../../runtime/kernel/messages.ts";
import { Lives } from "../../../../runtime/services/controller/lives.ts";
import { INCARNATION, nodeStateUpdate } from "../../../../runtime/services/controller/node-states.ts";

function standing(lives: Readonly<Record<number, number>>, departures: readonly Departure[] = []): Standing {
  const members = Object.entries(lives).map(([id, incarnation]) => ({
    id: Number(id),
    incarnation,
    featureLevel: 1,
    primaryNumber: 1,
    seniority: 1,
  }));
  return {
    view: { id: { number: 1, proposer: 1 }, members, departures },
    coordinator: 1,
    quorate: true,
    primary: true,
    established: true,
    primaryNumber: 1,
    votes: 2,
    expectedVotes: 2,
    reason: "",
    missing: [],
  };
}

test("a later life that leaves does not account for the one before", () => {
  const lives = new Lives();
  lives.standing(standing({ 1: 1, 2: 1 }));
  assert.equal(lives.earlier(2, 2), 1);
  lives.standing(standing({ 1: 1 }, [{ id: 2, incarnation: 2, cause: "left" }]));
  assert.equal(lives.earlier(2, 3), 1, "life 1 may still run something");
  lives.close(2, 2);
  assert.equal(lives.earlier(2, 3), undefined, "it was read as off");
});

test("a life that leaves accounts for itself", () => {
  const lives = new Lives();
  lives.standing(standing({ 1: 1, 2: 1 }));
  lives.standing(standing({ 1: 1 }, [{ id: 2, incarnation: 1, cause: "left" }]));
  assert.equal(lives.earlier(2, 2), undefined);
});

test("a later life that leaves before the fence does not make its node clean, and the lost life is named for the next coordinator", () => {
  const state = element("node_state", {
    id: "2",
    uname: "n2",
    in_ccm: "true",
    crmd: "online",
    join: "member",
    expected: "member",
    [INCARNATION]: "2",
  });
  const cib = element("cib", {}, [element("configuration"), element("status", {}, [state])]);
  const gone = standing({ 1: 1 }, [{ id: 2, incarnation: 2, cause: "left" }]);
  const node = { id: 2, name: "n2" };
  const haunted = nodeStateUpdate(cib, node, gone, undefined, 1);
  assert.equal(haunted.became, "unclean");
  const [edit] = haunted.edits;
  assert(edit?.edit === "set");
  assert.equal(edit.attributes[INCARNATION], "1");
  assert.equal(nodeStateUpdate(cib, node, gone, undefined, undefined).became, "down");
});
