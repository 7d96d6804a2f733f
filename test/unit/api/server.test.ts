// The control socket: right requests are answered, and a wrong, slow or greedy client hurts itself only.

import assert from "node:assert/strict";
import { once } from "node:events";
import { chmodSync, existsSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, type TestContext, test } from "node:test";
import fc from "fast-check";
import { connectApi } from "../../../runtime/api/client.ts";
import { API_LIMITS, API_VERSION, type ApiResult, type Push } from "../../../runtime/api/schema.ts";
import { type ApiHandlers, openApiServer } from "../../../runtime/api/server.ts";
import { type ErrorCode, SystoleError } from "../../../runtime/host/errors.ts";
import { EventLog } from "../../../runtime/host/event-log.ts";
import type { ClusterEvent } from "../../../runtime/services/messages.ts";

const directory = mkdtempSync(join(tmpdir(), "systole-api-"));
after(() => rmSync(directory, { recursive: true }));
let made = 0;

const event = (text: string): ClusterEvent => ({ epochMs: 1, kind: "note", code: "x", text, severity: "info" });

const handlers: ApiHandlers = {
  status: () => {
    throw new SystoleError("stopping", "not now");
  },
  "cib-query": () => ({
    version: { adminEpoch: 0, epoch: 1, numUpdates: 2 },
    element: { name: "cib", attributes: { epoch: "1" }, children: [] },
  }),
  "cib-change": ({ change }) => ({ outcome: "refused", code: "no", reason: `${change.id} by ${change.who}` }),
  "cib-history": () => ({ changes: [] }),
  "cib-document": () => {
    throw new SystoleError("not-found", "no such change");
  },
  backup: () => {
    throw new SystoleError("stopping", "not now");
  },
  request: () => new Promise(() => {}),
  "plugin-list": () => ({ plugins: [] }),
  "plugin-describe": () => ({ plugins: [] }),
  "plugin-offer": () => {
    throw new SystoleError("plugin-invalid", "no such plugin");
  },
  "plugin-verify": () => ({ plugins: [] }),
  "plugin-prove": () => ({ good: true, text: "", comparisons: [], nodes: [] }),
  why: () => ({ placements: [] }),
  "start-override": () => ({ accepted: true }),
  shutdown: () => ({ accepted: true }),
};

async function serve(t: TestContext) {
  const path = join(directory, `${++made}.sock`);
  const events = new EventLog();
  const bugs: unknown[] = [];
  const hello = { version: "0.1.0", cluster: "c", node: "n1", pid: 1, startedEpochMs: 1 };
  const server = await openApiServer({ path, hello, handlers, events, onBug: (bug) => bugs.push(bug) });
  t.after(() => server.close());
  return { path, events, bugs, server };
}

/** A client that says whatever it likes. */
function raw(path: string): { readonly socket: Socket; readonly lines: () => Promise<unknown[]> } {
  const socket = connect({ path });
  let said = "";
  socket.on("data", (bytes) => {
    said += String(bytes);
  });
  socket.on("error", () => {});
  const ended = once(socket, "close");
  const parse = (line: string): unknown => JSON.parse(line);
  return { socket, lines: () => ended.then(() => said.trimEnd().split("\n").map(parse)) };
}

const coded = (code: ErrorCode, words: RegExp) => (error: unknown) => {
  assert.ok(error instanceof SystoleError, String(error));
  assert.equal(error.code, code, error.message);
  assert.match(error.message, words);
  return true;
};
const change = { id: "c1", edits: [], who: "me", why: "test" };
const fence = { id: "r1", request: "cleanup", who: "me" } as const;

test("requests are answered, refusals keep code and words, several may be under way", async (t) => {
  const { path } = await serve(t);
  assert.equal(statSync(path).mode & 0o777, 0o600);
  const client = await connectApi(path);
  t.after(() => client.close());
  assert.deepEqual([client.hello.node, client.hello.api], ["n1", API_VERSION]);
  const [cib, outcome, refusal] = await Promise.allSettled([
    client.call("cib-query", {}),
    client.call("cib-change", { change }),
    client.call("status", {}),
  ]);
  assert.equal(cib.status === "fulfilled" && cib.value.element.name, "cib");
  assert.deepEqual(outcome.status === "fulfilled" && outcome.value, {
    outcome: "refused",
    code: "no",
    reason: "c1 by me",
  });
  assert.ok(refusal.status === "rejected" && coded("stopping", /not now/)(refusal.reason));
});

