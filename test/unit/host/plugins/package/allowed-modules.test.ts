// What a plugin may import has to be there when it runs: in the sandbox, with nothing around it.

import assert from "node:assert/strict";
import { test } from "node:test";
import { ALLOWED_MODULES } from "../../../../../runtime/host/plugins/package/allowed-modules.ts";
import { describeInSandbox } from "../../../../../runtime/host/plugins/sandbox/describe.ts";

test("every module of the allow-list can be imported in the sandbox, and computes", async () => {
  const names = [...ALLOWED_MODULES];
  const imports = names.map((name, at) => `import * as m${at} from "node:${name}";`).join("\n");
  const empty = names.map((name, at) => `Object.keys(m${at}).length === 0 ? "${name} " : ""`).join(" + ");
  const crypto = `m${names.indexOf("crypto")}.createHash("sha1").update("a").digest("hex")`;
  const path = `m${names.indexOf("path")}.join("a", "b")`;
  const text = `${imports}
export default { kind: "resource-agent", api: 1, spec: { name: "x", summary: ${empty} + ${crypto} + " " + ${path},
  parameters: { type: "object", properties: {} }, monitor() {}, start() {}, stop() {} } };`;
  const { manifest } = await describeInSandbox({ shown: "Plugin x", module: "", text });
  assert.equal(manifest.summary, "86f7e437faa5a7fce15d1ddcb9eaeaea377667b8 a/b");
});
