// The plugins that the cluster has agreed on, on one node, with real processes: what runs, what does not and why, how a new
// version takes the place of the present one without a gap.

import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { parseXml } from "../../../../../runtime/compat/xml.ts";
import { createPluginHost } from "../../../../../runtime/host/plugins/host.ts";
import { bundlePackage } from "../../../../../runtime/host/plugins/package/bundler.ts";
import { openPackage } from "../../../../../runtime/host/plugins/package/source.ts";
import type { SignatureRules } from "../../../../../runtime/host/plugins/trust/signature.ts";
import type { PluginOffer } from "../../../../../runtime/host/plugins/trust/types.ts";
import type { PluginEvent, PluginHost } from "../../../../../runtime/host/plugins/types.ts";
import { applyEdits } from "../../../../../runtime/kernel/cib/edits.ts";
import type { Element } from "../../../../../runtime/kernel/cib/element.ts";
import type { EditResult } from "../../../../../runtime/model/edits/plan.ts";
import {
  addPluginEdits,
  approvePluginEdits,
  removePluginEdits,
  rollbackPluginEdits,
  updatePluginEdits,
} from "../../../../../runtime/model/edits/plugin.ts";
import type { PluginVersion } from "../../../../../runtime/model/plugin-lock.ts";
import type { AgentOutcome } from "../../../../../runtime/services/calls.ts";

