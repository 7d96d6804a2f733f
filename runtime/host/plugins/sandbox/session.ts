// The conversation with one guest, from its first line to its last: handshake, one plugin, then calls, during which the
// guest asks back. The guest is taken for hostile: what it may say next is known at any time, and anything else ends it.
//
// A call is answered exactly once, also one that was cancelled; until then it is expected. A question must carry a number
// larger than any before it, and belong to a call that this host has made.

import { AgentError, isAgentError, type TcpSocket, type UdpSocket } from "../../../../sdk/mod.ts";
import { errorText } from "../../errors.ts";
import type { HostContext } from "../context.ts";
import { oneLine, PluginError } from "../plugin-error.ts";
import { GuestChild } from "./child.ts";
import { type GuestLine, readGuestLine } from "./guest-lines.ts";
import { answerQuestion, type GuestSockets } from "./host-calls.ts";
import type { GuestProgram } from "./program.ts";
import { APPLICATION_ERROR, type CallRequest, type LoadRequest, type WireError } from "./wire.ts";

/** From the start of the process to its first line: on a busy machine that takes its time, but it is no plugin's fault. */
const START_LIMIT_MS = 10_000;
/** From being given the plugin to having loaded it. */
const LOAD_LIMIT_MS = 2_000;
/** After a call's end a guest must still turn: who does not answer a ping by then is in an endless loop. */
const TURN_LIMIT_MS = 1_000;
/** Calls that were ended and whose function has not come back. With so many, the guest is started anew. */
const MAXIMUM_HUNG_CALLS = 8;
/** Questions under way. Beyond it the guest is not listened to until some are answered. */
const MAXIMUM_QUESTIONS = 1_024;
/** The same for what they are made of: it is held in memory until they are answered. */
const MAXIMUM_QUESTION_CHARACTERS = 8 * 1024 * 1024;
const MAXIMUM_SOCKETS = 64;
/** Lines for the log in a second; what is more is counted. */
const MAXIMUM_LOG_LINES = 200;
const LOG_WINDOW_MS = 1_000;
const LOG_TEXT_LIMIT = 4_096;

/** The guest is gone, and with it what it was doing: nobody knows how far it came. */
export class GuestGone extends Error {
  override readonly name = "GuestGone";
}

/** What the guest said when a function failed, or when its plugin could not be loaded. */
export class GuestFailure extends Error {
  override readonly name = "GuestFailure";
  /** Of an AgentError, or `plugin-syntax`, `plugin-import`; "" for any other error. */
  readonly code: string;

  constructor(message: string, code: string) {
    super(message);
    this.code = code;
  }
}

/** What the owner of a session hears. */
export interface SessionListener {
  /** A line of `console`, which belongs to no call. */
  log(level: "debug" | "info" | "warn" | "error", text: string): void;
  /** Once. `why`: a clause, such as "sent a line of more than 1048576 bytes". */
  ended(why: string): void;
}

/** A call or a load that the guest has to answer. */
interface Expected {
  readonly context?: HostContext;
  cancelled: boolean;
  resolve(result: unknown): void;
  reject(error: Error): void;
}

/** A guest at work. */
export class GuestSession {
  private readonly child: GuestChild;
  private readonly listener: SessionListener;
  private readonly expected = new Map<number, Expected>();
  private readonly sockets = new Map<number, { readonly call: number; readonly socket: UdpSocket | TcpSocket }>();
  private lastCall = 0;
  private lastQuestion = 0;
  private lastSocket = 0;
  private lastPing = 0;
  private questions = 0;
  private questionCharacters = 0;
  private over: string | undefined;
  private turnTimer: NodeJS.Timeout | undefined;
  private logWindow = { startedMs: 0, lines: 0 };
  private readonly startTimer: NodeJS.Timeout;
  private greeted: { resolve(): void; reject(error: Error): void } | undefined;
  private readonly greeting: Promise<void>;

  /** `folder`: an empty one, in which the process stands. */
  constructor(program: GuestProgram, folder: string, listener: SessionListener) {
    this.listener = listener;
    this.greeting = new Promise((resolve, reject) => {
      this.greeted = { resolve, reject };
    });
    this.greeting.catch(() => undefined);
    this.child = new GuestChild(program, folder, {
      line: (text) => this.take(text),
      ended: (why) => this.finish(why),
    });
    this.startTimer = setTimeout(() => this.end(`did not say a word within ${START_LIMIT_MS} ms`), START_LIMIT_MS);
  }

  get pid(): number | undefined {
    return this.child.pid;
  }

