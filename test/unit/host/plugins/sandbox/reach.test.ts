// What a plugin in its sandbox can reach through `ctx`, against real servers on loopback: names, certificates, connections,
// datagrams, ciphers, attributes; and what the grants keep it from.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createDecipheriv, X509Certificate } from "node:crypto";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer as createHttp, type Server } from "node:http";
import { createServer as createHttps } from "node:https";
import { createServer as createTcp } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { createPluginHost } from "../../../../../runtime/host/plugins/host.ts";
import { resolveGranted } from "../../../../../runtime/host/plugins/names.ts";
import type { PluginEvent, PluginHost } from "../../../../../runtime/host/plugins/types.ts";

const LIMIT = { timeout: 30_000 };
const folder = mkdtempSync(join(tmpdir(), "systole-reach-"));

const REACHER = `import { defineResourceAgent, Type } from "systole/sdk";
const text = new TextDecoder();
const bytes = (written: string) => new TextEncoder().encode(written);
export default defineResourceAgent({
  name: "reacher", summary: "Reaches out",
  parameters: Type.Object({ url: Type.String(), port: Type.Integer({ default: 1 }), ca: Type.String({ default: "" }), pin: Type.String({ default: "" }), does: Type.String() }),
  permissions: { net: ["{url}", "127.0.0.1:{port}/tcp", "127.0.0.1:*/udp"], attributes: ["seen-{resource}", "terminate"] },
  async monitor({ attributes, crypto, fetch, params, tcp, udp }) {
    const tls = { ...(params.ca === "" ? {} : { ca: params.ca }), ...(params.pin === "" ? {} : { pinSha256: params.pin }) };
    switch (params.does) {
      case "fetch": return { failed: (await fetch(params.url, { tls })).text };
      case "follow": { const { headers } = await fetch(params.url); return { failed: (await fetch(headers.location ?? "")).text }; }
      case "tcp": {
        const socket = await tcp.connect({ host: "127.0.0.1", port: params.port });
        await socket.write(bytes("hello"));
        let said = "";
        for (let piece = await socket.read(); piece !== undefined; piece = await socket.read()) said += text.decode(piece);
        await socket.close(); await socket.close();
        return { failed: said };
      }
      case "tcp elsewhere": await tcp.connect({ host: "127.0.0.1", port: params.port + 1 }); return "running";
      case "udp": {
        const answer = await new Promise<string>((resolve, reject) => {
          udp.bind({ address: "127.0.0.1", port: 0 }, (got, address, port) => resolve(text.decode(got) + " " + address + " " + port))
            .then((socket) => socket.send(bytes("ping"), "127.0.0.1", params.port), reject);
        });
        return { failed: answer };
      }
      case "cipher": {
        const key = bytes("12345678");
        const closed = await crypto.encrypt("des-cbc", key, key, bytes("sixteen bytes ok"));
        const opened = await crypto.decrypt("des-cbc", key, key, closed);
        return { failed: Array.from(closed).join() + " " + text.decode(opened) };
      }
      case "attribute": await attributes.set("seen-r", "yes"); await attributes.remove("seen-r"); return "running";
      case "steer": await attributes.set("terminate", "true"); return "running";
      default: return "running";
    }
  },
  async start() {}, async stop() {},
});`;

const events: PluginEvent[] = [];
const attributes: string[] = [];
let host: PluginHost;
let lastId = 0;
let plainUrl = "";
let secureUrl = "";
let certificate = "";
const servers: Server[] = [];

async function listen(server: Server): Promise<number> {
  servers.push(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return portOf(server);
}

function portOf(server: { address(): unknown }): number {
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null && "port" in address && typeof address.port === "number");
  return address.port;
}

/** What the plugin says, or why it failed. */
async function said(does: string, parameters: Readonly<Record<string, string>>): Promise<string> {
  lastId += 1;
  const outcome = await host.callAgent({
    id: lastId,
    resource: { id: "r", class: "ocf", provider: "systole", type: "reacher" },
    verb: "monitor",
    parameters: { url: "http://nowhere.invalid/", does, ...parameters },
    meta: {},
    timeoutMs: 10_000,
    intervalMs: 0,
  });
  return "reason" in outcome ? (outcome.reason ?? "") : outcome.outcome;
}

before(async () => {
  writeFileSync(join(folder, "reacher.ts"), REACHER);
  const [keyFile, certificateFile] = [join(folder, "key.pem"), join(folder, "cert.pem")];
  execFileSync(
    "openssl",
    [
      ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"],
      ...[
        "-subj",
        "/CN=localhost",
        "-addext",
        "subjectAltName=DNS:localhost",
        "-keyout",
        keyFile,
        "-out",
        certificateFile,
      ],
    ],
    { stdio: "ignore" },
  );
  certificate = readFileSync(certificateFile, "utf8");
  const plain = createHttp((request, response) => {
    if (request.url === "/away")
      response.writeHead(302, { location: `http://127.0.0.1:${portOf(plain)}/secret` }).end();
    else response.end(`plain ${request.url}`);
  });
  plainUrl = `http://localhost:${await listen(plain)}`;
  const secure = createHttps({ key: readFileSync(keyFile), cert: certificate }, (_, response) =>
    response.end("secure"),
  );
  secureUrl = `https://localhost:${await listen(secure)}`;
  host = createPluginHost({
    nodeName: "n1",
    stateDirectory: join(folder, "state"),
    plugins: ["./reacher.ts"],
    pluginsBase: folder,
    childEnvironment: {},
    sandbox: { requireSandbox: true },
    log: () => undefined,
    onEvent: (event) => events.push(event),
    onAttribute: (name, value) => attributes.push(`${name}=${value}`),
  });
});
after(async () => {
  await host.close();
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
  rmSync(folder, { recursive: true, force: true });
});

