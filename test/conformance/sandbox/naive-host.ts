// A host that believes what it reads: what the real one would be without its checks. Attempts on the pipe have to succeed here.

import { spawn } from "node:child_process";
import { impostorSource } from "./impostors.ts";

type Plain = Record<string, unknown>;

function isPlain(value: unknown): value is Plain {
  return typeof value === "object" && value !== null;
}

/** Puts one object into another, as many do. */
function merge(into: Plain, from: Plain): void {
  for (const key of Object.keys(from)) {
    const value = from[key];
    const known = into[key];
    if (isPlain(value) && (isPlain(known) || typeof known === "function")) merge(Object(known), value);
    else into[key] = value;
  }
}

/** A conversation with a process that nobody checks. */
export class NaiveHost {
  readonly answers = new Map<number, unknown>();
  readonly performed: string[] = [];
  readonly log: string[] = [];
  greeted = 0;
  passedOver = 0;
  longestBytes = 0;
  polluted = false;
  private readonly methods: Plain = { run: () => "", "state.get": () => "" };

  take(line: string, tell: (message: Plain) => void): void {
    this.longestBytes = Math.max(this.longestBytes, line.length);
    let message: unknown;
    try {
      message = JSON.parse(line);
    } catch {
      this.passedOver += 1;
      return;
    }
    for (const one of Array.isArray(message) ? message : [message]) if (isPlain(one)) this.understand(one, tell);
  }

  private understand(message: Plain, tell: (message: Plain) => void): void {
    merge({}, message);
    this.polluted ||= Reflect.get({}, "polluted") !== undefined;
    Reflect.deleteProperty(Object.prototype, "polluted");
    const { id, method, params, result } = message;
    if (method === "ready") {
      this.greeted += 1;
      if (this.greeted === 1) tell({ id: 1, method: "load" });
    } else if (method === "log" && isPlain(params)) this.log.push(String(params["text"]));
    else if (typeof method === "string" && typeof this.methods[method] === "function") this.performed.push(method);
    else if (result !== undefined) {
      this.answers.set(Number(id), result);
      if (id === 1) tell({ id: 2, method: "call" });
    }
  }
}

/** Lets an impostor deceive a naive host; resolves when it says that it is done. */
export function deceive(deno: string, attack: string): Promise<NaiveHost> {
  const host = new NaiveHost();
  const source = `data:text/javascript;base64,${Buffer.from(impostorSource(attack)).toString("base64")}`;
  const child = spawn(deno, ["run", "-A", "--quiet", "--no-config", source], { stdio: ["pipe", "pipe", "inherit"] });
  let text = "";
  child.stdout.on("data", (chunk: Buffer) => {
    const lines = (text + chunk.toString("utf8")).split("\n");
    text = lines.pop() ?? "";
    for (const line of lines) host.take(line, (message) => child.stdin.write(`${JSON.stringify(message)}\n`));
    if (host.log.includes("the attack is over")) child.kill("SIGKILL");
  });
  return new Promise((resolve) => child.once("close", () => resolve(host)));
}
