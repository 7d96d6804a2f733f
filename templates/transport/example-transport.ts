// Unicast UDP over one link: the smallest transport that keeps every law. Replace the socket by what carries your bytes.

import { defineTransport, type TransportPeer, Type } from "systole/sdk";

/** `192.0.2.1:7001` or `[2001:db8::1]:7001` */
function endpoint(peer: TransportPeer): { readonly address: string; readonly port: number } {
  const written = peer.addresses[0] ?? "";
  const colon = written.lastIndexOf(":");
  return { address: written.slice(0, colon).replace(/^\[|\]$/g, ""), port: Number(written.slice(colon + 1)) };
}

export default defineTransport({
  name: "example-transport",
  summary: "Unicast UDP over one link",
  parameters: Type.Object({}),
  // {self} and {peers} stand for the addresses in the node's configuration.
  permissions: { net: ["{self}/udp", "{peers}/udp"] },
  // What it promises; the kernel makes up for the rest.
  provides: { maxBytes: 1_400, ordered: false, views: false },

  async open(sink, { self, peers, udp }) {
    const ends = new Map(peers.map((peer) => [peer.id, endpoint(peer)]));
    const senders = new Map(peers.map((peer) => [`${endpoint(peer).address} ${endpoint(peer).port}`, peer.id]));
    let open = true;
    const socket = await udp.bind(endpoint(self), (bytes, address, port) => {
      const from = senders.get(`${address} ${port}`);
      // Only what a configured peer sent, and nothing after close.
      if (open && from !== undefined) sink.datagram(from, 0, bytes);
    });
    return {
      links: 1,
      // Returns at once and never throws; loss is legal.
      send(to, link, bytes) {
        const end = ends.get(to);
        if (open && link === 0 && end !== undefined) socket.send(bytes, end.address, end.port);
      },
      async close() {
        open = false;
        await socket.close();
      },
    };
  },
});
