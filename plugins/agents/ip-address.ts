// A floating IPv4 or IPv6 address on a network interface, by Linux `ip`. Needs root (or CAP_NET_ADMIN and CAP_NET_RAW).
//
// The neighbours are told where the address is now: by a gratuitous ARP request (`arping`), or for IPv6 by the kernel's own
// unsolicited neighbour advertisement.

import { AgentError, Duration, defineResourceAgent, type Log, type Run, Type } from "systole/sdk";

interface Parameters {
  readonly address: string;
  readonly prefix?: number;
  readonly device: string;
}

/** What `ip -j address show` says of an interface, as far as it is used here. */
interface Interface {
  readonly up: boolean;
  readonly addresses: readonly { readonly local: string; readonly prefix: number; readonly tentative: boolean }[];
}

function isVersion6(address: string): boolean {
  return address.includes(":");
}

/** The address with its prefix: a single host's if none is given. */
function withPrefix({ address, prefix }: Parameters): string {
  return `${address}/${prefix ?? (isVersion6(address) ? 128 : 32)}`;
}

/** The same form for the same IPv6 address: without leading zeros, lower case, nothing shortened. */
function spelledOut(address: string): string {
  if (!isVersion6(address)) return address;
  const [head = "", tail] = address.toLowerCase().split("::");
  const groups = (part: string | undefined): string[] => (part === undefined || part === "" ? [] : part.split(":"));
  const missing = tail === undefined ? 0 : 8 - groups(head).length - groups(tail).length;
  const all = [...groups(head), ...Array.from({ length: Math.max(0, missing) }, () => "0"), ...groups(tail)];
  return all.map((group) => group.replace(/^0+(?=.)/, "")).join(":");
}

function member(value: unknown, name: string): unknown {
  return typeof value === "object" && value !== null
    ? Object.entries(value).find(([key]) => key === name)?.[1]
    : undefined;
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** The interface as it is; undefined if there is none of that name. */
async function look(run: Run, device: string): Promise<Interface | undefined> {
  const { code, stdout, stderr } = await run("ip", ["-j", "address", "show", "dev", device], { allowFailure: true });
  if (code !== 0) {
    if (/does not exist/.test(stderr)) return undefined;
    throw new AgentError("generic", `ip cannot show interface ${device}: ${stderr.trim()}`);
  }
  const shown: unknown = JSON.parse(stdout);
  const found = list(shown).find((one) => member(one, "ifname") === device) ?? list(shown)[0];
  return {
    up: list(member(found, "flags")).includes("UP"),
    addresses: list(member(found, "addr_info")).map((info) => ({
      local: String(member(info, "local")),
      prefix: Number(member(info, "prefixlen")),
      tentative: member(info, "tentative") === true || member(info, "dadfailed") === true,
    })),
  };
}

/** The address on the interface, in whatever spelling. */
function find(found: Interface | undefined, params: Parameters) {
  return found?.addresses.find(({ local }) => spelledOut(local) === spelledOut(params.address));
}

/** `ip` as an error of ours: a missing right is no reason to try the same again here. */
async function change(run: Run, args: readonly string[]): Promise<void> {
  const { code, stderr } = await run("ip", args, { allowFailure: true });
  if (code === 0) return;
  const kind = /Operation not permitted/.test(stderr) ? "privileges" : "generic";
  throw new AgentError(kind, `ip ${args.join(" ")} failed: ${stderr.trim()}`);
}

/** Tells the neighbours. `arping` sends at once and then only waits, so the start does not wait for its end. */
async function announce(run: Run, params: Parameters, wait: () => Promise<void>): Promise<void> {
  const sent = run("arping", ["-q", "-U", "-c", "3", "-I", params.device, params.address], { allowFailure: true });
  await Promise.race([sent.catch(() => undefined), wait()]);
}

/**
 * Adds an IPv6 address that is in use at once and advertised at once. The kernel advertises (`ndisc_notify`) when duplicate
 * address detection is over, which takes a second or two: too long for a failover, and needless after a fence. With the flag
 * `nodad` it would not advertise; so detection is off on this interface while the address is added (`accept_dad`).
 */
async function addVersion6(run: Run, params: Parameters, log: Log): Promise<void> {
  const setting = `net.ipv6.conf.${params.device.replaceAll(".", "/")}`;
  const add = ["address", "replace", withPrefix(params), "dev", params.device];
  const before = await run("sysctl", ["-n", `${setting}.accept_dad`], { allowFailure: true });
  const set =
    before.code === 0 &&
    (await run("sysctl", ["-q", "-w", `${setting}.ndisc_notify=1`, `${setting}.accept_dad=0`], { allowFailure: true }));
  if (set === false || set.code !== 0) {
    log.warn(
      `The neighbours of ${params.device} are not told of ${params.address}: its kernel settings cannot be changed.`,
    );
    return await change(run, [...add, "nodad"]);
  }
  try {
    await change(run, add);
  } finally {
    await run("sysctl", ["-q", "-w", `${setting}.accept_dad=${before.stdout.trim()}`]);
  }
}

export default defineResourceAgent({
  name: "ip-address",
  summary: "A floating IPv4 or IPv6 address on a network interface",
  parameters: Type.Object({
    address: Type.String({
      description: "IPv4 or IPv6 address",
      pattern: "^([0-9]{1,3}(\\.[0-9]{1,3}){3}|[0-9A-Fa-f:]*:[0-9A-Fa-f:]*)$",
    }),
    prefix: Type.Optional(
      Type.Integer({
        description: "Length of the network's prefix; without it that of a single host (32, 128)",
        minimum: 1,
        maximum: 128,
      }),
    ),
    device: Type.String({ description: "Network interface, such as eth0", pattern: "^[^\\s/-][^\\s/]{0,14}$" }),
    announceFor: Duration(
      "How long the start goes on telling the neighbours (IPv4: one request at once, then one each second)",
      { defaultMs: 100 },
    ),
  }),
  permissions: { run: ["ip", "arping", "sysctl -n *", "sysctl -q -w ..."] },
  timeouts: { monitor: "5s", start: "20s", stop: "20s" },
  async monitor({ params, run }) {
    const found = await look(run, params.device);
    const address = find(found, params);
    if (address === undefined) return "stopped";
    if (found?.up !== true) return { failed: `interface ${params.device} is down` };
    if (address.tentative)
      return { failed: `${params.address} is in use by another machine (duplicate address detection)` };
    return "running";
  },
  async start({ log, params, run, sleep }) {
    const found = await look(run, params.device);
    if (found === undefined) throw new AgentError("arguments", `There is no interface ${params.device} on this node.`);
    if (!found.up)
      throw new AgentError(
        "generic",
        `Interface ${params.device} is down: \`ip link set ${params.device} up\`, or repair its link.`,
      );
    if (find(found, params) !== undefined) return;
    if (isVersion6(params.address)) return await addVersion6(run, params, log);
    await change(run, ["address", "replace", withPrefix(params), "dev", params.device]);
    await announce(run, params, () => sleep(params.announceFor));
  },
  async stop({ params, run }) {
    const address = find(await look(run, params.device), params);
    if (address !== undefined)
      await change(run, ["address", "del", `${address.local}/${address.prefix}`, "dev", params.device]);
  },
});
