// The program that a plugin runs in: a process of its own, in Deno without any grant or, where there is none, in Node. It
// takes one plugin over standard input, runs its functions when the host asks, and hands every wish of theirs to the host.
//
// The module is loaded by a dynamic import of a `blob:` or `data:` address: Deno reads what is imported statically by the
// main program without asking for a grant, but checks all that hangs on a dynamic import.

import { AgentError, isAgentError } from "../../../../../sdk/errors.ts";
import type { Permissions } from "../../../../../sdk/permissions.ts";
import {
  APPLICATION_ERROR,
  type CallRequest,
  LINE_LIMIT_BYTES,
  type LoadRequest,
  MAGIC,
  PROTOCOL_VERSION,
  type WireError,
} from "../wire.ts";
import { guestContext, type HostLink, type Receive } from "./context.ts";
import { openPipe } from "./pipe.ts";
import { sealGlobals } from "./seal.ts";
import { summarize } from "./summary.ts";

interface Waiting {
  readonly call: number;
  resolve(value: unknown): void;
  reject(error: unknown): void;
}

/** Of Deno's global object; Node has another way. */
declare function addEventListener(
  type: "unhandledrejection",
  listener: (event: { readonly reason: unknown; preventDefault(): void }) => void,
): void;

const pipe = openPipe();
const importModule = (address: string): Promise<unknown> => import(address);
const createAddress = moduleAddress();

/** Questions to the host that have no answer yet. */
const waiting = new Map<number, Waiting>();
let lastQuestion = 0;
/** Calls under way, by the host's number. */
const calls = new Map<number, AbortController>();
const sockets = new Map<number, Receive>();

let plugin: { readonly spec: unknown; readonly permissions: Permissions } | undefined;

/** How a module becomes importable: as a blob in Deno (its stack traces stay short), as data in Node. */
function moduleAddress(): (source: string) => string {
  const isDeno = "Deno" in globalThis;
  const { createObjectURL } = URL;
  return (source) =>
    isDeno
      ? createObjectURL(new Blob([source], { type: "text/javascript" }))
      : `data:text/javascript;base64,${Buffer.from(source).toString("base64")}`;
}

function send(message: Readonly<Record<string, unknown>>, when: "now" | "soon" = "now"): void {
  const line = JSON.stringify({ jsonrpc: "2.0", ...message });
  if (line.length * 3 > LINE_LIMIT_BYTES && new TextEncoder().encode(line).length >= LINE_LIMIT_BYTES) {
    throw new AgentError("generic", `A message to the host may have at most ${LINE_LIMIT_BYTES} bytes.`);
  }
  if (when === "now") pipe.write(line);
  else pipe.writeSoon(line);
}

const link: HostLink = {
  ask(call, method, args) {
    lastQuestion += 1;
    const id = lastQuestion;
    return new Promise((resolve, reject) => {
      send({ id, method, params: { call, arguments: args } }, "soon");
      waiting.set(id, { call, resolve, reject });
    });
  },
  tell: (method, params) => send({ method, params }),
  listen: (socket, receive) => void sockets.set(socket, receive),
  forget: (socket) => void sockets.delete(socket),
};

const MAX_ERROR_CHARACTERS = 4_096;

function errorText(error: unknown): string {
  if (error instanceof Error) return String(error.message === "" ? error.name : error.message);
  return String(error);
}

/** What a plugin throws is the plugin's: to read it may throw again, and yet the call is to have an answer. */
function wireError(error: unknown, code?: string): WireError {
  let message = "What the plugin threw cannot be read.";
  let known = code;
  try {
    message = errorText(error).slice(0, MAX_ERROR_CHARACTERS);
    known ??= isAgentError(error) ? error.code : undefined;
  } catch {
    // The sentence above says so.
  }
  const base = { code: APPLICATION_ERROR, message };
  return known === undefined ? base : { ...base, data: { code: known } };
}

function isSyntaxError(error: unknown): boolean {
  try {
    return error instanceof SyntaxError;
  } catch {
    return false;
  }
}

