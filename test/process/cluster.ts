// Real node processes on loopback, from source, each with its own directory. Whatever a test does, nothing of it is left.

import { type ChildProcess, spawn } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, rmSync, watch, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { type ApiClient, connectApi } from "../../runtime/api/client.ts";
import type { StatusReport } from "../../runtime/api/schema.ts";
import { createKeyFile } from "../../runtime/host/key.ts";

/** The command line, from source. */
export const PROGRAM = fileURLToPath(new URL("../../runtime/cli/main.ts", import.meta.url));

/** Everything here happens in a fraction of this, unless the machine is very busy. */
export const DEADLINE_MS = 60_000;

/** How a process ended, and what it said. */
export interface Ended {
  readonly code: number | null;
  readonly stderr: string;
}

/** One node: its files and, while it runs, its process. */
export class TestNode {
  readonly name: string;
  readonly directory: string;
  readonly socket: string;
  readonly config: Record<string, unknown>;
  child: ChildProcess | undefined;
  #ended: Promise<Ended> | undefined;

  constructor(name: string, directory: string, config: Record<string, unknown>) {
    this.name = name;
    this.directory = directory;
    this.socket = join(directory, "control.sock");
    this.config = { ...config, node: name, stateDirectory: join(directory, "state"), socket: this.socket };
    mkdirSync(directory);
  }

  /** Starts the process; resolves to how it ended, whenever that is. */
  start(changes: Record<string, unknown> = {}): Promise<Ended> {
    const file = join(this.directory, "node.json");
    writeFileSync(file, JSON.stringify({ ...this.config, ...changes }));
    const child = spawn(process.execPath, ["--import", "tsx", PROGRAM, "node", file], {
      stdio: ["ignore", "ignore", "pipe"],
    });
    this.child = child;
    let stderr = "";
    child.stderr.on("data", (bytes) => {
      stderr += String(bytes);
    });
    this.#ended = once(child, "close").then(([code]) => ({ code: typeof code === "number" ? code : null, stderr }));
    return this.#ended;
  }

  /** Connects as soon as the control socket is there. */
  async connect(): Promise<ApiClient> {
    const ended = this.#ended?.then(({ code, stderr }) => {
      throw new Error(`node ${this.name} ended with ${code}: ${stderr}`);
    });
    await Promise.race([appears(this.socket), ended]);
    return await connectApi(this.socket, { timeoutMs: DEADLINE_MS });
  }
}

/** Resolves when there is a file of that name. */
async function appears(path: string): Promise<void> {
  const stop = AbortSignal.timeout(DEADLINE_MS);
  const watcher = watch(dirname(path), { signal: stop });
  try {
    while (!existsSync(path)) await once(watcher, "change", { signal: stop });
  } finally {
    watcher.close();
  }
}

/** Nodes `n1`, `n2`, ... that know of one another; ended and removed with the test. */
export async function makeNodes(t: TestContext, count: number): Promise<readonly TestNode[]> {
  const directory = mkdtempSync(join(tmpdir(), "systole-nodes-"));
  const keyFile = join(directory, "cluster.key");
  createKeyFile(keyFile);
  const ports = await freePorts(count);
  const config = {
    cluster: "test",
    nodes: ports.map((port, index) => ({
      id: index + 1,
      name: `n${index + 1}`,
      links: [{ address: "127.0.0.1", port }],
    })),
    keyFile,
  };
  const nodes = ports.map((_, index) => new TestNode(`n${index + 1}`, join(directory, `n${index + 1}`), config));
  t.after(async () => {
    for (const { child } of nodes) {
      if (child === undefined || child.exitCode !== null || child.signalCode !== null) continue;
      child.kill("SIGKILL");
      await once(child, "close");
    }
    rmSync(directory, { recursive: true, force: true });
  });
  return nodes;
}

async function freePorts(count: number): Promise<number[]> {
  const sockets = Array.from({ length: count }, () => createSocket("udp4"));
  for (const socket of sockets) {
    socket.bind(0, "127.0.0.1");
    await once(socket, "listening");
  }
  const ports = sockets.map((socket) => socket.address().port);
  await Promise.all(sockets.map((socket) => new Promise<void>((resolve) => socket.close(resolve))));
  return ports;
}

/** Resolves to the first status of this node that is as wanted; looks whenever something has changed. */
export async function statusWhen(
  client: ApiClient,
  wanted: (status: StatusReport) => boolean,
  what: string,
): Promise<StatusReport> {
  let wake: () => void = () => {};
  const deadline = performance.now() + DEADLINE_MS;
  await client.subscribe(0, () => wake());
  for (;;) {
    const changed = new Promise<void>((resolve) => {
      wake = resolve;
    });
    const status = await client.call("status", {}, { timeoutMs: DEADLINE_MS });
    if (wanted(status)) return status;
    const left = deadline - performance.now();
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(
        () => reject(new Error(`not within ${DEADLINE_MS} ms: ${what}; ${JSON.stringify(status)}`)),
        left,
      );
    });
    await Promise.race([changed, late]);
    clearTimeout(timer);
  }
}

/** The names of the members of the view that a node sees. */
export function members(status: StatusReport): string[] {
  const name = (id: number): string => status.nodes.find((node) => node.id === id)?.name ?? `${id}`;
  return status.standing?.view.members.map((member) => name(member.id)) ?? [];
}
