// One HTTP request for a plugin, against a real server on loopback.

import assert from "node:assert/strict";
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { after, before, test } from "node:test";
import { fetchWhole } from "../../../../runtime/host/plugins/fetch.ts";

const never = new AbortController().signal;
/** Whatever is asked for. */
const everything = { check: () => undefined };
const seen: string[] = [];
let base = "";

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = "";
  for await (const chunk of request) body += String(chunk);
  return body;
}

const server = createServer(async (request, response) => {
  seen.push(`${request.method} ${request.url} ${request.headers["x-login"] ?? ""} ${await bodyOf(request)}`.trim());
  if (request.url === "/silent") return;
  if (request.url === "/large") response.end("x".repeat(1024 * 1024 + 1));
  else if (request.url === "/elsewhere") response.writeHead(302, { location: "/secret" }).end();
  else response.writeHead(201, { "x-a": "b" }).end("hello");
});

before(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address() satisfies string | AddressInfo | null;
  assert.ok(address !== null && typeof address === "object");
  base = `http://127.0.0.1:${address.port}`;
});
after(() => {
  server.closeAllConnections();
  server.close();
});

test("the whole answer comes back as plain data", async () => {
  const { status, headers, text } = await fetchWhole(
    `${base}/a?b=c`,
    { method: "PUT", body: "on", headers: { "x-login": "me" } },
    never,
    everything,
  );
  assert.deepEqual({ status, a: headers["x-a"], text }, { status: 201, a: "b", text: "hello" });
  assert.equal(seen.at(-1), "PUT /a?b=c me on");
});

test("a redirect is an answer, not a way around the grant", async () => {
  const { status, headers } = await fetchWhole(`${base}/elsewhere`, {}, never, everything);
  assert.deepEqual([status, headers["location"]], [302, "/secret"]);
  assert.equal(seen.at(-1), "GET /elsewhere");
});

test("unreachable, silent, too large, aborted: each says so", async () => {
  await assert.rejects(fetchWhole("http://127.0.0.1:1/", {}, never, everything), {
    code: "generic",
    message: "http://127.0.0.1:1/ cannot be reached (ECONNREFUSED).",
  });
  await assert.rejects(fetchWhole(`${base}/silent`, { timeoutMs: 20 }, never, everything), {
    code: "generic",
    message: /\/silent did not answer within 20 ms/,
  });
  await assert.rejects(fetchWhole(`${base}/large`, {}, never, everything), {
    code: "generic",
    message: /more than 1048576 bytes/,
  });
  const controller = new AbortController();
  const asked = fetchWhole(`${base}/silent`, {}, controller.signal, everything);
  setImmediate(() => controller.abort(new Error("enough")));
  await assert.rejects(asked, { message: "enough" });
});
