// From a granted name to the address that is connected to. A name is granted by who wrote the manifest or the parameters,
// but whoever answers for the name says where it leads: so it never leads to this machine or its link unless that address
// is granted as such, and what was checked is what is connected to (there is no second look-up in between).

import { lookup } from "node:dns/promises";
import { BlockList, isIP } from "node:net";
import { AgentError } from "../../../sdk/errors.ts";
import { systemCode } from "../errors.ts";
import type { Grants } from "./grants.ts";

/** Where a name leads. */
export interface ResolvedAddress {
  readonly address: string;
  readonly family: 4 | 6;
}

/** This machine, its link, everybody, nobody: no place for a name to lead to. */
const NEAR = new BlockList();
for (const [network, bits] of [
  ["0.0.0.0", 8],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["224.0.0.0", 3],
] as const) {
  NEAR.addSubnet(network, bits, "ipv4");
}
for (const [network, bits] of [
  ["::", 127],
  ["fe80::", 10],
  ["ff00::", 8],
  ["64:ff9b::", 96],
  ["::ffff:0:0", 96],
] as const) {
  NEAR.addSubnet(network, bits, "ipv6");
}

/** Names that mean this machine whoever answers. */
function isLocalhost(name: string): boolean {
  return /^(.+\.)?localhost\.?$/i.test(name);
}

function isNear({ address, family }: ResolvedAddress): boolean {
  return NEAR.check(address, family === 6 ? "ipv6" : "ipv4");
}

/**
 * The addresses of a host that was granted as it is written; `port`: for which. Rejects with AgentError `generic` (no such name) or
 * PluginError `permission-denied`, when the name leads nowhere but to where it may not.
 */
export async function resolveGranted(host: string, port: number, grants: Grants): Promise<readonly ResolvedAddress[]> {
  const bare = host.replace(/^\[|\]$/g, "");
  const written = isIP(bare);
  if (written === 4 || written === 6) return [{ address: bare, family: written }];
  let found: readonly { readonly address: string; readonly family: number }[];
  try {
    found = await lookup(bare, { all: true });
  } catch (error) {
    throw new AgentError("generic", `The name ${bare} cannot be resolved (${systemCode(error)}).`, { cause: error });
  }
  const addresses = found.map(({ address, family }): ResolvedAddress => ({ address, family: family === 6 ? 6 : 4 }));
  if (isLocalhost(bare)) return addresses.filter(isNear);
  const far = addresses.filter((address) => !isNear(address));
  if (far.length > 0) return far;
  const granted = addresses.slice(0, 1);
  for (const { address } of granted) grants.check({ kind: "net", address, port, protocol: "tcp" });
  return granted;
}