test("a request that is not valid is refused with the place, and the connection lives on", async (t) => {
  const { path, bugs } = await serve(t);
  const { socket, lines } = raw(path);
  const say = (line: unknown) => socket.write(`${JSON.stringify(line)}\n`);
  say({ id: 1, method: "cib-change", params: { change: { ...change, edits: [{ edit: "put" }] } } });
  say({ id: 2, method: "sttaus" });
  say({ id: 3, method: "cib-query", params: { section: "secrets" } });
  say({ id: 4, method: "toString", params: {} });
  say({ id: 5, method: "plugin-list" });
  socket.end();
  const [, ...answers] = await lines();
  const text = answers.map((answer) => JSON.stringify(answer));
  assert.match(text[0] ?? "", /"id":1.*request-invalid.*\/change\/edits.*Nothing was done/);
  assert.match(text[1] ?? "", /"id":2.*request-unknown.*Did you mean \\"status\\"/);
  assert.match(text[2] ?? "", /"id":3.*request-invalid.*\/section/);
  assert.match(text[3] ?? "", /"id":4.*request-unknown/);
  assert.match(text[4] ?? "", /"id":5.*plugins/);
  assert.deepEqual(bugs, []);
});

test("whatever bytes come, the server goes on for the others", async (t) => {
  const { path, bugs } = await serve(t);
  const client = await connectApi(path);
  t.after(() => client.close());
  const garbage = fc.oneof(fc.string(), fc.json({ maxDepth: 6 }));
  await fc.assert(
    fc.asyncProperty(fc.array(garbage, { maxLength: 5 }), async (lines) => {
      const { socket } = raw(path);
      socket.end(`${lines.join("\n")}\n`);
      await once(socket, "close");
    }),
    { numRuns: 50, seed: 8 },
  );
  const deep = raw(path);
  deep.socket.end(`{"id":1,"method":"plugin-list","params":${"[".repeat(100_000)}${"]".repeat(100_000)}}\n`);
  assert.match(JSON.stringify((await deep.lines())[1]), /request-invalid/);
  assert.deepEqual(await client.call("plugin-list", {}), { plugins: [] });
  assert.deepEqual(bugs, []);
});

test("a line without end, too many requests and too many clients have their bounds", async (t) => {
  const { path } = await serve(t);
  const greedy = raw(path);
  const piece = Buffer.alloc(1 << 20, "x");
  for (let sent = 0; sent <= API_LIMITS.requestBytes && !greedy.socket.destroyed; sent += piece.length) {
    await new Promise<void>((resolve) => greedy.socket.write(piece, () => resolve()));
  }
  greedy.socket.end();
  assert.match(JSON.stringify(await greedy.lines()), /request-too-large/);

  const client = await connectApi(path);
  for (let i = 0; i < API_LIMITS.requestsInFlight; i += 1) client.call("request", { request: fence }).catch(() => {});
  await assert.rejects(client.call("request", { request: fence }), coded("too-many-requests", /Wait for an answer/));

  const others = await Promise.all(Array.from({ length: API_LIMITS.clients - 1 }, () => connectApi(path)));
  await assert.rejects(connectApi(path), coded("too-many-clients", /Close one/));
  for (const other of [...others, client]) other.close();
});

test("a subscriber gets the last events and all further ones; changes are told together", async (t) => {
  const { path, events } = await serve(t);
  for (let i = 0; i < 1_100; i += 1) events.add(event(`${i}`));
  const client = await connectApi(path);
  t.after(() => client.close());
  const pushes: Push[] = [];
  let heard: () => void = () => {};
  const changed = new Promise<void>((resolve) => {
    heard = resolve;
  });
  const recent = await client.subscribe(3, (push) => {
    pushes.push(push);
    if (push.push === "changed") heard();
  });
  assert.deepEqual(
    recent.map(({ text }) => text),
    ["1097", "1098", "1099"],
  );
  for (let i = 0; i < 20; i += 1) events.changed();
  events.add(event("new"));
  await changed;
  assert.deepEqual(
    pushes.map((push) => (push.push === "event" ? push.event.text : push.push)),
    ["new", "changed"],
  );
});

