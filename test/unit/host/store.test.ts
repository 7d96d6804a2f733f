// The store on a real directory, and on a disk that forgets what was not synced: every prefix of what it did is started from.

import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { setImmediate as settled } from "node:timers/promises";
import { SystoleError } from "../../../runtime/host/errors.ts";
import { realFiles, type StoreFiles } from "../../../runtime/host/store/files.ts";
import { MARK } from "../../../runtime/host/store/mark.ts";
import { openStore, type Store } from "../../../runtime/host/store.ts";
import { applyEdits } from "../../../runtime/kernel/cib/edits.ts";
import type { Element } from "../../../runtime/kernel/cib/element.ts";
import { makePatchset } from "../../../runtime/kernel/cib/patchset.ts";
import { durableDocument, foundingCib, versionOf, withVersion } from "../../../runtime/kernel/cib/version.ts";
import type { LogPosition, StoreRecord } from "../../../runtime/kernel/messages.ts";
import { seeded } from "../kernel/cluster.ts";
import { CUT_KINDS, MemoryDisk } from "./memory-disk.ts";

const root = mkdtempSync(join(tmpdir(), "systole-store-"));
after(() => rmSync(root, { recursive: true, force: true }));

const FOUNDED: LogPosition = {
  primaryNumber: 0,
  index: 0,
  adoptedPrimary: 1,
  wholePrimary: 1,
  promisedPrimary: 1,
  promisedMembers: [{ id: 1, incarnation: 7 }],
  intact: true,
  empty: false,
};

/** The records of a life: promise, whole document, then one change after the other. */
function* life(): Generator<StoreRecord[], never> {
  let document = durableDocument(foundingCib());
  yield [{ record: "promise", primaryNumber: 1, members: FOUNDED.promisedMembers }];
  yield [
    { record: "whole", snapshot: { cib: document, position: FOUNDED, recentRequests: [], history: [] } },
    { record: "adopt", primaryNumber: 1 },
  ];
  for (let index = 1; ; index += 1) {
    const { entry, next } = change(document, index);
    document = next;
    yield [{ record: "entry", entry }];
  }
}

function change(document: Element, index: number) {
  const path = [{ name: "configuration" }, { name: "crm_config" }, { name: "nvpair", id: `p${index % 5}` }];
  const edited = applyEdits(document, [
    { edit: "set", path, attributes: { value: String(index), padding: "x".repeat(400) } },
  ]);
  assert.ok(edited.ok);
  const version = versionOf(document);
  const next = withVersion(edited.cib, { ...version, epoch: version.epoch + 1 });
  const patchset = makePatchset(document, next);
  const entry = {
    primaryNumber: 1,
    index,
    requestId: `r${index}`,
    who: "w",
    why: "y",
    epochMs: index,
    patchset,
    durable: true,
  };
  return { entry, next };
}

async function write(store: Store, records: Generator<StoreRecord[], never>, batches: number): Promise<void> {
  for (let i = 0; i < batches; i += 1) await store.persist(records.next().value);
}

test("an empty directory: empty, not intact, private; after a life everything is there again", async () => {
  const directory = join(root, "a", "b");
  const store = await openStore(directory);
  assert.equal(store.initial.position.empty, true);
  assert.equal(store.initial.position.intact, false);
  assert.equal(store.initial.cib, undefined);
  await write(store, life(), 12);
  await store.close();
  const again = await openStore(directory);
  assert.deepEqual(again.initial.position, { ...FOUNDED, primaryNumber: 1, index: 10 });
  assert.equal(again.initial.cib?.attributes["epoch"], "10");
  assert.equal(again.initial.recentRequests.length, 10);
  assert.equal(again.initial.entries.length, 10);
  assert.deepEqual(again.initial.notes, []);
  await again.close();
  assert.equal(statSync(directory).mode & 0o777, 0o700);
  for (const name of readdirSync(directory)) assert.equal(statSync(join(directory, name)).mode & 0o777, 0o600);
});

test("an interrupted founding is still an empty store", async () => {
  const directory = join(root, "founding");
  const store = await openStore(directory);
  await write(store, life(), 1);
  await store.close();
  const again = await openStore(directory);
  assert.equal(again.initial.position.empty, true);
  assert.equal(again.initial.position.promisedPrimary, 1);
  await again.close();
});

test("the log gives way to the next generation and stays bounded", async () => {
  const directory = join(root, "rotate");
  const store = await openStore(directory, { rotateBytes: 4000 });
  await write(store, life(), 102);
  await store.close();
  const names = readdirSync(directory);
  assert.equal(names.length, 3, names.join(" "));
  assert.ok(statSync(join(directory, names.find((name) => name.startsWith("log")) ?? "")).size < 6000);
  const again = await openStore(directory);
  assert.equal(again.initial.position.index, 100);
  assert.equal(again.initial.recentRequests.length, 100);
  await again.close();
});

