// Plugins that are wrong, each in its own way: one clear line with a code and a remedy, and no harm to the others.

import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { createLoader, type Evaluate, type Loader } from "../../../../runtime/host/plugins/loader.ts";
import { checkManifest, PLUGIN_KINDS } from "../../../../runtime/host/plugins/manifest.ts";
import { describeInSandbox } from "../../../../runtime/host/plugins/sandbox/describe.ts";
import { summarize } from "../../../../runtime/host/plugins/sandbox/guest/summary.ts";
import { API_VERSIONS } from "../../../../runtime/host/plugins/trust/api-version.ts";

const folder = mkdtempSync(join(tmpdir(), "systole-loader-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const looks = new Map<string, ReturnType<Evaluate>>();

/** Each loader looks at all plugins of the release too: once is enough for those. */
const evaluate: Evaluate = (source) => {
  if (!source.shown.startsWith("plugins/")) return describeInSandbox(source);
  const look = looks.get(source.shown) ?? describeInSandbox(source);
  looks.set(source.shown, look);
  return look;
};

function loaderOf(...plugins: readonly string[]): Loader {
  return createLoader({ plugins, pluginsBase: folder, bundleFolder: join(folder, "bundles"), evaluate });
}

/** What is wrong, by the file it is wrong with. */
async function problemsOf(loader: Loader) {
  return (await loader.all()).flatMap(({ problem }) => (problem === undefined ? [] : [problem]));
}

function write(file: string, text: string): string {
  writeFileSync(join(folder, file), text);
  return `./${file}`;
}

const GOOD = (name: string): string => `import { defineResourceAgent, Type } from "systole/sdk";
export default defineResourceAgent({ name: "${name}", summary: "Good", parameters: Type.Object({}),
  async monitor(): Promise<"stopped"> { return "stopped"; }, async start() {}, async stop() {} });`;

/** Code and beginning of the message of the only problem with this file. */
async function problemWith(file: string, text: string): Promise<string> {
  const problems = await problemsOf(loaderOf(write(file, text)));
  assert.equal(problems.length, 1);
  const [problem] = problems;
  assert.ok(problem !== undefined && !problem.message.includes("\n"));
  return `${problem.code}: ${problem.message}`;
}

test("a TypeScript plugin by path and a package by name are bundled and loaded", async () => {
  mkdirSync(join(folder, "node_modules/my-package"), { recursive: true });
  writeFileSync(
    join(folder, "node_modules/my-package/package.json"),
    JSON.stringify({ name: "my-package", type: "module", main: "main.js" }),
  );
  writeFileSync(join(folder, "node_modules/my-package/main.js"), GOOD("packaged").replace(': Promise<"stopped">', ""));
  const loader = loaderOf(write("mine.ts", GOOD("mine")), "my-package");
  assert.deepEqual(await problemsOf(loader), []);
  assert.equal((await loader.find("resource-agent", "mine")).manifest.name, "mine");
  assert.equal((await loader.find("resource-agent", "packaged")).kind, "resource-agent");
  assert.equal((await loader.find("resource-agent", "dummy")).manifest.name, "dummy");
});

test("what does not exist", async () => {
  const [name, file] = await problemsOf(loaderOf("./nowhere.ts", "no-such-package"));
  assert.match(
    `${file?.code}: ${file?.message}`,
    /^plugin-unreadable: Plugin \.\/nowhere\.ts cannot be loaded: there is no such file\. Check that/,
  );
  assert.match(
    `${name?.code}: ${name?.message}`,
    /^plugin-unreadable: Plugin no-such-package cannot be loaded: there is no such package/,
  );
});

test("what does not parse says where", async () => {
  assert.match(
    await problemWith("syntax.ts", "export default {\n  name: ,\n}"),
    /^plugin-syntax: Plugin \.\/syntax\.ts does not compile at syntax\.ts:2:9: /,
  );
  assert.match(
    await problemWith("import.ts", 'import "./gone.ts"; export default 1;'),
    /^plugin-syntax: .*Could not resolve "\.\/gone\.ts"/,
  );
  assert.match(await problemWith("no-default.ts", "export const a = 1;"), /^plugin-syntax: .*No matching export/);
});

test("what throws, or never ends, while it is loaded", async () => {
  assert.match(
    await problemWith("throws.ts", 'throw new Error("boom\\nbang"); export default 1;'),
    /^plugin-import: Plugin \.\/throws\.ts failed while it was loaded: boom bang\. A plugin may only define/,
  );
  assert.match(
    await problemWith("loops.ts", "for (;;) {} export default 1;"),
    /^plugin-import: Plugin \.\/loops\.ts did not finish loading within 2000 ms/,
  );
  assert.match(
    await problemWith("waits.ts", "await new Promise(() => {}); export default 1;"),
    /^plugin-import: Plugin \.\/waits\.ts did not finish loading within 2000 ms/,
  );
});

test("wrong kind and unknown API version are seen before anything else is touched", async () => {
  const trap = 'get spec() { throw new Error("touched"); }';
  assert.match(
    await problemWith("nothing.ts", "export default 42;"),
    /^plugin-kind: Plugin \.\/nothing\.ts exports no plugin by default\. Export by default/,
  );
  assert.match(
    await problemWith("kind.ts", `export default { kind: "bell", api: 1, ${trap} };`),
    /^plugin-kind: .* something of kind "bell"; there are resource-agent,/,
  );
  assert.match(
    await problemWith("api.ts", `export default { kind: "transport", api: 7, ${trap} };`),
    /^plugin-api: Plugin \.\/api\.ts speaks plugin API 7, which is newer than this release; this Systole speaks 1\. Use a release/,
  );
});

test("a duplicate is refused, and the first one stays", async () => {
  const loader = loaderOf(
    write("first.ts", GOOD("twice")),
    write("second.ts", GOOD("twice")),
    write("dummy2.ts", GOOD("dummy")),
  );
  assert.deepEqual(
    (await problemsOf(loader)).map(({ code, message }) => `${code}: ${message.split(". ")[0]}`),
    [
      "plugin-duplicate: Plugin ./dummy2.ts defines the resource-agent dummy, which the release itself defines already",
      "plugin-duplicate: Plugin ./second.ts defines the resource-agent twice, which ./first.ts defines already",
    ],
  );
  assert.equal((await loader.find("resource-agent", "twice")).manifest.summary, "Good");
  assert.notEqual((await loader.find("resource-agent", "dummy")).manifest.summary, "Good");
});

test("an unknown name says so, and names those that could not be loaded", async () => {
  const loader = loaderOf(write("broken.ts", "export default 1;"));
  await assert.rejects(loader.find("resource-agent", "mine"), {
    code: "plugin-not-found",
    message:
      "There is no resource-agent ocf:systole:mine on this node. It may be one of those that could not be loaded: ./broken.ts. Check the name with `systole plugin list`, or add the plugin's file to `plugins` in the node's configuration.",
  });
  await assert.rejects(loader.find("fence-device", "../agents/dummy"), { code: "plugin-not-found" });
});

test("one that cannot be loaded is called after its file, or after the folder whose entry it is", async () => {
  mkdirSync(join(folder, "torn"), { recursive: true });
  const wrong = "export default 1;";
  const loader = loaderOf(write("broken.ts", wrong), write("torn/mod.ts", wrong), "@me/my.package");
  const found = (await loader.all()).filter(({ problem }) => problem !== undefined);
  assert.deepEqual(
    found.map(({ name, file, kind }) => [name, file, kind]),
    [
      ["broken", "./broken.ts", undefined],
      ["my.package", "@me/my.package", undefined],
      ["torn", "./torn/mod.ts", undefined],
    ],
  );
});

test("a bad manifest names the member", () => {
  const f = async () => undefined;
  const parameters = { type: "object", properties: {} };
  const good = { name: "a", summary: "s", parameters, monitor: f, start: f, stop: f };
  const problem = (change: Readonly<Record<string, unknown>>): string => {
    try {
      const exported = { kind: "resource-agent", api: 1, spec: { ...good, ...change } };
      checkManifest(summarize(exported, PLUGIN_KINDS, API_VERSIONS), "a.ts");
      return "none";
    } catch (error) {
      return error instanceof Error
        ? error.message.replace(" Mend the named member of the plugin's definition.", "")
        : "";
    }
  };
  assert.equal(problem({}), "none");
  assert.equal(problem({ name: "A b" }), "a.ts: name must be lower-case letters, digits and single hyphens.");
  assert.equal(problem({ summary: 1 }), "a.ts: summary must be one line of text.");
  assert.equal(problem({ parameters: {} }), "a.ts: parameters must be a Type.Object({ ... }).");
  assert.equal(
    problem({ parameters: { ...parameters, properties: { pcmk_delay: { type: "string" } } } }),
    "a.ts: parameters.pcmk_delay has a name that belongs to the cluster.",
  );
  assert.equal(
    problem({ parameters: { ...parameters, properties: { n: { type: "integer", default: "x" } } } }),
    "a.ts: parameters.n has a default that its own schema refuses.",
  );
  assert.equal(problem({ stop: undefined }), "a.ts: stop must be a function.");
  assert.equal(problem({ reload: 1 }), "a.ts: reload must be a function.");
  assert.equal(
    problem({ promotion: { promote: f } }),
    "a.ts: promotion.demote must be a function; half a promotion is none.",
  );
  assert.equal(
    problem({ timeouts: { start: "soon" } }),
    'a.ts: timeouts.start must be a length of time such as "20s".',
  );
  assert.equal(problem({ memoryLimitMiB: 1e9 }), "a.ts: memoryLimitMiB must be a whole number from 32 to 4096.");
  assert.match(
    problem({ permissions: { fly: ["up"] } }),
    /^a\.ts: permissions\.fly is unknown; there are run, daemon, /,
  );
  assert.equal(problem({ permissions: { run: ["{x}"] } }), "a.ts: permissions.run has {x}, which is no parameter.");
});
