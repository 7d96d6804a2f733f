// A transport opened as the pulse opens it, over real sockets on loopback.

import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { systemCode } from "../../../../runtime/host/errors.ts";
import { openTransport } from "../../../../runtime/host/plugins/transports.ts";

const folder = mkdtempSync(join(tmpdir(), "systole-transports-"));
after(() => rmSync(folder, { recursive: true, force: true }));

/** Ports that were free a moment ago. */
async function freeAddresses(count: number): Promise<string[]> {
  const sockets = Array.from({ length: count }, () => createSocket("udp4"));
  const addresses: string[] = [];
  for (const socket of sockets) {
    socket.bind(0, "127.0.0.1");
    await once(socket, "listening");
    addresses.push(`127.0.0.1:${socket.address().port}`);
  }
  for (const socket of sockets) socket.close();
  return addresses;
}

function options(
  self: string,
  addresses: Readonly<Record<string, readonly string[]>>,
  receive: (from: string, link: number, bytes: Uint8Array) => void,
) {
  const nodes = Object.entries(addresses).map(([id, ends]) => ({ id, addresses: ends }));
  const own = nodes.find(({ id }) => id === self);
  assert.ok(own);
  return {
    name: "udp",
    parameters: {},
    self: own,
    peers: nodes.filter(({ id }) => id !== self),
    sink: { datagram: receive },
    plugins: [],
    pluginsBase: folder,
    stateDirectory: folder,
    log: () => undefined,
    signal: new AbortController().signal,
  };
}

test("two nodes on two links hear one another", async () => {
  const [a1 = "", a2 = "", b1 = "", b2 = ""] = await freeAddresses(4);
  const addresses = { a: [a1, a2], b: [b1, b2] };
  const arrived: string[] = [];
  let done: () => void = () => undefined;
  const both = new Promise<void>((resolve) => {
    done = resolve;
  });
  const b = await openTransport(
    options("b", addresses, (from, link, bytes) => {
      arrived.push(`${from} ${link} ${Buffer.from(bytes).toString()}`);
      if (arrived.length === 2) done();
    }),
  );
  const a = await openTransport(options("a", addresses, () => undefined));
  assert.equal(a.connection.links, 2);
  assert.equal(a.provides.views, false);
  a.connection.send("b", 0, Buffer.from("zero"));
  a.connection.send("b", 1, Buffer.from("one"));
  await both;
  assert.deepEqual(arrived.sort(), ["a 0 zero", "a 1 one"]);
  await Promise.all([a.connection.close(), b.connection.close()]);
});

test("a used port is refused in words, with the system's code for programs", async () => {
  const socket = createSocket("udp4");
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  const addresses = { a: [`127.0.0.1:${socket.address().port}`] };
  const error: unknown = await openTransport(options("a", addresses, () => undefined)).catch(
    (thrown: unknown) => thrown,
  );
  socket.close();
  assert.ok(error instanceof Error);
  assert.match(error.message, /is used by another program \(EADDRINUSE\): stop it/);
  assert.equal(systemCode(error.cause), "EADDRINUSE");
});

test("an unknown transport and an unknown setting are refused", async () => {
  const good = options("a", { a: ["127.0.0.1:1"] }, () => undefined);
  await assert.rejects(openTransport({ ...good, name: "pigeon" }), { code: "plugin-not-found" });
  await assert.rejects(openTransport({ ...good, parameters: { speed: 1 } }), {
    code: "plugin-parameters",
    message: /has no parameter speed. It has no parameters/,
  });
});