  /** Gives the guest its plugin, once. Rejects with GuestFailure (the plugin's fault) or GuestGone. */
  async load(request: LoadRequest): Promise<unknown> {
    await this.greeting;
    const timer = setTimeout(() => this.end(`did not finish loading within ${LOAD_LIMIT_MS} ms`), LOAD_LIMIT_MS);
    try {
      return await this.ask("load", { ...request }).answer;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Runs a function of the plugin. Rejects with GuestFailure or GuestGone; its context's signal cancels it. */
  async call(request: CallRequest, context: HostContext): Promise<unknown> {
    const { id, answer } = this.ask("call", { ...request }, context);
    const onAbort = (): void => this.cancel(id, context.signal);
    context.signal.addEventListener("abort", onAbort, { once: true });
    if (context.signal.aborted) onAbort();
    try {
      return await answer;
    } finally {
      context.signal.removeEventListener("abort", onAbort);
      for (const [number, { call }] of this.sockets) if (call === id) void this.closeSocket(number);
    }
  }

  /** Ends the guest for what it did. `why`: a clause. */
  end(why: string): void {
    this.child.kill(why);
  }

  /** Ends the guest in peace. */
  async close(): Promise<void> {
    await this.child.close();
  }

  private ask(
    method: "load" | "call",
    params: Readonly<Record<string, unknown>>,
    context?: HostContext,
  ): { readonly id: number; readonly answer: Promise<unknown> } {
    if (this.over !== undefined) return { id: 0, answer: Promise.reject(new GuestGone(this.over)) };
    this.lastCall += 1;
    const id = this.lastCall;
    const answer = new Promise((resolve, reject) => {
      this.expected.set(id, { ...(context === undefined ? {} : { context }), cancelled: false, resolve, reject });
    });
    this.tell({ id, method, params });
    return { id, answer };
  }

  private tell(message: Readonly<Record<string, unknown>>): void {
    this.child.write(JSON.stringify({ jsonrpc: "2.0", ...message }));
  }

  /** The call is over for whoever made it; the guest is told, and has to show that it turns. */
  private cancel(id: number, signal: AbortSignal): void {
    const call = this.expected.get(id);
    if (call === undefined) return;
    call.cancelled = true;
    const hung = [...this.expected.values()].filter(({ cancelled }) => cancelled).length;
    if (hung > MAXIMUM_HUNG_CALLS) {
      this.end(`has ${MAXIMUM_HUNG_CALLS} calls that do not come back after their end`);
      return;
    }
    this.tell({ method: "cancel", params: { call: id, reason: errorText(signal.reason) } });
    if (this.turnTimer !== undefined) return;
    this.lastPing += 1;
    this.tell({ method: "ping", params: { serial: this.lastPing } });
    this.turnTimer = setTimeout(
      () => this.end(`did not turn for ${TURN_LIMIT_MS} ms after a call was over, as in an endless loop`),
      TURN_LIMIT_MS,
    );
  }

  private finish(why: string): void {
    this.over = why;
    clearTimeout(this.startTimer);
    clearTimeout(this.turnTimer);
    const gone = new GuestGone(why);
    this.greeted?.reject(gone);
    for (const number of [...this.sockets.keys()]) void this.closeSocket(number);
    for (const { reject } of this.expected.values()) reject(gone);
    this.expected.clear();
    this.listener.ended(why);
  }

  private take(text: string): void {
    if (this.over !== undefined) return;
    const line = readGuestLine(text);
    if (line === undefined) {
      this.end("wrote a line that is no message of a guest");
      return;
    }
    if (this.greeted !== undefined) {
      if (line.kind !== "ready") {
        this.end("did not begin with the handshake");
        return;
      }
      clearTimeout(this.startTimer);
      this.greeted.resolve();
      this.greeted = undefined;
      return;
    }
    this.understand(line, text.length);
  }

  private understand(line: GuestLine, characters: number): void {
    switch (line.kind) {
      case "ready":
        this.end("began the handshake a second time");
        return;
      case "question":
        this.question(line.id, line.method, line.params.call, line.params.arguments, characters);
        return;
      case "result":
        this.answered(line.id)?.resolve(line.result);
        return;
      case "failure":
        this.answered(line.id)?.reject(new GuestFailure(line.error.message, line.error.data?.code ?? ""));
        return;
      case "log":
        this.log(line.level, line.text, line.call);
        return;
      case "datagram":
        this.datagram(line.call, line.socket, line.bytes, line.address, line.port);
        return;
      case "pong":
        if (line.serial !== this.lastPing || this.turnTimer === undefined) {
          this.end("answered a ping that was not sent");
          return;
        }
        clearTimeout(this.turnTimer);
        this.turnTimer = undefined;
    }
  }

  private answered(id: number): Expected | undefined {
    const expected = this.expected.get(id);
    if (expected === undefined) this.end(`answered a call that is not under way (${id})`);
    this.expected.delete(id);
    return expected;
  }

  private question(id: number, method: string, call: number, args: readonly unknown[], characters: number): void {
    if (id <= this.lastQuestion) {
      this.end(`asked with a number that is not new (${id})`);
      return;
    }
    this.lastQuestion = id;
    if (call > this.lastCall) {
      this.end(`asked for a call that was never made (${call})`);
      return;
    }
    const context = this.expected.get(call)?.context;
    if (context === undefined) {
      this.refuse(id, { code: APPLICATION_ERROR, message: "This call is over." });
      return;
    }
    const answer = answerQuestion(method, context, args, this.socketsOf(call));
    if (answer === undefined) {
      this.end(`asked for ${JSON.stringify(method)}, which there is not`);
      return;
    }
    this.weigh(1, characters);
    answer
      .then(
        (result) => this.tell({ id, result: result ?? null }),
        (error: unknown) => this.refuse(id, asWireError(error)),
      )
      .finally(() => this.weigh(-1, -characters));
  }

  /** Counts questions under way; the guest is listened to as long as they are few and small. */
  private weigh(questions: number, characters: number): void {
    const wasHeard = this.heeded;
    this.questions += questions;
    this.questionCharacters += characters;
    if (this.heeded !== wasHeard) this.child.listen(this.heeded);
  }

  private get heeded(): boolean {
    return this.questions < MAXIMUM_QUESTIONS && this.questionCharacters < MAXIMUM_QUESTION_CHARACTERS;
  }

  private refuse(id: number, error: WireError): void {
    this.tell({ id, error });
  }

  private socketsOf(call: number): GuestSockets {
    return {
      open: (socket) => {
        this.lastSocket += 1;
        if (this.sockets.size >= MAXIMUM_SOCKETS) this.end(`opened more than ${MAXIMUM_SOCKETS} sockets`);
        this.sockets.set(this.lastSocket, { call, socket });
        return this.lastSocket;
      },
      stream: (number) => {
        const open = this.sockets.get(number);
        if (open?.call !== call || !("read" in open.socket))
          throw new AgentError("generic", "This connection is closed.");
        return open.socket;
      },
      close: async (socket) => {
        if (this.sockets.get(socket)?.call === call) await this.closeSocket(socket);
      },
      received: (socket, bytes, address, port) => {
        if (this.child.congested) return;
        const params = { socket, bytes: Buffer.from(bytes).toString("base64"), address, port };
        this.tell({ method: "received", params });
      },
    };
  }

  private async closeSocket(number: number): Promise<void> {
    const open = this.sockets.get(number);
    this.sockets.delete(number);
    await open?.socket.close();
  }

  /** A datagram to send; what cannot be sent is lost, as datagrams are. */
  private datagram(call: number, number: number, bytes: string, address: string, port: number): void {
    if (call > this.lastCall || number > this.lastSocket) {
      this.end("sent a datagram by a socket that it never had");
      return;
    }
    const open = this.sockets.get(number);
    if (open?.call === call && "send" in open.socket) open.socket.send(Buffer.from(bytes, "base64"), address, port);
  }

  private log(level: "debug" | "info" | "warn" | "error", text: string, call: number | undefined): void {
    if (call !== undefined && call > this.lastCall) {
      this.end(`wrote to the log for a call that was never made (${call})`);
      return;
    }
    const nowMs = performance.now();
    const window = this.logWindow;
    if (nowMs - window.startedMs >= LOG_WINDOW_MS) {
      const lost = window.lines - MAXIMUM_LOG_LINES;
      this.logWindow = { startedMs: nowMs, lines: 0 };
      if (lost > 0)
        this.listener.log(
          "warn",
          `${lost} lines of its log were left out: more than ${MAXIMUM_LOG_LINES} in a second.`,
        );
    }
    this.logWindow.lines += 1;
    if (this.logWindow.lines > MAXIMUM_LOG_LINES) return;
    const context = call === undefined ? undefined : this.expected.get(call)?.context;
    const short = oneLine(text, LOG_TEXT_LIMIT - 1);
    if (context === undefined) this.listener.log(level, short);
    else context.log[level](short);
  }
}

/** An error of a capability as the guest hears it. */
function asWireError(error: unknown): WireError {
  const denial = error instanceof PluginError && error.code !== "plugin-excess";
  const code = denial ? "privileges" : isAgentError(error) ? error.code : undefined;
  const base = { code: APPLICATION_ERROR, message: errorText(error) };
  return code === undefined ? base : { ...base, data: { code } };
}
