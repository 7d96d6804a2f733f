// A cluster that is lost with all its disks, and made again from a backup.

import assert from "node:assert/strict";
import { rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { configuration, dummy, Field } from "./field.ts";

test("a cluster made anew from a backup has the configuration and its history, on the nodes that had none of it too", async (t) => {
  const field = await Field.create(t);
  const [one, two, three] = field.nodes;
  assert.ok(one && two && three);
  for (const node of field.nodes) field.start(node);
  await field.together(one, two, three);
  await field.give(one, configuration(field, { resources: dummy("app") }));
  await field.runs(one, "app");
  const said = await field.systole(two, "property", "set", "batch-limit", "7", "--reason", "before the flood");
  assert.equal(said.code, 0, said.err);
  const file = join(field.directory, "cluster.backup");
  const written = await field.systole(three, "backup", file);
  assert.equal(written.code, 0, written.err);
  assert.match(written.out, /of cluster field and \d changes of its history/);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  const { changes } = await field.client(one).call("cib-history", { limit: 10 });

  const running = await field.systole(undefined, "restore", file, one.configPath, "--overwrite");
  assert.equal(running.code, 75, running.err);
  for (const node of field.nodes) await field.powerOff(node);
  for (const node of field.nodes) await field.ended(node);
  const kept = await field.systole(undefined, "restore", file, one.configPath);
  assert.equal(kept.code, 73);
  assert.match(kept.err, /has configuration 0\.\d+, so nothing was restored/);
  for (const node of field.nodes) rmSync(join(node.directory, "state"), { recursive: true });
  for (const node of [one, two]) {
    const restored = await field.systole(undefined, "restore", file, node.configPath);
    assert.equal(restored.code, 0, restored.err);
  }
  for (const node of field.nodes) field.start(node);
  await field.together(one, two, three);
  await field.runs(three, "app");
  for (const node of field.nodes) {
    assert.deepEqual((await field.client(node).call("cib-history", { limit: 10 })).changes, changes);
  }
  const last = changes.find(({ why }) => why.startsWith("before the flood"));
  const undone = await field.systole(three, "cib", "undo", `${last?.number}`);
  assert.equal(undone.code, 0, undone.err);
});
