// The bytes that run are looked at once more, whoever made them.

import assert from "node:assert/strict";
import { test } from "node:test";
import { refuseOpenBundle } from "../../../../../runtime/host/plugins/package/closed.ts";
import { MAX_BUNDLE_BYTES } from "../../../../../runtime/host/plugins/package/limits.ts";

async function look(code: string): Promise<void> {
  refuseOpenBundle(new TextEncoder().encode(code), "Plugin x");
}

const CLOSED: readonly string[] = [
  'import { createHash } from "node:crypto"; export default createHash;',
  'import * as buffer from "node:buffer"; export { buffer as default };',
  "export default { require: 1, import: 2 }.require;",
  "export default (function (require, module) { return require(1); });",
  "export default \"import('/etc/passwd')\";",
  "export default `import('/etc/passwd')`;",
  "const a = 1; export default a / 2 /* import is a word */;",
  "export default /import\\('x'\\)/;",
  "class A { require() {} static import = 1 } export default A;",
];

for (const code of CLOSED) test(`closed: ${code}`, () => look(code));

const OPEN: readonly (readonly [string, RegExp])[] = [
  ['import x from "/etc/passwd" with { type: "text" };', /imports "\/etc\/passwd" with attributes \(line 1\)/],
  ['import x from "node:crypto" with { type: "json" };', /with attributes/],
  ['import "./other.mjs";', /imports "\.\/other\.mjs"; allowed are node:assert/],
  ['import "crypto";', /imports "crypto"/],
  ['import "node:fs";', /imports "node:fs"/],
  ['import "node:crypto/../fs";', /imports "node:crypto/],
  ['\n\nexport * from "file:///etc/passwd";', /imports "file:\/\/\/etc\/passwd"; .* \(line 3\)/],
  ['export { default } from "node:fs";', /imports "node:fs"/],
  ['export default () => import("node:crypto");', /loads something by import\(\)/],
  ["export default (x) => import(x);", /import\(\)/],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is code that is looked at.
  ["export default `${import('x')}`;", /import\(\)/],
  ["export default 1 /import('x')/ 2;", /import\(\)/],
  ["export default /x/ /import('x')/ 2;", /import\(\)/],
  ["const a = { [import('x')]: 1 };", /import\(\)/],
  ["class A { static { import('x'); } }", /import\(\)/],
  ["function f(a = import('x')) {}", /import\(\)/],
  ["label: for (;;) { import('x') }", /import\(\)/],
  ["export default import.meta.url;", /uses import\.meta/],
  ["export default typeof require;", /by require/],
  ["export default { require };", /by require/],
  ["globalThis[require('x')];", /by require/],
  ["//# sourceMappingURL=/etc/passwd\nexport default 1;", /has the comment/],
  ['/// <reference types="/etc/passwd" />\nexport default 1;', /has the comment/],
  ['// @deno-types="/etc/passwd"\nexport default 1;', /has the comment/],
  ['/** @type {import("/etc/passwd")} */\nexport default 1;', /has the comment/],
  ["/** @jsxImportSource /etc/passwd */\nexport default 1;", /has the comment/],
];

for (const [code, message] of OPEN) {
  test(`open: ${JSON.stringify(code)}`, async () => {
    await assert.rejects(look(code), (error: unknown) => {
      assert.ok(error instanceof Error && "code" in error);
      assert.equal(error.code, "plugin-closed");
      assert.match(error.message, message);
      return true;
    });
  });
}

test("what is no module, no text, or too large", async () => {
  await assert.rejects(look("export default {"), /plugin|does not parse as an ES module/);
  await assert.rejects(look("import defer * as x from 'y';"), /does not parse|imports by/);
  await assert.rejects(look("import source x from 'y';"), /does not parse|imports by/);
  assert.throws(() => refuseOpenBundle(Uint8Array.of(0xff, 0xfe), "Plugin x"), /no text in UTF-8/);
  assert.throws(() => refuseOpenBundle(new Uint8Array(MAX_BUNDLE_BYTES + 1), "Plugin x"), /4194304 are allowed/);
  await assert.rejects(
    look(`export default ${"[".repeat(3_000)}${"]".repeat(3_000)};`),
    /nested too deeply|does not parse/,
  );
});
