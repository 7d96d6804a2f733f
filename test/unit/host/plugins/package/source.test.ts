// Where packages come from: a file, a folder, a tarball, the npm registry. Nothing of theirs is run.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { bundlePackage } from "../../../../../runtime/host/plugins/package/bundler.ts";
import { openPackage } from "../../../../../runtime/host/plugins/package/source.ts";
import { tarball } from "./tar.ts";

const scratch = mkdtempSync(join(tmpdir(), "systole-source-"));
const marker = join(scratch, "script-ran");
const SETTINGS = {
  name: "my-agent",
  version: "1.2.3",
  main: "main.js",
  scripts: Object.fromEntries(
    ["preinstall", "install", "postinstall", "prepare", "prepack", "postpack"].map((name) => [name, `touch ${marker}`]),
  ),
};
const packed = tarball([
  { path: "package/package.json", text: JSON.stringify(SETTINGS) },
  { path: "package/main.js", text: "export default { kind: 'resource-agent' };" },
]);

/** The registry's answer about the package, and the package. */
const registry = createServer((request, response) => {
  const host = `http://${request.headers.host ?? ""}`;
  if (request.url === "/my-agent") {
    const dist = {
      tarball: `${host}/my-agent/-/my-agent-1.2.3.tgz`,
      integrity: `sha512-${createHash("sha512").update(packed).digest("base64")}`,
      shasum: createHash("sha1").update(packed).digest("hex"),
    };
    const version = { ...SETTINGS, dist };
    response.setHeader("content-type", "application/json");
    response.end(
      JSON.stringify({ name: "my-agent", "dist-tags": { latest: "1.2.3" }, versions: { "1.2.3": version } }),
    );
  } else if (request.url?.endsWith(".tgz") === true) response.end(packed);
  else response.writeHead(404).end("{}");
});

before(async () => {
  await new Promise<void>((resolve) => {
    registry.listen(0, "127.0.0.1", () => resolve());
  });
  const address = registry.address();
  assert.ok(typeof address === "object" && address !== null);
  process.env["npm_config_registry"] = `http://127.0.0.1:${address.port}/`;
  process.env["npm_config_cache"] = join(scratch, "cache");
  process.env["npm_config_fetch_retries"] = "0";
});
after(() => {
  registry.closeAllConnections();
  registry.close();
  rmSync(scratch, { recursive: true, force: true });
});

test("a package of the npm registry is fetched, bundled, and none of its scripts runs", async () => {
  const source = await openPackage("my-agent", scratch);
  assert.equal(source.entry, "main.js");
  assert.equal(source.version, "1.2.3");
  const bundle = await bundlePackage(source);
  source.dispose();
  assert.ok(!existsSync(source.folder));
  writeFileSync(join(scratch, "my-agent.tgz"), packed);
  const local = await openPackage("./my-agent.tgz", scratch);
  assert.equal((await bundlePackage(local)).sha512, bundle.sha512);
  local.dispose();
  assert.ok(!existsSync(local.folder));
  assert.ok(!existsSync(marker), "a script of the package was run");
});

test("a package that the registry does not have, and names that are none", async () => {
  await assert.rejects(openPackage("no-such-agent", scratch), /Plugin no-such-agent cannot be fetched with npm: .*404/);
  for (const name of [
    "git+ssh://example.org/x",
    "user/repository",
    "--registry=http://example.org",
    "name@file:/etc",
    "a b",
  ]) {
    await assert.rejects(
      openPackage(name, scratch),
      /there is no such file, and it is no name of an npm package/,
      name,
    );
  }
});

/** A folder with these files, opened. */
async function folder(name: string, files: Readonly<Record<string, string>>) {
  mkdirSync(join(scratch, name), { recursive: true });
  for (const [file, text] of Object.entries(files)) writeFileSync(join(scratch, name, file), text);
  return openPackage(`./${name}`, scratch);
}

test("the entry of a folder: exports, main, its own name, mod, index", async () => {
  const exports = { ".": { systole: "./systole.ts", import: "./import.js" } };
  assert.equal(
    (await folder("a", { "package.json": JSON.stringify({ exports }), "systole.ts": "" })).entry,
    "systole.ts",
  );
  assert.equal((await folder("b", { "package.json": '{"main":"./x.js"}', "x.js": "" })).entry, "x.js");
  assert.equal((await folder("c", { "package.json": '{"name":"@me/c"}', "c.ts": "", "index.ts": "" })).entry, "c.ts");
  assert.equal((await folder("d", { "mod.ts": "", "index.ts": "" })).entry, "mod.ts");
  await assert.rejects(
    folder("e", { "package.json": '{"name":"e"}' }),
    /Plugin \.\/e has no entry: .* no e\.ts, mod\.ts or index\.ts/,
  );
  await assert.rejects(
    folder("f", { "package.json": '{"main":"../d/mod.ts"}' }),
    /names \.\.\/d\/mod\.ts as its entry/,
  );
  await assert.rejects(folder("g", { "package.json": "[1]" }), /package\.json of plugin \.\/g is no object/);
  await assert.rejects(folder("h", { "package.json": "{" }), /package\.json of plugin \.\/h cannot be read/);
  await assert.rejects(openPackage("./a/package.json", scratch), /neither a folder, a tarball \(\.tgz\) nor a file/);
  await assert.rejects(openPackage("./nowhere", scratch), /there is no such file/);
});
