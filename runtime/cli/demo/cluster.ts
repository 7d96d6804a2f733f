// Three nodes on this machine, each an operating system process of its own, in one temporary directory. The launcher is to
// them what hands and a power button are to servers: it starts them and breaks them, and tells them nothing.

import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { ProcessIdentity } from "../../../sdk/mod.ts";
import { SystoleError } from "../../host/errors.ts";
import { createKeyFile } from "../../host/key.ts";
import { findProcesses, signalProcess } from "../../host/plugins/processes.ts";

/** Every process of a node carries this variable, with `DIRECTORY/NODE` as its value: what its power supply feeds. */
export const POWER_MARKER = "SYSTOLE_POWER_DOMAIN";

/** The whole of 127.0.0.0/8 is this machine: each link is a network of its own there. */
const LINK_NETWORKS = ["127.10.0.", "127.20.0."] as const;
const WEB_ADDRESS = "127.0.0.80";
const NODE_COUNT = 3;
/** Ports are tried at random in this range until one is free on every address. */
const FIRST_PORT = 20_000;
const PORT_RANGE = 20_000;
const PORT_TRIES = 50;
/** Killed processes are gone within a few milliseconds; this is for a machine that swaps. */
const KILL_TIMEOUT_MS = 5_000;

export interface DemoNode {
  readonly id: number;
  readonly name: string;
  readonly directory: string;
  readonly configPath: string;
  readonly socketPath: string;
  readonly logPath: string;
}

export interface DemoOptions {
  /** The built program, dist/systole.mjs; by default the one that is running. */
  readonly program?: string;
  readonly detectionTimeoutMs?: number;
}

/** The cluster as files and processes. */
export class DemoCluster {
  readonly directory: string;
  readonly nodes: readonly DemoNode[];
  readonly webAddress = WEB_ADDRESS;
  readonly webPort: number;
  readonly nodeProgram = process.execPath;
  readonly webProgram: string;
  readonly #program: string;
  readonly #children = new Map<string, ChildProcess>();

