// The laws of every agent, and what only this one does.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createFakeWorld, testResourceAgent } from "systole/sdk/testing";
import agent from "./example-agent.ts";

const parameters = { file: "/run/example", text: "here" };

testResourceAgent(agent, { parameters });

test("a file with other contents is a failure, not a service", async () => {
  const world = createFakeWorld({ files: { "/run/example": "something else" } });
  assert.deepEqual(await agent.spec.monitor(world.context(parameters)), {
    failed: "/run/example holds something else",
  });
});
