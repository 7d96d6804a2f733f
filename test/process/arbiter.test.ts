// Two nodes and an arbiter at a third place: cut in two, one of them goes on and the other waits; when the one that went on dies, the other
// goes on waiting, because what was changed meanwhile is only there, and says so.

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { Field, type FieldNode, PROGRAM } from "./field.ts";
import { LINKS, networksMissing } from "./networks.ts";

/** The nodes hear one another on the first link; on the second everybody reaches the third place. */
const NODES_LINK = 0;
const THIRD_PLACE = 3;
const ARBITER_PORT = 7800;

/** `systole arbiter` in the namespace of the third place; gone with the test. */
async function startArbiter(t: Parameters<typeof Field.create>[0], field: Field, directory: string): Promise<void> {
  const [program = "", ...words] = [...(field.networks?.enter(THIRD_PLACE) ?? []), process.execPath, PROGRAM];
  const listen = `${LINKS[1]}${THIRD_PLACE}:${ARBITER_PORT}`;
  const child: ChildProcess = spawn(program, [...words, "arbiter", "--listen", listen, "--dir", directory], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.after(() => child.kill("SIGKILL"));
  assert.ok(child.stdout);
  await once(child.stdout, "data");
}

/** Two nodes that name the arbiter. */
async function begin(t: Parameters<typeof Field.create>[0]) {
  const field = await Field.create(t, { nodes: 3, networks: true });
  const directory = join(field.directory, "arbiter");
  await startArbiter(t, field, directory);
  const token = readFileSync(join(directory, "token"), "utf8").trim();
  const url = `http://${LINKS[1]}${THIRD_PLACE}:${ARBITER_PORT}/registers/field`;
  const pair = field.nodes.slice(0, 2);
  const nodes = pair.map(({ id, name }) => {
    return { id, name, links: [{ address: `${LINKS[NODES_LINK]}${id}`, port: field.port }] };
  });
  for (const node of pair) {
    field.configure(node, { nodes, quorum: { arbiter: { plugin: "http-register", parameters: { url, token } } } });
    field.start(node);
  }
  const [one, two] = pair;
  assert.ok(one && two);
  await field.together(one, two);
  return { field, one, two, directory };
}

const standingOf = (field: Field, node: FieldNode) => field.status(node)?.quorum;

test("one of two halves goes on with the arbiter's vote, and the other never without what was changed there", {
  skip: networksMissing() ?? false,
}, async (t) => {
  const { field, one, two, directory } = await begin(t);
  const { networks } = field;
  assert.ok(networks);
  await field.until("the arbiter has a vote", () => {
    const said = [standingOf(field, one), standingOf(field, two)];
    return said.every((quorum) => quorum?.arbiter?.votes === true && quorum.arbiter.reachable === true) || undefined;
  });

  networks.cable(one.id, NODES_LINK, false);
  const [winner, loser] = await field.until("one half has quorum, and the other knows that it has none", () => {
    const halves = [
      [one, two],
      [two, one],
    ] as const;
    return halves.find(
      ([with_, without]) =>
        standingOf(field, with_)?.primary === true &&
        standingOf(field, without)?.established === true &&
        standingOf(field, without)?.quorate === false,
    );
  });
  const changed = await field.systole(winner, "property", "set", "batch-limit", "7");
  assert.equal(changed.code, 0, changed.err);
  assert.match((await field.systole(winner, "status")).out, /The arbiter has a vote/);
  const refused = await field.systole(loser, "property", "set", "batch-limit", "8");
  assert.equal(refused.code, 1);
  const cause = new RegExp(`given its vote to another half since: ${winner.name} went on in primary view \\d+`);
  assert.match(refused.err, cause);

  await field.powerOff(winner);
  networks.cable(one.id, NODES_LINK, true);
  // Longer than the arbiter is left alone after a refusal.
  await new Promise((resolve) => setTimeout(resolve, 7_000));
  const alone = await field.systole(loser, "status");
  assert.match(alone.out, cause);
  assert.match(alone.out, /Bring one of these nodes back/);
  assert.equal(standingOf(field, loser)?.quorate, false);
  const register = JSON.parse(JSON.parse(readFileSync(join(directory, "field.register"), "utf8")).text);
  assert.deepEqual(register.members, [winner.id]);

  field.start(winner);
  await field.together(one, two);
  assert.equal((await field.systole(loser, "property", "get", "batch-limit")).out, "7\n");
});

test("who is refused goes on when the operator takes the loss, and what was changed elsewhere is lost", {
  skip: networksMissing() ?? false,
}, async (t) => {
  const { field, one, two } = await begin(t);
  await field.until("the arbiter has a vote", () => standingOf(field, two)?.arbiter?.votes || undefined);
  await field.powerOff(two);
  await field.together(one);
  const changed = await field.systole(one, "property", "set", "batch-limit", "7");
  assert.equal(changed.code, 0, changed.err);

  await field.powerOff(one);
  field.start(two);
  const refused = await field.until("it is refused", () => {
    const quorum = standingOf(field, two);
    return quorum?.established === true && /n1 went on in primary view/.test(quorum.reason) ? quorum : undefined;
  });
  assert.equal(refused.quorate, false);
  const taken = await field.systole(two, "cib", "recover", "--accept-loss");
  assert.equal(taken.code, 0, taken.err);
  await field.together(two);
  field.start(one);
  await field.together(one, two);
  assert.notEqual((await field.systole(one, "property", "get", "batch-limit")).out, "7\n");
});
