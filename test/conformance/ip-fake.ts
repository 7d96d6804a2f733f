// A Linux `ip` in memory, for the conformance run of agents/ip-address: one interface, and the addresses on it.

import type { ScriptedRun } from "systole/sdk/testing";

/** Commands `ip`, `arping` and `sysctl` over one interface. */
export function fakeIp(device: string): Readonly<Record<string, ScriptedRun>> {
  const addresses = new Map<string, number>();
  const ip: ScriptedRun = (args) => {
    const words = args.filter((word) => word !== "-j");
    const at = words[words.indexOf("dev") + 1];
    if (at !== device) return { code: 1, stderr: `Device "${at}" does not exist.` };
    if (words[1] === "show") {
      const info = [...addresses].map(([local, prefixlen]) => ({ local, prefixlen }));
      return { stdout: JSON.stringify([{ ifname: device, flags: ["UP"], addr_info: info }]) };
    }
    const [local = "", prefix = ""] = (words[2] ?? "").split("/");
    if (words[1] === "replace") addresses.set(local, Number(prefix));
    else if (!addresses.delete(local)) return { code: 2, stderr: "Error: ipv4: Address not found." };
    return {};
  };
  return { ip, arping: () => ({}), sysctl: () => ({ stdout: "1\n" }) };
}
