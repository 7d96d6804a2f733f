// The one check: what a manifest's patterns allow for an instance, and what they do not.

import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Permissions } from "systole/sdk";
import { steeringVariables } from "../../../../runtime/host/plugins/environment.ts";
import { createGrants, type GrantRequest, permissionProblem } from "../../../../runtime/host/plugins/grants.ts";

function allowed(permissions: Permissions, values: Readonly<Record<string, unknown>>, request: GrantRequest): boolean {
  try {
    createGrants("agents/x", "r1", permissions, values, () => undefined).check(request);
    return true;
  } catch {
    return false;
  }
}

function check(
  permissions: Permissions,
  values: Readonly<Record<string, unknown>>,
  yes: readonly GrantRequest[],
  no: readonly GrantRequest[],
): void {
  for (const request of yes)
    assert.ok(allowed(permissions, values, request), `should be allowed: ${JSON.stringify(request)}`);
  for (const request of no)
    assert.ok(!allowed(permissions, values, request), `should be denied: ${JSON.stringify(request)}`);
}

const run = (program: string, ...args: string[]): GrantRequest => ({ kind: "run", program, args });
const url = (written: string): GrantRequest => ({ kind: "net", url: written });
const udp = (address: string, port: number): GrantRequest => ({ kind: "net", address, port, protocol: "udp" });
const read = (path: string): GrantRequest => ({ kind: "read", path });

test("commands: a program alone, with argument patterns, with an open end", () => {
  check(
    { run: ["ip", "systemctl is-active {unit}", "ping -c 1 *", "tar -x ..."] },
    { unit: "web.service" },
    [
      run("ip"),
      run("ip", "-j", "link"),
      run("systemctl", "is-active", "web.service"),
      run("ping", "-c", "1", "10.0.0.1"),
      run("tar", "-x"),
      run("tar", "-x", "-f", "a"),
    ],
    [
      run("/tmp/ip"),
      run("ipx"),
      run("systemctl", "stop", "web.service"),
      run("systemctl", "is-active", "db.service"),
      run("ping", "-c", "1"),
      run("ping", "-c", "1", "a", "b"),
      run("tar", "-c"),
      run("sh"),
    ],
  );
  check({}, {}, [], [run("ip")]);
});

test("a parameter is text: no star, blank or dot of it widens a pattern", () => {
  check(
    { run: ["{program} {word}"] },
    { program: "*", word: ".* b" },
    [run("*", ".* b")],
    [run("sh", ".* b"), run("*", "x b"), run("*", ".*", "b")],
  );
  check({ read: ["{file}"] }, { file: "/tmp/*" }, [read("/tmp/*")], [read("/tmp/a")]);
  check({ run: ["{program}"] }, {}, [], [run(""), run("sh")]);
});

test("a star in a command becomes no option, and leads no way back", () => {
  check(
    { run: ["ping -c 1 *", "cat /var/lib/x/*", "grep -e* /etc/x", "ls /a/../b"] },
    {},
    [run("ping", "-c", "1", "::1"), run("cat", "/var/lib/x/a..b"), run("grep", "-e-x", "/etc/x"), run("ls", "/a/../b")],
    [run("ping", "-c", "1", "-f"), run("cat", "/var/lib/x/../../../etc/shadow"), run("cat", "/var/lib/x/..")],
  );
});

test("variables that decide what code runs: as the operator wrote them, or as the manifest says", () => {
  const env = (variable: string): GrantRequest => ({ kind: "env", variable });
  check(
    { env: ["{environment}", "PATH=/opt/x/bin"] },
    { environment: ["JAVA_OPTS=-Xmx1g", "LD_PRELOAD=/usr/lib/a.so"] },
    [env("PATH=/opt/x/bin"), env("LD_PRELOAD=/usr/lib/a.so")],
    [env("PATH=/tmp"), env("LD_PRELOAD=/tmp/a.so"), env("BASH_ENV=/tmp/x")],
  );
  assert.deepEqual(
    steeringVariables({ IPMI_PASSWORD: "x", LC_ALL: "C", NODE_NAME: "a", PATH: "/x", "BASH_FUNC_x%%": "() { :; }" }),
    ["PATH=/x", "BASH_FUNC_x%%=() { :; }"],
  );
});

