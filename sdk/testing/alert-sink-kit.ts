// The laws of an alert sink, each as a test. The first of them: what it could not deliver, it does not call delivered.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type {
  Alert,
  AlertSinkSpec,
  AttributeAlert,
  DroppedAlert,
  FencingAlert,
  NodeAlert,
  ResourceAlert,
} from "../alert.ts";
import { API_VERSION, type Plugin } from "../plugin.ts";
import { createFakeWorld, type FakeWorld } from "./fakes.ts";
import { filledParameters } from "./parameters.ts";

/** What the kit needs to know. */
export interface AlertSinkSetup {
  /** Parameters that have no default. */
  readonly parameters?: Readonly<Record<string, unknown>>;
  /** The recipient's value, where the sink needs one. */
  readonly recipient?: string;
  /** A world in which the recipient takes what it is told; a new one for each law. */
  readonly world: () => FakeWorld;
}

/** An alert of each kind. */
export interface ExampleAlerts {
  readonly node: NodeAlert;
  readonly fencing: FencingAlert;
  readonly resource: ResourceAlert;
  readonly attribute: AttributeAlert;
  readonly dropped: DroppedAlert;
}

/** Alerts as a cluster sends them. */
export function exampleAlerts(recipient?: string): ExampleAlerts {
  const facts = (sequence: number, text: string) => ({
    deliveryId: `00000000-0000-4000-8000-000000000000-${sequence}-ops`,
    sequence,
    epochMs: Date.UTC(2026, 0, 4, 15, 7, 9, sequence),
    timestamp: `15:07:09.00${sequence}000`,
    cluster: "example",
    sender: "node1",
    ...(recipient === undefined ? {} : { recipient }),
    text,
  });
  return {
    node: {
      ...facts(1, "node2 is a member of the cluster"),
      ...{ kind: "node", node: "node2", nodeId: 2, state: "member", primary: true },
    },
    fencing: {
      ...facts(2, "node2 is off: power says so after 812 ms (reboot: it is lost)"),
      ...{ kind: "fencing", node: "node2", action: "reboot", ok: true, device: "power", by: "node1" },
      ...{ durationMs: 812, reason: "it is lost" },
    },
    resource: {
      ...facts(3, "monitor of web on node1 failed: it is not running"),
      ...{ kind: "resource", node: "node1", resource: "web", operation: "monitor", intervalMs: 10_000 },
      ...{ rc: 7, targetRc: 0, status: "done", ok: false, execTimeMs: 12, reason: "" },
    },
    attribute: {
      ...facts(4, "ping of node1 is 100"),
      ...{ kind: "attribute", node: "node1", nodeId: 1, name: "ping", value: "100" },
    },
    dropped: {
      ...facts(5, "3 alerts before this one were given up: no answer"),
      ...{ kind: "dropped", count: 3, reason: "no answer" },
    },
  };
}

interface Bench {
  readonly deliver: (alert: Alert, how?: "dead" | "aborted") => Promise<void>;
  readonly alerts: ExampleAlerts;
}

const LAWS: Readonly<Record<string, (bench: Bench) => Promise<void>>> = {
  "it takes alerts of every kind": async ({ deliver, alerts }) => {
    for (const alert of Object.values<Alert>({ ...alerts })) await deliver(alert);
  },
  "an alert that comes a second time is no error": async ({ deliver, alerts }) => {
    await deliver(alerts.node);
    await deliver(alerts.node);
  },
  "when nobody can be reached, nothing counts as delivered": async ({ deliver, alerts }) => {
    for (const alert of Object.values<Alert>({ ...alerts })) await assert.rejects(deliver(alert, "dead"), alert.kind);
  },
  "a call whose signal has fired delivers nothing": async ({ deliver, alerts }) => {
    await assert.rejects(deliver(alerts.node, "aborted"));
  },
};

/** Runs every law, each in a world of its own. */
export function testAlertSink(sink: Plugin<"alert", AlertSinkSpec>, setup: AlertSinkSetup): void {
  describe(`alert sink ${sink.spec.name}`, () => {
    test("is branded for this API", () => {
      assert.equal(sink.kind, "alert");
      assert.equal(sink.api, API_VERSION);
      assert.match(sink.spec.name, /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/);
    });
    const params = filledParameters(sink.spec.parameters, setup.parameters ?? {});
    for (const [law, prove] of Object.entries(LAWS)) {
      test(law, async () => {
        const world = setup.world();
        const deliver: Bench["deliver"] = async (alert, how) => {
          const around = how === "dead" ? createFakeWorld({ dead: true }) : world;
          await sink.spec.deliver(alert, around.context(params, { aborted: how === "aborted" }));
        };
        await prove({ deliver, alerts: exampleAlerts(setup.recipient) });
      });
    }
  });
}
