// The ip-address agent with the real `ip` and `arping`, in network namespaces of its own: it adds and removes the address,
// and a neighbour that believed the address elsewhere learns where it is.

import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { after, before, describe, test } from "node:test";
import { createFakeWorld, type ScriptedRun } from "systole/sdk/testing";
import ipAddress from "../../plugins/agents/ip-address.ts";

const HERE = `systole-ip-${process.pid}-a`;
const THERE = `systole-ip-${process.pid}-b`;
const DEVICE = "v0";
const WRONG_PLACE = "02:00:00:00:00:01";

/** What is missing for this test; undefined when nothing is. */
function missing(): string | undefined {
  if (process.platform !== "linux") return "Linux";
  if (process.getuid?.() !== 0) return "root, to make network namespaces";
  for (const program of ["ip", "arping"]) {
    if (spawnSync(program, ["-V"]).error !== undefined)
      return `the program ${program} (Debian: iproute2, iputils-arping)`;
  }
  const tried = spawnSync("ip", ["netns", "add", HERE]);
  if (tried.status !== 0) return `the right to make a network namespace (${tried.stderr.toString().trim()})`;
  return spawnSync("ip", ["netns", "del", HERE]).status === 0 ? undefined : "the right to remove a network namespace";
}

function ip(...args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync("ip", args, { encoding: "utf8" });
  assert.equal(status, 0, `ip ${args.join(" ")}: ${stderr}`);
  return stdout;
}

/** A real command, run inside the namespace that plays this node. */
function inside(program: string): ScriptedRun {
  return (args) => {
    const { status, stdout, stderr } = spawnSync("ip", ["netns", "exec", HERE, program, ...args], { encoding: "utf8" });
    return { code: status ?? -1, stdout, stderr };
  };
}

/** `arping` sends at once and then waits; one request is enough here. */
const arping: ScriptedRun = (args, options) =>
  inside("arping")([...args.slice(0, 2), "-c", "1", ...args.slice(4)], options);

const lacking = missing();

describe("ip-address with the real ip", { skip: lacking === undefined ? false : `missing: ${lacking}` }, () => {
  before(async () => {
    for (const namespace of [HERE, THERE]) ip("netns", "add", namespace);
    ip("-n", HERE, "link", "add", DEVICE, "type", "veth", "peer", "name", DEVICE, "netns", THERE);
    for (const [namespace, address] of [
      [HERE, "192.0.2.1/24"],
      [THERE, "192.0.2.2/24"],
    ] as const) {
      ip("-n", namespace, "link", "set", DEVICE, "up");
      ip("-n", namespace, "address", "add", address, "dev", DEVICE);
    }
    ip("-n", THERE, "address", "add", "2001:db8::2/64", "dev", DEVICE, "nodad");
    await linkSettles();
  });
  after(() => {
    for (const namespace of [HERE, THERE]) if (existsSync(`/run/netns/${namespace}`)) ip("netns", "del", namespace);
  });

  const world = createFakeWorld({ commands: { ip: inside("ip"), sysctl: inside("sysctl"), arping } });
  for (const [address, prefix] of [
    ["192.0.2.50", 24],
    ["2001:db8::0050", 64],
  ] as const) {
    test(`${address} comes, is known to a neighbour, and goes`, async () => {
      const { spec } = ipAddress;
      const context = () => world.context({ address, prefix, device: DEVICE, announceFor: 100 });
      ip("-n", THERE, "neigh", "replace", address, "lladdr", WRONG_PLACE, "dev", DEVICE, "nud", "stale");
      assert.equal(await spec.monitor(context()), "stopped");
      await spec.start(context());
      await spec.start(context());
      assert.equal(await spec.monitor(context()), "running");
      const mac = /link\/ether (\S+)/.exec(ip("-n", HERE, "link", "show", DEVICE))?.[1];
      assert.ok(mac);
      assert.ok(await neighbourLearns(address, mac), `the neighbour still has ${ip("-n", THERE, "neigh")}`);
      await spec.stop(context());
      await spec.stop(context());
      assert.equal(await spec.monitor(context()), "stopped");
    });
  }

  test("a missing interface is `stopped` to a monitor and a reason to a start", async () => {
    const context = () => world.context({ address: "192.0.2.60", prefix: 24, device: "nope0", announceFor: 0 });
    assert.equal(await ipAddress.spec.monitor(context()), "stopped");
    await assert.rejects(ipAddress.spec.start(context()), {
      code: "arguments",
      message: "There is no interface nope0 on this node.",
    });
    await ipAddress.spec.stop(context());
  });

  test("an interface that is down is a failure", async () => {
    const context = () => world.context({ address: "192.0.2.50", prefix: 24, device: DEVICE, announceFor: 0 });
    await ipAddress.spec.start(context());
    ip("-n", HERE, "link", "set", DEVICE, "down");
    assert.deepEqual(await ipAddress.spec.monitor(context()), { failed: `interface ${DEVICE} is down` });
    await ipAddress.spec.stop(context());
    assert.equal(await ipAddress.spec.monitor(context()), "stopped");
    ip("-n", HERE, "link", "set", DEVICE, "up");
  });
});

/** IPv6 is in use on a new interface when its link-local address has passed duplicate address detection: a second or two. */
async function linkSettles(): Promise<void> {
  const settled = (namespace: string): boolean => {
    const shown = ip("-n", namespace, "address", "show", "dev", DEVICE, "scope", "link");
    return shown.includes("fe80:") && !shown.includes("tentative");
  };
  for (let look = 0; look < 100 && !(settled(HERE) && settled(THERE)); look += 1) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** The advertisement travels through the kernel by itself; it is there within milliseconds. */
async function neighbourLearns(address: string, mac: string): Promise<boolean> {
  for (let look = 0; look < 100; look += 1) {
    if (ip("-n", THERE, "neigh", "show", address, "dev", DEVICE).includes(mac)) return true;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return false;
}
