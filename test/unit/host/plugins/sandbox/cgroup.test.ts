// Control groups, in a folder that looks like the kernel's: what is written, and where nothing is.

import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { confine } from "../../../../../runtime/host/plugins/sandbox/cgroup.ts";

const folder = mkdtempSync(join(tmpdir(), "systole-cgroup-"));
after(() => rmSync(folder, { recursive: true, force: true }));

test("where the kernel has not made the files of a group, none are made, and the group is taken away", () => {
  const root = join(folder, "no-kernel");
  mkdirSync(root);
  assert.equal(confine([1], 128, root), undefined, "no control groups at all");
  writeFileSync(join(root, "cgroup.subtree_control"), "cpu memory pids\n");
  assert.equal(confine([1], 128, root), undefined);
  assert.deepEqual(readdirSync(root), ["cgroup.subtree_control"]);
});

test("without the memory controller nothing is tried", () => {
  const root = join(folder, "no-memory");
  mkdirSync(root);
  writeFileSync(join(root, "cgroup.subtree_control"), "cpu io\n");
  assert.equal(confine([1], 128, root), undefined);
  assert.ok(existsSync(root));
});
