// Key files: made private, refused when others may read them, and never overwritten.

import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { SystoleError } from "../../../runtime/host/errors.ts";
import { createKeyFile, keyFingerprint, readKeyFile } from "../../../runtime/host/key.ts";

const directory = mkdtempSync(join(tmpdir(), "systole-key-"));
after(() => rmSync(directory, { recursive: true }));
const refused = (code: string, words: RegExp) => (error: unknown) =>
  error instanceof SystoleError && error.code === code && words.test(error.message);

test("a new key is private, is read back, and has a fingerprint that differs from that of another", () => {
  const path = join(directory, "key");
  const { fingerprint } = createKeyFile(path);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  assert.equal(readKeyFile(path).length, 32);
  assert.equal(keyFingerprint(readKeyFile(path)), fingerprint);
  assert.notEqual(createKeyFile(join(directory, "key2")).fingerprint, fingerprint);
});

test("an existing file is left as it is", () => {
  const path = join(directory, "kept");
  createKeyFile(path);
  const before = readFileSync(path, "utf8");
  assert.throws(() => createKeyFile(path), refused("key-exists", /left as it is/));
  assert.equal(readFileSync(path, "utf8"), before);
  assert.throws(
    () => createKeyFile(join(directory, "missing", "key")),
    refused("key-unwritable", /ENOENT.*\. Make the folder first\.$/),
  );
  assert.throws(() => createKeyFile(join(path, "key")), refused("key-unwritable", /ENOTDIR.*\. Choose a place /));
});

test("a key that others may read is refused with the remedy", () => {
  for (const mode of [0o640, 0o604, 0o666]) {
    const path = join(directory, `wide-${mode}`);
    createKeyFile(path);
    chmodSync(path, mode);
    assert.throws(() => readKeyFile(path), refused("key-permissions", /chmod 600 /));
  }
});

test("what is no key is refused with the remedy", () => {
  assert.throws(() => readKeyFile(join(directory, "none")), refused("key-unreadable", /systole key new /));
  const path = join(directory, "bad");
  for (const text of ["", "hello", "0".repeat(63), "0".repeat(65), `${"0".repeat(63)}g`, `${"0".repeat(64)} x`]) {
    writeFileSync(path, text, { mode: 0o600 });
    assert.throws(() => readKeyFile(path), refused("key-invalid", /systole key new /));
  }
});