test("a torn tail is cut off and the store goes on", async () => {
  const directory = join(root, "torn");
  const store = await openStore(directory);
  const records = life();
  await write(store, records, 6);
  await store.close();
  const log = join(directory, "log-2");
  const bytes = readFileSync(log);
  const files: StoreFiles = realFiles;
  writeFileSync(log, bytes.subarray(0, bytes.length - 10));
  // Nobody waits for the mark, so a power cut takes it too.
  rmSync(join(directory, MARK));
  const again = await openStore(directory, { files });
  assert.equal(again.initial.position.index, 3);
  assert.equal(again.initial.position.intact, true);
  assert.equal(again.initial.notes[0]?.code, "store-tail");
  const { entry } = change(again.initial.cib ?? foundingCib(), 4);
  await again.persist([{ record: "entry", entry }]);
  await again.close();
  const third = await openStore(directory);
  assert.equal(third.initial.position.index, 4);
  assert.deepEqual(third.initial.notes, []);
  await third.close();
});

test("any flipped bit in what was acknowledged is damage: set aside, no vote, and a start that succeeds", async () => {
  const directory = join(root, "rot");
  const random = seeded(11);
  for (let round = 0; round < 60; round += 1) {
    rmSync(directory, { recursive: true, force: true });
    const store = await openStore(directory);
    await write(store, life(), 8);
    await store.close();
    const name = round % 2 === 0 ? "log-2" : "snapshot-2";
    const bytes = readFileSync(join(directory, name));
    let at = 0;
    for (let flips = 1 + (round % 8); flips > 0; flips -= 1) {
      // The end of the log is where a torn write would stand.
      at = Math.floor(random() * bytes.length);
      if (round % 4 === 0) at = bytes.length - 1 - Math.floor(random() * 200);
      bytes[at] = (bytes[at] ?? 0) ^ (1 << Math.floor(random() * 8));
    }
    if (bytes.equals(readFileSync(join(directory, name)))) continue;
    writeFileSync(join(directory, name), bytes);
    const again = await openStore(directory);
    assert.equal(again.initial.position.intact, false, `${name} at ${at}`);
    assert.equal(again.initial.position.empty, false);
    assert.equal(again.initial.notes[0]?.code, "store-damaged");
    const whole = life();
    whole.next();
    await again.persist(whole.next().value);
    await again.close();
    const third = await openStore(directory);
    assert.equal(third.initial.position.intact, true);
    assert.ok(readdirSync(directory).some((file) => file.startsWith("damaged-")));
    await third.close();
  }
});

test("what had been on the disk and is gone is damage: the end of the log, or all of it", async () => {
  const directory = join(root, "gone");
  for (const gone of ["end", "log", "everything"] as const) {
    rmSync(directory, { recursive: true, force: true });
    const store = await openStore(directory);
    await write(store, life(), 8);
    await store.close();
    const log = join(directory, "log-2");
    const bytes = readFileSync(log);
    if (gone === "end") writeFileSync(log, bytes.subarray(0, bytes.length - 10));
    else rmSync(log);
    if (gone === "everything") rmSync(join(directory, "snapshot-2"));
    const again = await openStore(directory);
    assert.equal(again.initial.position.intact, false, gone);
    assert.equal(again.initial.position.empty, false, gone);
    assert.equal(again.initial.notes[0]?.code, "store-damaged");
    await again.close();
  }
});

test("a mark that cannot be read says nothing, and an old one only what it knows", async () => {
  const directory = join(root, "mark");
  const store = await openStore(directory);
  const records = life();
  await write(store, records, 5);
  const old = readFileSync(join(directory, MARK));
  await write(store, records, 3);
  await store.close();
  for (const mark of [old, old.subarray(0, 20), Buffer.from("nothing"), Buffer.alloc(0)]) {
    writeFileSync(join(directory, MARK), mark);
    const again = await openStore(directory);
    assert.deepEqual(again.initial.notes, []);
    assert.equal(again.initial.position.index, 6);
    await again.close();
  }
});

test("once the log rests its last change can rot, even before a power cut: that is damage, not a write that had not ended", async () => {
  for (const rested of [true, false]) {
    const disk = new MemoryDisk();
    const rests: (() => void)[] = [];
    const timers = {
      after: (_delayMs: number, call: () => void) => {
        rests.push(call);
        return () => rests.splice(rests.indexOf(call), 1);
      },
    };
    const store = await openStore("/state", { files: disk.files, timers });
    await write(store, life(), 5);
    await settled();
    assert.equal(rests.length, 1, "one rest is waited for, however much was written");
    if (rested) rests[0]?.();
    await settled();
    const left = disk.cut(seeded(1), "nothing");
    const log = left.names.get("/state/log-2")?.current;
    assert.ok(log);
    log[log.length - 1] = (log.at(-1) ?? 0) ^ 1;
    const again = await openStore("/state", { files: left.files });
    assert.equal(again.initial.position.intact, !rested);
    assert.equal(again.initial.notes[0]?.code, rested ? "store-damaged" : "store-tail");
    await again.close();
    await store.close();
  }
});

