// A guest that is not one: whatever it says out of turn ends it and nothing else, with one clause that says what it did.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { hostCrypto } from "../../../../../runtime/host/plugins/ciphers.ts";
import type { HostContext } from "../../../../../runtime/host/plugins/context.ts";
import type { GuestProgram } from "../../../../../runtime/host/plugins/sandbox/program.ts";
import { GuestFailure, GuestGone, GuestSession } from "../../../../../runtime/host/plugins/sandbox/session.ts";

const folder = mkdtempSync(join(tmpdir(), "systole-session-"));
after(() => rmSync(folder, { recursive: true, force: true }));

const LIMIT = { timeout: 20_000 };

/** A program that behaves as the script says: `ready()`, `say(object)`, `raw(text)`, and `on(message)` for each line it gets. */
function scripted(script: string): GuestProgram {
  const prelude = `const raw = (text) => process.stdout.write(text);
const say = (message) => raw(JSON.stringify({ jsonrpc: "2.0", ...message }) + "\\n");
const ready = () => say({ method: "ready", params: { magic: "systole-plugin-guest", protocol: 1, runtime: "script" } });
let on = () => {};
let buffered = "";
process.stdin.on("data", (chunk) => {
  const lines = (buffered + chunk).split("\\n");
  buffered = lines.pop();
  for (const line of lines) on(JSON.parse(line));
});
`;
  return {
    confinement: "not sandboxed",
    description: "a script",
    executable: process.execPath,
    command: [process.execPath, "--eval", prelude + script],
    env: {},
  };
}

const LOAD = { name: "x", source: "", kinds: [], apis: [] };
const CALL = { member: "monitor", arguments: [], contextAt: 0, params: {}, node: "n", resource: "r" };

function context(signal: AbortSignal, lines: string[] = []): HostContext {
  const log = (text: string) => void lines.push(text);
  return {
    params: {},
    node: "n",
    resource: "r",
    signal,
    log: { debug: log, info: log, warn: log, error: log },
    state: { get: async () => "value", set: async () => undefined, remove: async () => undefined },
    crypto: hostCrypto,
    redact: (text) => text,
    refuseWithheld: () => undefined,
    sleep: async () => undefined,
  };
}

