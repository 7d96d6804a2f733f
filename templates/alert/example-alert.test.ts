// The laws of every alert sink, and what only this one does.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createFakeWorld, exampleAlerts, testAlertSink } from "systole/sdk/testing";
import sink from "./example-alert.ts";

const parameters = { url: "https://chat.example.net/rooms/operators", token: "secret" };

/** A chat, and what was written into its room. */
function fakeChat(lines: string[] = []) {
  return createFakeWorld({
    urls: {
      [parameters.url]({ body = "", headers }) {
        if (headers?.["authorization"] !== "Bearer secret") return { status: 401 };
        lines.push(body);
        return {};
      },
    },
  });
}

testAlertSink(sink, { parameters, world: () => fakeChat() });

test("a lost node is urgent", async () => {
  const lines: string[] = [];
  await sink.spec.deliver({ ...exampleAlerts().node, state: "lost" }, fakeChat(lines).context(parameters));
  assert.match(lines[0] ?? "", /^URGENT /);
});

test("a wrong token is an error", async () => {
  const context = fakeChat().context({ ...parameters, token: "wrong" });
  await assert.rejects(sink.spec.deliver(exampleAlerts().node, context), /answered 401/);
});
