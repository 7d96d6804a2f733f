// The laws of every fence device, and what only this one does.

import assert from "node:assert/strict";
import { test } from "node:test";
import { createFakeWorld, type ScriptedFetch, testFenceDevice } from "systole/sdk/testing";
import device from "./example-device.ts";

const parameters = { url: "http://pdu.example.net", password: "secret" };

/** A switch with two plugs, as its HTTP interface shows it. */
function fakeSwitch() {
  const plugs = new Map([
    ["victim", "on"],
    ["bystander", "on"],
  ]);
  const plug =
    (name: string): ScriptedFetch =>
    ({ method, body = "", headers }) => {
      if (headers?.["authorization"] !== "Bearer secret") return { status: 401 };
      if (method === "PUT") plugs.set(name, body);
      return { text: plugs.get(name) ?? "" };
    };
  return createFakeWorld({
    urls: {
      "http://pdu.example.net/plugs/victim": plug("victim"),
      "http://pdu.example.net/plugs/bystander": plug("bystander"),
    },
  });
}

testFenceDevice(device, { parameters, world: fakeSwitch });

test("a wrong password is an error, never a reading", async () => {
  const context = fakeSwitch().context({ ...parameters, password: "wrong" });
  await assert.rejects(device.spec.power("victim", context), /answered 401/);
});
