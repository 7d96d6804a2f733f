// A host that runs plugins within itself and believes them: no process of their own, no deadline, no look at what an answer
// is, no bound on anything. What a hostile plugin does has to do its harm here, or it would be no probe.

import { spawn } from "node:child_process";

/** What became of the naive host: what it said in the end, if it came so far. */
export interface NaiveEnd {
  readonly how: "said" | "died" | "hung";
  readonly said: string;
}

/** Somebody who waits for the naive host has given up so long after it has begun. */
const HANGS_MS = 1_500;
/** A turn that takes so long makes heartbeats late. */
const SLOW_TURN_MS = 60;
/** What it says first, when its runtime has started. */
const BEGUN = 0x0a;

/** Source of the host, for Deno with every grant. `before`: what an earlier call of the plugin does. */
function naiveSource(does: string, before: string, timeoutMs: number): string {
  return `Deno.stdout.writeSync(new Uint8Array([${BEGUN}]));
const kept = {};
setInterval(() => undefined, 1_000);
const exitCodes = { generic: 1, arguments: 2 };
const count = { asked: 0, denied: 0 };
const lines = [];
const strip = (text) => typeof text === "string" ? text.replace(/\\s+$/, "") : text;
const tell = (text) => { lines.push(strip(text)); };
const granted = /^\\/stars\\/.*a.*a.*a.*a.*b$/;
console.error = tell;
const merge = (into, from) => {
  for (const key of Object.keys(from)) {
    if (typeof from[key] === "object" && typeof into[key] === "object") merge(into[key], from[key]);
    else into[key] = from[key];
  }
  return into;
};
const newCtx = () => ({
  log: { debug: tell, info: tell, warn: tell, error: tell },
  state: { async get() { count.asked += 1; }, async set() { count.asked += 1; } },
  fs: { async readText(path) { count.denied += 1; tell("denied: " + path + granted.test(path)); throw new Error("denied"); } },
});
const bystander = { monitor: () => "running" };
const calls = new Map([[1, "the monitor of r"]]);
const outcomeOf = (answer) => {
  if (typeof answer !== "object" || answer === null) return { state: answer, shown: "" + answer };
  if (answer.outcome !== undefined) return answer;
  if (answer.failed !== undefined) return { state: "failed", checked: answer.failed, reason: strip(answer.failed) };
  return { answer, copy: merge({}, answer), shown: "" + answer };
};
const plugin = { monitor: async (ctx, kept) => {
${does}
} };
await (async (ctx, kept) => {
${before}
})(newCtx(), kept);
const startedMs = performance.now();
let answer, error;
try { answer = await plugin.monitor(newCtx(), kept); } catch (thrown) { error = [thrown]; }
const late = performance.now() - startedMs > ${timeoutMs};
const outcome = error === undefined ? outcomeOf(answer) : { reason: error[0].message.slice(0, 9e9), code: exitCodes[error[0].code] };
if (error !== undefined) tell(error[0].stack);
const turnMs = performance.now();
await new Promise((done) => setTimeout(done, 10));
const slow = performance.now() - turnMs > ${SLOW_TURN_MS};
await new Promise((done) => { Promise.resolve().then(done); });
const names = {};
names.toString = () => "names";
const said = {
  outcome, late, slow, ...count, lines: lines.length, other: calls.get(7) ?? "nobody", polluted: {}.polluted ?? "no",
  bystander: Reflect.apply(bystander.monitor, bystander, []), log: lines.slice(0, 9).join("\\n"),
};
let bytes = new TextEncoder().encode(JSON.stringify(said) + "\\n");
while (bytes.length > 0) bytes = bytes.subarray(Deno.stdout.writeSync(bytes));
Deno.exit(0);
`;
}

/** What comes of the naive host when its plugin does this; it is ended when nothing comes of it. */
export function askNaively(deno: string, does: string, before = "", timeoutMs = 20_000): Promise<NaiveEnd> {
  const child = spawn(deno, ["run", "-A", "--quiet", "--no-config", "--unstable-unsafe-proto", "-"], {
    stdio: ["pipe", "pipe", "ignore"],
  });
  const pieces: Buffer[] = [];
  child.stdin.end(naiveSource(does, before, timeoutMs));
  return new Promise((resolve) => {
    let timer: NodeJS.Timeout | undefined;
    child.stdout.on("data", (chunk: Buffer) => {
      timer ??= setTimeout(() => child.kill("SIGKILL"), HANGS_MS);
      pieces.push(chunk);
    });
    child.once("close", (code, signal) => {
      clearTimeout(timer);
      const said = Buffer.concat(pieces).toString("utf8");
      resolve({ how: signal === "SIGKILL" ? "hung" : code === 0 ? "said" : "died", said });
    });
  });
}
