// What an operator does all day, and what breaks under his hands: nodes stopped on purpose, services that die, starts and
// stops that fail, plugins of his own. Everything by the command line of the built program.

import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { ClusterEvent } from "../../runtime/services/messages.ts";
import { configuration, dummy, Field, type FieldNode, pairs, processesOf } from "./field.ts";

/** An agent as a user writes it: its stop fails while the file `stubborn` is there. */
const OWN_AGENT = `import { defineResourceAgent, Type } from "systole/sdk";
export default defineResourceAgent({
  name: "own",
  summary: "A user's own service",
  parameters: Type.Object({ directory: Type.String({ description: "Where it keeps its marks" }) }),
  permissions: { read: ["{directory}/*"], write: ["{directory}/*"] },
  timeouts: { monitor: "5s", start: "5s", stop: "5s" },
  async monitor({ fs, node, params }) {
    return (await fs.readText(\`\${params.directory}/\${node}.running\`))?.trim() === "yes" ? "running" : "stopped";
  },
  async start({ fs, node, params }) {
    await fs.writeText(\`\${params.directory}/\${node}.running\`, "yes");
  },
  async stop({ fs, node, params }) {
    if ((await fs.readText(\`\${params.directory}/stubborn\`)) !== undefined) throw new Error("it will not stop");
    await fs.writeText(\`\${params.directory}/\${node}.running\`, "no");
  },
});
`;

/** How a device of type systole:dummy misbehaves, and what is said of it. */
const FAILING = [
  ["fail", "refuses to switch n3 off"],
  ["lie", "still read as on"],
  ["hang", "did not answer in time"],
] as const;

const parameters = (id: string, values: Readonly<Record<string, string>>): string =>
  `<instance_attributes id="${id}-parameters">${pairs(id, values)}</instance_attributes>`;

/** Three nodes in one view with this configuration. */
async function begin(
  t: Parameters<typeof Field.create>[0],
  wanted: (field: Field) => string,
  config: Readonly<Record<string, unknown>> = {},
): Promise<{ field: Field; one: FieldNode; two: FieldNode; three: FieldNode }> {
  const field = await Field.create(t, { config });
  const [one, two, three] = field.nodes;
  assert.ok(one && two && three);
  writeFileSync(join(field.directory, "own.ts"), OWN_AGENT);
  writeFileSync(join(field.directory, "broken.ts"), `throw new Error("no licence found");\n`);
  mkdirSync(join(field.directory, "marks"));
  for (const node of field.nodes) field.start(node);
  await field.together(one, two, three);
  await field.give(one, wanted(field));
  return { field, one, two, three };
}

/** Runs a command that must work, and returns what it said. */
async function done(field: Field, node: FieldNode, ...words: readonly string[]): Promise<string> {
  const said = await field.systole(node, ...words);
  assert.equal(said.code, 0, `systole ${words.join(" ")}: ${said.err}`);
  return said.out;
}

/** `resource` runs as a process of `node` and nowhere else. */
async function processOf(field: Field, node: FieldNode): Promise<number> {
  const [pid, ...more] = (
    await Promise.all(field.nodes.map((one) => processesOf(field, one, "sleep infinity")))
  ).flat();
  assert.deepEqual(more, [], "it runs once");
  assert.deepEqual(await processesOf(field, node, "sleep infinity"), [pid]);
  return pid ?? 0;
}

test("an operator's day: stop, standby, maintenance, moves, a dying service, cleanup", async (t) => {
  const prefer = `<rsc_location id="prefer" rsc="app" node="n2" score="50"/>`;
  const meta = `<meta_attributes id="app-meta">${pairs("app-meta", { "migration-threshold": "2" })}</meta_attributes>`;
  const { field, one, two, three } = await begin(t, (of) =>
    configuration(of, { constraints: prefer, resources: dummy("app", "300ms", meta) }),
  );
  const on = (name: string): Promise<string> => field.runs(one, "app", (where) => where === name);
  await on("n2");

  const before = field.watch.events.length;
  assert.equal(await done(field, two, "stop"), "n2 has stopped.\n");
  assert.equal(await field.ended(two), 0);
  await field.runs(one, "app", (where) => where !== "n2");
  const said = field.watch.events.slice(before);
  assert.deepEqual(
    said.filter((event) => event.kind === "fence"),
    [],
  );
  const departed = await field.event("n2 left", before, (event) => event.code === "departed" && event.node === "n2");
  assert.match(departed.text, /left/);
  field.start(two);
  await field.together(one, two, three);
  await on("n2");

  await done(field, one, "standby", "n2");
  await field.runs(one, "app", (where) => where !== "n2");
  await done(field, one, "resource", "move", "app", "n2");
  await done(field, one, "resource", "clear", "app");
  await done(field, one, "online", "n2");
  await on("n2");

  await done(field, one, "maintenance", "on");
  process.kill(await processOf(field, two), "SIGKILL");
  assert.match(
    await done(field, one, "resource", "why", "app"),
    /Nothing is done about it, because of maintenance mode/,
  );
  assert.deepEqual(await processesOf(field, two, "sleep infinity"), []);
  const resumed = field.watch.events.length;
  await done(field, one, "maintenance", "off");
  await field.event("app again", resumed, (event) => event.code === "start-done" && event.resource === "app");
  await on("n2");
  const first = await processOf(field, two);

  await done(field, one, "resource", "cleanup", "app");
  const failures = field.watch.events.length;
  process.kill(await processOf(field, two), "SIGKILL");
  await field.event("app recovered", failures, (event) => event.code === "start-done" && event.resource === "app");
  assert.notEqual(await processOf(field, two), first);
  await on("n2");
  assert.match(
    await done(field, one, "status"),
    /app failed on n2 1 time, moves away at 2; "systole resource cleanup app"/,
  );
  const again = field.watch.events.length;
  process.kill(await processOf(field, two), "SIGKILL");
  await field.event("app elsewhere", again, (event) => event.code === "start-done" && event.resource === "app");
  await field.runs(one, "app", (where) => where !== "n2");
  assert.match(await done(field, one, "resource", "why", "app"), /kept off n2, because it failed there 2 times/);
  await done(field, three, "resource", "cleanup", "app");
  await on("n2");
  assert.doesNotMatch(await done(field, one, "status"), /Failures/);

  await done(field, one, "resource", "stop", "app");
  await field.until("app stopped", () =>
    field.status(one)?.resources.find(({ id }) => id === "app")?.activities.length === 0 ? true : undefined,
  );
  assert.match(await done(field, one, "resource", "why", "app"), /"systole resource start app" changes that/);
  assert.deepEqual(await processesOf(field, two, "sleep infinity"), []);
  await done(field, one, "resource", "start", "app");
  await on("n2");
});

