// What the author of a plugin tests with: `import { testResourceAgent, createFakeWorld } from "systole/sdk/testing"`.

export { type AlertSinkSetup, type ExampleAlerts, exampleAlerts, testAlertSink } from "./alert-sink-kit.ts";
export { type ArbiterSetup, testArbiter } from "./arbiter-kit.ts";
export {
  createFakeWorld,
  type FakeContext,
  type FakeProcess,
  type FakeWorld,
  type FakeWorldOptions,
  type ScriptedFetch,
  type ScriptedRun,
} from "./fakes.ts";
export { type FenceDeviceSetup, testFenceDevice } from "./fence-device-kit.ts";
export { type ResourceAgentSetup, testResourceAgent } from "./resource-agent-kit.ts";
export { createFakeNetwork, type FakeNetwork, type TransportSetup, testTransport } from "./transport-kit.ts";
