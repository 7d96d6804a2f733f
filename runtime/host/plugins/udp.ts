// UDP for plugins: a thin layer over a socket, which checks each new destination once and never throws from `send`.

import { createSocket, type Socket, type SocketOptions } from "node:dgram";
import { isIP } from "node:net";
import { AgentError } from "../../../sdk/errors.ts";
import type { Udp, UdpSocket } from "../../../sdk/mod.ts";
import { systemCode } from "../errors.ts";
import type { Grants } from "./grants.ts";

/** Destinations whose grant is remembered; beyond that they are checked each time. */
const REMEMBERED_DESTINATIONS = 1_024;
/** For a burst of large messages while this thread is busy. The system caps it. */
const RECEIVE_BUFFER_BYTES = 4 * 1024 * 1024;
/** An unreachable network fails each datagram; one line in this time is enough. */
const WARN_INTERVAL_MS = 10_000;

/** Addresses are numbers, so nothing is looked up: a name has no grant. */
const asItIs: NonNullable<SocketOptions["lookup"]> = (address, _options, done) => {
  const family = isIP(address);
  done(family === 0 ? new Error(`${address} is no IP address`) : null, address, family);
};

function bindSocket(socket: Socket, address: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once("error", reject);
    socket.bind({ address, port, exclusive: true }, () => {
      socket.removeListener("error", reject);
      resolve();
    });
  });
}

function bindError(address: string, port: number, cause: unknown): AgentError {
  const code = systemCode(cause);
  const where = `UDP ${address}:${port}`;
  switch (code) {
    case "EADDRINUSE":
      return new AgentError(
        "generic",
        `${where} is used by another program (EADDRINUSE): stop it (\`ss -ulpn\` shows it), or configure another port.`,
        { cause },
      );
    case "EADDRNOTAVAIL":
      return new AgentError(
        "generic",
        `${where}: this machine does not have that address (EADDRNOTAVAIL): correct it, or configure the interface first.`,
        { cause },
      );
    case "EACCES":
      return new AgentError(
        "privileges",
        `${where} may not be bound by this user (EACCES): choose a port above 1023.`,
        { cause },
      );
    default:
      return new AgentError("generic", `${where} cannot be bound (${code || String(cause)}).`, { cause });
  }
}

/** UDP under these grants. `warn` gets socket errors. */
export function grantedUdp(grants: Grants, signal: AbortSignal, warn: (text: string) => void): Udp {
  return {
    async bind({ address, port }, receive) {
      const family = isIP(address);
      if (family === 0) throw new AgentError("arguments", `${address} is no IP address.`);
      grants.check({ kind: "net", address, port, protocol: "udp" });
      const socket = createSocket({ type: family === 6 ? "udp6" : "udp4", lookup: asItIs });
      try {
        await bindSocket(socket, address, port);
      } catch (error) {
        socket.close();
        throw bindError(address, port, error);
      }
      try {
        socket.setRecvBufferSize(RECEIVE_BUFFER_BYTES);
      } catch {
        // The system's default then.
      }
      return openSocket(socket, { grants, signal, warn }, receive);
    },
  };
}

function openSocket(
  socket: Socket,
  { grants, signal, warn }: { grants: Grants; signal: AbortSignal; warn: (text: string) => void },
  receive: (bytes: Uint8Array, address: string, port: number) => void,
): UdpSocket {
  const granted = new Set<string>();
  let closed: Promise<void> | undefined;
  const close = (): Promise<void> => {
    closed ??= new Promise((resolve) => socket.close(() => resolve()));
    return closed;
  };
  let errors = 0;
  let warnedAtMs = Number.NEGATIVE_INFINITY;
  const onError = (error: Error): void => {
    errors += 1;
    if (performance.now() - warnedAtMs < WARN_INTERVAL_MS) return;
    warnedAtMs = performance.now();
    warn(`UDP socket error, the ${errors}. so far; datagrams are being lost: ${error.message}`);
  };
  const allowed = (address: string, port: number): boolean => {
    const destination = `${address} ${port}`;
    if (granted.has(destination)) return true;
    try {
      grants.check({ kind: "net", address, port, protocol: "udp" });
    } catch {
      return false;
    }
    if (granted.size < REMEMBERED_DESTINATIONS) granted.add(destination);
    return true;
  };
  socket.on("error", onError);
  socket.on("message", (bytes, from) => {
    if (closed === undefined) receive(bytes, from.address, from.port);
  });
  signal.addEventListener("abort", () => void close(), { once: true });
  return {
    port: socket.address().port,
    send(bytes, address, port) {
      if (closed !== undefined || !allowed(address, port)) return;
      socket.send(bytes, port, address, (error) => {
        if (error !== null && closed === undefined) onError(error);
      });
    },
    close,
  };
}
