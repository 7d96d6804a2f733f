// What the pulse's thread needs of a node's configuration.

import { isIPv6 } from "node:net";
import type { ChainPosition, Incarnation } from "../kernel/membership/view.ts";
import type { ConfiguredNode, NodeConfig } from "./config.ts";
import type { PulseNode, PulseStart } from "./pulse-protocol.ts";

/** Everything for the start of the pulse. */
export function pulseStart(
  config: NodeConfig,
  key: Uint8Array,
  incarnation: Incarnation,
  featureLevel: number,
  chain: ChainPosition,
): PulseStart {
  const { cluster, self, nodes, transport, plugins, baseDirectory, stateDirectory } = config;
  const { heartbeatIntervalMs, detectionTimeoutMs, mainSilenceMs } = config;
  return {
    cluster,
    key,
    self: pulseNode(self),
    peers: nodes.filter((node) => node.id !== self.id).map(pulseNode),
    timing: { heartbeatIntervalMs, detectionTimeoutMs, mainSilenceMs },
    incarnation,
    featureLevel,
    chain,
    transport,
    plugins,
    pluginsBase: baseDirectory,
    stateDirectory,
  };
}

function pulseNode({ id, name, links }: ConfiguredNode): PulseNode {
  const addresses = links.map(({ address, port }) => `${isIPv6(address) ? `[${address}]` : address}:${port}`);
  return { number: id, id: name, addresses };
}
