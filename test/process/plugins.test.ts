// A plugin's life in a cluster of real processes, by the command line: added on one node, fetched by the others, updated while a
// resource runs, refused when it sees something else, taken back. No resource is stopped for any of it.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { change } from "../../runtime/cli/demo/operator.ts";
import { parseXml } from "../../runtime/compat/xml.ts";
import { configuration, Field, type FieldNode, PROGRAM, type Said, WAIT_MS } from "./field.ts";

/** A lamp that is a file; `monitor` is put before the look. */
const lamp = (
  summary: string,
  monitor = "",
  more = "",
): string => `import { defineResourceAgent, Type } from "systole/sdk";
export default defineResourceAgent({
  name: "lamp",
  summary: "${summary}",
  parameters: Type.Object({ directory: Type.String() }),
  permissions: { read: ["{directory}/*"], write: ["{directory}/*"]${more} },
  timeouts: { monitor: "5s", start: "5s", stop: "5s" },
  async monitor({ fs, node, params }) {
    ${monitor}
    return (await fs.readText(\`\${params.directory}/\${node}\`)) === "on" ? "running" : "stopped";
  },
  start: async ({ fs, node, params }) => fs.writeText(\`\${params.directory}/\${node}\`, "on"),
  stop: async ({ fs, node, params }) => fs.remove(\`\${params.directory}/\${node}\`),
});
`;

/** Waits until the plugin of that summary runs on all of these nodes. */
async function runsEverywhere(field: Field, summary: string): Promise<void> {
  const endMs = performance.now() + WAIT_MS;
  for (const node of field.nodes) {
    for (;;) {
      const said = await field.systole(node, "plugin", "describe", "lamp", "--json");
      if (said.out.includes(`"summary":"${summary}"`)) break;
      assert.ok(performance.now() < endMs, `${summary} never ran on ${node.name}: ${said.out}${said.err}`);
    }
  }
}

async function began(t: Parameters<typeof Field.create>[0], nodes = 3) {
  const field = await Field.create(t, { nodes });
  for (const node of field.nodes) field.start(node);
  await field.together(...field.nodes);
  const [one] = field.nodes;
  assert.ok(one);
  await field.give(one, configuration(field));
  mkdirSync(join(field.directory, "marks"));
  const write = (file: string, text: string): void => writeFileSync(join(field.directory, file), text);
  write("first.ts", lamp("first"));
  write("second.ts", lamp("second", "/* looks twice */"));
  write("third.ts", lamp("third", "", ', run: ["lampctl *"]'));
  write("blind.ts", lamp("blind", 'return "stopped";'));
  const run = async (code: number, node: FieldNode, ...words: readonly string[]): Promise<Said> => {
    const said = await field.systole(node, "plugin", ...words);
    assert.equal(said.code, code, `plugin ${words.join(" ")}: ${said.out}${said.err}`);
    return said;
  };
  return { field, one, run };
}

/** Adds the plugin on one node, and the resource; which node it runs on. */
async function litLamp({ field, one, run }: Awaited<ReturnType<typeof began>>): Promise<FieldNode> {
  await run(0, one, "add", "./first.ts", "--yes");
  const element = parseXml(
    `<primitive id="light" class="ocf" provider="systole" type="lamp"><instance_attributes id="light-p"><nvpair id="light-p-d" name="directory" value="${field.directory}/marks"/></instance_attributes><operations><op id="light-monitor" name="monitor" interval="300ms" timeout="10s"/></operations></primitive>`,
  );
  const parent = [{ name: "configuration" }, { name: "resources" }];
  await change(field.client(one), [{ edit: "put", parent, element }], "test");
  return field.node(await field.runs(one, "light"));
}

