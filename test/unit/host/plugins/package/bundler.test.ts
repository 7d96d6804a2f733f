// A package becomes one closed module: the same bytes wherever it lies, and nothing in it from anywhere else.

import assert from "node:assert/strict";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, test } from "node:test";
import { type Bundle, bundlePackage } from "../../../../../runtime/host/plugins/package/bundler.ts";
import { openPackage } from "../../../../../runtime/host/plugins/package/source.ts";

const scratch = mkdtempSync(join(tmpdir(), "systole-bundler-"));
after(() => rmSync(scratch, { recursive: true, force: true }));

let count = 0;

/** A folder with these files. */
function folderOf(files: Readonly<Record<string, string>>): string {
  count += 1;
  const folder = join(scratch, `${count}`);
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), text);
  }
  return folder;
}

async function bundle(path: string): Promise<Bundle> {
  const source = await openPackage(path, scratch);
  try {
    return await bundlePackage(source);
  } finally {
    source.dispose();
  }
}

const textOf = ({ bytes }: Bundle): string => new TextDecoder().decode(bytes);

/** What bundling this index.ts is refused with. */
async function refusal(index: string, files: Readonly<Record<string, string>> = {}): Promise<string> {
  const folder = folderOf({ ...files, "index.ts": index });
  const error = await bundle(folder).then(
    () => assert.fail("it was bundled"),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof Error && "code" in error && !error.message.includes("\n"));
  return `${String(error.code)}: ${error.message.replaceAll(folder, "FOLDER")}`;
}

const AGENT = `import { defineResourceAgent, Type } from "systole/sdk"; import { hash } from "dependency"; import { part } from "./part.js";
import { createHash } from "crypto";
export default defineResourceAgent({ name: "mine", summary: hash(part) + createHash("md5"), parameters: Type.Object({}),
  async monitor() { return "stopped"; }, async start() {}, async stop() {} });`;

const FILES = {
  "package.json": JSON.stringify({
    name: "mine",
    version: "1.2.3",
    type: "module",
    exports: { ".": { default: "./main.js" } },
  }),
  "main.js": AGENT,
  "part.js": "export const part = 'ü';",
  "node_modules/dependency/package.json": JSON.stringify({ name: "dependency", main: "it.cjs" }),
  "node_modules/dependency/it.cjs":
    'const { createHash } = require("crypto"); exports.hash = (text) => createHash("md5").update(text).digest("hex");',
};

test("the same package gives the same bytes, wherever it lies and whatever lies around it", async () => {
  const first = folderOf(FILES);
  const second = join(scratch, "elsewhere", "deep", "down");
  cpSync(first, second, { recursive: true });
  writeFileSync(
    join(scratch, "elsewhere", "tsconfig.json"),
    '{ "compilerOptions": { "useDefineForClassFields": false } }',
  );
  const [one, two, three] = [await bundle(first), await bundle(second), await bundle(first)];
  assert.equal(one.sha512, two.sha512);
  assert.equal(one.sha512, three.sha512);
  assert.match(one.sha512, /^sha512-[A-Za-z0-9+/]{86}==$/);
  assert.ok(!textOf(one).includes(scratch));
  assert.match(textOf(one), /import .*"node:crypto"/);
});

test("another input gives another digest", async () => {
  const [one, two] = [folderOf(FILES), folderOf({ ...FILES, "part.js": "export const part = 'u';" })];
  assert.notEqual((await bundle(one)).sha512, (await bundle(two)).sha512);
});

test("inputs from outside of the package are refused by name, also behind a link", async () => {
  const outside = folderOf({ "secret.ts": "export default 1;", "other/index.js": "export default 2;" });
  const folder = folderOf({ "index.ts": 'import a from "./linked.ts"; export default a;' });
  symlinkSync(join(outside, "secret.ts"), join(folder, "linked.ts"));
  await assert.rejects(bundle(folder), (error: unknown) => {
    assert.match(String(error), new RegExp(`takes in ${join(outside, "secret.ts")}, which is outside of its folder`));
    return true;
  });
  const linkedFolder = folderOf({ "index.ts": 'import a from "other"; export default a;', "node_modules/x": "" });
  symlinkSync(join(outside, "other"), join(linkedFolder, "node_modules", "other"));
  await assert.rejects(bundle(linkedFolder), /takes in .*other\/index\.js, which is outside/);
  assert.match(
    await refusal(`import a from "${join(outside, "secret.ts")}"; export default a;`),
    /^plugin-outside: .*secret\.ts/,
  );
  assert.match(
    await refusal(`import a from "../${count}/../1/main.js"; export default a;`),
    /^plugin-outside: .*main\.js/,
  );
});

