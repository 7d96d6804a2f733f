// Files for plugins: what is granted, and no way around it by links.

import assert from "node:assert/strict";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { grantedFiles } from "../../../../runtime/host/plugins/files.ts";
import { createGrants } from "../../../../runtime/host/plugins/grants.ts";

const folder = realpathSync(mkdtempSync(join(tmpdir(), "systole-files-")));
after(() => rmSync(folder, { recursive: true, force: true }));
mkdirSync(join(folder, "open"));
mkdirSync(join(folder, "closed"));
writeFileSync(join(folder, "closed", "secret"), "secret");

const pattern = [`${folder}/open/**`];
const files = grantedFiles(createGrants("agents/x", "r", { read: pattern, write: pattern }, {}, () => undefined));
const inOpen = (name: string): string => join(folder, "open", name);

test("writing, reading, removing", async () => {
  assert.equal(await files.readText(inOpen("a")), undefined);
  await files.writeText(inOpen("a"), "text");
  assert.equal(await files.readText(inOpen("a")), "text");
  assert.equal(statSync(inOpen("a")).mode & 0o777, 0o600);
  assert.deepEqual(readdirSync(join(folder, "open")), ["a"]);
  await files.remove(inOpen("a"));
  await files.remove(inOpen("a"));
  assert.equal(await files.readText(inOpen("a")), undefined);
});

test("what is not granted is denied, in whatever spelling", async () => {
  for (const path of [join(folder, "closed/secret"), `${folder}/open/../closed/secret`, "/etc/passwd"]) {
    await assert.rejects(files.readText(path), { code: "permission-denied" }, path);
    await assert.rejects(files.writeText(path, "x"), { code: "permission-denied" }, path);
    await assert.rejects(files.remove(path), { code: "permission-denied" }, path);
  }
  await assert.rejects(files.readText("relative"), { code: "arguments" });
  await assert.rejects(files.readText(`${inOpen("a")}\0b`), { code: "arguments" });
  assert.equal(readFileSync(join(folder, "closed/secret"), "utf8"), "secret");
});

test("a symbolic link in a granted folder opens nothing else", async () => {
  symlinkSync(join(folder, "closed"), inOpen("folder"));
  symlinkSync(join(folder, "closed/secret"), inOpen("link"));
  await assert.rejects(files.readText(inOpen("folder/secret")), { code: "permission-denied" });
  await assert.rejects(files.remove(inOpen("folder/secret")), { code: "permission-denied" });
  await assert.rejects(files.readText(inOpen("link")), { code: "generic" });
  await files.writeText(inOpen("link"), "mine");
  assert.equal(readFileSync(join(folder, "closed/secret"), "utf8"), "secret", "the link was replaced, not followed");
});

test("too large, no folder: each says so", async () => {
  writeFileSync(inOpen("large"), Buffer.alloc(1024 * 1024 + 1));
  await assert.rejects(files.readText(inOpen("large")), { code: "generic", message: /more than 1048576 bytes/ });
  await assert.rejects(files.writeText(inOpen("x"), "x".repeat(1024 * 1024 + 1)), { code: "generic" });
  await assert.rejects(files.writeText(inOpen("none/x"), "x"), { code: "generic", message: /folder does not exist/ });
});
