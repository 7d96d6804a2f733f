// Networks of a test's own: a namespace with a bridge for each link, and one for each node, joined by cables (veth pairs)
// that can be pulled, or made to lose what goes one way. Nothing outside these namespaces is touched. Needs root.

import { spawnSync } from "node:child_process";

/** Each link is a network of its own; a node's address ends in its id. */
export const LINKS = ["10.99.1.", "10.99.2."] as const;

let made = 0;

/** Why networks cannot be made here; undefined if they can. */
export function networksMissing(): string | undefined {
  const name = `systole-try-${process.pid}`;
  if (spawnSync("ip", ["netns", "add", name], { stdio: "ignore" }).status !== 0)
    return "network namespaces cannot be made here: needs root, iproute2 and CAP_SYS_ADMIN";
  const bridge = spawnSync("ip", ["-n", name, "link", "add", "name", "b0", "type", "bridge"], { stdio: "ignore" });
  spawnSync("ip", ["netns", "del", name], { stdio: "ignore" });
  return bridge.status === 0 ? undefined : "bridges cannot be made here";
}

/** The networks of one cluster. */
export interface Networks {
  /** The words that run a program in a node's namespace. */
  enter(id: number): readonly string[];
  /** Pulls a node's cable out of a link's switch, or plugs it in again. */
  cable(id: number, link: number, plugged: boolean): void;
  /** A node is heard no more on a link, though it hears (`mute`); or hears nothing, though it is heard (`deaf`). */
  lose(id: number, link: number, how: "mute" | "deaf" | "nothing"): void;
  /** Takes everything away. */
  remove(): void;
}

/** Makes the networks for nodes 1 to `count`. */
export function makeNetworks(count: number): Networks {
  made += 1;
  const prefix = `systole-${process.pid}-${made}`;
  const hub = `${prefix}-hub`;
  const spaces = [hub, ...Array.from({ length: count }, (_, index) => `${prefix}-n${index + 1}`)];
  const remove = (): void => {
    for (const space of spaces) spawnSync("ip", ["netns", "del", space], { stdio: "ignore" });
  };
  try {
    for (const space of spaces) ip("netns", "add", space);
    for (const [link, network] of LINKS.entries()) {
      ip("-n", hub, "link", "add", "name", `br${link}`, "type", "bridge");
      ip("-n", hub, "link", "set", "dev", `br${link}`, "up");
      for (let id = 1; id <= count; id += 1) layCable(hub, `${prefix}-n${id}`, id, link, `${network}${id}/24`);
    }
  } catch (error) {
    remove();
    throw error;
  }
  return {
    enter: (id) => ["ip", "netns", "exec", `${prefix}-n${id}`],
    cable: (id, link, plugged) => ip("-n", hub, "link", "set", "dev", `p${id}-${link}`, plugged ? "up" : "down"),
    lose: (id, link, how) => {
      // A queue that swallows everything, at the sending end of the direction that is to be lost.
      swallow(`${prefix}-n${id}`, `link${link}`, how === "mute");
      swallow(hub, `p${id}-${link}`, how === "deaf");
    },
    remove,
  };
}

function layCable(hub: string, space: string, id: number, link: number, address: string): void {
  const port = `p${id}-${link}`;
  ip("-n", hub, "link", "add", "name", port, "type", "veth", "peer", "name", `link${link}`, "netns", space);
  ip("-n", hub, "link", "set", "dev", port, "master", `br${link}`, "up");
  ip("-n", space, "address", "add", address, "dev", `link${link}`);
  ip("-n", space, "link", "set", "dev", `link${link}`, "up");
  ip("-n", space, "link", "set", "dev", "lo", "up");
}

function swallow(space: string, device: string, everything: boolean): void {
  if (everything) run("tc", ["-n", space, "qdisc", "replace", "dev", device, "root", "blackhole"]);
  else spawnSync("tc", ["-n", space, "qdisc", "del", "dev", device, "root"], { stdio: "ignore" });
}

function ip(...words: readonly string[]): void {
  run("ip", words);
}

function run(program: string, words: readonly string[]): void {
  const { status, stderr } = spawnSync(program, words, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${program} ${words.join(" ")}: ${stderr}`);
}