test("a path in percent signs is what a lax server takes it for", () => {
  check(
    { net: ["http://h/a/*", "http://h/b%2Fc", "http://h/d;v=1/*"] },
    {},
    [
      url("http://h/d;v=1/x"),
      url("http://h/a/x;y"),
      url("http://h/a/x%20y"),
      url("http://h/a/x%2Fy"),
      url("http://h/b%2Fc"),
    ],
    [
      url("http://h/a/..%2fx"),
      url("http://h/a/%252e%252e%252fx"),
      url("http://h/a/..%5cx"),
      url("http://h/a/..;a=b/x"),
      url("http://h/a/..%3Ba/x"),
      url("http://h/a/%C0%AE%c0%ae/x"),
      url("http://h/d;v=2/x"),
      url("http://h/b%2F..%2Fc"),
    ],
  );
});

test("stars fit what a regular expression would let them fit", () => {
  const piece = fc.stringMatching(/^[ab/*]{0,7}$/);
  const dumb = (pattern: string, text: string, star: string): boolean =>
    new RegExp(`^${pattern.replaceAll("*", star)}$`).test(text);
  fc.assert(
    fc.property(piece, piece, (pattern, word) => {
      const text = word.replaceAll("*", "b");
      fc.pre(pattern !== "" && text !== "");
      assert.equal(
        allowed({ attributes: [pattern] }, {}, { kind: "attributes", name: text }),
        dumb(pattern, text, "[^]*"),
      );
      assert.equal(allowed({ run: [pattern] }, {}, run(text)), dumb(pattern, text, "[^/]*"));
    }),
    { numRuns: 5_000 },
  );
});

test("a long text is held against a pattern of many stars in no time", () => {
  const many = `/${"*a".repeat(300)}b`;
  const startedMs = performance.now();
  assert.ok(!allowed({ read: [many] }, {}, read(`/${"a".repeat(100_000)}`)));
  assert.ok(performance.now() - startedMs < 1_000);
  assert.match(permissionProblem({ read: ["*".repeat(2_000)] }, new Set()) ?? "", /more than 1024 characters/);
  assert.match(permissionProblem({ read: Array(300).fill("/x") }, new Set()) ?? "", /up to 256 patterns/);
});

test("a list parameter makes one pattern of each value", () => {
  check(
    { net: ["{hosts}:623/udp"] },
    { hosts: ["10.0.0.1", "10.0.0.2"] },
    [udp("10.0.0.1", 623), udp("10.0.0.2", 623)],
    [udp("10.0.0.3", 623), udp("10.0.0.1", 624)],
  );
});

test("URLs: origin and path", () => {
  check(
    { net: ["{ready}", "https://{bmc}/redfish/v1/*", "{bmc}:8443/tcp"] },
    { ready: "http://127.0.0.1:8080/health", bmc: "bmc.example.net" },
    [
      url("http://127.0.0.1:8080/health"),
      url("http://127.0.0.1:8080/health?x=1"),
      url("https://bmc.example.net/redfish/v1/Systems/1"),
      url("https://BMC.example.net:443/redfish/v1/a"),
      url("https://bmc.example.net:8443/any"),
    ],
    [
      url("http://127.0.0.1:8080/"),
      url("http://127.0.0.1:8081/health"),
      url("https://127.0.0.1:8080/health"),
      url("http://127.0.0.1:8080/health/../admin"),
      url("http://127.0.0.1:8080@evil.example/health"),
      url("https://bmc.example.net.evil.example/redfish/v1/a"),
      url("https://bmc.example.net/redfish/v1/%2e%2e/%2e%2e/admin"),
      url("http://bmc.example.net/redfish/v1/a"),
    ],
  );
  check({ net: ["{unset}"] }, {}, [], [url("http://127.0.0.1/")]);
});

test("UDP endpoints, IPv6 among them", () => {
  check(
    { net: ["{self}/udp", "[{address}]:{port}/udp"] },
    { self: ["127.0.0.1:7001", "[::1]:7001"], address: "2001:db8::1", port: 623 },
    [udp("127.0.0.1", 7001), udp("::1", 7001), udp("2001:db8::1", 623)],
    [udp("127.0.0.1", 7002), udp("127.0.0.11", 7001), udp("::2", 7001), udp("2001:db8::1", 6230)],
  );
});

test("paths: a file, one folder, everything below", () => {
  check(
    { read: ["/etc/app.conf", "{directory}/*.power", "/srv/**"] },
    { directory: "/var/lib/x" },
    [read("/etc/app.conf"), read("/var/lib/x/n1.power"), read("/srv/a"), read("/srv/a/b/c")],
    [
      read("/etc/app.conf2"),
      read("/etc/appxconf"),
      read("/var/lib/x/sub/n1.power"),
      read("/var/lib/y/n1.power"),
      read("/srv"),
      read("/srvx/a"),
      { kind: "write", path: "/srv/a" },
    ],
  );
});

test("processes by their marker", () => {
  const processes = (marker: string): GrantRequest => ({ kind: "processes", marker });
  check(
    { processes: ["{marker}=*", "A={node}"] },
    { marker: "POWER", node: "n1" },
    [processes("POWER=x"), processes("A=n1")],
    [processes("PATH=x"), processes("A=n2"), processes("XPOWER=x")],
  );
});

test("a denial names the manifest line that would allow it, and is heard of", () => {
  const heard: string[] = [];
  const grants = createGrants("agents/x", "r1", { run: ["ip"] }, {}, (error) => heard.push(error.code));
  assert.throws(() => grants.check(run("sh", "-c", "id")), {
    code: "permission-denied",
    message:
      'agents/x (for r1) may not run sh -c id: its permissions.run has "ip". Allowed by: permissions: { run: ["sh"] }. If the plugin should do this, add the line to its `permissions`.',
  });
  assert.deepEqual(heard, ["permission-denied"]);
});

test("what the manifest asks for and the operator withheld is told apart from what it does not ask for", () => {
  const heard: string[] = [];
  const asked = { run: ["ip", "arping *"], net: ["{address}:80/tcp"] };
  const tell = (error: { readonly code: string }): void => void heard.push(error.code);
  const grants = createGrants("agents/x", "r1", { run: ["ip"] }, { address: "a" }, tell, undefined, asked);
  grants.check(run("ip"));
  grants.checkKind("run");
  grants.checkKind("read");
  assert.throws(() => grants.check(run("arping", "a")), {
    code: "permission-withheld",
    message:
      'agents/x (for r1) may not run arping a: its manifest asks for permissions.run "arping *", and whoever approved of the plugin withheld it. If the plugin should do this, grant it with `systole plugin approve NAME`.',
  });
  assert.throws(() => grants.checkKind("net"), {
    code: "permission-withheld",
    message:
      "agents/x (for r1) may not use net: its manifest asks for permissions.net, and whoever approved of the plugin withheld it. If the plugin should do this, grant it with `systole plugin approve NAME`.",
  });
  assert.throws(() => grants.check(run("sh")), { code: "permission-denied" });
  assert.deepEqual(heard, ["permission-withheld", "permission-withheld", "permission-denied"]);
});

test("what is wrong with permissions is said", () => {
  const known = new Set(["port"]);
  assert.equal(permissionProblem({ net: ["a:{port}/udp"], promotionScore: true }, known), undefined);
  assert.match(permissionProblem([], known) ?? "", /must be an object/);
  assert.match(permissionProblem({ root: [] }, known) ?? "", /permissions.root is unknown; there are run, daemon/);
  assert.match(permissionProblem({ run: "ip" }, known) ?? "", /must be a list/);
  assert.match(permissionProblem({ run: [" "] }, known) ?? "", /no pattern/);
  assert.match(permissionProblem({ run: ["{prot}"] }, known) ?? "", /\{prot\}, which is no parameter/);
  assert.match(permissionProblem({ promotionScore: "yes" }, known) ?? "", /must be true/);
});