test("dependencies come from the package's own folder only", async () => {
  const folder = join(scratch, "nested", "plugin");
  mkdirSync(folder, { recursive: true });
  cpSync(join(folderOf(FILES), "node_modules"), join(scratch, "nested", "node_modules"), { recursive: true });
  writeFileSync(join(folder, "index.ts"), 'import { hash } from "dependency"; export default hash;');
  await assert.rejects(
    bundle(folder),
    /takes in .*nested\/node_modules\/dependency\/it\.cjs, which is outside of its folder/,
  );
  assert.match(
    await refusal('import a from "nowhere-at-all"; export default a;'),
    /^plugin-outside: .*there is no nowhere-at-all in its own folder/,
  );
});

test("text, binary and other files are refused, by ending and by attribute", async () => {
  const key = { "cluster.key": "secret", "key.json": "1" };
  assert.match(
    await refusal('import a from "./cluster.key"; export default a;', key),
    /^plugin-outside: .* takes in cluster\.key; a plugin is made of/,
  );
  assert.match(
    await refusal('import a from "./cluster.key" with { type: "text" }; export default a;', key),
    /takes in cluster\.key/,
  );
  assert.match(
    await refusal('import a from "./key.json" with { type: "text" }; export default a;', key),
    /takes in key\.json as text/,
  );
  await bundle(
    folderOf({ "index.ts": 'import a from "./key.json" with { type: "json" }; export default a;', "key.json": "1" }),
  );
});

const LOADS: readonly (readonly [string, RegExp])[] = [
  ['import "node:fs"', /index\.ts loads node:fs by import/],
  ['import "fs"', /index\.ts loads fs by import/],
  ['import "node:module"', /loads node:module/],
  ['await import("node:crypto")', /loads node:crypto|import\(\)/],
  ['await import("node:fs")', /loads node:fs by import\(\)/],
  ['await import("/etc/passwd")', /passwd|import\(\)/],
  ['await import("file:///etc/passwd")', /loads file:\/\/\/etc\/passwd by import\(\)/],
  ["await import(String(1))", /loads something by import\(\) \(line \d+\)/],
  ['await import("https://example.org/x.js")', /loads https:\/\/example\.org\/x\.js/],
  ['import "https://example.org/x.js"', /loads https:/],
  ['import "npm:left-pad"', /loads npm:left-pad/],
  ['import "jsr:@std/fs"', /loads jsr:/],
  ['import x from "data:text/javascript,export default 1"; console.log(x)', /loads data:/],
  ["console.log(import.meta.url)", /uses import\.meta/],
  ["console.log(import.meta.resolve('x'))", /uses import\.meta/],
  ["declare const require: any; require(String(1))", /loads something by require/],
  ["declare const require: any; require('fs')", /loads fs by require\(\)/],
  ["declare const require: any; const r = require; r('fs')", /loads something by require/],
];

for (const [code, message] of LOADS) {
  test(`refused: ${code}`, async () => {
    const text = await refusal(`${code}; export default 1;`);
    assert.match(text, message);
    assert.match(text, /^plugin-(closed|outside|syntax): Plugin /);
  });
}

test("a dynamic import of an own file becomes part of the bundle", async () => {
  const folder = folderOf({
    "index.ts": 'export default async () => (await import("./late.ts")).late;',
    "late.ts": "export const late = 1;",
  });
  assert.ok(!/\bimport\s*\(/.test(textOf(await bundle(folder))));
});

test("what does not compile says where", async () => {
  assert.match(await refusal("export default {\n name: , }"), /^plugin-syntax: .* does not compile at index\.ts:2:8: /);
  assert.match(await refusal("export const a = 1;"), /^plugin-syntax: .*No matching export/);
});