test("damage again and again keeps a bounded number of files", async () => {
  const directory = join(root, "again");
  for (let round = 0; round < 8; round += 1) {
    const store = await openStore(directory);
    const whole = life();
    whole.next();
    await store.persist(whole.next().value);
    await store.close();
    const snapshot = readdirSync(directory).find((name) => name.startsWith("snapshot-")) ?? "";
    rmSync(join(directory, snapshot));
  }
  assert.ok(readdirSync(directory).length <= 8, readdirSync(directory).join(" "));
});

test("a store of a later release is left alone", async () => {
  const directory = join(root, "later");
  const store = await openStore(directory);
  await write(store, life(), 3);
  await store.close();
  const { makeFrame, FIRST_SUM } = await import("../../../runtime/host/store/frames.ts");
  const header = { format: "systole-cib-store", version: 2, generation: 2, base: "snapshot" };
  writeFileSync(join(directory, "snapshot-2"), makeFrame(FIRST_SUM, Buffer.from(JSON.stringify(header))).bytes);
  await assert.rejects(
    openStore(directory),
    (error) => error instanceof SystoleError && error.code === "store-version",
  );
});

test("a failing disk says what, where and what to do, and nothing is taken after it", async () => {
  const directory = join(root, "failing");
  for (const [system, code] of [
    ["ENOSPC", "disk-full"],
    ["EIO", "disk-failed"],
    ["EROFS", "disk-read-only"],
    ["EACCES", "directory-permission"],
  ] as const) {
    rmSync(directory, { recursive: true, force: true });
    const failing = { now: false };
    const { files } = new MemoryDisk(failing, system);
    const store = await openStore("/state", { files });
    const records = life();
    await write(store, records, 4);
    failing.now = true;
    await assert.rejects(store.persist(records.next().value), (error) => {
      assert.ok(error instanceof SystoleError);
      assert.equal(error.code, code);
      assert.match(error.message, /\/state/);
      return true;
    });
    failing.now = false;
    await assert.rejects(store.persist(records.next().value));
    await store.close();
  }
});

/** User and group "nobody" on every Linux. */
const NOBODY = 65_534;

test("a directory that may not be written is refused at the start", async () => {
  const directory = mkdtempSync(join(root, "locked-"));
  chmodSync(directory, 0o500);
  // Root may write everywhere, so root looks at it as nobody does.
  const isRoot = process.geteuid?.() === 0;
  if (isRoot) process.seteuid?.(NOBODY);
  try {
    await assert.rejects(
      openStore(join(directory, "state")),
      (error) => error instanceof SystoleError && error.code === "directory-permission",
    );
  } finally {
    if (isRoot) process.seteuid?.(0);
  }
});

// --- power cuts ------------------------------------------------------------------------------------------------------------------

test("a power cut at any moment: it starts, and nothing that was acknowledged is missing", async () => {
  let cuts = 0;
  for (let seed = 1; seed <= 40; seed += 1) {
    const random = seeded(seed);
    const disk = new MemoryDisk();
    const state = { acknowledged: -2 };
    const images: { disk: MemoryDisk; acknowledged: number }[] = [];
    disk.onStep = () => {
      const kind = CUT_KINDS[Math.floor(random() * CUT_KINDS.length)];
      if (random() < 0.35) images.push({ disk: disk.cut(random, kind), acknowledged: state.acknowledged });
    };
    const store = await openStore("/state", { files: disk.files, rotateBytes: 3000 });
    const records = life();
    for (let i = 0; i < 14; i += 1) {
      await store.persist(records.next().value);
      state.acknowledged = i - 1;
    }
    await store.close();
    for (const image of images) {
      cuts += 1;
      await startFrom(image.disk, image.acknowledged, `seed ${seed}`, random);
    }
  }
  assert.ok(cuts > 1000, `${cuts} cuts`);
});

/** Starts on what is left, checks it, and is cut off once more while it starts. */
async function startFrom(disk: MemoryDisk, acknowledged: number, about: string, random: () => number): Promise<void> {
  const again: MemoryDisk[] = [];
  disk.onStep = () => {
    if (again.length === 0 && random() < 0.3) again.push(disk.cut(random));
  };
  for (const [i, image] of [disk, ...again].entries()) {
    const store = await openStore("/state", { files: image.files });
    const { position } = store.initial;
    if (acknowledged >= 0) {
      assert.equal(
        position.intact,
        true,
        `${about} start ${i}: damaged: ${store.initial.notes.map((note) => note.text).join()} ${[...image.names.keys()]}`,
      );
      assert.ok(position.index >= acknowledged, `${about} start ${i}: ${position.index} < ${acknowledged}`);
      assert.ok(position.index <= acknowledged + 1);
    } else if (acknowledged === -1) {
      assert.equal(position.promisedPrimary, 1, about);
      assert.ok(position.empty || position.intact, about);
    } else {
      assert.ok(position.empty || position.intact, about);
    }
    await store.close();
    if (i === 0 && again.length === 0) again.push(disk.cut(random));
  }
}
