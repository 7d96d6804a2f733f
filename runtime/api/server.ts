// The control socket of a node: takes clients, checks every line, hands requests to their handlers, sends pushes. A client
// can be wrong, slow or hostile in any way and costs itself its connection, never the node anything but bounded memory.

import { chmodSync, lstatSync, mkdirSync, renameSync, rmSync, type Stats } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import { dirname } from "node:path";
import { Compile, type Validator } from "typebox/schema";
import { type ErrorCode, errorText, SystoleError, systemCode } from "../host/errors.ts";
import type { EventListener, EventLog } from "../host/event-log.ts";
import { didYouMean } from "../model/nearest.ts";
import { LineReader } from "./lines.ts";
import {
  API,
  API_LIMITS,
  API_VERSION,
  type ApiMethod,
  type ApiParams,
  type ApiResult,
  type Hello,
  type Push,
  REFUSAL_ID,
  requestLineSchema,
} from "./schema.ts";

/** Answers requests. Expected failures are thrown as SystoleError; `subscribe` is answered by the server itself. */
export type ApiHandlers = {
  readonly [Method in Exclude<ApiMethod, "subscribe">]: (
    params: ApiParams<Method>,
  ) => ApiResult<Method> | Promise<ApiResult<Method>>;
};

/** What the server needs. */
export interface ApiServerOptions {
  readonly path: string;
  readonly hello: Omit<Hello, "push" | "api">;
  readonly handlers: ApiHandlers;
  readonly events: EventLog;
  /** A handler threw what is no expected failure. */
  readonly onBug: (error: unknown) => void;
}

/** An open control socket. */
export interface ApiServer {
  /** Ends all connections and removes the socket. May be called twice. */
  close(): Promise<void>;
}

/** How long a socket that is already there may take to show that somebody listens. */
const PROBE_TIMEOUT_MS = 1_000;

const ONLY_OWNER = 0o600;
const UMASK_ONLY_OWNER = 0o177;

/**
 * Opens the control socket.
 * @throws SystoleError `already-running` (another process listens there), `socket-path`, `directory-permission`, `disk-full`.
 */
export async function openApiServer(options: ApiServerOptions): Promise<ApiServer> {
  const clients = new Set<Client>();
  const server = createServer((socket) => {
    const client = new Client(socket, options, () => clients.delete(client));
    if (clients.size < API_LIMITS.clients) {
      clients.add(client);
      client.greet();
    } else
      client.refuse(
        "too-many-clients",
        `${API_LIMITS.clients} clients are connected already. Close one and try again.`,
      );
  });
  await removeLeftover(options.path);
  await listen(server, options.path);
  return {
    async close() {
      rmSync(options.path, { force: true });
      for (const client of [...clients]) client.end();
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
    },
  };
}

/** Until it takes connections the socket has this at the end of its name: who finds it under its own name can connect. */
const NEW_SUFFIX = ".new";

/** The mask is set around `listen`, which binds before it returns, so that there is no moment at which others could connect. */
function listen(server: Server, path: string): Promise<void> {
  const fresh = path + NEW_SUFFIX;
  return new Promise((resolve, reject) => {
    const fail = (error: unknown): void => reject(cannotListen(path, error));
    server.once("error", fail);
    server.once("listening", () => {
      try {
        chmodSync(fresh, ONLY_OWNER);
        renameSync(fresh, path);
        resolve();
      } catch (error) {
        server.close();
        fail(error);
      }
    });
    let before: number | undefined;
    try {
      mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
      rmSync(fresh, { force: true });
      before = process.umask(UMASK_ONLY_OWNER);
      server.listen({ path: fresh });
    } catch (error) {
      fail(error);
    } finally {
      if (before !== undefined) process.umask(before);
    }
  });
}

function cannotListen(path: string, error: unknown): SystoleError {
  const causes: Readonly<Record<string, ErrorCode>> = {
    EACCES: "directory-permission",
    EPERM: "directory-permission",
    ENOSPC: "disk-full",
    EROFS: "disk-read-only",
    EADDRINUSE: "already-running",
  };
  const text = `The control socket ${path} cannot be opened, so the node does not start (${errorText(error)}). Set "socket" to a path that this user may make.`;
  return new SystoleError(causes[systemCode(error)] ?? "socket-path", text);
}

/** A socket that nobody listens on was left by a node that died. */
async function removeLeftover(path: string): Promise<void> {
  let stat: Stats | undefined;
  try {
    stat = lstatSync(path, { throwIfNoEntry: false });
  } catch (error) {
    throw cannotListen(path, error);
  }
  if (stat === undefined) return;
  if (!stat.isSocket()) {
    throw new SystoleError(
      "socket-path",
      `There is something at ${path} that is no socket, so the node does not start. Remove it, or set "socket" to another path.`,
    );
  }
  if (await somebodyListens(path)) {
    throw new SystoleError(
      "already-running",
      `Another process listens on the control socket ${path}, so the node does not start. Stop it, or set "socket" to another path.`,
    );
  }
  rmSync(path, { force: true });
}

function somebodyListens(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const finish = (answer: boolean): void => {
      clearTimeout(timer);
      probe.destroy();
      resolve(answer);
    };
    const probe = connect({ path });
    // One that takes no connection in this time is stopped or hangs, and is there nevertheless.
    const timer = setTimeout(() => finish(true), PROBE_TIMEOUT_MS);
    probe.once("connect", () => finish(true));
    probe.once("error", (error) => finish(systemCode(error) !== "ECONNREFUSED"));
  });
}

const validators = new Map<string, Validator>();

/** Compiled when a method is first asked for: most of them never are. */
function validatorOf(method: ApiMethod): Validator {
  const known = validators.get(method);
  if (known !== undefined) return known;
  const made = Compile(API[method].params);
  validators.set(method, made);
  return made;
}

