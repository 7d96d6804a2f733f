// Every plugin of the release through its kit: alerts/syslog.ts, alerts/webhook.ts, arbiters/http-register.ts, agents/dummy.ts, agents/ip-address.ts, agents/process.ts, agents/stateful.ts,
// comms/udp.ts, fence/dummy.ts, fence/process-power.ts. A plugin that is missing here fails the last test.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import {
  createFakeWorld,
  exampleAlerts,
  type FakeProcess,
  testAlertSink,
  testArbiter,
  testFenceDevice,
  testResourceAgent,
  testTransport,
} from "systole/sdk/testing";
import dummyAgent from "../../plugins/agents/dummy.ts";
import ipAddress from "../../plugins/agents/ip-address.ts";
import processAgent from "../../plugins/agents/process.ts";
import stateful from "../../plugins/agents/stateful.ts";
import syslog from "../../plugins/alerts/syslog.ts";
import webhook from "../../plugins/alerts/webhook.ts";
import httpRegister from "../../plugins/arbiters/http-register.ts";
import udp from "../../plugins/comms/udp.ts";
import dummyDevice from "../../plugins/fence/dummy.ts";
import processPower from "../../plugins/fence/process-power.ts";
import { fakeIp } from "./ip-fake.ts";

testResourceAgent(dummyAgent, { parameters: { delay: 250 } });

for (const address of ["192.0.2.10", "2001:db8::00a"]) {
  testResourceAgent(ipAddress, {
    parameters: { address, prefix: 24, device: "eth0" },
    world: () => createFakeWorld({ commands: fakeIp("eth0") }),
  });
}

const READY_URL = "http://127.0.0.1:8080/ready";

testResourceAgent(processAgent, { parameters: { program: "/usr/bin/server" } });
testResourceAgent(processAgent, {
  parameters: { program: "/usr/bin/server", readyUrl: READY_URL },
  world() {
    let questions = 0;
    const answer = () => {
      questions += 1;
      if (questions < 4) throw new Error("ECONNREFUSED");
      return { text: "ready" };
    };
    return createFakeWorld({ urls: { [READY_URL]: answer } });
  },
});

testResourceAgent(stateful);

testTransport(udp, {
  nodes: [
    { id: "a", addresses: ["192.0.2.1:7001", "[2001:db8::1]:7001"] },
    { id: "b", addresses: ["192.0.2.2:7001", "[2001:db8::2]:7001"] },
    { id: "c", addresses: ["192.0.2.3:7001", "[2001:db8::3]:7001"] },
  ],
});

testFenceDevice(dummyDevice, { parameters: { directory: "/var/lib/power" }, world: () => createFakeWorld() });

function processOf(pid: number, node: string): FakeProcess {
  return {
    identity: { pid, startTicks: pid, bootId: "00000000-0000-4000-8000-000000000000" },
    environment: { SYSTOLE_POWER_DOMAIN: `lab/${node}` },
  };
}

const nodes = () => [processOf(100, "victim"), processOf(101, "victim"), processOf(200, "bystander")];

testFenceDevice(processPower, {
  parameters: { value: "lab/{node}" },
  world: () => createFakeWorld({ processes: nodes() }),
  switchesOn: false,
});

const HOOK = "https://hooks.example.net/systole";

testAlertSink(webhook, {
  parameters: { url: HOOK },
  world: () => createFakeWorld({ urls: { [HOOK]: () => ({ status: 204 }) } }),
});
testAlertSink(webhook, {
  recipient: HOOK,
  world: () => createFakeWorld({ urls: { [HOOK]: () => ({}) } }),
});

const LOGS = { address: "192.0.2.9", port: 601 };

testAlertSink(syslog, {
  parameters: LOGS,
  world: () => createFakeWorld({ endpoints: { "192.0.2.9:601/tcp": () => {} } }),
});
testAlertSink(syslog, {
  parameters: { address: "2001:db8::9", port: 514, transport: "udp" },
  world: () => createFakeWorld({ endpoints: { "2001:db8::9:514/udp": () => {} } }),
});

test("syslog writes messages of RFC 5424, with counted octets over a stream", async () => {
  const heard: string[] = [];
  const hear = (bytes: Uint8Array) => void heard.push(new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes));
  const world = createFakeWorld({ endpoints: { "192.0.2.9:601/tcp": hear, "192.0.2.9:514/udp": hear } });
  const { node, fencing } = exampleAlerts();
  const params = { ...LOGS, transport: "tcp", facility: "daemon" } as const;
  await syslog.spec.deliver(node, world.context(params));
  const failed = { ...fencing, ok: false, text: "Fencing of node2 has failed:\n g\u00e9n\u00e9rateur" };
  await syslog.spec.deliver(failed, world.context({ ...params, port: 514, transport: "udp", facility: "local7" }));
  const first =
    '<29>1 2026-01-04T15:07:09.001Z node1 systole - node [meta sequenceId="1"] example: node2 is a member of the cluster';
  assert.deepEqual(heard, [
    `${first.length} ${first}`,
    '<187>1 2026-01-04T15:07:09.002Z node1 systole - fencing [meta sequenceId="2"] \ufeffexample: Fencing of node2 has failed: g\u00e9n\u00e9rateur',
  ]);
});

