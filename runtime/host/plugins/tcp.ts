// TCP for plugins: one connection to a granted peer, in the clear or in TLS, read when the plugin asks for more, so that a
// peer that sends without end fills its own buffers and nobody else's.

import { connect as connectPlain, type Socket } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";
import { AgentError } from "../../../sdk/errors.ts";
import type { Tcp, TcpPeer, TcpSocket } from "../../../sdk/mod.ts";
import { errorText, systemCode } from "../errors.ts";
import { pinProblem, tlsConnection } from "./fetch.ts";
import type { Grants } from "./grants.ts";
import { resolveGranted } from "./names.ts";

/** A read brings at most this. */
const READ_LIMIT_BYTES = 64 * 1024;

function failure(peer: TcpPeer, error: unknown): AgentError {
  if (error instanceof AgentError) return error;
  return new AgentError(
    "generic",
    `${peer.host}:${peer.port} cannot be reached (${systemCode(error) || errorText(error)}).`,
  );
}

/** Resolves when the connection stands, and the server has proven itself. */
function connected(socket: Socket | TLSSocket, peer: TcpPeer, secure: boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once("error", (error) => reject(failure(peer, error)));
    socket.once(secure ? "secureConnect" : "connect", () => {
      const problem = "getPeerCertificate" in socket ? pinProblem(socket, peer.tls) : undefined;
      if (problem === undefined) resolve();
      else reject(new AgentError("generic", `${peer.host}:${peer.port} ${problem}.`));
    });
  });
}

/** Waits until there is something to read, or nothing will come any more. */
async function readSome(socket: Socket, peer: TcpPeer): Promise<Uint8Array | undefined> {
  for (;;) {
    const chunk: unknown = socket.read(Math.min(socket.readableLength, READ_LIMIT_BYTES) || undefined);
    if (chunk instanceof Uint8Array) return chunk;
    if (socket.readableEnded || socket.destroyed) {
      if (socket.errored !== null) throw failure(peer, socket.errored);
      return undefined;
    }
    await new Promise<void>((resolve) => {
      const done = (): void => {
        for (const event of ["readable", "end", "close", "error"]) socket.removeListener(event, done);
        resolve();
      };
      for (const event of ["readable", "end", "close", "error"]) socket.once(event, done);
    });
  }
}

function openedSocket(socket: Socket, peer: TcpPeer): TcpSocket {
  return {
    read: () => readSome(socket, peer),
    write: (bytes) =>
      new Promise((resolve, reject) => {
        socket.write(bytes, (error) => (error ? reject(failure(peer, error)) : resolve()));
      }),
    async close() {
      socket.destroy();
    },
  };
}

/** TCP under these grants. What is still open when the signal fires is closed. */
export function grantedTcp(grants: Grants, signal: AbortSignal): Tcp {
  return {
    async connect(peer) {
      const { host, port, tls } = peer;
      grants.check({ kind: "net", address: host, port, protocol: "tcp" });
      const [first] = await resolveGranted(host, port, grants);
      if (first === undefined) throw new AgentError("generic", `The name ${host} leads nowhere.`);
      signal.throwIfAborted();
      const target = { host: first.address, port };
      const socket =
        tls === undefined
          ? connectPlain(target)
          : connectTls({ ...target, ...tlsConnection(tls), servername: /^[\d.:]+$/.test(host) ? "" : host });
      // Later errors are seen by the next read or write.
      socket.on("error", () => undefined);
      signal.addEventListener("abort", () => socket.destroy(), { once: true });
      try {
        await connected(socket, peer, tls !== undefined);
      } catch (error) {
        socket.destroy();
        throw error;
      }
      return openedSocket(socket, peer);
    },
  };
}
