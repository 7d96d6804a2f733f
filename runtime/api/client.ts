// The other end of the control API, for the CLI, the live view and tests.

import { connect, type Socket } from "node:net";
import { Compile } from "typebox/schema";
import { type ErrorCode, errorText, isErrorCode, SystoleError, systemCode } from "../host/errors.ts";
import { LineReader } from "./lines.ts";
import {
  API,
  API_LIMITS,
  API_VERSION,
  type ApiMethod,
  type ApiParams,
  type ApiResult,
  type Hello,
  helloSchema,
  type Push,
  pushSchema,
  REFUSAL_ID,
  replyLineSchema,
} from "./schema.ts";

/** A node that hangs says nothing; a node that is merely busy answers within this. */
const DEFAULT_HELLO_TIMEOUT_MS = 5_000;

/** A connection to one node. */
export interface ApiClient {
  /** Who is at the other end. */
  readonly hello: Hello;
  /**
   * Asks, and waits for the answer.
   * @throws SystoleError with the server's code and sentence, `no-answer` after `timeoutMs`, `connection-lost`.
   */
  call<Method extends ApiMethod>(
    method: Method,
    params: ApiParams<Method>,
    options?: { readonly timeoutMs?: number; readonly signal?: AbortSignal },
  ): Promise<ApiResult<Method>>;
  /** From now on `onPush` is called with each event and change; resolves to the last `recent` events. */
  subscribe(recent: number, onPush: (push: Push) => void): Promise<ApiResult<"subscribe">["events"]>;
  /** Resolves when the connection has ended, with the cause in words. */
  readonly closed: Promise<string>;
  /** Ends the connection. May be called twice. */
  close(): void;
}

/**
 * Connects to the node whose control socket is at `path`.
 * @throws SystoleError `not-running` (no socket, or one that a dead node left), `socket-permission`, `no-answer`, `api-version`.
 */
export async function connectApi(path: string, options: { readonly timeoutMs?: number } = {}): Promise<ApiClient> {
  const timeoutMs = options.timeoutMs ?? DEFAULT_HELLO_TIMEOUT_MS;
  const socket = await openSocket(path, timeoutMs);
  const connection = new Connection(socket, path);
  connection.hello = await connection.waitForHello(timeoutMs);
  return connection;
}

function openSocket(path: string, timeoutMs: number): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ path });
    const timer = setTimeout(() => {
      socket.destroy();
      reject(noAnswer(path, timeoutMs));
    }, timeoutMs);
    socket.once("connect", () => {
      clearTimeout(timer);
      resolve(socket);
    });
    socket.once("error", (error) => {
      clearTimeout(timer);
      reject(connectError(path, error));
    });
  });
}

function connectError(path: string, error: Error): SystoleError {
  switch (systemCode(error)) {
    case "ENOENT":
      return new SystoleError(
        "not-running",
        `No node is running here: there is no control socket at ${path}. Start one with "systole node CONFIG", or name its socket with --socket.`,
      );
    case "ECONNREFUSED":
      return new SystoleError(
        "not-running",
        `No node is running here: the control socket ${path} is a leftover of one that died. Start it with "systole node CONFIG".`,
      );
    case "EACCES":
    case "EPERM":
      return new SystoleError(
        "socket-permission",
        `The control socket ${path} may only be opened by the user whose node made it. Run this command as that user.`,
      );
    case "ENOTSOCK":
      return new SystoleError("not-running", `${path} is no socket. Name the node's control socket with --socket.`);
    default:
      return new SystoleError("not-running", `The control socket ${path} cannot be opened: ${errorText(error)}.`);
  }
}

function noAnswer(path: string, timeoutMs: number): SystoleError {
  return new SystoleError(
    "no-answer",
    `The node at ${path} did not answer within ${timeoutMs} ms: it hangs or is stopped. Its peers will fence it if it stays so.`,
  );
}

interface Waiting {
  readonly method: ApiMethod;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: SystoleError) => void;
}

const checkHello = lazy(() => Compile(helloSchema));
const checkReply = lazy(() => Compile(replyLineSchema));
const checkPush = lazy(() => Compile(pushSchema));

function lazy<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => {
    made ??= make();
    return made;
  };
}

const resultValidators = new Map<ApiMethod, { Check(value: unknown): boolean }>();

function resultValidator(method: ApiMethod): { Check(value: unknown): boolean } {
  const known = resultValidators.get(method);
  if (known !== undefined) return known;
  const made = Compile(API[method].result);
  resultValidators.set(method, made);
  return made;
}

class Connection implements ApiClient {
  hello: Hello = { push: "hello", api: 0, version: "", cluster: "", node: "", pid: 0, startedEpochMs: 0 };
  readonly closed: Promise<string>;
  readonly #socket: Socket;
  readonly #path: string;
  readonly #reader = new LineReader(API_LIMITS.replyBytes);
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 1;
  #onHello: ((hello: Hello) => void) | undefined;
  #onPush: ((push: Push) => void) | undefined;
  #end: SystoleError | undefined;
  #finish: (cause: string) => void = () => {};