test("syslog needs an address for datagrams", async () => {
  const context = createFakeWorld().context({
    address: "logs.example.net",
    port: 514,
    transport: "udp",
    facility: "user",
  } as const);
  await assert.rejects(async () => await syslog.spec.deliver(exampleAlerts().node, context), {
    code: "not-configured",
  });
});

test("webhook posts the whole alert, signed, with its delivery id and token", async () => {
  const requests: { body: string; headers: Readonly<Record<string, string>> }[] = [];
  const world = createFakeWorld({
    urls: {
      [HOOK]({ method, body = "", headers = {} }) {
        assert.equal(method, "POST");
        requests.push({ body, headers });
        return {};
      },
    },
  });
  const { node } = exampleAlerts();
  await webhook.spec.deliver(node, world.context({ url: HOOK, key: "k3y", token: "t0ken" }));
  const [request] = requests;
  assert.ok(request);
  assert.deepEqual(JSON.parse(request.body), node);
  assert.deepEqual(request.headers, {
    "content-type": "application/json",
    "x-systole-delivery": node.deliveryId,
    "x-systole-signature": `sha256=${createHmac("sha256", "k3y").update(request.body).digest("hex")}`,
    authorization: "Bearer t0ken",
  });
});

test("webhook: an answer that is no success is none, and without a URL there is nothing to try again", async () => {
  for (const status of [199, 302, 404, 500]) {
    const world = createFakeWorld({ urls: { [HOOK]: () => ({ status, text: "no\n" }) } });
    const delivered = async () => await webhook.spec.deliver(exampleAlerts().node, world.context({ url: HOOK }));
    await assert.rejects(delivered, { code: "generic", message: `The server answered ${status}: no` });
  }
  const nowhere = async () => await webhook.spec.deliver(exampleAlerts().node, createFakeWorld().context({}));
  await assert.rejects(nowhere, { code: "not-configured" });
});

const REGISTER = "https://third.example.net:7800/registers/shop";

/** A server of registers with strong tags, as RFC 9110 has it. */
function fakeRegister() {
  let held: string | undefined;
  let count = 0;
  return createFakeWorld({
    urls: {
      [REGISTER]({ method = "GET", headers = {}, body = "" }) {
        if (headers["authorization"] !== "Bearer t0ken") return { status: 401 };
        const etag = `"${count}"`;
        if (method === "GET") return held === undefined ? { status: 404 } : { text: held, headers: { etag } };
        const fits = headers["if-match"] === undefined ? held === undefined : headers["if-match"] === etag;
        if (!fits) return { status: 412 };
        count += 1;
        held = body;
        return { status: 204 };
      },
    },
  });
}

testArbiter(httpRegister, { parameters: { url: REGISTER, token: "t0ken" }, world: fakeRegister });

test("http-register takes no answer in doubt for one", async () => {
  const params = { url: REGISTER };
  const context = (answer: object) => createFakeWorld({ urls: { [REGISTER]: () => answer } }).context(params);
  for (const status of [201, 204, 301, 403, 410, 500]) {
    await assert.rejects(async () => await httpRegister.spec.read(context({ status })), /answered/);
  }
  for (const headers of [{}, { etag: 'W/"1"' }, { etag: "1" }]) {
    await assert.rejects(async () => await httpRegister.spec.read(context({ text: "x", headers })), /ETag/);
  }
  for (const status of [202, 301, 401, 404, 409, 428, 500]) {
    await assert.rejects(async () => await httpRegister.spec.replace({ text: "x" }, context({ status })), /answered/);
  }
});

test("process-power switches on by the program that it is given", async () => {
  const world = createFakeWorld({ commands: { "/usr/bin/start-node": () => ({}) } });
  const params = { marker: "M", value: "{node}", onProgram: "/usr/bin/start-node", onArguments: ["--node", "{node}"] };
  await processPower.spec.setPower("n1", "on", world.context(params));
  assert.deepEqual(world.commands, ["/usr/bin/start-node --node n1"]);
});

test("process-power says nothing of another machine's nodes", async () => {
  const world = createFakeWorld();
  const context = () => world.context({ marker: "M", value: "{node}", bootId: "another-boot", onArguments: [] });
  assert.equal(await processPower.spec.power("n1", context()), "unknown");
  await assert.rejects(
    async () => await processPower.spec.setPower("n1", "off", context()),
    /cannot be seen from here/,
  );
});

test("every plugin of the release is run through its kit above", () => {
  const own = readFileSync(fileURLToPath(import.meta.url), "utf8");
  const folder = fileURLToPath(new URL("../../plugins", import.meta.url));
  const missing = readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((path) => /^\w+\/([\w-]+\.ts|[\w-]+\/mod\.ts)$/.test(path))
    .filter((path) => !new RegExp(`import (\\w+) from "../../plugins/${path}";[\\s\\S]*test\\w+\\(\\1\\b`).test(own));
  assert.deepEqual(
    missing,
    [],
    "run these through testResourceAgent, testFenceDevice, testAlertSink, testArbiter or testTransport",
  );
});
