// Control groups: in a folder that looks like the kernel's, what is written, and where nothing is; and in the kernel's own, where
// this machine has one that can bound memory. A machine whose controllers belong to hierarchies of version 1 has none.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  accessSync,
  constants,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
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

/** Hierarchies of control groups, version 2, that are mounted here, with what a group in them can bound. */
function hierarchies(): { readonly root: string; readonly bounds: readonly string[] }[] {
  const text = (file: string): string => (existsSync(file) ? readFileSync(file, "utf8") : "");
  return text("/proc/self/mounts")
    .split("\n")
    .map((line) => line.split(" "))
    .filter(([, , type]) => type === "cgroup2")
    .map(([, root = ""]) => ({
      root,
      bounds: text(join(root, "cgroup.subtree_control")).split(/\s+/).filter(Boolean),
    }));
}

function isWritable(root: string): boolean {
  try {
    accessSync(root, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

const groupsIn = (root: string): string[] => readdirSync(root).filter((name) => name.startsWith("systole-"));
const bare = hierarchies().find(({ bounds }) => !bounds.includes("memory"));
const real = hierarchies().find(
  ({ root, bounds }) => bounds.includes("memory") && bounds.includes("pids") && isWritable(root),
);
const found = hierarchies().map(({ root, bounds }) => `${root} (${bounds.join(", ") || "nothing"})`);
const noReal = `not on this kernel: no hierarchy of control groups, version 2, that this user may write to bounds memory and pids; there is ${found.join(", ") || "none at all"}`;

test("a real hierarchy that bounds no memory is left as it is", {
  skip: bare === undefined ? "not on this kernel: every hierarchy bounds memory" : false,
}, () => {
  const root = bare?.root ?? "";
  const before = groupsIn(root);
  assert.equal(confine([process.pid], 128, root), undefined);
  assert.deepEqual(groupsIn(root), before);
});

/** Takes 512 MiB when it is told to. */
const TAKE = `process.stdin.once("data", () => {
  const all = Array.from({ length: 512 }, () => Buffer.alloc(1 << 20, 7));
  console.log(all.length);
  process.exit(0);
});`;

/** What a process says that takes memory, and what ends it. */
async function taking(
  around: (pid: number) => void,
): Promise<{ readonly said: string; readonly signal: NodeJS.Signals | null }> {
  const child = spawn(process.execPath, ["--eval", TAKE], { stdio: ["pipe", "pipe", "ignore"] });
  let said = "";
  child.stdout.on("data", (chunk: Buffer) => {
    said += chunk.toString("utf8");
  });
  around(child.pid ?? 0);
  child.stdin.write("now\n");
  await once(child, "close");
  return { said: said.trim(), signal: child.signalCode };
}

test("the kernel itself ends what takes more than its group may have, and the group goes with it", {
  skip: real === undefined ? noReal : false,
  timeout: 60_000,
}, async () => {
  assert.deepEqual(await taking(() => undefined), { said: "512", signal: null }, "outside, it is given what it takes");
  const root = real?.root ?? "";
  const before = groupsIn(root);
  let group: ReturnType<typeof confine>;
  const { signal } = await taking((pid) => {
    group = confine([pid], 64, root);
  });
  assert.ok(group !== undefined, "it was put into a group");
  assert.equal(signal, "SIGKILL");
  await group.remove();
  assert.deepEqual(groupsIn(root), before);
});