test("mistakes: unknown agents, mistyped parameters, a plugin that throws; a failed stop is fenced", async (t) => {
  const own = (directory: string): string =>
    `<primitive id="own" class="ocf" provider="systole" type="own">${parameters("own", { directory })}<operations><op id="own-monitor" name="monitor" interval="1s"/></operations></primitive>`;
  const wrong = `<primitive id="wrong" class="ocf" provider="systole" type="dummy">${parameters("wrong", { dellay: "1s" })}</primitive>`;
  const ghost = `<primitive id="ghost" class="ocf" provider="systole" type="dumy"/>`;
  const marks = (field: Field): string => join(field.directory, "marks");
  const { field, one } = await begin(
    t,
    (of) => configuration(of, { resources: dummy("app") + own(marks(of)) + wrong + ghost }),
    { plugins: ["../own.ts", "../broken.ts"] },
  );
  await field.runs(one, "app");
  await field.runs(one, "own");
  const status = await done(field, one, "status");
  assert.match(status, /wrong: .*has no parameter dellay/);
  assert.match(status, /ghost: .*no resource-agent ocf:systole:dumy/);
  assert.match(
    await done(field, one, "resource", "why", "wrong"),
    /wrong is stopped, because .*not configured properly/,
  );
  assert.match(await done(field, one, "plugin", "list"), /broken\.ts.*no licence found/);

  const delayed = dummy("app").replace("<operations>", `${parameters("app", { delay: "soon" })}<operations>`);
  const mistake = field.watch.events.length;
  await field.give(one, configuration(field, { resources: delayed + own(marks(field)) }));
  await field.event("app refused", mistake, (event) => event.code === "start-failed" && event.resource === "app");
  await field.until("rest", () => (field.status(one)?.transition === undefined ? true : undefined));
  assert.match(await done(field, one, "status"), /app: start .*parameter delay must be a length of time/);
  assert.deepEqual(
    field.watch.events.slice(mistake).filter((event) => event.kind === "fence"),
    [],
  );
  await field.give(one, configuration(field, { resources: dummy("app") + own(marks(field)) }));
  await done(field, one, "resource", "cleanup");
  await field.runs(one, "app");

  const victim = field.node(await field.runs(one, "own"));
  const since = field.watch.events.length;
  writeFileSync(join(marks(field), "stubborn"), "yes");
  const other = field.nodes.find((node) => node !== victim);
  assert.ok(other);
  await done(field, other, "resource", "move", "own");
  const fenced = await field.event("fenced for a failed stop", since, (event) => event.code === "fenced");
  assert.equal(fenced.node, victim.name);
  assert.equal(await field.ended(victim), "SIGKILL");
  const started = await field.event(
    "own elsewhere",
    since,
    (event) => event.code === "start-done" && event.resource === "own",
  );
  assert.ok(started.node !== victim.name && started.epochMs >= fenced.epochMs);
});

test("a fence device that refuses, lies or hangs: nothing starts elsewhere, and the status says why and what to do", async (t) => {
  const device = (of: Field, mode: string): string =>
    `<primitive id="power" class="stonith" type="systole:dummy">${parameters("power", { directory: join(of.directory, "marks"), mode, pcmk_host_list: "n1 n2 n3" })}</primitive>`;
  const prefer = `<rsc_location id="prefer" rsc="app" node="n3" score="50"/>`;
  const give = (of: Field, mode: string): string =>
    configuration(of, { fencing: device(of, mode), constraints: prefer, options: { "stonith-timeout": "1500ms" } });
  const { field, one, two, three } = await begin(t, (of) => give(of, "fail"));
  await field.runs(one, "app", (where) => where === "n3");
  const since = field.watch.events.length;
  await field.powerOff(three);
  await field.together(one, two);
  for (const [mode, cause] of FAILING) {
    const before = field.watch.events.length;
    await field.give(one, give(field, mode));
    // The attempt that was under way with the device as it was may still end first.
    const ended = (event: ClusterEvent): boolean => event.code === "fence-failed" && event.text.includes(cause);
    await field.event(`fencing fails: ${mode}`, before, ended);
    const status = await done(field, one, "status");
    assert.match(status, new RegExp(`n3 could not be fenced \\(power: .*${cause}.*systole fence confirm n3`));
    assert.match(await done(field, one, "resource", "why", "app"), /only when n3 is confirmed off/);
    assert.match(status, /n3 +UNCLEAN/);
    assert.deepEqual(
      field.watch.events.slice(since).filter((event) => event.resource === "app" && event.code === "start"),
      [],
    );
  }
  await field.give(one, give(field, "fail"));
  assert.match(await done(field, two, "fence", "confirm", "n3", "--yes"), /n3 counts as off, on the word of/);
  await field.runs(one, "app", (where) => where !== "n3");
});
