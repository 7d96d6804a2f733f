// A plugin that is loaded in order and then does what no plugin should: with its answers, with the globals that the guest's own
// program uses, with the time and memory of its process. Each row is what its monitor does.

/** What one deed must come to. */
export interface Deed {
  readonly name: string;
  /** Body of an async function of `ctx` and `kept`, an object that stays from call to call. */
  readonly does: string;
  /** What is said of the call: the outcome as JSON, or its reason. */
  readonly said: RegExp;
  /** Of the end of its process, where it comes to that. */
  readonly end?: RegExp;
  readonly timeoutMs?: number;
  /** What an earlier call does. */
  readonly before?: string;
  /**
   * The harm that it does to a host which runs it within itself and believes it: such a host dies, hangs, says in the end what
   * fits this, or lets it have memory by the MiB, by this expression.
   */
  readonly harm: "died" | "hung" | RegExp | { readonly takes: string };
}

/** Answers that are more than they seem. */
const ANSWERS: readonly Deed[] = [
  {
    name: "a promise that forges an outcome",
    does: `return { then(done) { done({ outcome: "state", state: "running" }); } };`,
    harm: /"outcome":\{"outcome":"state","state":"running"\}/,
    said: /which is no state/,
  },
  {
    name: "a promise that is never kept",
    does: `return { then() {} };`,
    harm: "hung",
    said: /"timeout"|did not end/,
    timeoutMs: 500,
  },
  {
    name: "a getter in the place of a text",
    does: `let n = 0; return { get failed() { n += 1; return "read " + n; } };`,
    harm: /"checked":"read (\d+)","reason":"read (?!\1)/,
    said: /^read \d+$/,
  },
  {
    name: "a getter that throws",
    does: `return { get failed() { throw new Error("from the getter"); } };`,
    harm: "died",
    said: /from the getter/,
  },
  {
    name: "an error that throws when it is read",
    does: `throw new Proxy(new Error("x"), { get() { throw new Error("from the trap"); } });`,
    harm: "died",
    said: /cannot be read/,
  },
  { name: "an error without a text", does: `throw Object.create(null);`, harm: "died", said: /cannot be read/ },
  {
    name: "an error of which the text is none",
    does: `throw Object.assign(new Error("x"), { message: { length: 1e9 } });`,
    harm: "died",
    said: /./,
  },
  {
    name: "a toJSON that forges",
    does: `return { toJSON: () => "running-and-more" };`,
    harm: /"answer":"running-and-more"/,
    said: /which is no state/,
  },
  {
    name: "__proto__ in an answer",
    does: `return JSON.parse('{"__proto__":{"polluted":1,"failed":"inherited"}}');`,
    harm: /"polluted":1,"bystander"/,
    said: /which is no state/,
  },
  { name: "a symbol", does: `return Symbol("running");`, harm: "died", said: /no message of a guest/ },
  { name: "a BigInt", does: `return 1n;`, harm: "died", said: /BigInt/ },
  { name: "no number", does: `return NaN;`, harm: /"state":null/, said: /null, which is no state/ },
  { name: "a number beyond all", does: `return 1e309;`, harm: /"state":null/, said: /null, which is no state/ },
  {
    name: "depths without end",
    does: `let d = []; for (let i = 0; i < 100_000; i += 1) d = [d]; return d;`,
    harm: "died",
    said: /./,
  },
  {
    name: "depths without end, written by hand",
    does: `return { toJSON: () => JSON.parse("[".repeat(100_000) + "]".repeat(100_000)) };`,
    harm: "died",
    said: /no state|call stack/,
  },
  {
    name: "halves of a pair",
    does: `return { failed: "a\\ud800b\\udc00c" };`,
    harm: /"reason":"a\\ud800b\\udc00c"/,
    said: /^a\ufffdb\ufffdc$/,
  },
  {
    name: "control characters in a reason",
    does: `return { failed: "a\\u001b]0;title\\u0007\\u009b2J\\r\\u0000\\u202ez" };`,
    harm: /"reason":"a\\u001b\]0;title/,
    said: /^a[^\p{Cc}]*z$/u,
  },
  {
    name: "control characters in an error",
    does: `throw new Error("a\\u001b[2J\\u202ez");`,
    harm: /"reason":"a\\u001b\[2J/,
    said: /^a[^\p{Cc}\u202e]*z$/u,
  },
  {
    name: "control characters in the log",
    does: `ctx.log.warn("LOG a\\u001b[2Jz\\r\\n12:00:00 n1 ERROR forged"); console.error("LOG a\\u001b[2Jz"); return "running";`,
    harm: /"log":"LOG a\\u001b\[2Jz\\r\\n12:00:00 n1 ERROR forged/,
    said: /running/,
  },
  {
    name: "an error whose message is a trap",
    does: `const e = new Error("x"); Object.defineProperty(e, "message", { get() { throw new Error("trap"); } }); throw e;`,
    harm: "died",
    said: /./,
    timeoutMs: 1_000,
  },
  {
    name: "an error that is none",
    does: `throw { toString: () => { throw 1; } };`,
    harm: "died",
    said: /./,
    timeoutMs: 1_000,
  },
  {
    name: "a code that is none",
    does: `throw Object.assign(new Error("x"), { name: "AgentError", code: "__proto__" });`,
    harm: /"code":\{/,
    said: /^x$/,
  },
  {
    name: "an answer after the deadline",
    does: `await new Promise((done) => setTimeout(done, 700)); return "running";`,
    harm: /"state":"running".*"late":true/,
    said: /did not end within 200 ms/,
    timeoutMs: 200,
  },
  {
    name: "a ctx whose call is over",
    before: `kept.ctx = ctx;`,
    does: `await kept.ctx.state.set("late", "x"); return { failed: "it was taken" };`,
    harm: /it was taken/,
    said: /over|aborted/,
  },
  {
    name: "promises that nobody looks at",
    does: `for (let i = 0; i < 100; i += 1) Promise.reject(new Error("forgotten")); return "running";`,
    harm: "died",
    said: /running/,
  },
  {
    name: "an error from nowhere",
    does: `setTimeout(() => { throw new Error("from a timer"); }); await new Promise((done) => setTimeout(done, 100)); return "running";`,
    harm: "died",
    said: /running|from a timer/,
  },
];

const MANY_BLANKS = `" ".repeat(100_000) + "x"`;

/** Texts that take somebody long who looks at them with a regular expression. */
const TEXTS: readonly Deed[] = [
  {
    name: "blanks without end in the log",
    does: `ctx.log.info(${MANY_BLANKS}); return "running";`,
    harm: "hung",
    said: /running/,
    timeoutMs: 5_000,
  },
  {
    name: "blanks without end in a reason",
    does: `return { failed: ${MANY_BLANKS} };`,
    harm: "hung",
    said: /^…$/,
    timeoutMs: 5_000,
  },
  {
    name: "blanks without end in a wish",
    does: `await ctx.fs.readText("/denied/" + ${MANY_BLANKS}).catch(() => undefined); return "running";`,
    harm: "hung",
    said: /running/,
    timeoutMs: 5_000,
  },
  {
    name: "a pattern of many stars",
    does: `await ctx.fs.readText("/stars/" + "a".repeat(2_000)).catch(() => undefined); return "running";`,
    harm: "hung",
    said: /running/,
    timeoutMs: 5_000,
  },
];

/** Globals replaced, so that the guest's own program says something else. Each in a process of its own: nothing is right there afterwards. */
const GLOBALS: readonly Deed[] = [
  {
    name: "a toJSON on every object",
    does: `Object.prototype.toJSON = () => "forged"; return "running";`,
    harm: /^"forged"$/m,
    said: /./,
    end: /no message of a guest/,
  },
  {
    name: "JSON.stringify writes another line",
    does: `JSON.stringify = () => '{"jsonrpc":"2.0","id":4711,"result":"forged"}'; return "running";`,
    harm: /^\{"jsonrpc":"2.0","id":4711,"result":"forged"\}/m,
    said: /./,
    end: /answered a call that is not under way \(4711\)/,
  },
  {
    name: "JSON.stringify writes depths without end",
    does: `JSON.stringify = ({ id }) => '{"jsonrpc":"2.0","id":' + id + ',"result":' + "[".repeat(200_000) + "]".repeat(200_000) + "}"; return "running";`,
    harm: /\[{1000}/,
    said: /no state|call stack/,
  },
  {
    name: "TextEncoder writes other bytes",
    does: `TextEncoder.prototype.encode = () => new Uint8Array([104, 105, 10]); return "running";`,
    harm: /^hi$/m,
    said: /./,
    end: /no message of a guest/,
  },
  {
    name: "Array.prototype.join and push are others",
    does: `Array.prototype.push = function () { return 0; }; Array.prototype.join = () => "x"; return "running";`,
    harm: /"lines":0,.*"log":"x"/,
    said: /./,
    timeoutMs: 1_500,
  },
  {
    name: "Map.prototype.get gives others",
    does: `Map.prototype.get = () => ({ abort() {}, resolve() {}, reject() {} }); return "running";`,
    harm: /"other":\{\}/,
    said: /running/,
  },
  {
    name: "Promise.prototype.then is another",
    does: `Promise.prototype.then = function () { return this; }; return "running";`,
    harm: "hung",
    said: /./,
    timeoutMs: 1_500,
  },
  {
    name: "Reflect.apply is another",
    does: `Reflect.apply = () => "promoted"; return "running";`,
    harm: /"bystander":"promoted"/,
    said: /running/,
  },
  {
    name: "the global object is frozen",
    does: `Object.freeze(globalThis); Object.freeze(Object.prototype); return "running";`,
    harm: "died",
    said: /running/,
  },
  {
    name: "an error whose stack is a trap",
    does: `const e = new Error("x"); Object.defineProperty(e, "stack", { get() { for (;;); } }); Error.prepareStackTrace = () => { for (;;); }; throw e;`,
    harm: "hung",
    said: /^x$/,
  },
];

/** Time and memory of the process. */
const RESOURCES: readonly Deed[] = [
  {
    name: "an endless loop",
    does: `for (;;);`,
    harm: "hung",
    said: /did not end/,
    end: /endless loop/,
    timeoutMs: 300,
  },
  {
    name: "endless microtasks",
    does: `for (;;) await null;`,
    harm: "hung",
    said: /did not end/,
    end: /endless loop/,
    timeoutMs: 300,
  },
  {
    name: "a thread that waits for ever",
    does: `Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);`,
    harm: "hung",
    said: /./,
    timeoutMs: 300,
  },
  {
    name: "a thread that sleeps and wakes on shared memory",
    does: `const a = new Int32Array(new SharedArrayBuffer(4)); for (;;) { Atomics.wait(a, 0, 0, 1); Atomics.notify(a, 0); }`,
    harm: "hung",
    said: /./,
    timeoutMs: 300,
  },
  {
    name: "a regular expression without end",
    does: `/^(a+)+$/.test("a".repeat(40) + "b");`,
    harm: "hung",
    said: /./,
    timeoutMs: 300,
  },
  {
    name: "memory by the heap",
    does: `const all = []; for (;;) all.push(new Array(1e5).fill(all.length));`,
    harm: { takes: "new Array(1 << 17).fill(all.length)" },
    said: /process of/,
    end: /memory|heap|SIG/,
  },
  {
    name: "memory by typed arrays",
    does: `const all = []; for (;;) { all.push(new Uint8Array(1 << 24).fill(7)); await null; }`,
    harm: { takes: "new Uint8Array(1 << 20).fill(7)" },
    said: /process of/,
    end: /memory|SIG/,
  },
  {
    name: "memory by a shared buffer",
    does: `const all = []; for (;;) { all.push(new Uint8Array(new SharedArrayBuffer(1 << 24)).fill(7)); await null; }`,
    harm: { takes: "new Uint8Array(new SharedArrayBuffer(1 << 20)).fill(7)" },
    said: /process of/,
    end: /memory|SIG/,
  },
  {
    name: "memory by texts",
    does: `const all = []; for (let i = 0; ; i += 1) { all.push(String(i).repeat(1e6)); await null; }`,
    harm: { takes: "new TextDecoder().decode(new Uint8Array(1 << 20).fill(65 + (all.length % 26)))" },
    said: /process of/,
    end: /memory|heap|SIG/,
  },
  {
    name: "memory out of a rest",
    does: `const all = []; const more = () => { all.push(new Uint8Array(1 << 24).fill(7)); setTimeout(more); }; setTimeout(more, 1_500); return "running";`,
    harm: { takes: "new Uint8Array(1 << 20).fill(7)" },
    said: /running/,
    end: /memory|SIG/,
  },
  {
    name: "timers without end",
    does: `const busy = () => { const end = performance.now() + 0.01; while (performance.now() < end); };
      for (let i = 0; i < 50_000; i += 1) setInterval(busy, 1); return "running";`,
    harm: /"slow":true|^hung/,
    said: /./,
    timeoutMs: 5_000,
  },
  {
    name: "log lines without end",
    does: `for (let i = 0; i < 20_000; i += 1) ctx.log.info("line " + i); return "running";`,
    harm: /"lines":20000/,
    said: /running|process of/,
    timeoutMs: 15_000,
  },
  {
    name: "questions without end",
    does: `await Promise.allSettled(Array.from({ length: 5_000 }, (_, i) => ctx.state.get("k" + i))); return "running";`,
    harm: /"asked":5000/,
    said: /running/,
    timeoutMs: 15_000,
  },
  {
    name: "denials without end",
    does: `await Promise.allSettled(Array.from({ length: 500 }, (_, i) => ctx.fs.readText("/denied/" + i))); return "running";`,
    harm: /"denied":500/,
    said: /running/,
    timeoutMs: 15_000,
  },
  {
    name: "an answer that is too long",
    does: `return { failed: "x".repeat(2 << 20) };`,
    harm: /x{4000}/,
    said: /at most 1048576 bytes|process of/,
  },
];

export const DEEDS = { answers: ANSWERS, texts: TEXTS, globals: GLOBALS, resources: RESOURCES };

/** The plugin's source. */
export function hostileSource(name: string): string {
  const all = Object.values(DEEDS).flat();
  const rows = all.flatMap(({ name: deed, does, before = "" }) => [
    `${JSON.stringify(deed)}: async (ctx, kept) => {\n${does}\n}`,
    `${JSON.stringify(`before ${deed}`)}: async (ctx, kept) => {\n${before}\nreturn "running";\n}`,
  ]);
  return `const kept = {};
const deeds = {
${rows.join(",\n")} };
export default { kind: "resource-agent", api: 1, spec: {
  name: ${JSON.stringify(name)}, summary: "Does what no plugin should", memoryLimitMiB: 160,
  parameters: { type: "object", properties: { does: { type: "string" } } },
  permissions: { read: ["/granted/**", "/stars/*a*a*a*a*b"] },
  monitor: (ctx) => deeds[ctx.params.does](ctx, kept),
  async start() {}, async stop() {},
} };
`;
}