/** A sentence that will be heard. */
function heard(): { readonly promise: Promise<string>; readonly resolve: (text: string) => void } {
  let resolve: (text: string) => void = () => undefined;
  const promise = new Promise<string>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

/** How a guest with this script ends when it is given one call. */
async function endOf(script: string): Promise<string> {
  const { promise, resolve } = heard();
  const session = new GuestSession(scripted(script), folder, { log: () => undefined, ended: resolve });
  await assert.rejects(
    session.load(LOAD).then(() => session.call(CALL, context(new AbortController().signal))),
    GuestGone,
  );
  return await promise;
}

/** Answers `load`, then does this on a call, whose number is `id`. */
const onCall = (script: string): string =>
  `on = ({ id, method }) => { if (method === "load") say({ id, result: {} }); if (method === "call") { ${script} } }; ready();`;

const QUESTION = '{ id: 1, method: "state.get", params: { call: id, arguments: ["k"] } }';

const WRONG: Readonly<Record<string, readonly [script: string, end: RegExp]>> = {
  "no handshake, garbage": ['raw("hello\\n");', /^wrote a line that is no message of a guest$/],
  "another magic": [
    'say({ method: "ready", params: { magic: "me", protocol: 1, runtime: "x" } });',
    /^wrote a line that is no message/,
  ],
  "another protocol": [
    'say({ method: "ready", params: { magic: "systole-plugin-guest", protocol: 99, runtime: "x" } });',
    /^wrote a line that is no message/,
  ],
  "a word before the handshake": [
    'say({ method: "log", params: { level: "info", text: "x" } });',
    /^did not begin with/,
  ],
  "the handshake twice": ["ready(); ready();", /^began the handshake a second time$/],
  "an end by itself": ["process.stderr.write('no more'); process.exit(3);", /^ended with exit code 3: no more$/],
  "an answer to nothing": [onCall("say({ id: 77, result: 1 });"), /^answered a call that is not under way \(77\)$/],
  "an answer twice": [
    "let n = 0; on = ({ id, method }) => { say({ id, result: {} }); say({ id, result: {} }); }; ready();",
    /^answered a call that is not under way \(1\)$/,
  ],
  "a question for a call that never was": [
    onCall('say({ id: 1, method: "state.get", params: { call: id + 1, arguments: ["k"] } });'),
    /^asked for a call that was never made/,
  ],
  "a question with a number used before": [
    onCall(`say(${QUESTION}); say(${QUESTION});`),
    /^asked with a number that is not new/,
  ],
  "a method that is none": [
    onCall('say({ id: 1, method: "__proto__", params: { call: id, arguments: [] } });'),
    /^asked for "__proto__", which there is not$/,
  ],
  "an id of a wrong type": [
    onCall('say({ id: "1", method: "state.get", params: { call: id, arguments: [] } });'),
    /no message/,
  ],
  "a negative id": [onCall('say({ id: -1, method: "state.get", params: { call: id, arguments: [] } });'), /no message/],
  "a fractional id": [onCall("say({ id: 1.5, result: 1 });"), /no message/],
  "a member too many": [onCall("say({ id, result: 1, extra: 1 });"), /no message/],
  "a batch": [onCall('raw(JSON.stringify([{ jsonrpc: "2.0", id, result: 1 }]) + "\\n");'), /no message/],
  "another version": [onCall('raw(JSON.stringify({ jsonrpc: "1.0", id, result: 1 }) + "\\n");'), /no message/],
  "a polluting key": [
    onCall(`raw('{"jsonrpc":"2.0","id":' + id + ',"result":1,"__proto__":{"x":1}}\\n');`),
    /no message/,
  ],
  "an empty line": [onCall('raw("\\n");'), /no message/],
  "bytes that are no text": [onCall("process.stdout.write(Buffer.from([255, 254, 0, 10]));"), /no message/],
  "a log line for a call that never was": [
    onCall('say({ method: "log", params: { call: 99, level: "info", text: "x" } });'),
    /^wrote to the log for a call that was never made/,
  ],
  "a level that is none": [onCall('say({ method: "log", params: { level: "fatal", text: "x" } });'), /no message/],
  "a datagram by a socket that it never had": [
    onCall('say({ method: "udp.send", params: { call: id, socket: 5, bytes: "", address: "::1", port: 9 } });'),
    /^sent a datagram by a socket that it never had$/,
  ],
  "a pong to no ping": [
    onCall('say({ method: "pong", params: { serial: 1 } });'),
    /^answered a ping that was not sent$/,
  ],
  "a line without end": [
    onCall('setInterval(() => raw("x".repeat(65536)), 1); process.stdout.on("error", () => {});'),
    /^sent a line of more than 1048576 bytes$/,
  ],
  "a line that is too long": [
    onCall('say({ id, result: "x".repeat(1 << 20) });'),
    /^sent a line of more than 1048576 bytes$/,
  ],
};

for (const [name, [script, end]] of Object.entries(WRONG)) {
  test(`${name}: that guest ends`, LIMIT, async () => assert.match(await endOf(script), end));
}

test("an honest guest is heard, and prototypes stay what they were", LIMIT, async () => {
  const script = `on = ({ id, method, result }) => {
    if (method === "load") say({ id, result: {} });
    if (method === "call") { globalThis.call = id; say({ id: 1, method: "state.get", params: { call: id, arguments: ["k"] } }); }
    if (method === undefined) raw('{"jsonrpc":"2.0","id":' + call + ',"result":{"said":"' + result + '","__proto__":{"polluted":1}}}\\n');
  }; ready();`;
  const session = new GuestSession(scripted(script), folder, { log: () => undefined, ended: () => undefined });
  await session.load(LOAD);
  const answer = await session.call(CALL, context(new AbortController().signal));
  assert.equal(JSON.stringify(answer), '{"said":"value","__proto__":{"polluted":1}}');
  assert.equal(Reflect.get({}, "polluted"), undefined);
  await session.close();
});

test("a failure carries its code; wrong arguments of a question are an error, not the end", LIMIT, async () => {
  const script = `on = ({ id, method, error }) => {
    if (method === "load") say({ id, result: {} });
    if (method === "call") { globalThis.call = id; say({ id: 1, method: "state.set", params: { call: id, arguments: ["k", 5] } }); }
    if (error !== undefined) say({ id: call, error: { code: 1, message: error.message, data: { code: "arguments" } } });
  }; ready();`;
  const session = new GuestSession(scripted(script), folder, { log: () => undefined, ended: () => undefined });
  await session.load(LOAD);
  await assert.rejects(session.call(CALL, context(new AbortController().signal)), (error) => {
    assert.ok(error instanceof GuestFailure);
    assert.equal(error.code, "arguments");
    assert.match(error.message, /^ctx\.state\.set: value must be string/);
    return true;
  });
  await session.close();
});

test(
  "a guest that does not turn after its call is over is ended, and what else it did is over too",
  LIMIT,
  async () => {
    const { promise, resolve } = heard();
    const session = new GuestSession(scripted(onCall("for (;;) {}")), folder, { log: () => undefined, ended: resolve });
    await session.load(LOAD);
    const controller = new AbortController();
    const other = session.call(CALL, context(new AbortController().signal));
    const call = session.call(CALL, context(controller.signal));
    controller.abort(new Error("its deadline has passed"));
    await assert.rejects(call, GuestGone);
    await assert.rejects(other, GuestGone);
    assert.match(await promise, /^did not turn for 1000 ms after a call was over/);
  },
);

test("a guest that ignores its end is killed, and one whose host is gone ends by itself", LIMIT, async () => {
  const stubborn = `process.on("SIGTERM", () => {}); process.stdin.on("end", () => {}); setInterval(() => {}, 1000); ${onCall("")}`;
  const session = new GuestSession(scripted(stubborn), folder, { log: () => undefined, ended: () => undefined });
  await session.load(LOAD);
  await session.close();
  assert.throws(() => process.kill(session.pid ?? 0, 0), { code: "ESRCH" });
});

test("a flood of log lines is cut, and a long line is shortened", LIMIT, async () => {
  const lines: string[] = [];
  const flood = onCall(
    'for (let i = 0; i < 5000; i += 1) say({ method: "log", params: { call: id, level: "info", text: "x".repeat(5000) } }); say({ id, result: 1 });',
  );
  const session = new GuestSession(scripted(flood), folder, { log: () => undefined, ended: () => undefined });
  await session.load(LOAD);
  await session.call(CALL, context(new AbortController().signal, lines));
  assert.ok(lines.length > 0 && lines.length < 2_000, `${lines.length} lines`);
  assert.equal(lines[0]?.length, 4_096);
  await session.close();
});

test("a guest that floods with questions waits for the answers, and the host is not drowned", LIMIT, async () => {
  let most = 0;
  let open = 0;
  const slow = async (): Promise<string> => {
    open += 1;
    most = Math.max(most, open);
    await new Promise((resolve) => setImmediate(resolve));
    open -= 1;
    return "v";
  };
  const script = `let left = 20000; on = ({ id, method }) => {
    if (method === "load") return say({ id, result: {} });
    if (method === "call") { globalThis.call = id; for (let q = 1; q <= 20000; q += 1) say({ id: q, method: "state.get", params: { call: id, arguments: ["k"] } }); return; }
    left -= 1; if (left === 0) say({ id: call, result: "all" });
  }; ready();`;
  const session = new GuestSession(scripted(script), folder, { log: () => undefined, ended: () => undefined });
  await session.load(LOAD);
  const base = context(new AbortController().signal);
  const answer = await session.call(CALL, { ...base, state: { ...base.state, get: slow } });
  assert.equal(answer, "all");
  assert.ok(most <= 2_048, `${most} questions at a time`);
  await session.close();
});

test(
  "long questions that wait for their answers: the guest is not listened to while they are more than a few MiB",
  LIMIT,
  async () => {
    const asked = 40;
    const script = onCall(
      `for (let n = 1; n <= ${asked}; n += 1) say({ id: n, method: "state.set", params: { call: id, arguments: ["k", "x".repeat(1_000_000)] } });
     on = ({ id: answered }) => { if (answered === ${asked}) say({ id, result: "all answered" }); };`,
    );
    const answers: (() => void)[] = [];
    let most = 0;
    const session = new GuestSession(scripted(script), folder, { log: () => undefined, ended: () => undefined });
    try {
      await session.load(LOAD);
      const waiting = {
        ...context(new AbortController().signal),
        state: {
          get: async () => undefined,
          remove: async () => undefined,
          set: () => new Promise<void>((resolve) => void answers.push(resolve)),
        },
      };
      const called = session.call(CALL, waiting);
      const quiet = new AbortController();
      // Nothing more is heard until something is answered: so a turn in which nothing came is followed by an answer.
      const answering = (async () => {
        for (let known = -1; !quiet.signal.aborted; known = answers.length) {
          await new Promise((resolve) => setTimeout(resolve, 50));
          most = Math.max(most, answers.length);
          if (known === answers.length) answers.shift()?.();
        }
      })();
      assert.equal(await called, "all answered");
      quiet.abort();
      await answering;
      assert.ok(most >= 8 && most <= 10, `${most} were under way`);
    } finally {
      await session.close();
    }
  },
);