test("a URL by name; another path, and a redirect elsewhere, are denied", LIMIT, async () => {
  assert.equal(await said("fetch", { url: `${plainUrl}/a` }), "plain /a");
  assert.match(
    await said("follow", { url: `${plainUrl}/away` }),
    /may not fetch http:\/\/127\.0\.0\.1:\d+\/secret: its permissions\.net has/,
  );
  assert.equal(events.at(-1)?.kind, "denied");
});

test("a certificate: unknown, by its authority, by its fingerprint, by the wrong one", LIMIT, async () => {
  const url = `${secureUrl}/`;
  const { fingerprint256 } = new X509Certificate(certificate);
  assert.match(await said("fetch", { url }), /cannot be reached \(DEPTH_ZERO_SELF_SIGNED_CERT\)/);
  assert.equal(await said("fetch", { url, ca: certificate }), "secure");
  assert.equal(await said("fetch", { url, pin: fingerprint256 }), "secure");
  assert.equal(await said("fetch", { url, pin: fingerprint256.replaceAll(":", "").toLowerCase() }), "secure");
  assert.match(
    await said("fetch", { url, pin: "00".repeat(32) }),
    /shows a certificate with SHA-256 .*, which is not the pinned one/,
  );
});

test("a name that leads to this machine is denied, unless the address is granted", LIMIT, async () => {
  const asked: string[] = [];
  const denied = () => {
    throw new Error("denied");
  };
  const grants = { check: (request: object) => void asked.push(JSON.stringify(request)) };
  assert.deepEqual(await resolveGranted("192.0.2.7", 80, { check: denied }), [{ address: "192.0.2.7", family: 4 }]);
  assert.deepEqual(await resolveGranted("[::1]", 80, { check: denied }), [{ address: "::1", family: 6 }]);
  assert.ok((await resolveGranted("localhost", 80, { check: denied })).length > 0);
  // This machine's own name leads to it, here by /etc/hosts or not at all.
  await assert.rejects(resolveGranted("no-such-host.invalid", 80, grants), { code: "generic" });
  for (const name of ["ip6-localhost", "ip6-loopback"]) {
    const hosts = readFileSync("/etc/hosts", "utf8");
    if (!hosts.includes(name)) continue;
    await assert.rejects(resolveGranted(name, 80, { check: denied }), { message: "denied" });
    await resolveGranted(name, 80, grants);
    assert.equal(asked.at(-1), '{"kind":"net","address":"::1","port":80,"protocol":"tcp"}');
  }
});

test("a connection, read to its end; another port is denied", LIMIT, async () => {
  const server = createTcp((socket) => {
    socket.on("data", (data) => socket.end(`${data} ${"x".repeat(200_000)}`));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const port = `${portOf(server)}`;
  assert.equal((await said("tcp", { port })).slice(0, 10), "hello xxxx");
  assert.match(await said("tcp elsewhere", { port }), /may not use 127\.0\.0\.1:\d+\/tcp/);
  server.close();
});

test("a datagram there and back", LIMIT, async () => {
  const server = createSocket("udp4");
  server.on("message", (data, { port, address }) => server.send(`${data} pong`, port, address));
  server.bind(0, "127.0.0.1");
  await once(server, "listening");
  const port = `${portOf(server)}`;
  assert.equal(await said("udp", { port }), `ping pong 127.0.0.1 ${port}`);
  server.close();
});

test("DES as OpenSSL has it", LIMIT, async () => {
  const [closed = "", ...opened] = (await said("cipher", {})).split(" ");
  assert.equal(opened.join(" "), "sixteen bytes ok");
  const key = Buffer.from("12345678");
  const one = createDecipheriv("des-ede3-cbc", Buffer.concat([key, key, key]), key).setAutoPadding(false);
  const bytes = Buffer.from(closed.split(",").map(Number));
  assert.equal(Buffer.concat([one.update(bytes), one.final()]).toString(), "sixteen bytes ok");
});

test("attributes: a granted one is set and taken back; one that steers the cluster is not", LIMIT, async () => {
  assert.equal(await said("attribute", {}), "state");
  assert.deepEqual(attributes, ["seen-r=yes", "seen-r=null"]);
  assert.match(await said("steer", {}), /The attribute terminate steers the cluster itself/);
});
