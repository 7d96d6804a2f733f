// What a recipient of alerts may be told again, and what it may not.

import assert from "node:assert/strict";
import { test } from "node:test";
import type { AlertCall, AlertOutcome } from "../../../runtime/services/calls.ts";
import type { Alert } from "../../../sdk/mod.ts";
import type { NodeFacts } from "../observations.ts";
import { AlertsOutOfOrder } from "./alerts-out-of-order.ts";

const NODE: NodeFacts = { id: 1, name: "n1", power: "on", life: undefined, state: () => "stopped", active: () => [] };
const DONE: AlertOutcome = { outcome: "done" };
const ERROR: AlertOutcome = { outcome: "error", reason: "as it was to" };

function call(sequence: number, sink = "boss"): AlertCall {
  const facts = { deliveryId: `a-${sequence}`, sequence, epochMs: 0, timestamp: "", sender: "n1", text: "n2 is here" };
  const alert: Alert = { ...facts, kind: "node", node: "n2", nodeId: 2, state: "member", primary: true };
  return { id: sequence, sink: { id: sink, path: "systole:webhook", parameters: {} }, alert, timeoutMs: 1_000 };
}

/** What the checker says of these deliveries, one after the other. */
function seenOf(...deliveries: readonly (readonly [AlertCall, AlertOutcome, AlertCall[]?])[]): string | undefined {
  const checker = new AlertsOutOfOrder();
  const by = { node: NODE, incarnation: 1 };
  for (const [each, outcome, others = []] of deliveries) {
    const wrong = checker.see({ seen: "alert-call", ...by, call: each, others });
    if (wrong !== undefined) return wrong;
    checker.see({ seen: "alert-answer", ...by, call: each, outcome });
  }
  return undefined;
}

test("what failed is told again, and then what came after it; each recipient for itself", () => {
  assert.equal(seenOf([call(1), ERROR], [call(1), DONE], [call(3), DONE], [call(1, "other"), DONE]), undefined);
});

test("neither again what was taken, nor something earlier, nor two things at once", () => {
  assert.equal(seenOf([call(1), DONE], [call(1), DONE]), "n1 tells boss again of alert 1, which it has taken");
  assert.equal(seenOf([call(2), ERROR], [call(1), DONE]), "n1 tells boss of alert 1 after 2");
  assert.equal(
    seenOf([call(1), DONE], [call(2), DONE, [call(1)]]),
    "n1 tells boss something while it is being told something",
  );
});