test("a plugin is added, fetched by the other nodes, updated, watched, refused and taken back while its resource runs", async (t) => {
  const begun = await began(t);
  const { field, run } = begun;
  const home = await litLamp(begun);
  await runsEverywhere(field, "first");
  for (const node of field.nodes)
    assert.match((await run(0, node, "verify")).out, /ok {2}process {3}runs here as agreed/);
  const lock = readFileSync(join(home.directory, "state", "plugins.lock.json"), "utf8");
  assert.match(lock, /"resource-agent lamp": \{\n {6}"sha512": "sha512-/);

  const since = field.watch.events.length;
  const updated = await run(0, home, "update", "./second.ts", "--yes");
  assert.match(updated.out, /It asks for what it asked for before:/);
  assert.match(
    updated.out,
    /Started beside the present one: it starts and sees what the present one sees\.\n {3}monitor of light {2}both say running/,
  );
  for (const node of field.nodes.filter(({ name }) => name !== home.name))
    assert.match(updated.out, new RegExp(`On ${node.name}: it starts`));
  await runsEverywhere(field, "second");

  const blind = await run(1, home, "update", "./blind.ts", "--yes");
  assert.match(
    blind.err,
    /Nothing was changed: the new version does not see what the present one sees: light \(running before, stopped now\)\./,
  );

  const elsewhere = field.nodes.find((node) => node.name !== home.name) ?? home;
  const blindElsewhere = await run(1, elsewhere, "update", "./blind.ts", "--yes");
  assert.match(
    blindElsewhere.err,
    new RegExp(`Nothing was changed: On ${home.name}: the new version does not see what the present one sees: light`),
    "the node that the resource runs on is asked, whoever asks",
  );

  const wider = await run(1, home, "update", "./third.ts");
  assert.match(wider.err, /somebody has to approve of what the plugin may do/);
  assert.match(wider.err, /\+ {2}run {4}lampctl \* {6}run programs .*WIDER: it could not do this before/);

  const watched = await run(0, home, "update", "./third.ts", "--canary", "--for", "2500ms", "--yes");
  assert.match(
    watched.out,
    /Watched beside the present one for 2\.5 s: it starts and sees what the present one sees in [23] looks at each\./,
  );
  await runsEverywhere(field, "third");

  assert.match(
    (await run(0, home, "rollback", "lamp")).out,
    /goes back to what it was before the last update \(second\.ts\)\./,
  );
  await runsEverywhere(field, "second");
  assert.match(
    (await run(1, home, "remove", "lamp")).err,
    /is used by light, which nothing could stop or watch without it\. Delete that first\./,
  );

  const operations = field.watch.events
    .slice(since)
    .filter(({ kind, resource }) => kind === "operation" && resource === "light");
  assert.deepEqual(operations, [], "no operation but monitors, and those said nothing new");
  assert.equal(await field.runs(home, "light"), home.name);
});

test("under systole dev a change of a file is live at once, a mistake changes nothing, and the resource goes on", async (t) => {
  const begun = await began(t, 1);
  const { field, one } = begun;
  await litLamp(begun);
  const since = field.watch.events.length;
  const dev = spawn(process.execPath, [PROGRAM, "dev", "./first.ts", "--yes", "--socket", one.socketPath], {
    cwd: field.directory,
    stdio: ["ignore", "pipe", "pipe"],
  });
  t.after(() => dev.kill("SIGKILL"));
  let said = "";
  for (const stream of [dev.stdout, dev.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => (said += text));
  const until = async (what: RegExp): Promise<RegExpExecArray> => {
    const endMs = performance.now() + WAIT_MS;
    for (;;) {
      const found = what.exec(said);
      if (found !== null) return found;
      assert.ok(performance.now() < endMs, `never ${what}: ${said}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };
  await until(/Watching .*; Ctrl-C ends it, and lamp stays as it is then\./);
  const took: number[] = [];
  for (const version of ["a", "b", "c"]) {
    const startMs = performance.now();
    writeFileSync(join(field.directory, "first.ts"), lamp(`written ${version}`));
    await until(new RegExp(`(no resource was stopped for it\\. \\(\\d+ ms\\)[\\s\\S]*){${took.length + 1}}`));
    took.push(Math.round(performance.now() - startMs));
  }
  t.diagnostic(`from the file to the running process: ${took.join(", ")} ms`);
  writeFileSync(join(field.directory, "first.ts"), "export default {");
  await until(/first\.ts: Plugin \.\/first\.ts does not compile at first\.ts:1:\d+: .* What ran before goes on\./);
  writeFileSync(join(field.directory, "first.ts"), 'throw new Error("half done"); export default 1;');
  await until(/failed while it was loaded: .*half done.* What ran before goes on\./);
  writeFileSync(join(field.directory, "first.ts"), lamp("written d", "", ', run: ["lampctl *"]'));
  await until(/\+ run lampctl \*/);
  await runsEverywhere(field, "written d");
  dev.kill("SIGINT");
  const [code] = await once(dev, "close");
  assert.equal(code, 0);
  const operations = field.watch.events
    .slice(since)
    .filter(({ kind, resource }) => kind === "operation" && resource === "light");
  assert.deepEqual(operations, []);
});