  private constructor(directory: string, port: number, webPort: number, options: DemoOptions) {
    const program = options.program ?? process.argv[1] ?? "";
    this.directory = directory;
    this.webPort = webPort;
    this.#program = program;
    this.webProgram = join(dirname(program), "demo-web.mjs");
    this.nodes = Array.from({ length: NODE_COUNT }, (_, index) => this.#describeNode(index + 1));
    createKeyFile(join(directory, "cluster.key"));
    for (const node of this.nodes) this.#writeConfig(node, port, options);
  }

  /** Makes the directory, the key and the configurations; starts nothing. */
  static async create(options: DemoOptions = {}): Promise<DemoCluster> {
    const port = await freeUdpPort();
    const webPort = await freeTcpPort(WEB_ADDRESS);
    return new DemoCluster(mkdtempSync(join(tmpdir(), "systole-demo-")), port, webPort, options);
  }

  /** Starts a node's process. */
  start(node: DemoNode): void {
    const log = openSync(node.logPath, "a", 0o600);
    const child = spawn(process.execPath, [this.#program, "node", node.configPath], {
      stdio: ["ignore", log, log],
      detached: true,
      env: { ...process.env, [POWER_MARKER]: this.#domain(node), TMPDIR: this.directory },
    });
    closeSync(log);
    this.#children.set(node.name, child);
    child.on("error", () => {});
  }

  /** Whether the process that `start` made still exists (a stopped one does). */
  isRunning(node: DemoNode): boolean {
    const child = this.#children.get(node.name);
    return child?.pid !== undefined && child.exitCode === null && child.signalCode === null;
  }

  /** How the node's process ended: its exit status, or undefined while it runs and after a signal. */
  exitStatus(node: DemoNode): number | undefined {
    return this.#children.get(node.name)?.exitCode ?? undefined;
  }

  /** Sends a signal to the node's own process, and to it alone: what it started lives on, as after a crash. */
  signal(node: DemoNode, signal: "SIGKILL" | "SIGSTOP" | "SIGCONT" | "SIGTERM"): void {
    this.#children.get(node.name)?.kill(signal);
  }

  /** Resolves to true when the node's process has ended, to false when the time is over. */
  ended(node: DemoNode, timeoutMs: number): Promise<boolean> {
    const child = this.#children.get(node.name);
    if (child === undefined || !this.isRunning(node)) return Promise.resolve(true);
    return new Promise((resolve) => {
      const timer = setTimeout(() => finish(false), timeoutMs);
      const onExit = (): void => finish(true);
      const finish = (value: boolean): void => {
        clearTimeout(timer);
        child.off("exit", onExit);
        resolve(value);
      };
      child.on("exit", onExit);
    });
  }

  /** The last lines of a node's log, for an error message. */
  lastLog(node: DemoNode, lines = 5): string {
    try {
      return readFileSync(node.logPath, "utf8").trimEnd().split("\n").slice(-lines).join("\n");
    } catch {
      return "(no log)";
    }
  }

  /** Whatever still runs with a node's marker. */
  async leftovers(): Promise<readonly ProcessIdentity[]> {
    const found = this.nodes.map((node) => findProcesses({ marker: `${POWER_MARKER}=${this.#domain(node)}` }));
    return (await Promise.all(found)).flat();
  }

  /** Ends every process of the cluster and removes its directory. May be called twice. */
  async dispose(): Promise<void> {
    const deadline = performance.now() + KILL_TIMEOUT_MS;
    for (
      let left = await this.leftovers();
      left.length > 0 && performance.now() < deadline;
      left = await this.leftovers()
    ) {
      for (const identity of left) signalProcess(identity, "SIGKILL");
    }
    rmSync(this.directory, { recursive: true, force: true });
  }

  #domain(node: DemoNode): string {
    return `${this.directory}/${node.name}`;
  }

  #describeNode(id: number): DemoNode {
    const name = `n${id}`;
    const directory = join(this.directory, name);
    mkdirSync(directory, { mode: 0o700 });
    return {
      id,
      name,
      directory,
      configPath: join(directory, "node.json"),
      socketPath: join(directory, "control.sock"),
      logPath: join(directory, "log"),
    };
  }

  #writeConfig(node: DemoNode, port: number, options: DemoOptions): void {
    const config = {
      cluster: "demo",
      node: node.name,
      nodes: this.nodes.map(({ id, name }) => ({
        id,
        name,
        links: LINK_NETWORKS.map((network) => ({ address: `${network}${id}`, port })),
      })),
      keyFile: join(this.directory, "cluster.key"),
      stateDirectory: join(node.directory, "state"),
      socket: node.socketPath,
      ...(options.detectionTimeoutMs === undefined ? {} : { detectionTimeoutMs: options.detectionTimeoutMs }),
    };
    writeFileSync(node.configPath, `${JSON.stringify(config, null, 2)}\n`, { mode: 0o600 });
  }
}

/** A UDP port that is free on every address the nodes will use. */
async function freeUdpPort(): Promise<number> {
  const addresses = LINK_NETWORKS.flatMap((network) =>
    Array.from({ length: NODE_COUNT }, (_, index) => `${network}${index + 1}`),
  );
  for (let tries = 0; tries < PORT_TRIES; tries += 1) {
    const port = FIRST_PORT + (randomBytes(2).readUInt16BE() % PORT_RANGE);
    const free = await Promise.all(addresses.map((address) => udpPortIsFree(address, port)));
    if (free.every(Boolean)) return port;
  }
  throw new SystoleError(
    "port-used",
    `No UDP port is free on ${addresses[0]} and its neighbours after ${PORT_TRIES} tries, so the nodes cannot talk. Close what listens there and start again.`,
  );
}

function udpPortIsFree(address: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createSocket("udp4");
    socket.once("error", () => resolve(false));
    socket.bind({ address, port, exclusive: true }, () => socket.close(() => resolve(true)));
  });
}

function freeTcpPort(address: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, address, () => {
      const bound = server.address();
      server.close(() => resolve(typeof bound === "object" && bound !== null ? bound.port : 0));
    });
  });
}
