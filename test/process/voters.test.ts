// A cluster of three becomes one of five and of four: the nodes' files change one after the other, the votes one at a time and by themselves.

import assert from "node:assert/strict";
import { performance } from "node:perf_hooks";
import { test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { votersText } from "../../runtime/services/controller/voters.ts";
import { Field, type FieldNode, WAIT_MS } from "./field.ts";

const LOOK_AGAIN_MS = 50;

test("nodes come and one goes: the committed votes follow the files, one vote a change", async (t) => {
  const field = await Field.create(t, { nodes: 5 });
  const [one, two, three, four, five] = field.nodes;
  assert.ok(one && two && three && four && five);
  const links = (node: FieldNode): unknown =>
    ["127.30.0.", "127.40.0."].map((network) => ({ address: `${network}${node.id}`, port: field.port }));
  const knows = (node: FieldNode, ...nodes: readonly FieldNode[]): void =>
    field.configure(node, { nodes: nodes.map((other) => ({ id: other.id, name: other.name, links: links(other) })) });
  const read = async (): Promise<string | undefined> =>
    votersText((await field.client(one).call("cib-query", {})).element);
  const votes = async (wanted: string): Promise<void> => {
    const deadline = performance.now() + WAIT_MS;
    for (let found = await read(); found !== wanted; found = await read()) {
      assert.ok(performance.now() < deadline, `the votes are ${found}, not ${wanted}`);
      await wait(LOOK_AGAIN_MS);
    }
  };
  const restart = async (node: FieldNode, ...members: readonly FieldNode[]): Promise<void> => {
    field.signal(node, "SIGTERM");
    assert.equal(await field.ended(node), 0);
    field.start(node);
    await field.together(...members);
  };

  for (const node of [one, two, three]) knows(node, one, two, three);
  for (const node of [one, two, three]) field.start(node);
  await field.together(one, two, three);
  await votes("1:1 2:1 3:1");

  const old = [one, two, three] as const;
  for (const node of field.nodes) knows(node, ...field.nodes);
  for (const node of old) await restart(node, ...old);
  assert.equal(await read(), "1:1 2:1 3:1", "nobody who is away gets a vote");
  for (const node of [four, five]) field.start(node);
  await field.together(...field.nodes);
  await votes("1:1 2:1 3:1 4:1 5:1");
  const { changes } = await field.client(one).call("cib-history", { limit: 100 });
  const steps = changes.filter((change) => change.who.startsWith("coordinator"));
  assert.ok(steps.length >= 3, "a change for the list, and one for each vote");

  field.signal(five, "SIGTERM");
  assert.equal(await field.ended(five), 0);
  const left = [one, two, three, four] as const;
  await field.together(...left);
  for (const node of left) knows(node, ...left);
  for (const node of left) await restart(node, ...left);
  await votes("1:1 2:1 3:1 4:1");
});
