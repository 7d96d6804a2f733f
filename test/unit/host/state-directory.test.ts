// The state directory: one process at a time, ever larger incarnations, and no place for another cluster manager's files.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { type ErrorCode, SystoleError } from "../../../runtime/host/errors.ts";
import { bootId, processFacts } from "../../../runtime/host/plugins/processes.ts";
import { takeStateDirectory } from "../../../runtime/host/state-directory.ts";

const base = mkdtempSync(join(tmpdir(), "systole-state-"));
after(() => rmSync(base, { recursive: true }));
let made = 0;
const fresh = (): string => join(base, `s${++made}`, "deep");
const refused = (code: ErrorCode, words: RegExp) => (error: unknown) => {
  assert.ok(error instanceof SystoleError, String(error));
  assert.equal(error.code, code);
  assert.match(error.message, words);
  return true;
};

test("it is made private, and given back", () => {
  const path = fresh();
  const taken = takeStateDirectory(path, 1_000);
  assert.equal(statSync(path).mode & 0o777, 0o700);
  assert.equal(taken.incarnation, 1_000);
  assert.ok(existsSync(join(path, "lock")));
  taken.release();
  taken.release();
  assert.ok(!existsSync(join(path, "lock")));
});

test("an incarnation is larger than every earlier one, also when the clock goes back", () => {
  const path = fresh();
  const lives = [5_000, 5_000, 10, 6_000].map((nowMs) => {
    const taken = takeStateDirectory(path, nowMs);
    taken.release();
    return taken.incarnation;
  });
  assert.deepEqual(lives, [5_000, 5_001, 5_002, 6_000]);
});

test("a living process keeps it, and is named with pid and start time", (t) => {
  const path = fresh();
  mkdirSync(path, { recursive: true });
  const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "ignore" });
  t.after(() => child.kill("SIGKILL"));
  const pid = child.pid ?? 0;
  writeFileSync(join(path, "lock"), `${pid} ${processFacts(pid)?.startTicks ?? 0} ${bootId() ?? ""}\n`);
  assert.throws(
    () => takeStateDirectory(path, 1),
    refused("already-running", new RegExp(`process ${pid}, started 20\\d\\d-.*kill ${pid}`)),
  );
});

test("a lock of a dead process, of another boot, of a reused pid or of nobody at all is taken over", () => {
  const facts = processFacts(process.ppid);
  for (const lock of [
    `999999999 1 ${bootId()}`,
    `${process.ppid} ${(facts?.startTicks ?? 0) + 1} ${bootId()}`,
    `${process.ppid} ${facts?.startTicks} another-boot`,
    "",
    "nonsense",
  ]) {
    const path = fresh();
    mkdirSync(path, { recursive: true });
    writeFileSync(join(path, "lock"), lock);
    const taken = takeStateDirectory(path, 1);
    assert.match(readFileSync(join(path, "lock"), "utf8"), new RegExp(`^${process.pid} `));
    taken.release();
  }
});

test("the directory of another cluster manager is left alone, and it is named", () => {
  for (const [file, name] of [
    ["ringid_127.0.0.1", "Corosync"],
    ["cib.xml", "Pacemaker"],
    ["hostcache", "Heartbeat"],
  ] as const) {
    const path = fresh();
    mkdirSync(path, { recursive: true });
    writeFileSync(join(path, file), "");
    assert.throws(() => takeStateDirectory(path, 1), refused("other-cluster", new RegExp(name)));
    assert.ok(!existsSync(join(path, "lock")));
  }
});

test("a place that cannot be a directory is refused with the remedy", () => {
  const file = join(base, "file");
  writeFileSync(file, "");
  assert.throws(() => takeStateDirectory(join(file, "x"), 1), refused("directory-unwritable", /stateDirectory/));
});

test("a directory without the right to write is refused with the remedy", () => {
  const path = fresh();
  mkdirSync(path, { recursive: true });
  chmodSync(path, 0o500);
  chmodSync(base, 0o755);
  const root = process.getuid?.() === 0;
  // Root may write everywhere, so for a moment this process is an ordinary user.
  if (root) process.seteuid?.("nobody");
  try {
    assert.throws(() => takeStateDirectory(path, 1), refused("directory-permission", /chown/));
  } finally {
    if (root) process.seteuid?.(0);
  }
});
