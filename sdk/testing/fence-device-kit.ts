// The laws of a fence device, each as a test. The first of them: it never says "off" without having seen it.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isAgentError } from "../errors.ts";
import type { FenceDeviceSpec, Power } from "../fence-device.ts";
import { API_VERSION, type Plugin } from "../plugin.ts";
import { createFakeWorld, type FakeContext, type FakeWorld } from "./fakes.ts";
import { filledParameters } from "./parameters.ts";

/** What the kit needs to know. */
export interface FenceDeviceSetup {
  /** Parameters that have no default. */
  readonly parameters?: Readonly<Record<string, unknown>>;
  /** A world in which the device answers, and `victim` and `bystander` are on; a new one for each law. */
  readonly world: () => FakeWorld;
  /** Whether it can switch on. Default true. */
  readonly switchesOn?: boolean;
  /** Names of two nodes, if not `victim` and `bystander`. */
  readonly targets?: readonly [string, string];
}

interface Bench {
  readonly spec: FenceDeviceSpec;
  readonly world: FakeWorld;
  readonly setup: FenceDeviceSetup;
  readonly victim: string;
  readonly bystander: string;
  readonly context: () => FakeContext<Readonly<Record<string, unknown>>>;
  /** Reads until the power is as wanted, as the host does, with a bound. */
  readonly settles: (want: Power) => Promise<void>;
}

const MAXIMUM_READS = 20;

const LAWS: Readonly<Record<string, (bench: Bench) => Promise<void>>> = {
  "power reads `on`, and changes nothing": async ({ spec, context, victim }) => {
    assert.equal(await spec.power(victim, context()), "on");
    assert.equal(await spec.power(victim, context()), "on");
  },
  "switched off it reads `off`, repeatedly, and nobody else is touched": async ({
    spec,
    context,
    victim,
    bystander,
    settles,
  }) => {
    for (const _ of [1, 2]) {
      await spec.setPower(victim, "off", context());
      await settles("off");
    }
    assert.equal(await spec.power(bystander, context()), "on");
  },
  "switched on it reads `on`, or says that it cannot": async ({ spec, setup, context, victim, settles }) => {
    if (setup.switchesOn === false) {
      await assert.rejects(
        async () => await spec.setPower(victim, "on", context()),
        (error) => isAgentError(error) && error.code === "unimplemented",
      );
      return;
    }
    await spec.setPower(victim, "off", context());
    await settles("off");
    for (const _ of [1, 2]) {
      await spec.setPower(victim, "on", context());
      await settles("on");
    }
  },
  "a device that answers passes its check": async ({ spec, context }) => {
    await spec.check?.(context());
  },
  "when nothing can be reached, it neither reads `off` nor claims to have switched": async ({
    spec,
    context,
    victim,
  }) => {
    const dead = () => createFakeWorld({ dead: true }).context(context().params);
    const power = await spec.power(victim, dead()).catch((error: unknown) => error);
    assert.ok(power === "unknown" || isAgentError(power), `it said ${String(power)}`);
    await assert.rejects(async () => await spec.setPower(victim, "off", dead()));
    if (spec.check !== undefined) await assert.rejects(async () => await spec.check?.(dead()));
  },
  "a call whose signal has fired does nothing": async ({ spec, world, context, victim }) => {
    const aborted = () => world.context(context().params, { aborted: true });
    const power = await spec.power(victim, aborted()).catch(() => "nothing");
    assert.ok(power === "nothing" || power === "unknown", `it said ${power}`);
    await assert.rejects(async () => await spec.setPower(victim, "off", aborted()));
    assert.equal(await spec.power(victim, context()), "on");
  },
};

/** Runs every law, each in a world of its own. */
export function testFenceDevice(device: Plugin<"fence-device", FenceDeviceSpec>, setup: FenceDeviceSetup): void {
  describe(`fence device ${device.spec.name}`, () => {
    test("is branded for this API", () => {
      assert.equal(device.kind, "fence-device");
      assert.equal(device.api, API_VERSION);
      assert.match(device.spec.name, /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/);
    });
    const params = filledParameters(device.spec.parameters, setup.parameters ?? {});
    const [victim, bystander] = setup.targets ?? ["victim", "bystander"];
    for (const [law, prove] of Object.entries(LAWS)) {
      test(law, async () => {
        const world = setup.world();
        const context = () => world.context(params);
        const settles = async (want: Power): Promise<void> => {
          let power: Power = "unknown";
          for (let read = 0; read < MAXIMUM_READS && power !== want; read += 1)
            power = await device.spec.power(victim, context());
          assert.equal(power, want);
        };
        await prove({ spec: device.spec, world, setup, victim, bystander, context, settles });
      });
    }
  });
}
