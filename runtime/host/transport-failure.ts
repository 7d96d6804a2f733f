// Why a transport could not be opened, as one of our codes; and for a port that is in use, who has it.

import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { type ErrorCode, errorText, systemCode } from "./errors.ts";
import { PluginError } from "./plugins/plugin-error.ts";

/** Programs that hold a cluster's port because they are a cluster manager themselves. */
const CLUSTER_STACKS: Readonly<Record<string, string>> = {
  corosync: "Corosync",
  heartbeat: "Heartbeat",
  aisexec: "OpenAIS",
  pacemakerd: "Pacemaker",
};

/** Code and sentence for what `openTransport` threw. */
export function transportFailure(
  error: unknown,
  transport: string,
): { readonly code: ErrorCode; readonly message: string } {
  const cause = error instanceof Error ? error.cause : undefined;
  const system = systemCode(cause) || systemCode(error);
  const said = errorText(error);
  if (error instanceof PluginError) return { code: "plugin-invalid", message: said };
  switch (system) {
    case "EADDRINUSE": {
      const holder = portHolder(cause instanceof Error ? cause : error);
      const stack = holder === undefined ? undefined : CLUSTER_STACKS[holder.name];
      if (holder === undefined) return { code: "port-used", message: said };
      const who = `${stack ?? holder.name} (process ${holder.pid})`;
      const rule =
        stack === undefined ? "" : ` A machine belongs to one cluster manager; two could disagree about who is alive.`;
      return {
        code: stack === undefined ? "port-used" : "other-cluster",
        message: `${said} It is ${who} that has it.${rule}`,
      };
    }
    case "EACCES":
    case "EPERM":
      return { code: "port-permission", message: said };
    case "EADDRNOTAVAIL":
      return { code: "address-missing", message: said };
    default:
      return {
        code: "socket-failed",
        message: `The transport ${transport} cannot be opened, so the node does not start: ${said}`,
      };
  }
}

interface Holder {
  readonly pid: number;
  readonly name: string;
}

/** Which process has the UDP port that an error of `bind` names; undefined when that cannot be seen. */
function portHolder(error: unknown): Holder | undefined {
  if (!(error instanceof Error && "port" in error && typeof error.port === "number")) return undefined;
  try {
    const inodes = socketsOf(error.port);
    return inodes.size === 0 ? undefined : ownerOf(inodes);
  } catch {
    return undefined;
  }
}

/** Inodes of the sockets that are bound to a port. Source: the columns of /proc/net/udp, proc(5). */
function socketsOf(port: number): Set<string> {
  const inodes = new Set<string>();
  const hex = port.toString(16).toUpperCase().padStart(4, "0");
  for (const file of ["/proc/net/udp", "/proc/net/udp6"]) {
    for (const line of readFileSync(file, "utf8").split("\n").slice(1)) {
      const columns = line.trim().split(/\s+/);
      if (columns[1]?.endsWith(`:${hex}`) === true && columns[9] !== undefined) inodes.add(`socket:[${columns[9]}]`);
    }
  }
  return inodes;
}

function ownerOf(inodes: ReadonlySet<string>): Holder | undefined {
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      for (const descriptor of readdirSync(`/proc/${pid}/fd`)) {
        if (!inodes.has(readlinkSync(`/proc/${pid}/fd/${descriptor}`))) continue;
        return { pid: Number(pid), name: readFileSync(`/proc/${pid}/comm`, "utf8").trim() };
      }
    } catch {
      // Gone already, or of another user: it is not named then.
    }
  }
  return undefined;
}
