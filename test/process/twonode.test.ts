// Two nodes: one that starts alone waits and says for what; one that dies is fenced by the other, which takes over alone;
// and where nothing can fence, a node that was away in its sleep does nothing on what it believed.

import assert from "node:assert/strict";
import { test } from "node:test";
import { configuration, dummy, Field, processesOf } from "./field.ts";

test("two nodes: one alone waits, a dead one is fenced and taken over from, and it returns", async (t) => {
  const field = await Field.create(t, { nodes: 2, config: { quorum: { twoNode: true } } });
  const [one, two] = field.nodes;
  assert.ok(one && two);
  field.start(one);
  const waiting = await field.until("the first node waits", () => {
    const status = field.status(one);
    return status?.quorum.established === true ? status : undefined;
  });
  assert.equal(waiting.quorum.quorate, false);
  const reason = /wait_for_all: .*not seen yet: n2\. Start them, or run "systole cib recover --accept-loss" here/;
  assert.match((await field.systole(one, "status")).out, reason);
  const refused = await field.systole(one, "property", "set", "no-quorum-policy", "stop");
  assert.equal(refused.code, 1);
  assert.match(refused.err, reason);
  field.start(two);
  await field.together(one, two);
  const prefer = `<rsc_location id="prefer" rsc="app" node="n2" score="50"/>`;
  await field.give(one, configuration(field, { constraints: prefer }));
  await field.runs(one, "app", (on) => on === "n2");

  const since = field.watch.events.length;
  field.signal(two, "SIGKILL");
  const fenced = await field.event("n2 fenced", since, (event) => event.code === "fenced");
  const started = await field.event(
    "app elsewhere",
    since,
    (event) => event.code === "start-done" && event.resource === "app",
  );
  assert.deepEqual([fenced.node, started.node], ["n2", "n1"]);
  assert.ok(fenced.epochMs <= started.epochMs);
  assert.deepEqual(await processesOf(field, two, "sleep"), []);
  const alone = await field.systole(one, "property", "set", "batch-limit", "7");
  assert.equal(alone.code, 0, alone.err);

  field.start(two);
  await field.together(one, two);
  await field.runs(one, "app", (on) => on === "n2");
  assert.equal((await field.systole(two, "property", "get", "batch-limit")).out, "7\n");
});

test("without fencing: a node that slept acts no more on what it believed", async (t) => {
  const field = await Field.create(t);
  const [one, two, three] = field.nodes;
  assert.ok(one && two && three);
  for (const node of field.nodes) field.start(node);
  await field.together(one, two, three);
  const coordinator = field.status(one)?.coordinator ?? "n1";
  const sleeper = field.node(coordinator);
  const awake = field.nodes.filter((node) => node !== sleeper);
  const [first] = awake;
  assert.ok(first);
  const prefer = `<rsc_location id="prefer" rsc="app" node="${sleeper.name}" score="50"/>`;
  await field.give(
    one,
    configuration(field, {
      fencing: "",
      options: { "stonith-enabled": "false" },
      constraints: prefer,
      resources: dummy("app"),
    }),
  );
  await field.runs(one, "app", (on) => on === sleeper.name);

  const since = field.watch.events.length;
  field.signal(sleeper, "SIGSTOP");
  await field.together(...awake);
  await field.runs(first, "app", (on) => on !== sleeper.name);
  field.signal(sleeper, "SIGCONT");
  await field.together(one, two, three);
  await field.runs(first, "app", (on) => on === sleeper.name);
  const said = field.watch.events.slice(since);
  assert.ok(
    said.some((event) => event.code === "slept"),
    "the node that slept says so",
  );
  assert.ok(
    said.some((event) => event.code === "peer-silent" && event.text.includes(`of ${sleeper.name} for`)),
    "nodes are called by their names",
  );
  const running = await Promise.all(field.nodes.map((node) => processesOf(field, node, "sleep")));
  assert.equal(running.flat().length, 1, "app runs once");
});
