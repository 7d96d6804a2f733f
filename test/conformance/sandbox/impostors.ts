// Processes that only claim to be guests, and say on the pipe what no guest would say. Each is a script for Deno, with
// `say(message)`, `raw(text)` and `on(message)`; it has shaken hands and been given its plugin, and is now called (`id`).

import type { NaiveHost } from "./naive-host.ts";

/** An attempt to deceive a host over the pipe. */
export interface Impostor {
  readonly name: string;
  /** What it does when it is called. */
  readonly attack: string;
  /** Whether it has deceived a host that believes what it reads. */
  readonly deceived: (host: NaiveHost) => boolean;
  /** What the host says of its end. */
  readonly end: RegExp;
}

/** The handshake, and what comes before the attack. */
export function impostorSource(attack: string): string {
  return `const texts = new TextEncoder();
const raw = (text) => { let b = typeof text === "string" ? texts.encode(text) : text; while (b.length > 0) b = b.subarray(Deno.stdout.writeSync(b)); };
const say = (message) => raw(JSON.stringify({ jsonrpc: "2.0", ...message }) + "\\n");
say({ method: "ready", params: { magic: "systole-plugin-guest", protocol: 1, runtime: "impostor" } });
let text = "";
for await (const chunk of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
  const lines = (text + chunk).split("\\n");
  text = lines.pop();
  for (const line of lines) {
    const { id, method } = JSON.parse(line);
    if (method === "load") say({ id, result: { digest: "x", summary: {} } });
    if (method === "call") { ${attack}
      say({ method: "log", params: { level: "info", text: "the attack is over" } }); }
  }
}`;
}

export const IMPOSTORS: readonly Impostor[] = [
  {
    name: "an answer to a call of somebody else",
    attack: `say({ id: 99, result: "forged" });`,
    deceived: (host) => host.answers.get(99) === "forged",
    end: /answered a call that is not under way \(99\)/,
  },
  {
    name: "an answer to a call that is yet to be made",
    attack: `say({ id: id + 1, result: "forged" });`,
    deceived: (host) => host.answers.get(3) === "forged",
    end: /answered a call that is not under way/,
  },
  {
    name: "a second answer",
    attack: `say({ id, result: "first" }); say({ id, result: "second" });`,
    deceived: (host) => host.answers.get(2) === "second",
    end: /answered a call that is not under way/,
  },
  {
    name: "a result beside an error",
    attack: `say({ id, result: "forged", error: { code: 1, message: "x" } });`,
    deceived: (host) => host.answers.get(2) === "forged",
    end: /no message of a guest/,
  },
  {
    name: "an id that is a text",
    attack: `say({ id: "2", result: "forged" });`,
    deceived: (host) => host.answers.get(2) === "forged",
    end: /no message of a guest/,
  },
  {
    name: "an id twice in one line",
    attack: `raw('{"jsonrpc":"2.0","id":98,"id":99,"result":"forged"}\\n');`,
    deceived: (host) => host.answers.get(99) === "forged",
    end: /answered a call that is not under way \(99\)/,
  },
  {
    name: "the prototype of all objects, by __proto__",
    attack: `raw('{"jsonrpc":"2.0","id":' + id + ',"result":1,"__proto__":{"polluted":1}}\\n');`,
    deceived: (host) => host.polluted,
    end: /no message of a guest/,
  },
  {
    name: "the prototype of all objects, by constructor",
    attack: `raw('{"jsonrpc":"2.0","id":' + id + ',"result":1,"constructor":{"prototype":{"polluted":1}}}\\n');`,
    deceived: (host) => host.polluted,
    end: /no message of a guest/,
  },
  {
    name: "a method of every object",
    attack: `say({ id: 1, method: "constructor", params: { call: id, arguments: [] } });`,
    deceived: (host) => host.performed.includes("constructor"),
    end: /asked for "constructor", which there is not/,
  },
  {
    name: "a question in the name of a call that never was",
    attack: `say({ id: 1, method: "run", params: { call: id + 1, arguments: ["id"] } });`,
    deceived: (host) => host.performed.includes("run"),
    end: /asked for a call that was never made/,
  },
  {
    name: "a question with the number of another",
    attack: `for (let i = 0; i < 2; i += 1) say({ id: 1, method: "state.get", params: { call: id, arguments: ["k"] } });`,
    deceived: (host) => host.performed.length === 2,
    end: /number that is not new/,
  },
  {
    name: "words of a program that writes where the host listens",
    attack: `raw("Segmentation fault\\n");`,
    deceived: (host) => host.passedOver > 0,
    end: /no message of a guest/,
  },
  {
    name: "the handshake once more, as another",
    attack: `say({ method: "ready", params: { magic: "systole-plugin-guest", protocol: 1, runtime: "another" } });`,
    deceived: (host) => host.greeted > 1,
    end: /the handshake a second time/,
  },
  {
    name: "a line that is too long",
    attack: `raw(JSON.stringify({ jsonrpc: "2.0", id, result: "x".repeat(3 << 20) }) + "\\n");`,
    deceived: (host) => host.longestBytes > 3 << 20,
    end: /line of more than 1048576 bytes/,
  },
  {
    name: "a line without end",
    attack: `const much = new Uint8Array(1 << 16).fill(97); for (let i = 0; i < 512; i += 1) raw(much); raw("\\n");`,
    deceived: (host) => host.longestBytes >= 32 << 20,
    end: /line of more than 1048576 bytes/,
  },
  {
    name: "log lines in the name of a call that never was",
    attack: `say({ method: "log", params: { call: 77, level: "error", text: "forged" } });`,
    deceived: (host) => host.log.includes("forged"),
    end: /wrote to the log for a call that was never made/,
  },
  {
    name: "several messages in one line",
    attack: `raw(JSON.stringify([{ jsonrpc: "2.0", id, result: "forged" }]) + "\\n");`,
    deceived: (host) => host.answers.get(2) === "forged",
    end: /no message of a guest/,
  },
];
