// Unicast UDP between the configured nodes, over one or several links. Each node has one address a link and sends from it, so
// the source address says which peer speaks, on which link; what comes from anywhere else is dropped here.

import { defineTransport, type TransportPeer, type TransportSink, Type, type UdpSocket } from "systole/sdk";

interface Endpoint {
  readonly address: string;
  readonly port: number;
}

export default defineTransport({
  name: "udp",
  summary: "Unicast UDP between the configured nodes, over one or several links",
  parameters: Type.Object({}),
  permissions: { net: ["{self}/udp", "{peers}/udp"] },
  // The largest that IPv4 carries, less some for options. Small ones are never in pieces; the kernel keeps bulk small.
  provides: { maxBytes: 60_000, ordered: false, views: false },
  async open(sink, { self, peers, udp, log, signal }) {
    const links = self.addresses.map(endpoint);
    const targets = new Map(peers.map((peer) => [peer.id, peer.addresses.map(endpoint)]));
    const sockets: UdpSocket[] = [];
    let open = true;
    const close = async (): Promise<void> => {
      open = false;
      await Promise.all(sockets.map((socket) => socket.close()));
    };
    try {
      for (const [link, local] of links.entries()) {
        const receive = receiver(sink, peers, link, log.warn);
        sockets.push(await udp.bind(local, (bytes, address, port) => open && receive(bytes, address, port)));
      }
    } catch (error) {
      await close();
      throw error;
    }
    signal.addEventListener("abort", () => void close(), { once: true });
    let unknown = 0;
    return {
      links: links.length,
      send(to, link, bytes) {
        const target = targets.get(to)?.[link];
        const socket = sockets[link];
        if (!open) return;
        if (target !== undefined && socket !== undefined) socket.send(bytes, target.address, target.port);
        else if (isTimeToTell(++unknown))
          log.warn(`Nothing can be sent to "${to}" on link ${link}: it is not configured.`);
      },
      close,
    };
  },
});

/** `127.0.0.1:7001`, `[::1]:7001`. */
function endpoint(written: string): Endpoint {
  const at = written.lastIndexOf(":");
  return { address: written.slice(0, at).replace(/^\[|\]$/g, ""), port: Number(written.slice(at + 1)) };
}

/** What takes the datagrams of one link. */
function receiver(sink: TransportSink, peers: readonly TransportPeer[], link: number, warn: (text: string) => void) {
  const senders = new Map<string, string>();
  for (const peer of peers) {
    const from = peer.addresses[link];
    if (from === undefined) continue;
    const { address, port } = endpoint(from);
    senders.set(`${address} ${port}`, peer.id);
  }
  let strangers = 0;
  return (bytes: Uint8Array, address: string, port: number): void => {
    const from = senders.get(`${address} ${port}`);
    if (from !== undefined) sink.datagram(from, link, bytes);
    else if (isTimeToTell(++strangers)) {
      warn(
        `Datagrams come from ${address} port ${port}, which is no configured node's address on link ${link} (${strangers} such so far); they are dropped. Stop what sends them, or correct the addresses in the configuration.`,
      );
    }
  };
}

/** At the 1st, 10th, 100th, ... of a kind. */
function isTimeToTell(count: number): boolean {
  return Number.isInteger(Math.log10(count));
}
