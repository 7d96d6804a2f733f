// Backups: what was written comes back, what was changed or is something else does not, and nothing is overwritten by accident.

import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { type Backup, readBackup, restoreBackup, STORE_FOLDER, writeBackup } from "../../../runtime/host/backup.ts";
import { SystoleError } from "../../../runtime/host/errors.ts";
import { openStore } from "../../../runtime/host/store.ts";
import { snapshotOf } from "../../../runtime/kernel/cib/log.ts";
import { grow, newLog } from "../kernel/cib/log-bench.ts";

const directory = mkdtempSync(join(tmpdir(), "systole-backup-"));
after(() => rmSync(directory, { recursive: true, force: true }));
let made = 0;
const fresh = (): string => join(directory, `${++made}`);

function backupOf(changes: number): Backup {
  const log = grow(newLog(), changes);
  const position = { ...log.position, promisedMembers: [{ id: 3, incarnation: 9 }] };
  const snapshot = { ...snapshotOf(log), position };
  return { cluster: "shop", node: "n1", release: "1", takenEpochMs: 5, snapshot };
}

function failsWith(code: string, words: RegExp) {
  return (error: unknown) => error instanceof SystoleError && error.code === code && words.test(error.message);
}

test("what was written comes back whole, and only its owner may read it", async () => {
  const file = fresh();
  const backup = backupOf(12);
  await writeBackup(file, backup, false);
  assert.deepEqual(await readBackup(file), backup);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.deepEqual(
    readdirSync(directory).filter((name) => name.endsWith(".new")),
    [],
  );
});

test("a file that is there is left alone unless it is meant, and stays private", async () => {
  const file = fresh();
  await writeBackup(file, backupOf(1), false);
  chmodSync(file, 0o644);
  await assert.rejects(writeBackup(file, backupOf(2), false), failsWith("backup-exists", /--overwrite/));
  assert.equal((await readBackup(file)).snapshot.history.length, 1);
  await writeBackup(file, backupOf(2), true);
  assert.equal((await readBackup(file)).snapshot.history.length, 2);
  assert.equal(statSync(file).mode & 0o777, 0o600);
  await assert.rejects(
    writeBackup(join(fresh(), "no", "such"), backupOf(1), false),
    failsWith("backup-unwritable", /ENOENT/),
  );
});

test("anything else than what was written is refused with a sentence", async () => {
  const file = fresh();
  await writeBackup(file, backupOf(3), false);
  const good = readFileSync(file);
  for (let at = 0; at < good.length; at += 97) {
    const bad = Buffer.from(good);
    bad[at] = (bad[at] ?? 0) ^ 1;
    writeFileSync(file, bad);
    await assert.rejects(readBackup(file), failsWith("backup-invalid", /no backup|damaged/), `flipped at ${at}`);
  }
  for (const length of [0, 10, good.length / 2, good.length - 2]) {
    writeFileSync(file, good.subarray(0, length));
    await assert.rejects(readBackup(file), failsWith("backup-invalid", /no backup|damaged/), `cut at ${length}`);
  }
  writeFileSync(file, String(good).replace('"version":1', '"version":2'));
  await assert.rejects(readBackup(file), failsWith("backup-version", /version 2/));
  await assert.rejects(readBackup(fresh()), failsWith("backup-unreadable", /ENOENT/));
});

test("a restored store starts with configuration, history and requests, and waits for nobody", async () => {
  const state = fresh();
  const backup = backupOf(20);
  assert.deepEqual(await restoreBackup(state, backup, false), { aside: undefined });
  const { initial, close } = await opened(state);
  assert.deepEqual(initial.cib, backup.snapshot.cib);
  assert.deepEqual(initial.history, backup.snapshot.history);
  assert.deepEqual(initial.recentRequests, backup.snapshot.recentRequests);
  assert.deepEqual(initial.position, { ...backup.snapshot.position, promisedMembers: [] });
  await close();
  for (const name of readdirSync(join(state, STORE_FOLDER))) {
    assert.equal(statSync(join(state, STORE_FOLDER, name)).mode & 0o777, 0o600, name);
  }
});

test("a store that holds something is left alone unless it is meant, and then moved aside; an empty one is used", async () => {
  const state = fresh();
  await (await opened(state)).close();
  await restoreBackup(state, backupOf(2), false);
  await assert.rejects(
    restoreBackup(state, backupOf(5), false),
    failsWith("store-not-empty", /has configuration 0\.2, so nothing was restored.*--overwrite/),
  );
  const { aside } = await restoreBackup(state, backupOf(5), true);
  assert.ok(aside !== undefined);
  const before = await openStore(aside);
  assert.equal(before.initial.history.length, 2);
  await before.close();
  const now = await opened(state);
  assert.equal(now.initial.history.length, 5);
  await now.close();
});

async function opened(state: string) {
  const store = await openStore(join(state, STORE_FOLDER));
  return { initial: store.initial, close: () => store.close() };
}
