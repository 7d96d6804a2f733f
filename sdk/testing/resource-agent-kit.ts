// The laws of a resource agent, each as a test. One line runs them all: `testResourceAgent(agent, { ... })`.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isAgentError } from "../errors.ts";
import { API_VERSION, type Plugin } from "../plugin.ts";
import type { Notification, ResourceAgentSpec, ResourceState } from "../resource-agent.ts";
import { createFakeWorld, type FakeContext, type FakeWorld } from "./fakes.ts";
import { filledParameters } from "./parameters.ts";

/** What the kit needs to know. */
export interface ResourceAgentSetup {
  /** Parameters that have no default. */
  readonly parameters?: Readonly<Record<string, unknown>>;
  /** A world in which the service is installed and stopped; a new one for each law. */
  readonly world?: () => FakeWorld;
}

interface Bench {
  readonly spec: ResourceAgentSpec;
  readonly world: FakeWorld;
  readonly context: () => FakeContext<Readonly<Record<string, unknown>>>;
  readonly state: () => Promise<ResourceState>;
}

function notifications(): Notification[] {
  const types = ["pre", "post"] as const;
  const operations = ["start", "stop", "promote", "demote"] as const;
  return types.flatMap((type) =>
    operations.map((operation) => ({ type, operation, meta: { notify_type: type, notify_operation: operation } })),
  );
}

/** Each law, by what it says. */
const LAWS: Readonly<Record<string, (bench: Bench) => Promise<void>>> = {
  "monitor observes `stopped` at first, and changes nothing": async ({ state }) => {
    assert.equal(await state(), "stopped");
    assert.equal(await state(), "stopped");
  },
  "start makes it run, and may be repeated": async ({ spec, context, state }) => {
    await spec.start(context());
    assert.equal(await state(), "running");
    await spec.start(context());
    assert.equal(await state(), "running");
    assert.equal(await state(), "running");
  },
  "stop leaves nothing, may be repeated, and a start is possible afterwards": async ({ spec, context, state }) => {
    await spec.stop(context());
    assert.equal(await state(), "stopped");
    await spec.start(context());
    await spec.stop(context());
    assert.equal(await state(), "stopped");
    await spec.stop(context());
    assert.equal(await state(), "stopped");
    await spec.start(context());
    assert.equal(await state(), "running");
  },
  "promote and demote change the role, may be repeated, and stop ends either": async ({ spec, context, state }) => {
    if (spec.promotion === undefined) return;
    await assert.rejects(spec.promotion.promote(context()), "what does not run cannot be promoted");
    await spec.start(context());
    for (const _ of [1, 2]) {
      await spec.promotion.promote(context());
      assert.equal(await state(), "promoted");
    }
    await spec.start(context());
    for (const _ of [1, 2]) {
      await spec.promotion.demote(context());
      assert.equal(await state(), "running");
    }
    await spec.promotion.promote(context());
    await spec.stop(context());
    assert.equal(await state(), "stopped");
    await spec.start(context());
    assert.equal(await state(), "running", "a started instance is unpromoted");
  },
  "reload and notifications do not disturb it": async ({ spec, context, state }) => {
    await spec.start(context());
    await spec.reload?.(context());
    for (const notification of notifications()) await spec.notify?.(context(), notification);
    assert.equal(await state(), "running");
  },
  "it migrates, and source and target say so": async ({ spec, context, state }) => {
    if (spec.migration === undefined) return;
    await spec.start(context());
    await spec.migration.to(context(), "node2");
    await spec.migration.from(context(), "node2");
    assert.equal(await state(), "running");
  },
  "a call whose signal has fired does nothing, and says nothing that it has not seen": async ({
    spec,
    world,
    context,
    state,
  }) => {
    const parameters = context().params;
    await assert.rejects(async () => await spec.start(world.context(parameters, { aborted: true })));
    assert.equal(await state(), "stopped");
    await spec.start(context());
    await assert.rejects(async () => await spec.stop(world.context(parameters, { aborted: true })));
    const seen = await spec.monitor(world.context(parameters, { aborted: true })).catch(() => "nothing");
    assert.notEqual(seen, "stopped", "an aborted monitor has not seen that it stopped");
  },
  "when nothing can be reached, monitor does not guess": async ({ spec, context }) => {
    const seen = await spec
      .monitor(createFakeWorld({ dead: true }).context(context().params))
      .catch((error: unknown) => error);
    assert.ok(seen !== "running" && seen !== "promoted" && seen !== "stopped", `it said ${String(seen)}`);
    if (seen instanceof Error)
      assert.ok(isAgentError(seen), `it rejected with ${String(seen)}, which is no AgentError`);
  },
};

/** Runs every law that applies to the agent, each in a world of its own. */
export function testResourceAgent(
  agent: Plugin<"resource-agent", ResourceAgentSpec>,
  setup: ResourceAgentSetup = {},
): void {
  describe(`resource agent ${agent.spec.name}`, () => {
    test("is branded for this API", () => {
      assert.equal(agent.kind, "resource-agent");
      assert.equal(agent.api, API_VERSION);
      assert.match(agent.spec.name, /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/);
    });
    const params = filledParameters(agent.spec.parameters, setup.parameters ?? {});
    for (const [law, prove] of Object.entries(LAWS)) {
      test(law, async () => {
        const world = setup.world?.() ?? createFakeWorld();
        const context = () => world.context(params);
        await prove({ spec: agent.spec, world, context, state: () => agent.spec.monitor(context()) });
      });
    }
  });
}