/** One connection. */
class Client implements EventListener {
  readonly #socket: Socket;
  readonly #options: ApiServerOptions;
  readonly #reader = new LineReader(API_LIMITS.requestBytes);
  readonly #onEnd: () => void;
  #inFlight = 0;
  #dropped = 0;
  #ended = false;
  #changedTimer: NodeJS.Timeout | undefined;
  #stopListening: () => void = () => {};

  constructor(socket: Socket, options: ApiServerOptions, onEnd: () => void) {
    this.#socket = socket;
    this.#options = options;
    this.#onEnd = onEnd;
    socket.on("data", (bytes) => this.#receive(bytes));
    socket.on("error", () => this.end());
    socket.on("close", () => this.end());
    socket.on("drain", () => this.#drained());
  }

  greet(): void {
    this.#send({ push: "hello", api: API_VERSION, ...this.#options.hello });
  }

  refuse(code: ErrorCode, message: string): void {
    if (this.#ended) return;
    this.#socket.end(`${JSON.stringify({ id: REFUSAL_ID, error: { code, message } })}\n`);
    this.#socket.removeAllListeners("data");
    this.#socket.resume();
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#stopListening();
    clearTimeout(this.#changedTimer);
    this.#socket.destroy();
    this.#onEnd();
  }

  event(event: Extract<Push, { push: "event" }>["event"]): void {
    this.#push({ push: "event", event });
  }

  changed(): void {
    this.#changedTimer ??= setTimeout(() => {
      this.#changedTimer = undefined;
      this.#push({ push: "changed" });
    }, API_LIMITS.changedIntervalMs);
  }

  #receive(bytes: Buffer): void {
    const lines = this.#reader.push(bytes);
    if (lines === undefined) {
      this.refuse(
        "request-too-large",
        `A request may have ${API_LIMITS.requestBytes} bytes; this one has more, so nothing was done.`,
      );
      return;
    }
    for (const line of lines) this.#request(line);
  }

  #request(line: string): void {
    let said: unknown;
    try {
      said = JSON.parse(line);
    } catch {
      this.refuse(
        "request-invalid",
        "A line was no JSON, so the connection is closed. This is the control socket of a Systole node.",
      );
      return;
    }
    if (!isRequest(said)) {
      this.refuse(
        "request-invalid",
        `A line was no request ({"id": …, "method": …, "params": …}), so the connection is closed.`,
      );
      return;
    }
    if (this.#inFlight >= API_LIMITS.requestsInFlight) {
      this.#fail(
        said.id,
        new SystoleError(
          "too-many-requests",
          `${API_LIMITS.requestsInFlight} requests of this client wait already. Wait for an answer first.`,
        ),
      );
      return;
    }
    this.#inFlight += 1;
    this.#answer(said.id, said.method, said.params ?? {}).finally(() => {
      this.#inFlight -= 1;
    });
  }

  async #answer(id: number, method: string, params: unknown): Promise<void> {
    try {
      this.#send({ id, result: await this.#call(method, params) });
    } catch (error) {
      if (error instanceof SystoleError) this.#fail(id, error);
      else this.#options.onBug(error);
    }
  }

  #call(method: string, params: unknown): unknown {
    if (!isMethod(method)) {
      throw new SystoleError(
        "request-unknown",
        `There is no request "${method}".${didYouMean(method, Object.keys(API))}`,
      );
    }
    if (method === "subscribe") return this.#subscribe(checked(method, params));
    return this.#handle(method, params);
  }

  #handle<Method extends Exclude<ApiMethod, "subscribe">>(method: Method, params: unknown): unknown {
    return this.#options.handlers[method](checked(method, params));
  }

  #subscribe({ recent }: ApiParams<"subscribe">): ApiResult<"subscribe"> {
    this.#stopListening();
    this.#stopListening = this.#options.events.listen(this);
    return { events: [...this.#options.events.recent(recent)] };
  }

  #fail(id: number, { code, message }: SystoleError): void {
    this.#send({ id, error: { code, message } });
  }

  #push(push: Push): void {
    if (this.#socket.writableLength > API_LIMITS.pushBacklogBytes) this.#dropped += 1;
    else this.#send(push);
  }

  #drained(): void {
    if (this.#dropped === 0) return;
    const count = this.#dropped;
    this.#dropped = 0;
    this.#push({ push: "dropped", count });
  }

  #send(line: unknown): void {
    if (this.#ended || this.#socket.writableEnded) return;
    this.#socket.write(`${JSON.stringify(line)}\n`);
    if (this.#socket.writableLength > API_LIMITS.replyBacklogBytes) this.end();
  }
}

const requestLine = Compile(requestLineSchema);

interface RequestLine {
  readonly id: number;
  readonly method: string;
  readonly params?: unknown;
}

function isRequest(value: unknown): value is RequestLine {
  return requestLine.Check(value);
}

function isMethod(method: string): method is ApiMethod {
  return Object.hasOwn(API, method);
}

function checked<Method extends ApiMethod>(method: Method, params: unknown): ApiParams<Method> {
  const validator = validatorOf(method);
  if (isParams<Method>(validator, params)) return params;
  const [, errors] = validator.Errors(params);
  const [first] = errors;
  const where = first === undefined || first.instancePath === "" ? "its parameters" : first.instancePath;
  throw new SystoleError(
    "request-invalid",
    `The request "${method}" is not valid: ${where} ${first?.message ?? "is wrong"}. Nothing was done.`,
  );
}

function isParams<Method extends ApiMethod>(validator: Validator, value: unknown): value is ApiParams<Method> {
  return validator.Check(value);
}
