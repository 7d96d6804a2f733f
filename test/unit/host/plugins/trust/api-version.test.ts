// Which plugins a release runs: those of its own API version and of the one before. First the table, then a host with another
// table: what it runs it runs whole-way, in a process; what it does not run is refused in words wherever it could come in.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { parseXml } from "../../../../../runtime/compat/xml.ts";
import { createPluginHost } from "../../../../../runtime/host/plugins/host.ts";
import { bundlePackage } from "../../../../../runtime/host/plugins/package/bundler.ts";
import { openPackage } from "../../../../../runtime/host/plugins/package/source.ts";
import { API_VERSIONS, apiProblem, isRunnableApi } from "../../../../../runtime/host/plugins/trust/api-version.ts";
import type { PluginHost } from "../../../../../runtime/host/plugins/types.ts";
import { applyEdits } from "../../../../../runtime/kernel/cib/edits.ts";
import { addPluginEdits } from "../../../../../runtime/model/edits/plugin.ts";
import { API_VERSION } from "../../../../../sdk/mod.ts";

const folder = mkdtempSync(join(tmpdir(), "systole-api-"));
after(() => rmSync(folder, { recursive: true, force: true }));

test("the table has this release's version first, and at most the one before", () => {
  assert.equal(API_VERSIONS[0], API_VERSION);
  assert.ok(API_VERSIONS.length <= 2);
  assert.deepEqual(
    API_VERSIONS,
    API_VERSIONS.map((_, index) => API_VERSION - index),
  );
});

test("what is in the table runs", () => {
  assert.deepEqual(
    [1, 2, 3, 4, "3", undefined, 2.5].map((api) => isRunnableApi(api, [3, 2])),
    [false, true, true, false, false, false, false],
  );
});

test("a refusal says which versions, and which of the two is too old", () => {
  const refusals = [
    [1, [3, 2], "Plugin x speaks plugin API 1, which is too old; this Systole speaks 3 and 2."],
    [4, [3, 2], "Plugin x speaks plugin API 4, which is newer than this release; this Systole speaks 3 and 2."],
    [0, [1], "Plugin x speaks plugin API 0, which is too old; this Systole speaks 1."],
    ["3\n", [3, 2], 'Plugin x says "3\\n" for its plugin API, which is no version; this Systole speaks 3 and 2.'],
    [undefined, [1], "Plugin x says nothing for its plugin API, which is no version; this Systole speaks 1."],
    [-1, [1], "Plugin x says -1 for its plugin API, which is no version; this Systole speaks 1."],
  ] as const;
  for (const [api, apis, text] of refusals) assert.equal(apiProblem("Plugin x", api, apis), text);
});

let made = 0;

/** A plugin that says that it is of this version, as a file of the folder. */
function pluginFile(api: number): string {
  const file = `speaks-${api}.js`;
  writeFileSync(
    join(folder, file),
    `export default { kind: "resource-agent", api: ${api}, spec: { name: "speaks-${api}", summary: "Speaks ${api}",
      parameters: { type: "object", properties: {} }, permissions: {},
      async monitor({ state }) { await state.set("seen", "yes"); return await state.get("seen") === "yes" ? "running" : "stopped"; },
      async start() {}, async stop() {} } };`,
  );
  return `./${file}`;
}

/** A host with this table and plugins of these versions in its configuration. */
function open(
  t: { after(work: () => Promise<void>): void },
  apis: readonly number[],
  versions: readonly number[],
): PluginHost {
  made += 1;
  const host = createPluginHost({
    nodeName: "n1",
    stateDirectory: join(folder, `node-${made}`),
    plugins: versions.map(pluginFile),
    pluginsBase: folder,
    childEnvironment: {},
    sandbox: { requireSandbox: true },
    apis,
    log: () => {},
    onEvent: () => {},
    onAttribute: () => {},
  });
  t.after(() => host.close());
  return host;
}

