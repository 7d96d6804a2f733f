// The `ctx` that a plugin gets in its own process: the same shape as the host's, each capability a question to the host.
// Whether it is allowed is not decided here.

import { AgentError } from "../../../../../sdk/errors.ts";
import type { HostCrypto, Permissions, TcpSocket, UdpSocket } from "../../../../../sdk/mod.ts";
import type { CallRequest } from "../wire.ts";

/** What a context asks of the guest's link to the host. */
export interface HostLink {
  /** Resolves with what the host answers. */
  ask(call: number, method: string, args: readonly unknown[]): Promise<unknown>;
  /** Tells the host, which does not answer. */
  tell(method: string, params: Readonly<Record<string, unknown>>): void;
  /** Hears of what arrives at a socket. */
  listen(socket: number, receive: Receive): void;
  forget(socket: number): void;
}

/** A datagram, or a piece of a stream. */
export type Receive = (bytes: Uint8Array, address: string, port: number) => void;

type Ask = (method: string) => (...args: unknown[]) => Promise<unknown>;

function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
}

function member(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null ? Reflect.get(value, name) : undefined;
}

function numberIn(value: unknown, name: string): number {
  const found = member(value, name);
  if (typeof found !== "number") throw new AgentError("generic", `The host answered without ${name}.`);
  return found;
}

function udpOf(ask: Ask, link: HostLink, call: number) {
  return {
    async bind(local: unknown, receive: Receive): Promise<UdpSocket> {
      const answer = await ask("udp.bind")(local);
      const socket = numberIn(answer, "socket");
      link.listen(socket, receive);
      let closed: Promise<void> | undefined;
      return {
        port: numberIn(answer, "port"),
        send(bytes, address, port) {
          if (closed === undefined) link.tell("udp.send", { call, socket, bytes: toBase64(bytes), address, port });
        },
        close() {
          closed ??= ask("udp.close")(socket).then(() => link.forget(socket));
          return closed;
        },
      };
    },
  };
}

function fromBase64(text: unknown): Uint8Array {
  return new Uint8Array(Buffer.from(String(text), "base64"));
}

function tcpOf(ask: Ask) {
  return {
    async connect(peer: unknown): Promise<TcpSocket> {
      const socket = await ask("tcp.connect")(peer);
      let closed: Promise<void> | undefined;
      return {
        async read() {
          const bytes = await ask("tcp.read")(socket);
          return bytes === undefined ? undefined : fromBase64(bytes);
        },
        async write(bytes) {
          await ask("tcp.write")(socket, toBase64(bytes));
        },
        close() {
          closed ??= ask("tcp.close")(socket).then(() => undefined);
          return closed;
        },
      };
    },
  };
}

function cryptoOf(ask: Ask): HostCrypto {
  const perform =
    (method: string): HostCrypto["encrypt"] =>
    async (cipher, key, iv, bytes) =>
      fromBase64(await ask(method)(cipher, toBase64(key), toBase64(iv), toBase64(bytes)));
  return { encrypt: perform("crypto.encrypt"), decrypt: perform("crypto.decrypt") };
}

/** A pause that ends early, with the reason, when the signal fires. */
function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", onAbort);
      resolve();
    }, ms);
    signal.addEventListener("abort", onAbort, { once: true });
  });
}

/** The context of one call. */
export function guestContext(
  call: number,
  request: CallRequest,
  permissions: Permissions,
  link: HostLink,
  signal: AbortSignal,
): Readonly<Record<string, unknown>> {
  const ask: Ask =
    (method) =>
    async (...args) => {
      signal.throwIfAborted();
      const answer = await link.ask(call, method, args);
      signal.throwIfAborted();
      return answer ?? undefined;
    };
  const at = (level: string) => (text: unknown) => link.tell("log", { call, level, text: String(text) });
  const has = (kind: keyof Permissions): boolean => permissions[kind] !== undefined;
  return {
    params: Object.freeze({ ...request.params }),
    node: request.node,
    resource: request.resource,
    signal,
    log: { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") },
    async sleep(ms: number) {
      signal.throwIfAborted();
      await sleep(ms, signal);
    },
    crypto: cryptoOf(ask),
    state: { get: ask("state.get"), set: ask("state.set"), remove: ask("state.remove") },
    ...(has("run") ? { run: ask("run") } : {}),
    ...(has("daemon")
      ? { daemon: { start: ask("daemon.start"), adopt: ask("daemon.adopt"), stop: ask("daemon.stop") } }
      : {}),
    ...(has("net") ? { fetch: ask("fetch"), udp: udpOf(ask, link, call), tcp: tcpOf(ask) } : {}),
    ...(has("read") || has("write")
      ? {
          fs: {
            ...(has("read") ? { readText: ask("fs.readText") } : {}),
            ...(has("write") ? { writeText: ask("fs.writeText"), remove: ask("fs.remove") } : {}),
          },
        }
      : {}),
    ...(has("attributes") ? { attributes: { set: ask("attributes.set"), remove: ask("attributes.remove") } } : {}),
    ...(has("processes")
      ? { processes: { bootId: ask("processes.bootId"), find: ask("processes.find"), kill: ask("processes.kill") } }
      : {}),
    ...(permissions.promotionScore === true ? { promotionScore: ask("promotionScore") } : {}),
  };
}
