// What was seen of plugins, written down and read back as the smallest manifest.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { openAudit, proposePermissions, withPlaceholders } from "../../../../runtime/host/plugins/audit.ts";
import { permissionProblem } from "../../../../runtime/host/plugins/grants.ts";
import { createPluginHost } from "../../../../runtime/host/plugins/host.ts";

const folder = mkdtempSync(join(tmpdir(), "systole-audit-"));
after(() => rmSync(folder, { recursive: true, force: true }));

test("parameters become placeholders where they stand as a whole, the longest first", () => {
  const values = { address: "192.0.2.1", prefix: 24, device: "eth0", url: "http://192.0.2.1:80/x", list: ["a1", "b1"] };
  assert.equal(
    withPlaceholders("ip addr add 192.0.2.1/24 dev eth0", values),
    "ip addr add {address}/{prefix} dev {device}",
  );
  assert.equal(withPlaceholders("http://192.0.2.1:80/x", values), "{url}");
  assert.equal(withPlaceholders("192.0.2.1:623/udp", values), "{address}:623/udp");
  assert.equal(
    withPlaceholders("192.0.2.10:623/udp", values),
    "192.0.2.10:623/udp",
    "a part of a word is another word",
  );
  assert.equal(withPlaceholders("see b1", values), "see {list}");
  assert.equal(withPlaceholders("rm *", values), "rm ?", "a star that was asked for is none that grants");
});

test("a host writes each use, and the proposal allows what was seen", { timeout: 30_000 }, async () => {
  const file = join(folder, "audit.jsonl");
  const host = createPluginHost({
    nodeName: "n1",
    stateDirectory: join(folder, "state"),
    plugins: [],
    pluginsBase: folder,
    childEnvironment: {},
    sandbox: { requireSandbox: true },
    audit: file,
    log: () => undefined,
    onEvent: () => undefined,
    onAttribute: () => undefined,
  });
  for (const target of ["v1", "v2"]) {
    const parameters = { directory: folder };
    const device = { id: "f", type: "systole:dummy", parameters };
    await host.callDevice({ id: 1, device, verb: "setPower", want: "off", target, timeoutMs: 10_000 });
  }
  await host.close();
  const text = readFileSync(file, "utf8");
  const [first] = text.split("\n").map((line): unknown => (line === "" ? undefined : JSON.parse(line)));
  assert.ok(typeof first === "object" && first !== null && "time" in first);
  assert.deepEqual(
    { ...first, time: "" },
    {
      time: "",
      node: "n1",
      plugin: "fence/dummy",
      resource: "f",
      permission: "write",
      asked: `${folder}/v1.power`,
      line: "{directory}/v1.power",
      allowed: true,
    },
  );
  const { proposals, unreadable } = proposePermissions(
    `${text}\nno line\n{"plugin":"x","permission":"fly","line":"y"}\n`,
  );
  assert.equal(unreadable, 2);
  assert.deepEqual(proposals, [
    { plugin: "fence/dummy", permissions: { write: ["{directory}/v1.power", "{directory}/v2.power"] } },
  ]);
  assert.equal(permissionProblem(proposals[0]?.permissions, new Set(["directory"])), undefined);
});

test("a file that cannot be written is told once, and nothing waits for it", async () => {
  const said: string[] = [];
  const audit = openAudit(join(folder, "no/such/folder"), (text) => said.push(text));
  const use = {
    time: "",
    node: "n",
    plugin: "p",
    resource: "r",
    permission: "run",
    asked: "a",
    line: "a",
    allowed: true,
  } as const;
  audit.write(use);
  await new Promise((resolve) => setImmediate(resolve));
  while (said.length === 0) await new Promise((resolve) => setImmediate(resolve));
  audit.write(use);
  await audit.close();
  assert.equal(said.length, 1);
  assert.match(said[0] ?? "", /cannot be written to .*ENOENT/);
});
