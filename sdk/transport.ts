// The contract of a transport: it carries bytes between the configured nodes and says what it promises.
//
// A transport runs in the pulse, the thread that must never wait. It has no opinion on who is alive unless its `provides`
// says so; the kernel makes up for what it lacks. Datagrams arrive sealed and leave sealed: a transport never sees plain text.

import type { Static, TObject } from "typebox";
import type { BaseContext, Capabilities } from "./context.ts";
import type { Permissions } from "./permissions.ts";
import { brand, type Plugin } from "./plugin.ts";

/** A configured node as a transport sees it. */
export interface TransportPeer {
  /** The node's name. */
  readonly id: string;
  /** Where it is reached, one address for each link, in the transport's own form (udp: `127.0.0.1:7001`, `[::1]:7001`). */
  readonly addresses: readonly string[];
}

/** Where a transport puts what has arrived. */
export interface TransportSink {
  /** A whole datagram from a configured peer over a link (0, 1, ...). The bytes belong to the sink from now on. */
  datagram(from: string, link: number, bytes: Uint8Array): void;
}

/** An open transport. */
export interface TransportConnection {
  /** How many links there are; the same on each node. */
  readonly links: number;
  /** Returns at once and never throws; loss is legal. `to`: a configured peer; anything else is dropped with a log line. */
  send(to: string, link: number, bytes: Uint8Array): void;
  /** May be called twice. After it has resolved, nothing reaches the sink. */
  close(): Promise<void>;
}

/** What a transport promises; the kernel supplies the rest. */
export interface TransportProvides {
  /** Largest datagram in bytes that `send` takes. */
  readonly maxBytes: number;
  /** Datagrams of one sender on one link arrive in the order in which they were sent. */
  readonly ordered: boolean;
  /** The backend agrees on views by itself (corosync, totem). No such backend yet. */
  readonly views: false;
}

/** What a transport's `open` receives: what every plugin has, and the configured nodes. */
export type TransportContext<Parameters, P> = BaseContext<Parameters> &
  Capabilities<P> & {
    readonly self: TransportPeer;
    /** The other nodes. */
    readonly peers: readonly TransportPeer[];
  };

/** What an author writes. */
export interface TransportSpec<Schema extends TObject = TObject, P extends Permissions = Permissions> {
  /** Also the name of the file; lower case, digits and hyphens. */
  readonly name: string;
  /** One line. */
  readonly summary: string;
  /** Settings of the transport in the node's configuration. */
  readonly parameters: Schema;
  readonly permissions?: P;
  readonly provides: TransportProvides;
  /**
   * Binds and starts to receive. `ctx.signal` fires when the node goes down. Rejects when it cannot start, in one
   * sentence that names the address and the remedy; afterwards a socket error is a log line, never an exception.
   */
  open(sink: TransportSink, ctx: TransportContext<Static<Schema>, P>): Promise<TransportConnection>;
}

/** Defines a transport: checks nothing, runs nothing, returns data. Export it by default from a file of the same name. */
export function defineTransport<Schema extends TObject, const P extends Permissions = Record<never, never>>(
  spec: TransportSpec<Schema, P>,
): Plugin<"transport", TransportSpec<Schema, P>> {
  return brand("transport", spec);
}