const folder = mkdtempSync(join(tmpdir(), "systole-agreed-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const EMPTY = parseXml(
  `<cib validate-with="pacemaker-3.9"><configuration><crm_config/><nodes/><resources/><constraints/></configuration><status/></cib>`,
);

/** An agent whose monitor says what stands in the file. `says`: put before it. */
const agent = (version: string, monitor: string): string => `import { defineResourceAgent, Type } from "systole/sdk";
// ${version}
export default defineResourceAgent({ name: "lamp", summary: "${version}", parameters: Type.Object({ file: Type.String() }),
  permissions: { read: ["{file}"] },
  async monitor({ fs, params, state, sleep }) { const text = await fs.readText(params.file); ${monitor} return text === undefined ? "stopped" : "running"; },
  async start() {}, async stop() {} });`;

const FIRST = agent("first", "");
const SECOND = agent("second", 'await state.set("seen", "by second");');
const WRONG = agent("wrong", 'return "stopped";');
const THROWS = 'throw new Error("I need a database"); export default 1;';

let made = 0;

async function bundle(text: string): Promise<Uint8Array> {
  made += 1;
  const file = join(folder, `plugin-${made}.ts`);
  writeFileSync(file, text);
  return (await bundlePackage(await openPackage(file, folder))).bytes;
}

interface Node {
  readonly host: PluginHost;
  readonly events: PluginEvent[];
  cib: Element;
  change(result: EditResult): Promise<void>;
  offer(bytes: Uint8Array): Promise<PluginOffer>;
  monitor(): Promise<AgentOutcome>;
  readonly file: string;
}

let calls = 0;

function start(
  t: { after(work: () => Promise<void>): void },
  options: {
    readonly signatures?: SignatureRules;
    readonly fetchBundle?: (sha512: string) => Promise<Uint8Array | undefined>;
  } = {},
): Node {
  made += 1;
  const stateDirectory = join(folder, `node-${made}`);
  const events: PluginEvent[] = [];
  const file = join(folder, `lamp-${made}`);
  writeFileSync(file, "on");
  const host = createPluginHost({
    nodeName: "n1",
    stateDirectory,
    plugins: [],
    pluginsBase: folder,
    childEnvironment: {},
    sandbox: { requireSandbox: true },
    signatures: options.signatures ?? { policy: "off", keys: [] },
    fetchBundle: options.fetchBundle ?? (async () => undefined),
    log: () => {},
    onEvent: (event) => events.push(event),
    onAttribute: () => {},
  });
  t.after(() => host.close());
  const node: Node = {
    host,
    events,
    cib: EMPTY,
    file,
    async change(result) {
      assert.ok(!("refused" in result), JSON.stringify(result));
      const edited = applyEdits(node.cib, result.edits);
      assert.ok(edited.ok);
      node.cib = edited.cib;
      host.trust.lockChanged(node.cib);
      await host.trust.verify();
      await host.list();
    },
    offer: (bytes) => host.trust.offer(bytes, []),
    monitor() {
      calls += 1;
      const resource = { id: "lamp1", class: "ocf", provider: "systole", type: "lamp" };
      return host.callAgent({
        id: calls,
        resource,
        verb: "monitor",
        parameters: { file },
        meta: {},
        timeoutMs: 20_000,
        intervalMs: 10_000,
      });
    },
  };
  return node;
}

function versionOf({ sha512, plugin }: PluginOffer, source: string): PluginVersion {
  const { permissions, api = 0 } = plugin;
  return { sha512, api, source, permissions, grants: permissions };
}

const RUNNING: AgentOutcome = { outcome: "state", state: "running" };

/** The agent's summary tells which version runs. */
async function whichRuns({ host }: Node): Promise<string> {
  const [found] = await host.describe("lamp");
  return found?.summary ?? "none";
}

async function add(node: Node, text = FIRST): Promise<PluginVersion> {
  const version = versionOf(await node.offer(await bundle(text)), "first.ts");
  await node.change(addPluginEdits(node.cib, "resource-agent", "lamp", version));
  return version;
}

async function update(node: Node, text: string, source: string): Promise<PluginVersion> {
  const version = versionOf(await node.offer(await bundle(text)), source);
  await node.change(updatePluginEdits(node.cib, "resource-agent", "lamp", version));
  return version;
}

/** Waits for what happens behind a change; fails after a while. */
async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  const endMs = performance.now() + 20_000;
  while (!(await holds())) {
    assert.ok(performance.now() < endMs, `never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

test("bytes are offered, agreed on, run; taken back, they do not run any more", async (t) => {
  const node = start(t);
  const offer = await node.offer(await bundle(FIRST));
  assert.equal(offer.plugin.reference, "ocf:systole:lamp");
  assert.deepEqual(offer.plugin.permissions, { read: ["{file}"] });
  assert.equal((await node.monitor()).outcome, "error");
  await node.change(addPluginEdits(node.cib, "resource-agent", "lamp", versionOf(offer, "first.ts")));
  assert.deepEqual(await node.monitor(), RUNNING);
  const [verified] = await node.host.trust.verify();
  assert.deepEqual(
    verified?.findings.map(({ what, good }) => `${what} ${good}`),
    ["bytes true", "manifest true", "approval true", "signature true", "process true"],
  );
  assert.match(readFileSync(join(folder, `node-${made - 1}`, "plugins.lock.json"), "utf8"), /"resource-agent lamp"/);
  await node.change(removePluginEdits(node.cib, "lamp", []));
  assert.match(JSON.stringify(await node.monitor()), /There is no resource-agent ocf:systole:lamp on this node/);
});

test("an update goes over without a gap, and back", async (t) => {
  const node = start(t);
  await add(node);
  assert.deepEqual(await node.monitor(), RUNNING);
  let over = false;
  const outcomes: AgentOutcome[] = [];
  const watching = (async () => {
    while (!over) outcomes.push(await node.monitor());
  })();
  await update(node, SECOND, "second.ts");
  await until("the second version runs", async () => (await whichRuns(node)) === "second");
  assert.ok(!existsSync(join(folder, "nothing")));
  await node.change(rollbackPluginEdits(node.cib, "lamp"));
  await until("the first version runs again", async () => (await whichRuns(node)) === "first");
  over = true;
  await watching;
  assert.ok(outcomes.length > 5);
  assert.deepEqual(
    outcomes.filter((outcome) => JSON.stringify(outcome) !== JSON.stringify(RUNNING)),
    [],
  );
  assert.match(
    node.events.map(({ text }) => text).join("\n"),
    /Plugin ocf:systole:lamp runs as second\.ts on n1 now, instead of first\.ts; no resource was stopped/,
  );
});

test("a version that sees something else does not take over; the one before goes on", async (t) => {
  const node = start(t);
  await add(node);
  assert.deepEqual(await node.monitor(), RUNNING);
  const offered = await node.offer(await bundle(WRONG));
  const proof = await node.host.trust.prove({
    kind: "resource-agent",
    name: "lamp",
    sha512: offered.sha512,
    signatures: [],
    shadowMs: 0,
  });
  assert.deepEqual(proof.comparisons, [
    { subject: "lamp1", verb: "monitor", present: "running", candidate: "stopped", agree: false },
  ]);
  assert.equal(
    proof.text,
    "the new version does not see what the present one sees: lamp1 (running before, stopped now).",
  );
  await node.change(updatePluginEdits(node.cib, "resource-agent", "lamp", versionOf(offered, "wrong.ts")));
  assert.deepEqual(await node.monitor(), RUNNING);
  assert.equal(await whichRuns(node), "first");
  await until("it is told", async () => node.events.some(({ code }) => code === "plugin-unproven"));
  const event = node.events.find(({ code }) => code === "plugin-unproven");
  assert.match(event?.text ?? "", /was not updated on n1: .* The version before \(first\.ts\) goes on\.$/);
  const [verified] = await node.host.trust.verify();
  assert.equal(verified?.good, false);
});

test("a node that was not asked when new bytes were proven says so as soon as they are agreed on, and proves them itself", async (t) => {
  const node = start(t);
  const other = (): string[] => node.events.filter(({ code }) => code === "plugin-other-bytes").map(({ text }) => text);
  await add(node);
  assert.deepEqual(await node.monitor(), RUNNING);
  const asked = versionOf(await node.offer(await bundle(SECOND)), "second.ts");
  const unasked = versionOf(await node.offer(await bundle(WRONG)), "wrong.ts");
  const wish = { kind: "resource-agent", name: "lamp", sha512: asked.sha512, signatures: [], shadowMs: 0 };
  assert.ok((await node.host.trust.prove(wish)).good);
  await node.change(updatePluginEdits(node.cib, "resource-agent", "lamp", asked));
  await until("the second runs", async () => (await whichRuns(node)) === "second");
  assert.deepEqual(other(), [], "it was asked");
  const made = updatePluginEdits(node.cib, "resource-agent", "lamp", unasked);
  assert.ok(!("refused" in made));
  const edited = applyEdits(node.cib, made.edits);
  assert.ok(edited.ok);
  node.cib = edited.cib;
  node.host.trust.lockChanged(node.cib);
  assert.equal(other().length, 1, "at once, before anything is started");
  assert.match(other()[0] ?? "", /n1 has other bytes \(sha512-.*was not asked when those were proven/);
  assert.deepEqual(await node.monitor(), RUNNING, "the new bytes do not run");
  await node.host.trust.verify();
  await node.change(rollbackPluginEdits(node.cib, "lamp"));
  assert.equal(other().length, 1, "what has run here needs no proof");
});

test("with the operator's word it takes over all the same; a rollback asks nobody", async (t) => {
  const node = start(t);
  await add(node);
  await node.monitor();
  const version = versionOf(await node.offer(await bundle(WRONG)), "wrong.ts");
  await node.change(updatePluginEdits(node.cib, "resource-agent", "lamp", { ...version, unproven: true }));
  await until("the wrong version runs", async () => (await whichRuns(node)) === "wrong");
  assert.deepEqual(await node.monitor(), { outcome: "state", state: "stopped" });
  await node.change(rollbackPluginEdits(node.cib, "lamp"));
  await until("the first version runs again", async () => (await whichRuns(node)) === "first");
  assert.deepEqual(await node.monitor(), RUNNING);
});

test("a shadow watches for its time and leaves no trace", async (t) => {
  const node = start(t);
  await add(node);
  await node.monitor();
  const { sha512 } = await node.offer(await bundle(SECOND));
  const proof = await node.host.trust.prove({
    kind: "resource-agent",
    name: "lamp",
    sha512: sha512,
    signatures: [],
    shadowMs: 1_500,
  });
  assert.equal(proof.text, "it starts and sees what the present one sees in 2 looks at each.");
  assert.ok(!existsSync(join(folder, `node-${made - 2}`, "plugins", "state", "lamp1.json")));
  assert.equal(await whichRuns(node), "first");
});

test("what a node does not have, it says, and gets it from another one", async (t) => {
  const there = new Map<string, Uint8Array>();
  const node = start(t, { fetchBundle: async (sha512) => there.get(sha512) });
  const bytes = await bundle(FIRST);
  const helper = start(t);
  const version = versionOf(await helper.offer(bytes), "first.ts");
  await node.change(addPluginEdits(node.cib, "resource-agent", "lamp", version));
  const missing = node.events.find(({ code }) => code === "plugin-missing");
  assert.match(
    missing?.text ?? "",
    /^Plugin ocf:systole:lamp does not run on n1: the cluster has agreed on the bytes sha512-\S+, and this node does not have them\. Bring them here with `systole plugin add PACKAGE`/,
  );
  there.set(version.sha512, await bundle(SECOND));
  await node.change(approvePluginEdits(node.cib, "lamp", {}));
  assert.match(JSON.stringify(await node.monitor()), /this node does not have them/, "other bytes are not taken");
  there.set(version.sha512, bytes);
  await node.change(approvePluginEdits(node.cib, "lamp", version.permissions));
  assert.deepEqual(await node.monitor(), RUNNING);
});

/** Processes of plugins below this one. */
function guests(): number[] {
  const below = (pid: number): number[] => {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8");
    return text.split(" ").filter(Boolean).map(Number);
  };
  const isGuest = (pid: number): boolean =>
    readFileSync(`/proc/${pid}/cmdline`, "latin1").includes("--max-old-space-size");
  return below(process.pid).filter(isGuest);
}

/** Waits for what has to come, but not for ever. */
async function eventually(isSo: () => Promise<boolean>): Promise<void> {
  for (let look = 0; look < 500 && !(await isSo()); look += 1) await new Promise((resolve) => setTimeout(resolve, 20));
}

test("a plugin that nobody uses has no process; it starts with its first use, and stays", async (t) => {
  const node = start(t);
  const before = guests().length;
  await add(node);
  assert.deepEqual(node.host.standing().used, []);
  assert.equal(guests().length, before, "it was looked at, and ended");
  const [verified] = await node.host.trust.verify();
  assert.equal(verified?.good, true);
  assert.match(JSON.stringify(verified?.findings), /can run here as agreed, and starts when it is first used/);
  const { sha512 } = await node.offer(await bundle(SECOND));
  const wish = { kind: "resource-agent", name: "lamp", sha512, signatures: [], shadowMs: 0 };
  assert.match((await node.host.trust.prove(wish)).text, /^it starts; the present version does not run on n1\./);
  await update(node, SECOND, "second.ts");
  await eventually(async () => (await whichRuns(node)) === "second" && guests().length === before);
  assert.equal(guests().length, before, "nor has a new version");
  assert.deepEqual(await Promise.all([node.monitor(), node.monitor()]), [RUNNING, RUNNING]);
  assert.equal(guests().length, before + 1, "two calls at once start one process");
  assert.deepEqual(node.host.standing().used, [{ plugin: "ocf:systole:lamp", state: "running" }]);
  assert.match(JSON.stringify((await node.host.trust.verify())[0]?.findings), /runs here as agreed/);
  const [pid] = guests().slice(-1);
  assert.deepEqual(await node.monitor(), RUNNING);
  assert.deepEqual(guests().slice(-1), [pid], "the next call finds it there");
});

test("a plugin that a resource of the CIB names has its process before anybody calls it", async (t) => {
  const node = start(t);
  const before = guests().length;
  await add(node);
  const resource = parseXml('<primitive id="lamp1" class="ocf" provider="systole" type="lamp"/>');
  const parent = [{ name: "configuration" }, { name: "resources" }];
  await node.change({ edits: [{ edit: "put", parent, element: resource }], summary: "", notes: [] });
  await eventually(async () => node.host.standing().used[0]?.state === "running");
  assert.deepEqual(node.host.standing().used, [{ plugin: "ocf:systole:lamp", state: "running" }]);
  assert.equal(guests().length, before + 1);
});

test("without approval it does not run; with less than it asks for, it is denied the rest", async (t) => {
  const node = start(t);
  const { grants: _, ...waiting } = versionOf(await node.offer(await bundle(FIRST)), "first.ts");
  await node.change(addPluginEdits(node.cib, "resource-agent", "lamp", waiting));
  assert.match(
    JSON.stringify(await node.monitor()),
    /does not run: nobody has approved of it\. Look at what it asks for/,
  );
  await node.change(approvePluginEdits(node.cib, "lamp", {}));
  assert.deepEqual(await node.monitor(), {
    outcome: "error",
    code: "privileges",
    reason:
      "agents/lamp (for lamp1) may not use read: its manifest asks for permissions.read, and whoever approved of the plugin withheld it. If the plugin should do this, grant it with `systole plugin approve NAME`.",
  });
  assert.deepEqual(
    node.events.filter(({ kind }) => kind === "denied").map(({ code, resource }) => [code, resource]),
    [["permission-withheld", "lamp1"]],
    "a withheld permission is an event, as every denial",
  );
  await node.change(approvePluginEdits(node.cib, "lamp", waiting.permissions));
  assert.deepEqual(await node.monitor(), RUNNING);
});

test("what somebody writes into the CIB by hand grants no more than the plugin asks for", async (t) => {
  const node = start(t);
  const version = versionOf(await node.offer(await bundle(FIRST)), "first.ts");
  const grants = { ...version.permissions, run: ["*"], constructor: ["*"] };
  await node.change(addPluginEdits(node.cib, "resource-agent", "lamp", { ...version, grants }));
  assert.deepEqual(await node.monitor(), RUNNING);
  const [found] = await node.host.describe("lamp");
  assert.deepEqual(found?.permissions, { read: ["{file}"] });
  const odd = { ...version, permissions: { ...version.permissions, constructor: ["x"] } };
  await node.change(removePluginEdits(node.cib, "lamp", []));
  await node.change(addPluginEdits(node.cib, "resource-agent", "lamp", odd));
  assert.match(JSON.stringify(await node.monitor()), /asks for other permissions than were agreed on/);
  assert.equal((await node.host.trust.verify())[0]?.good, false);
});

test("the policy on signatures: require refuses, warn tells", async (t) => {
  const strict = start(t, { signatures: { policy: "require", keys: [] } });
  await add(strict);
  assert.match(JSON.stringify(await strict.monitor()), /lamp is not signed/);
  const mild = start(t, { signatures: { policy: "warn", keys: [] } });
  await add(mild);
  assert.deepEqual(await mild.monitor(), RUNNING);
  assert.equal(mild.events.filter(({ code }) => code === "plugin-signature").length, 1);
});

test("an entry that says something else than the bytes is refused", async (t) => {
  const node = start(t);
  const version = versionOf(await node.offer(await bundle(FIRST)), "first.ts");
  await node.change(addPluginEdits(node.cib, "resource-agent", "lantern", version));
  await node.change(addPluginEdits(node.cib, "fence-device", "lamp", version));
  await node.change(addPluginEdits(node.cib, "resource-agent", "lamp", { ...version, permissions: {}, grants: {} }));
  const texts = node.events
    .filter(({ code }) => code === "plugin-lock")
    .map(({ text }) => text.replace(/ See `.*/, ""));
  assert.deepEqual(texts, [
    "Plugin ocf:systole:lantern is refused: it calls itself lamp.",
    "Plugin stonith:systole:lamp is refused: it is a resource-agent.",
    "Plugin ocf:systole:lamp is refused: it asks for other permissions than were agreed on.",
  ]);
});

test("bytes that are no plugin are refused when they are offered", async (t) => {
  const node = start(t);
  const bytes = await bundle(THROWS);
  await assert.rejects(node.offer(bytes), /The plugin failed while it was loaded: .*I need a database/);
  await assert.rejects(node.offer(Buffer.from("export default {")), /does not parse/);
  await assert.rejects(node.offer(Buffer.from('import "node:fs"; export default 1;')), /imports "node:fs"/);
  await assert.rejects(node.offer(Buffer.from("export default 1;")), /exports no plugin by default/);
  await assert.rejects(
    node.offer(Buffer.from("export default { kind: 'resource-agent', api: 9, spec: {} };")),
    /API 9, which is newer/,
  );
  await assert.rejects(node.offer(Buffer.from("await new Promise(() => {}); export default 1;")), /./);
});