test("a subscriber who does not read loses events, is told how many, and costs bounded memory", async (t) => {
  const { path, events } = await serve(t);
  const slow = connect({ path });
  t.after(() => slow.destroy());
  slow.write(`${JSON.stringify({ id: 1, method: "subscribe", params: { recent: 0 } })}\n`);
  await once(slow, "data");
  await new Promise((resolve) => setImmediate(resolve));
  slow.pause();
  const long = "x".repeat(10_000);
  for (let i = 0; i < 1_000; i += 1) events.add(event(long));
  let said = "";
  slow.on("data", (bytes) => {
    said += String(bytes);
  });
  slow.resume();
  while (!said.includes('"push":"dropped"')) await once(slow, "data");
  assert.match(said, /"push":"dropped","count":\d+/);
  assert.ok(said.length < 4 * API_LIMITS.pushBacklogBytes);
});

test("a client says why it cannot connect", async (t) => {
  await assert.rejects(connectApi(join(directory, "none.sock")), coded("not-running", /systole node/));
  const { path, server } = await serve(t);
  const client = await connectApi(path);
  const waiting = client.call("request", { request: fence });
  await server.close();
  await assert.rejects(waiting, coded("connection-lost", /stopped or died/));
  assert.ok(!existsSync(path));
  const mute = createServer();
  t.after(() => mute.close());
  const mutePath = join(directory, "mute.sock");
  mute.listen(mutePath);
  await once(mute, "listening");
  mute.on("connection", (socket) => t.after(() => socket.destroy()));
  await assert.rejects(connectApi(mutePath, { timeoutMs: 50 }), coded("no-answer", /hangs or is stopped/));
});

test("another version of the API, and what is no Systole at all, are told apart", async (t) => {
  const talk = async (line: string) => {
    const path = join(directory, `${++made}.sock`);
    const server = createServer((socket) => socket.write(`${line}\n`));
    t.after(() => server.close());
    server.listen(path);
    await once(server, "listening");
    return connectApi(path, { timeoutMs: 5_000 });
  };
  const hello = { push: "hello", api: 99, version: "9.0", cluster: "c", node: "n", pid: 1, startedEpochMs: 1, more: 1 };
  await assert.rejects(talk(JSON.stringify(hello)), coded("api-version", /9\.0.*version 99/));
  await assert.rejects(talk("220 smtp.example ESMTP"), coded("connection-lost", /does not speak/));
});

test("a leftover socket is replaced; one that is used, and what is no socket, are not", async (t) => {
  const { path } = await serve(t);
  const options = {
    hello: { version: "", cluster: "", node: "", pid: 1, startedEpochMs: 1 },
    handlers,
    events: new EventLog(),
    onBug: () => {},
  };
  await assert.rejects(openApiServer({ ...options, path }), coded("already-running", /Another process listens/));
  const file = join(directory, "file.sock");
  writeFileSync(file, "");
  await assert.rejects(openApiServer({ ...options, path: file }), coded("socket-path", /no socket/));
  const folder = mkdtempSync(join(directory, "ro-"));
  chmodSync(directory, 0o755);
  chmodSync(folder, 0o500);
  const root = process.getuid?.() === 0;
  if (root) process.seteuid?.("nobody");
  try {
    await assert.rejects(
      openApiServer({ ...options, path: join(folder, "x.sock") }),
      coded("directory-permission", /"socket"/),
    );
  } finally {
    if (root) process.seteuid?.(0);
  }
});

test("an answer that this release does not understand is no crash", async (t) => {
  const path = join(directory, `${++made}.sock`);
  const hello = { push: "hello", api: API_VERSION, version: "x", cluster: "c", node: "n", pid: 1, startedEpochMs: 1 };
  const server = createServer((socket) => {
    socket.write(`${JSON.stringify(hello)}\n`);
    socket.on("data", () => socket.write(`${JSON.stringify({ id: 1, result: { plugins: 5 } })}\n`));
  });
  t.after(() => server.close());
  server.listen(path);
  await once(server, "listening");
  const client = await connectApi(path);
  t.after(() => client.close());
  const answer: Promise<ApiResult<"plugin-list">> = client.call("plugin-list", {});
  await assert.rejects(answer, coded("reply-invalid", /plugin-list/));
});
