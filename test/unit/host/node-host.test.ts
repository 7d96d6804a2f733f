// What surrounds the node machine: effects are performed, outcomes come back, a gap holds everything until the pulse has
// confirmed the view, and a bug or an exit ends the node once.

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { createMessageCodec } from "../../../runtime/host/codec-message.ts";
import type { LogLevel } from "../../../runtime/host/log.ts";
import { NodeHost, type NodeParts } from "../../../runtime/host/node-host.ts";
import type { PluginHost } from "../../../runtime/host/plugins/types.ts";
import type { PulseEvents, PulseLink } from "../../../runtime/host/pulse-link.ts";
import { element } from "../../../runtime/kernel/cib/element.ts";
import type { View } from "../../../runtime/kernel/membership/view.ts";
import type { AgentCall } from "../../../runtime/services/calls.ts";
import type { NodeEffect, NodeInput } from "../../../runtime/services/messages.ts";

/** The main thread turns every sixth of this. */
const MAIN_SILENCE_MS = 600;

const view = (number: number): View => ({ id: { number, proposer: 1 }, members: [], departures: [] });
const call: AgentCall = {
  id: 7,
  resource: { id: "web", class: "ocf", provider: "systole", type: "dummy" },
  verb: "start",
  parameters: {},
  meta: {},
  timeoutMs: 1_000,
  intervalMs: 0,
};
const change = { id: "c1", edits: [], who: "me", why: "test" };

/** A node whose machine answers each type of input with the effects that it was given for it. */
function makeHost(t: TestContext, script: Partial<Record<NodeInput["type"], readonly NodeEffect[]>> = {}) {
  const inputs: NodeInput[] = [];
  const told: string[] = [];
  const lines: string[] = [];
  const ends: { code: number; text: string }[] = [];
  let events: PulseEvents = { message: () => {}, died: () => {} };
  const pulse: PulseLink = {
    links: 1,
    listen: (listener) => {
      events = listener;
    },
    alive: () => {},
    submit: (messages) => void told.push(...messages.map(({ to, bytes }) => `submit ${to} ${bytes.length}`)),
    chain: () => told.push("chain"),
    shun: (node) => told.push(`shun ${node}`),
    leave: () => told.push("leave"),
    confirm: (id) => told.push(`confirm ${id}`),
    report: () => Promise.resolve({ peers: [] }),
    close: () => Promise.resolve(),
  };
  const plugins: PluginHost = {
    standing: () => ({ confinement: "sandboxed", held: "Deno", used: [] }),
    callAgent: ({ id }) => Promise.resolve({ outcome: "done", reason: `call ${id}` }),
    abortAgent: (id, why) => told.push(`abort ${id} ${why}`),
    callDevice: () => Promise.reject(new Error("a plugin host that rejects")),
    abortDevice: () => {},
    callAlert: async () => ({ outcome: "done" }),
    abortAlert: () => {},
    callArbiter: async () => ({ outcome: "absent" }),
    list: () => Promise.resolve([]),
    describe: () => Promise.resolve([]),
    keepReady: () => undefined,
    inFlight: () => [],
    trust: {
      lockChanged: () => {},
      offer: () => Promise.reject(new Error("no bytes")),
      verify: () => Promise.resolve([]),
      bundle: () => undefined,
      prove: () => Promise.reject(new Error("no bytes")),
    },
    close: () => Promise.resolve(),
  };
  const position = { primaryNumber: 0, index: 0, adoptedPrimary: 0, promisedPrimary: 0, promisedMembers: [] };
  const initial = { cib: undefined, recentRequests: [], entries: [], history: [], notes: [] };
  const parts: NodeParts = {
    machine: {
      step: (input) => {
        if (input.type !== "tick" && input.type !== "wall-clock") inputs.push(input);
        return [...(script[input.type] ?? [])];
      },
      deadlineMs: () => undefined,
      cib: element("cib"),
      stored: {
        cib: element("cib"),
        position: { ...position, intact: false, empty: true },
        recentRequests: [],
        history: [],
      },
      standing: undefined,
      chain: { primaryNumber: 0, seniority: 0 },
      transition: undefined,
      inFlight: [],
      fencingHistory: [],
      alertProblems: [],
      arbiter: undefined,
    },
    pulse,
    store: {
      initial: { ...initial, position: { ...position, intact: false, empty: true } },
      persist: (records) =>
        records.length === 0
          ? Promise.resolve()
          : Promise.reject(Object.assign(new Error("no room"), { code: "ENOSPC" })),
      close: () => Promise.resolve(),
    },
    plugins,
    log: { write: (level: LogLevel, text: string) => lines.push(`${level} ${text}`), flush: () => {} },
    self: 1,
    nodes: [{ id: 1, name: "n1" }],
    mainSilenceMs: MAIN_SILENCE_MS,
    onEnd: (code, text) => ends.push({ code, text }),
  };
  const host = new NodeHost(parts);
  host.start();
  t.after(() => host.bug("the test is over"));
  return { host, inputs, told, lines, ends, events, kinds: () => inputs.map((input) => input.type) };
}