async function sha512(text: string): Promise<string> {
  const bytes = await crypto.subtle.digest("SHA-512", new TextEncoder().encode(text));
  return Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function permissionsOf(spec: unknown): Permissions {
  return isRecord(spec) && isRecord(spec["permissions"]) ? spec["permissions"] : {};
}

async function load(id: number, request: LoadRequest): Promise<void> {
  try {
    const digest = await sha512(request.source);
    // Deno makes these when they are first imported, from globals that are about to go.
    if (request.source.includes("node:crypto")) await import("node:crypto");
    if (request.source.includes("node:buffer")) await import("node:buffer");
    sealGlobals((level, text) => link.tell("log", { level, text: text.slice(0, 16_384) }));
    const module = await importModule(createAddress(request.source));
    const exported = isRecord(module) ? module["default"] : undefined;
    const summary = summarize(exported, request.kinds, request.apis);
    const spec = isRecord(exported) && summary.spec !== undefined ? exported["spec"] : undefined;
    plugin = { spec, permissions: permissionsOf(summary.spec) };
    send({ id, result: { digest, summary } });
  } catch (error) {
    send({ id, error: wireError(error, isSyntaxError(error) ? "plugin-syntax" : "plugin-import") });
  }
}

/** The function at a path of the specification, bound to what it is a member of. */
function functionAt(spec: unknown, path: string): (...args: unknown[]) => unknown {
  let owner: unknown;
  let found = spec;
  for (const name of path.split(".")) {
    owner = found;
    found = isRecord(owner) && Object.hasOwn(owner, name) ? owner[name] : undefined;
  }
  if (typeof found !== "function") throw new AgentError("unimplemented", `The plugin has no ${path}.`);
  const perform = found;
  return (...args) => Reflect.apply(perform, owner, args);
}

async function performCall(id: number, request: CallRequest): Promise<void> {
  const controller = new AbortController();
  calls.set(id, controller);
  try {
    const context = guestContext(id, request, plugin?.permissions ?? {}, link, controller.signal);
    const args: unknown[] = [...request.arguments];
    args.splice(request.contextAt, 0, context);
    const result = await functionAt(plugin?.spec, request.member)(...args);
    send({ id, result: result ?? null }, "soon");
  } catch (error) {
    send({ id, error: wireError(error) });
  } finally {
    calls.delete(id);
  }
}

/** Ends the questions of a call that is no longer wanted: nobody waits for the host any more. */
function cancel(call: number, reason: string): void {
  const error = new Error(reason);
  calls.get(call)?.abort(error);
  for (const [id, question] of waiting) {
    if (question.call !== call) continue;
    waiting.delete(id);
    question.reject(error);
  }
}

function answered(id: number, message: Record<string, unknown>): void {
  const question = waiting.get(id);
  if (question === undefined) return;
  waiting.delete(id);
  const { error } = message;
  if (!isRecord(error)) {
    question.resolve(message["result"]);
    return;
  }
  const code = isRecord(error["data"]) ? error["data"]["code"] : undefined;
  const failure = new AgentError("generic", String(error["message"]));
  question.reject(typeof code === "string" ? Object.assign(failure, { code }) : failure);
}

/** What the host tells without waiting for an answer. */
function told(method: unknown, params: Record<string, unknown>): void {
  if (method === "cancel") {
    cancel(Number(params["call"]), String(params["reason"]));
    return;
  }
  if (method === "ping") {
    send({ method: "pong", params: { serial: params["serial"] } });
    return;
  }
  if (method === "received") {
    const bytes = new Uint8Array(Buffer.from(String(params["bytes"]), "base64"));
    sockets.get(Number(params["socket"]))?.(bytes, String(params["address"]), Number(params["port"]));
  }
}

/** The host is believed: it is what holds this process. */
function onLine(line: string): void {
  const message: Record<string, unknown> = JSON.parse(line);
  const { id, method } = message;
  if (method === undefined) {
    answered(Number(id), message);
    return;
  }
  if (typeof id !== "number") {
    told(method, isRecord(message["params"]) ? message["params"] : {});
    return;
  }
  if (method === "load") void load(id, loadRequest(message["params"]));
  else void performCall(id, callRequest(message["params"]));
}

function loadRequest(params: unknown): LoadRequest {
  const given = isRecord(params) ? params : {};
  return {
    name: String(given["name"]),
    source: String(given["source"]),
    kinds: Array.isArray(given["kinds"]) ? given["kinds"].map(String) : [],
    apis: Array.isArray(given["apis"]) ? given["apis"].map(Number) : [],
  };
}

function callRequest(params: unknown): CallRequest {
  const given = isRecord(params) ? params : {};
  return {
    member: String(given["member"]),
    arguments: Array.isArray(given["arguments"]) ? given["arguments"] : [],
    contextAt: Number(given["contextAt"]),
    params: isRecord(given["params"]) ? given["params"] : {},
    node: String(given["node"]),
    resource: String(given["resource"]),
  };
}

/** A promise that a plugin forgot is a line in its log, not its end. */
function catchForgotten(): void {
  const say = (error: unknown): void =>
    link.tell("log", { level: "warn", text: `A promise was rejected and nobody looked: ${errorText(error)}` });
  if ("Deno" in globalThis) {
    addEventListener("unhandledrejection", (event) => {
      event.preventDefault();
      say(event.reason);
    });
  } else process.on("unhandledRejection", say);
}

catchForgotten();
send({ method: "ready", params: { magic: MAGIC, protocol: PROTOCOL_VERSION, runtime: pipe.runtime } });
await pipe.read(onLine);
pipe.exit();