  constructor(socket: Socket, path: string) {
    this.#socket = socket;
    this.#path = path;
    this.closed = new Promise((resolve) => {
      this.#finish = resolve;
    });
    socket.on("data", (bytes) => this.#receive(bytes));
    // Whatever the system calls it, the other end is gone.
    socket.on("error", () => this.#lost());
    socket.on("close", () => this.#lost());
  }

  waitForHello(timeoutMs: number): Promise<Hello> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.close();
        reject(noAnswer(this.#path, timeoutMs));
      }, timeoutMs);
      this.#onHello = (hello) => {
        clearTimeout(timer);
        if (hello.api === API_VERSION) resolve(hello);
        else {
          this.close();
          const remedy = `Use the "systole" of that release.`;
          reject(
            new SystoleError(
              "api-version",
              `The node runs Systole ${hello.version}, whose control API has version ${hello.api}; this is version ${API_VERSION}. ${remedy}`,
            ),
          );
        }
      };
      void this.closed.then((cause) => {
        clearTimeout(timer);
        reject(this.#end ?? new SystoleError("connection-lost", cause));
      });
    });
  }

  call<Method extends ApiMethod>(
    method: Method,
    params: ApiParams<Method>,
    options: { readonly timeoutMs?: number; readonly signal?: AbortSignal } = {},
  ): Promise<ApiResult<Method>> {
    if (this.#end !== undefined) return Promise.reject(this.#end);
    const id = this.#nextId++;
    return new Promise<ApiResult<Method>>((resolve, reject) => {
      const timeoutMs = options.timeoutMs;
      const give = (error: SystoleError) => {
        done();
        reject(error);
      };
      const onAbort = () => give(new SystoleError("no-answer", `The request "${method}" was given up.`));
      const timer =
        timeoutMs === undefined ? undefined : setTimeout(() => give(noAnswer(this.#path, timeoutMs)), timeoutMs);
      const done = () => {
        clearTimeout(timer);
        options.signal?.removeEventListener("abort", onAbort);
        this.#waiting.delete(id);
      };
      const validator = resultValidator(method);
      this.#waiting.set(id, {
        method,
        reject: give,
        resolve: (result) => {
          done();
          if (isResult(validator, result)) resolve(result);
          else {
            const text = `The node's answer to "${method}" is not what this release of Systole understands. Use the "systole" of the node's release (${this.hello.version}).`;
            reject(new SystoleError("reply-invalid", text));
          }
        },
      });
      if (options.signal?.aborted) return onAbort();
      options.signal?.addEventListener("abort", onAbort);
      this.#socket.write(`${JSON.stringify({ id, method, params })}\n`);
    });

    function isResult(validator: { Check(value: unknown): boolean }, value: unknown): value is ApiResult<Method> {
      return validator.Check(value);
    }
  }

  async subscribe(recent: number, onPush: (push: Push) => void): Promise<ApiResult<"subscribe">["events"]> {
    this.#onPush = onPush;
    return (await this.call("subscribe", { recent })).events;
  }

  close(): void {
    this.#ended("The connection was closed here.");
    this.#socket.destroy();
  }

  #receive(bytes: Buffer): void {
    const lines = this.#reader.push(bytes);
    if (lines === undefined) {
      this.#ended(`The node sent a line of more than ${API_LIMITS.replyBytes} bytes, so the connection was closed.`);
      this.#socket.destroy();
      return;
    }
    for (const line of lines) this.#line(line);
  }

  #line(line: string): void {
    let said: unknown;
    try {
      said = JSON.parse(line);
    } catch {
      this.#nonsense();
      return;
    }
    if (checkReply().Check(said)) {
      const waiting = this.#waiting.get(said.id);
      if (said.id === REFUSAL_ID && "error" in said) this.#refused(said.error);
      if (waiting === undefined) return;
      if ("result" in said) waiting.resolve(said.result);
      else {
        const code = isErrorCode(said.error.code) ? said.error.code : "reply-invalid";
        waiting.reject(new SystoleError(code, said.error.message));
      }
    } else if (checkPush().Check(said)) this.#onPush?.(said);
    else if (checkHello().Check(said)) {
      this.hello = said;
      this.#onHello?.(said);
    } else this.#nonsense();
  }

  #nonsense(): void {
    this.#ended(
      `What listens at ${this.#path} does not speak Systole's control API. Name the node's socket with --socket.`,
    );
    this.#socket.destroy();
  }

  /** The server will not talk to this client, whatever it asks. */
  #refused({ code, message }: { readonly code: string; readonly message: string }): void {
    this.#ended(message, isErrorCode(code) ? code : "connection-lost");
    this.#socket.destroy();
  }

  #lost(): void {
    this.#ended(`The node at ${this.#path} ended the connection: it stopped or died.`);
  }

  #ended(cause: string, code: ErrorCode = "connection-lost"): void {
    if (this.#end !== undefined) return;
    this.#end = new SystoleError(code, cause);
    for (const waiting of [...this.#waiting.values()]) waiting.reject(this.#end);
    this.#waiting.clear();
    this.#finish(cause);
  }
}