async function monitor(host: PluginHost, api: number): Promise<string> {
  made += 1;
  const outcome = await host.callAgent({
    id: made,
    resource: { id: "r", class: "ocf", provider: "systole", type: `speaks-${api}` },
    verb: "monitor",
    parameters: {},
    meta: {},
    timeoutMs: 20_000,
    intervalMs: 10_000,
  });
  if (outcome.outcome === "state") return outcome.state;
  return "reason" in outcome ? (outcome.reason ?? "") : outcome.outcome;
}

async function bytesOf(api: number): Promise<Uint8Array> {
  pluginFile(api);
  return (await bundlePackage(await openPackage(join(folder, `speaks-${api}.js`), folder))).bytes;
}

test("a host of API 2 runs plugins of 2 and of 1 whole-way, and refuses others when it loads them", async (t) => {
  const host = open(t, [2, 1], [0, 1, 2, 3]);
  assert.equal(await monitor(host, 1), "running");
  assert.equal(await monitor(host, 2), "running");
  const found = await host.list();
  const problems = found.flatMap(({ file, problem }) =>
    problem === undefined ? [] : [[file, problem.code, problem.text]],
  );
  const remedy = "Use a release of the plugin for this release of Systole, or update Systole.";
  assert.deepEqual(problems.map(([, code, text]) => [code, text]).sort(), [
    [
      "plugin-api",
      `Plugin ./speaks-0.js speaks plugin API 0, which is too old; this Systole speaks 2 and 1. ${remedy}`,
    ],
    [
      "plugin-api",
      `Plugin ./speaks-3.js speaks plugin API 3, which is newer than this release; this Systole speaks 2 and 1. ${remedy}`,
    ],
  ]);
});

test("a host of API 1 refuses plugins of 0 and 2 when they are added", async (t) => {
  const host = open(t, [1], []);
  assert.equal((await host.trust.offer(await bytesOf(1), [])).plugin.api, 1);
  await assert.rejects(
    host.trust.offer(await bytesOf(0), []),
    /The plugin speaks plugin API 0, which is too old; this Systole speaks 1\./,
  );
  await assert.rejects(
    host.trust.offer(await bytesOf(2), []),
    /The plugin speaks plugin API 2, which is newer than this release;/,
  );
});

test("a node of an older release does not run what newer ones agreed on, and says so", async (t) => {
  const [newer, older] = [open(t, [2, 1], []), open(t, [1], [])];
  const bytes = await bytesOf(2);
  const { sha512, plugin } = await newer.trust.offer(bytes, []);
  const version = { sha512, api: 2, source: "speaks-2.js", permissions: plugin.permissions, grants: {} };
  const empty = parseXml("<cib><configuration><crm_config/></configuration></cib>");
  const result = addPluginEdits(empty, "resource-agent", "speaks-2", version);
  assert.ok(!("refused" in result));
  const edited = applyEdits(empty, result.edits);
  assert.ok(edited.ok);
  for (const host of [newer, older]) host.trust.lockChanged(edited.cib);
  assert.equal(await monitor(newer, 2), "running");
  assert.match(
    await monitor(older, 2),
    /^Plugin ocf:systole:speaks-2 speaks plugin API 2, which is newer than this release; this Systole speaks 1\./,
  );
});

test("a process that says another version at its handshake than was agreed on is refused", async (t) => {
  const newer = open(t, [2, 1], []);
  const { sha512 } = await newer.trust.offer(await bytesOf(2), []);
  const version = { sha512, api: 1, source: "speaks-2.js", permissions: {}, grants: {} };
  const empty = parseXml("<cib><configuration><crm_config/></configuration></cib>");
  const result = addPluginEdits(empty, "resource-agent", "speaks-2", version);
  assert.ok(!("refused" in result));
  const edited = applyEdits(empty, result.edits);
  assert.ok(edited.ok);
  newer.trust.lockChanged(edited.cib);
  assert.match(await monitor(newer, 2), /is refused: it speaks plugin API 2, and 1 was agreed on\./);
});
