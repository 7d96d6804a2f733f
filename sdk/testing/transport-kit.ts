// The laws of a transport, each as a test, over a network that exists in memory only.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Udp } from "../context.ts";
import { AgentError } from "../errors.ts";
import { API_VERSION, type Plugin } from "../plugin.ts";
import type { TransportConnection, TransportPeer, TransportSpec } from "../transport.ts";
import { createFakeWorld } from "./fakes.ts";
import { filledParameters } from "./parameters.ts";

/** A network in memory: datagrams arrive whole, in order, one turn later. */
export interface FakeNetwork {
  readonly udp: Udp;
  /** A datagram from an address at which nobody of the kit is. */
  forge(bytes: Uint8Array, from: string, to: string): void;
}

type Receive = (bytes: Uint8Array, address: string, port: number) => void;

function split(endpoint: string): { readonly address: string; readonly port: number } {
  const colon = endpoint.lastIndexOf(":");
  return { address: endpoint.slice(0, colon).replace(/^\[|\]$/g, ""), port: Number(endpoint.slice(colon + 1)) };
}

/** Makes a network. */
export function createFakeNetwork(): FakeNetwork {
  const bound = new Map<string, Receive>();
  const deliver = (
    bytes: Uint8Array,
    from: { address: string; port: number },
    to: { address: string; port: number },
  ): void => {
    const copy = Uint8Array.from(bytes);
    queueMicrotask(() => bound.get(`${to.address} ${to.port}`)?.(copy, from.address, from.port));
  };
  return {
    udp: {
      async bind(local, receive) {
        const key = `${local.address} ${local.port}`;
        if (bound.has(key))
          throw new AgentError(
            "generic",
            `UDP ${local.address}:${local.port} is used by another program (EADDRINUSE).`,
          );
        bound.set(key, receive);
        return {
          port: local.port,
          send: (bytes, address, port) => {
            if (bound.get(key) === receive) deliver(bytes, local, { address, port });
          },
          close: async () => {
            if (bound.get(key) === receive) bound.delete(key);
          },
        };
      },
    },
    forge: (bytes, from, to) => deliver(bytes, split(from), split(to)),
  };
}

/** What the kit needs to know. */
export interface TransportSetup {
  /** Settings that have no default. */
  readonly parameters?: Readonly<Record<string, unknown>>;
  /** Three nodes with their addresses, in the transport's own form. */
  readonly nodes: readonly [TransportPeer, TransportPeer, TransportPeer];
}

interface Arrival {
  readonly at: string;
  readonly from: string;
  readonly link: number;
  readonly bytes: Uint8Array;
}

interface Bench {
  readonly network: FakeNetwork;
  readonly nodes: readonly TransportPeer[];
  readonly arrivals: Arrival[];
  readonly maxBytes: number;
  readonly connection: (index: number) => TransportConnection;
  readonly open: (self: TransportPeer) => Promise<TransportConnection>;
}

/** Lets everything that is under way arrive. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
}

function pattern(size: number): Uint8Array {
  return Uint8Array.from({ length: size }, (_, index) => (index * 7 + size) % 256);
}

const LAWS: Readonly<Record<string, (bench: Bench) => Promise<void>>> = {
  "every node has the same number of links": async ({ connection, nodes }) => {
    assert.ok(connection(0).links >= 1);
    for (const index of nodes.keys()) assert.equal(connection(index).links, connection(0).links);
  },
  "a datagram arrives whole, once, at whom it is for, on its link, from whom it is": async ({
    connection,
    nodes,
    arrivals,
    maxBytes,
  }) => {
    for (let link = 0; link < connection(0).links; link += 1) {
      for (const size of [1, 100, maxBytes]) {
        arrivals.length = 0;
        connection(0).send(nodes[1]?.id ?? "", link, pattern(size));
        await settle();
        assert.deepEqual(arrivals, [{ at: nodes[1]?.id, from: nodes[0]?.id, link, bytes: pattern(size) }]);
      }
    }
  },
  "send never throws: unknown peer, unknown link, too large, closed": async ({
    connection,
    nodes,
    arrivals,
    maxBytes,
  }) => {
    const peer = nodes[1]?.id ?? "";
    connection(0).send("nobody", 0, pattern(1));
    connection(0).send(peer, 99, pattern(1));
    await settle();
    assert.equal(arrivals.length, 0);
    connection(0).send(peer, 0, pattern(maxBytes + 1));
    await settle();
    assert.ok(
      arrivals.every(({ bytes }) => bytes.length === maxBytes + 1),
      "it arrives whole or not at all",
    );
    arrivals.length = 0;
    await connection(0).close();
    connection(0).send(peer, 0, pattern(1));
    await settle();
    assert.deepEqual(arrivals, []);
  },
  "what comes from no configured peer is dropped": async ({ network, nodes, arrivals }) => {
    const to = nodes[0]?.addresses[0] ?? "";
    const { address, port } = split(to);
    network.forge(pattern(10), `${address}9:${port}`, to);
    network.forge(pattern(10), `${address}:${port + 1}`, to);
    await settle();
    assert.deepEqual(arrivals, []);
  },
  "close may be called twice, nothing arrives after it, and the address is free again": async ({
    connection,
    nodes,
    arrivals,
    open,
  }) => {
    await Promise.all([connection(1).close(), connection(1).close()]);
    await connection(1).close();
    connection(0).send(nodes[1]?.id ?? "", 0, pattern(5));
    await settle();
    assert.deepEqual(arrivals, []);
    const [, second] = nodes;
    if (second !== undefined) await (await open(second)).close();
  },
  "a used address is refused in words, and nothing stays open": async ({ nodes, open }) => {
    const [first] = nodes;
    assert.ok(first);
    await assert.rejects(async () => await open(first), /used by another program/);
  },
};

/** Runs every law, each over a network of its own with all three nodes open. */
export function testTransport(transport: Plugin<"transport", TransportSpec>, setup: TransportSetup): void {
  describe(`transport ${transport.spec.name}`, () => {
    test("is branded for this API", () => {
      assert.equal(transport.kind, "transport");
      assert.equal(transport.api, API_VERSION);
      assert.ok(transport.spec.provides.maxBytes >= 512);
    });
    const params = filledParameters(transport.spec.parameters, setup.parameters ?? {});
    for (const [law, prove] of Object.entries(LAWS)) {
      test(law, async () => {
        const network = createFakeNetwork();
        const arrivals: Arrival[] = [];
        const open = async (self: TransportPeer): Promise<TransportConnection> => {
          const base = createFakeWorld({ node: self.id }).context(params);
          const peers = setup.nodes.filter(({ id }) => id !== self.id);
          const sink = {
            datagram: (from: string, link: number, bytes: Uint8Array) =>
              void arrivals.push({ at: self.id, from, link, bytes: Uint8Array.from(bytes) }),
          };
          const ctx = { ...base, udp: network.udp, self, peers };
          return await transport.spec.open(sink, ctx);
        };
        const connections = await Promise.all(setup.nodes.map(open));
        const connection = (index: number): TransportConnection => {
          const found = connections[index];
          assert.ok(found);
          return found;
        };
        await prove({
          network,
          nodes: setup.nodes,
          arrivals,
          maxBytes: transport.spec.provides.maxBytes,
          connection,
          open,
        });
        await Promise.all(connections.map(async (one) => await one.close()));
      });
    }
  });
}
