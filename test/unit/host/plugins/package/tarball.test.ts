// Tarballs of others: what is plain is unpacked, everything else refused before anything is written.

import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { gzipSync } from "node:zlib";
import { TARBALL_LIMITS, unpackTarball } from "../../../../../runtime/host/plugins/package/tarball.ts";
import { type TarEntry, tarball } from "./tar.ts";

const scratch = mkdtempSync(join(tmpdir(), "systole-tarball-"));
after(() => rmSync(scratch, { recursive: true, force: true }));

let count = 0;

/** Unpacks these bytes; the folder. */
function unpack(bytes: Uint8Array): string {
  count += 1;
  const folder = join(scratch, `${count}`, "out");
  writeFileSync(join(scratch, `${count}.tgz`), bytes);
  unpackTarball(join(scratch, `${count}.tgz`), folder);
  return folder;
}

/** The message of the refusal; nothing may have been written. */
function refusal(bytes: Uint8Array): string {
  try {
    unpack(bytes);
  } catch (error) {
    assert.ok(!existsSync(join(scratch, `${count}`)), "nothing is written before all is known to be good");
    return String(error);
  }
  return assert.fail("it was unpacked");
}

const GOOD: TarEntry = { path: "package/package.json", text: "{}" };

test("files and folders, long names of both forms", () => {
  const long = `package/${"a".repeat(60)}/${"b".repeat(60)}.ts`;
  const record = ` path=${long}\n`;
  const pax = `${record.length + 3}${record}`;
  const folder = unpack(
    tarball([
      { path: "package/", type: "5" },
      GOOD,
      { path: "PaxHeader", type: "x", text: pax },
      { path: "short", text: "long" },
      { path: "././@LongLink", type: "L", text: `${long}2\0` },
      { path: "short", text: "gnu" },
    ]),
  );
  assert.equal(readFileSync(join(folder, long), "utf8"), "long");
  assert.equal(readFileSync(join(folder, `${long}2`), "utf8"), "gnu");
  assert.deepEqual(readdirSync(join(folder, "package")).length, 2);
});

const BAD: Readonly<Record<string, readonly [TarEntry, RegExp]>> = {
  "an absolute path": [{ path: "/etc/passwd", text: "x" }, /"\/etc\/passwd" has an absolute path/],
  "a way out": [{ path: "package/../../x", text: "x" }, /"package\/\.\.\/\.\.\/x" leads out of its folder/],
  "a way out that comes back": [{ path: "package/../x", text: "x" }, /leads out/],
  "a symbolic link": [{ path: "package/x", type: "2", link: "/etc/passwd" }, /"package\/x" is a link/],
  "a hard link": [{ path: "package/x", type: "1", link: "package/package.json" }, /"package\/x" is a link/],
  "a device": [{ path: "package/x", type: "3" }, /neither a file nor a folder/],
  "a pipe": [{ path: "package/x", type: "6" }, /neither a file nor a folder/],
  "a name with control characters": [{ path: "package/a\u001b[2J", text: "x" }, /a name that no package needs/],
  "a name with backslashes": [{ path: "package\\..\\x", text: "x" }, /a name that no package needs/],
  "a file twice": [GOOD, /"package\/package.json" twice/],
  "a file in a file": [{ path: "package/package.json/x", text: "x" }, /is a file and a folder in it/],
  "a size that leads out": [{ path: "x", type: "x", text: "19 size=9999999999\n" }, /./],
};

for (const [name, [entry, message]] of Object.entries(BAD)) {
  test(`refused: ${name}`, () => {
    const text = refusal(tarball([GOOD, entry, { path: "package/last", text: "x" }]));
    assert.match(text, message);
    assert.match(text, /refused, nothing of it was used/);
  });
}

test("refused: what is no tarball, is cut off, or is too large", () => {
  assert.match(refusal(Buffer.from("hello")), /cannot be read/);
  assert.match(refusal(gzipSync(Buffer.alloc(1024, "x"))), /byte 0 begins no valid header/);
  const whole = Buffer.concat([Buffer.from(tarball([GOOD]))]);
  assert.match(refusal(whole.subarray(0, whole.length - 8)), /cannot be read/);
  assert.match(refusal(gzipSync(Buffer.alloc(TARBALL_LIMITS.unpackedBytes + 1))), /more than 67108864 bytes/);
  const many = Array.from({ length: TARBALL_LIMITS.entries + 1 }, (_, at) => ({ path: `p/${at}`, text: "" }));
  assert.match(refusal(tarball(many)), /more than 5000 entries/);
});