/** This thread does not turn for so long. */
function hang(forMs: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, forMs);
}

const settle = () => new Promise((resolve) => setImmediate(resolve));

test("outcomes of calls and writes come back as inputs", async (t) => {
  const { host, inputs } = makeHost(t, {
    change: [
      { type: "agent-call", call },
      { type: "persist", id: 1, records: [] },
      { type: "persist", id: 2, records: [{ record: "adopt", primaryNumber: 1 }] },
      { type: "change-answer", requestId: "c1", outcome: { outcome: "unknown", reason: "test" } },
    ],
  });
  assert.deepEqual(await host.change(change), { outcome: "unknown", reason: "test" });
  await settle();
  assert.deepEqual(inputs.slice(1), [
    { type: "agent-outcome", id: 7, outcome: { outcome: "done", reason: "call 7" } },
    { type: "persisted", id: 1 },
    { type: "persist-failed", id: 2, code: "ENOSPC", text: "no room" },
  ]);
});

test("messages of members are read; what cannot be read is counted and told", (t) => {
  const { events, inputs, host } = makeHost(t);
  const message = { type: "commit", view: { number: 1, proposer: 1 }, sequence: 2 } as const;
  events.message({ type: "deliver", from: 1, incarnation: 5, bytes: createMessageCodec().encode(message) });
  assert.deepEqual(inputs, [{ type: "message", from: 1, incarnation: 5, message }]);
  for (let i = 0; i < 20; i += 1) events.message({ type: "deliver", from: 1, incarnation: 5, bytes: Uint8Array.of(1) });
  assert.equal(inputs.length, 1);
  assert.deepEqual(
    host.events.recent(10).map(({ code, node }) => [code, node]),
    [
      ["message-unknown-type", "n1"],
      ["message-unknown-type", "n1"],
    ],
  );
});

test("after a gap nothing is decided before the pulse has confirmed, and its news come first", (t) => {
  const { host, events, told, kinds, inputs } = makeHost(t);
  events.message({ type: "view", view: view(1), detectedAfterMs: {} });
  hang(MAIN_SILENCE_MS / 2);
  void host.change(change);
  events.message({ type: "view", view: view(2), detectedAfterMs: {} });
  assert.deepEqual(kinds(), ["view"]);
  assert.deepEqual(told, ["confirm 1"]);
  assert.notEqual(host.heldSinceMs, undefined);
  events.message({ type: "confirmed", id: 99 });
  assert.deepEqual(kinds(), ["view"], "the answer to another question is none");
  events.message({ type: "confirmed", id: 1 });
  assert.deepEqual(kinds(), ["view", "view", "change"]);
  assert.deepEqual(inputs[1], { type: "view", view: view(2), detectedAfterMs: {} });
  assert.equal(host.heldSinceMs, undefined);
});

test("an exit after a farewell waits until that was heard; one without does not", (t) => {
  const polite = makeHost(t, { shutdown: [{ type: "leave" }, { type: "exit", code: 0, text: "bye" }] });
  polite.host.shutdown();
  polite.host.shutdown();
  assert.deepEqual(polite.kinds(), ["shutdown"]);
  assert.deepEqual([polite.told, polite.ends], [["leave"], []]);
  polite.events.message({ type: "gone" });
  assert.deepEqual(polite.ends, [{ code: 0, text: "bye" }]);

  const abrupt = makeHost(t, { shutdown: [{ type: "exit", code: 74, text: "the disk is broken" }] });
  abrupt.host.shutdown();
  assert.deepEqual(abrupt.ends, [{ code: 74, text: "the disk is broken" }]);
});

test("the death of the pulse, and an outcome that never comes, are bugs that end the node, once", async (t) => {
  const { events, ends } = makeHost(t);
  events.died("out of memory");
  events.died("again");
  assert.deepEqual(
    ends.map((end) => [end.code, /the pulse died: out of memory/.test(end.text)]),
    [[70, true]],
  );
  const device = { id: "power", type: "systole:dummy", parameters: {} };
  const other = makeHost(t, {
    change: [{ type: "device-call", call: { id: 1, device, verb: "check", timeoutMs: 1 } }],
  });
  void other.host.change(change);
  await settle();
  assert.match(other.ends[0]?.text ?? "", /a plugin host that rejects/);
});
