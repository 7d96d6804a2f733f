// A cluster as an operator has it: the built program, one process and one directory a node, and the command line. Nodes talk
// over two links each, on loopback or (where the test may make them) over networks of their own, which it can cut.
// Whatever a test does, nothing of it is left.

import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import type { TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import type { ApiClient } from "../../runtime/api/client.ts";
import { change, runsOn } from "../../runtime/cli/demo/operator.ts";
import { ClusterWatch, type NodeReport } from "../../runtime/cli/demo/watch.ts";
import { statusOfReport } from "../../runtime/cli/status-of-report.ts";
import { parseXml } from "../../runtime/compat/xml.ts";
import { createKeyFile } from "../../runtime/host/key.ts";
import { findProcesses, signalProcess } from "../../runtime/host/plugins/processes.ts";
import type { ClusterStatus } from "../../runtime/model/status/schema.ts";
import type { ClusterEvent } from "../../runtime/services/messages.ts";
import { LINKS, makeNetworks, type Networks } from "./networks.ts";

/** The program under test. SYSTOLE_TEST_PROGRAM names another build than this project's. */
export const PROGRAM =
  process.env["SYSTOLE_TEST_PROGRAM"] ?? fileURLToPath(new URL("../../dist/systole.mjs", import.meta.url));

/** Everything happens in a fraction of this, unless the machine is very busy. */
export const WAIT_MS = 45_000;

/** Every process of a node carries this variable, as in the demonstration: what its power supply feeds. */
const POWER_MARKER = "SYSTOLE_POWER_DOMAIN";

/** One node: its files and, while it runs, its process. */
export interface FieldNode {
  readonly id: number;
  readonly name: string;
  readonly directory: string;
  readonly configPath: string;
  readonly socketPath: string;
  readonly logPath: string;
}

/** What a command said, and its exit code. */
export interface Said {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export interface FieldOptions {
  readonly nodes?: number;
  /** Give each node a network namespace of its own; see networks.ts. */
  readonly networks?: boolean;
  /** Further keys of every node's configuration. */
  readonly config?: Readonly<Record<string, unknown>>;
}

/** The cluster as files, processes and networks. */
export class Field {
  readonly directory: string;
  readonly nodes: readonly FieldNode[];
  readonly watch: ClusterWatch;
  readonly networks: Networks | undefined;
  readonly #children = new Map<string, ChildProcess>();
  readonly #config: Readonly<Record<string, unknown>>;
  readonly port: number;

  private constructor(directory: string, port: number, options: FieldOptions) {
    this.directory = directory;
    this.port = port;
    const count = options.nodes ?? 3;
    this.networks = options.networks === true ? makeNetworks(count) : undefined;
    this.nodes = Array.from({ length: count }, (_, index) => describeNode(directory, index + 1));
    this.#config = { cluster: "field", detectionTimeoutMs: 800, ...options.config };
    createKeyFile(join(directory, "cluster.key"));
    for (const node of this.nodes) this.configure(node);
    this.watch = new ClusterWatch(this.nodes);
  }

  /** Makes directories, key, configurations and networks; everything goes away with the test. Starts nothing. */
  static async create(t: TestContext, options: FieldOptions = {}): Promise<Field> {
    const field = new Field(mkdtempSync(join(tmpdir(), "systole-field-")), await freePort(), options);
    t.after(() => field.#dispose());
    return field;
  }

  /** The node of that name. */
  node(name: string): FieldNode {
    const node = this.nodes.find((one) => one.name === name);
    if (node === undefined) throw new Error(`no node ${name}`);
    return node;
  }

  /** Writes a node's configuration file, with changes of its own. */
  configure(node: FieldNode, changes: Readonly<Record<string, unknown>> = {}): void {
    const config = {
      node: node.name,
      nodes: this.nodes.map(({ id, name }) => ({ id, name, links: this.#links(id) })),
      keyFile: join(this.directory, "cluster.key"),
      stateDirectory: join(node.directory, "state"),
      socket: node.socketPath,
      ...this.#config,
      ...changes,
    };
    writeFileSync(node.configPath, `${JSON.stringify(config, null, 2)}\n`, { mode: 0o600 });
  }

  /** Starts the node's process; `environment` is added to its own. */
  start(node: FieldNode, environment: Readonly<Record<string, string>> = {}): void {
    const log = openSync(node.logPath, "a", 0o600);
    const [program = "", ...words] = [
      ...(this.networks?.enter(node.id) ?? []),
      process.execPath,
      PROGRAM,
      "node",
      node.configPath,
    ];
    const child = spawn(program, words, {
      stdio: ["ignore", log, log],
      detached: true,
      env: { ...process.env, [POWER_MARKER]: `${this.directory}/${node.name}`, TMPDIR: this.directory, ...environment },
    });
    closeSync(log);
    this.#children.set(node.name, child);
    child.on("error", () => {});
  }

  /** Sends a signal to the node's own process alone: what it started lives on. */
  signal(node: FieldNode, signal: "SIGKILL" | "SIGSTOP" | "SIGCONT" | "SIGTERM"): void {
    this.#children.get(node.name)?.kill(signal);
  }

  /** Pulls the plug: the node and everything that it started die at once. */
  async powerOff(node: FieldNode): Promise<void> {
    for (let left = await this.#fed(node); left.length > 0; left = await this.#fed(node)) {
      for (const identity of left) signalProcess(identity, "SIGKILL");
    }
  }

  /** How the node's process ended: exit code or signal. */
  async ended(node: FieldNode, timeoutMs = WAIT_MS): Promise<number | string> {
    const child = this.#children.get(node.name);
    if (child === undefined) throw new Error(`${node.name} was not started`);
    if (child.exitCode === null && child.signalCode === null) {
      await once(child, "exit", { signal: AbortSignal.timeout(timeoutMs) }).catch(() => {
        throw new Error(`${node.name} did not end within ${timeoutMs} ms\n${this.log(node)}`);
      });
    }
    return child.exitCode ?? child.signalCode ?? "unknown";
  }

  /** Runs `systole` as an operator logged in on this node. */
  async systole(node: FieldNode | undefined, ...words: readonly string[]): Promise<Said> {
    const child = spawn(process.execPath, [PROGRAM, ...words], {
      cwd: this.directory,
      stdio: ["ignore", "pipe", "pipe"],
      env: { ...process.env, NO_COLOR: "1", ...(node === undefined ? {} : { SYSTOLE_SOCKET: node.socketPath }) },
    });
    let out = "";
    let err = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      out += text;
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      err += text;
    });
    const timer = setTimeout(() => child.kill("SIGKILL"), WAIT_MS);
    const [code] = await once(child, "close");
    clearTimeout(timer);
    return { code: typeof code === "number" ? code : null, out, err };
  }

  /** The connection to a node that answers. */
  client(node: FieldNode): ApiClient {
    const client = this.watch.client(node.name);
    if (client === undefined) throw new Error(`${node.name} does not answer\n${this.log(node)}`);
    return client;
  }

  /** What a node says now; undefined while it does not answer. */
  status(node: FieldNode): ClusterStatus | undefined {
    const report = this.watch.reports().find((one) => one.node.name === node.name)?.report;
    return report === undefined ? undefined : statusOfReport(report);
  }

  /** Makes a change of the configuration through a node. */
  async give(node: FieldNode, configuration: string): Promise<void> {
    await change(this.client(node), [{ edit: "replace-configuration", element: parseXml(configuration) }], "test");
  }

  /** Resolves with what `wanted` finds in the nodes' reports; fails with everybody's last words. */
  async until<T>(
    what: string,
    wanted: (reports: readonly NodeReport[]) => T | undefined,
    timeoutMs = WAIT_MS,
  ): Promise<T> {
    const found = await this.watch.waitFor(wanted, timeoutMs);
    if (found === undefined) throw new Error(`not within ${timeoutMs} ms: ${what}\n${this.#lastWords()}`);
    return found;
  }

  /** Resolves with the first event since the `since`th that is as wanted. */
  async event(what: string, since: number, wanted: (event: ClusterEvent) => boolean): Promise<ClusterEvent> {
    return await this.until(what, () => this.watch.events.slice(since).find(wanted));
  }

  /** All of these nodes, and no other, are in one established primary view, and say so. */
  async together(...nodes: readonly FieldNode[]): Promise<void> {
    const wanted = nodes.map((node) => node.id).join();
    await this.until(`one view of ${nodes.map((node) => node.name).join(", ")}`, (reports) => {
      const said = reports.filter(({ node }) => nodes.some((one) => one.id === node.id));
      const agreed = said.filter(
        ({ report: { standing } }) =>
          standing?.established === true &&
          standing.primary &&
          standing.view.members.map((member) => member.id).join() === wanted,
      );
      return agreed.length === nodes.length &&
        new Set(agreed.map((one) => one.report.standing?.view.members.length)).size === 1
        ? true
        : undefined;
    });
  }

  /** Where a resource runs, by the word of `node`, once it runs somewhere that is as wanted and nobody is at work. */
  async runs(node: FieldNode, resource: string, wanted: (on: string) => boolean = () => true): Promise<string> {
    return await this.until(`${resource} runs, says ${node.name}`, () => {
      const status = this.status(node);
      const on = status === undefined ? undefined : runsOn(status.resources, resource);
      return on !== undefined && wanted(on) && status?.transition === undefined ? on : undefined;
    });
  }

  /** The last lines of a node's log. */
  log(node: FieldNode, lines = 15): string {
    if (!existsSync(node.logPath)) return "(no log)";
    return readFileSync(node.logPath, "utf8").trimEnd().split("\n").slice(-lines).join("\n");
  }

  #lastWords(): string {
    return this.nodes
      .map((node) => `--- ${node.name}: ${JSON.stringify(this.status(node))}\n${this.log(node)}`)
      .join("\n");
  }

  #links(id: number): readonly { readonly address: string; readonly port: number }[] {
    const networks = this.networks === undefined ? ["127.30.0.", "127.40.0."] : LINKS;
    return networks.map((network) => ({ address: `${network}${id}`, port: this.port }));
  }

  #fed(node: FieldNode): ReturnType<typeof findProcesses> {
    return findProcesses({ marker: `${POWER_MARKER}=${this.directory}/${node.name}` });
  }

  async #dispose(): Promise<void> {
    this.watch.close();
    const deadline = performance.now() + WAIT_MS;
    for (const node of this.nodes) {
      if (performance.now() < deadline) await this.powerOff(node);
    }
    this.networks?.remove();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

function describeNode(directory: string, id: number): FieldNode {
  const name = `n${id}`;
  const own = join(directory, name);
  mkdirSync(own, { mode: 0o700 });
  return {
    id,
    name,
    directory: own,
    configPath: join(own, "node.json"),
    socketPath: join(own, "control.sock"),
    logPath: join(own, "log"),
  };
}

async function freePort(): Promise<number> {
  const socket = createSocket("udp4");
  socket.bind(0, "127.30.0.1");
  await once(socket, "listening");
  const { port } = socket.address();
  await new Promise<void>((resolve) => socket.close(() => resolve()));
  return port;
}

/** What stands in a configuration for a test; each with a default. */
export interface Wanted {
  readonly options?: Readonly<Record<string, string>>;
  /** Elements for <resources> besides the fence device. */
  readonly resources?: string;
  readonly constraints?: string;
  /** The fence device's element, or "" for none. */
  readonly fencing?: string;
}

/** <nvpair> elements with ids that begin with `owner`. */
export function pairs(owner: string, values: Readonly<Record<string, string>>): string {
  return Object.entries(values)
    .map(([name, value]) => `<nvpair id="${owner}-${name}" name="${name}" value="${value}"/>`)
    .join("");
}

/** A sleeping process as a resource, looked at each `interval`. */
export function dummy(id: string, interval = "1s", inner = ""): string {
  return `<primitive id="${id}" class="ocf" provider="systole" type="dummy">${inner}<operations><op id="${id}-monitor" name="monitor" interval="${interval}" timeout="10s"/></operations></primitive>`;
}

/** A <configuration> for this cluster: really killing fence device, and one dummy `app`, unless wanted otherwise. */
export function configuration(field: Field, wanted: Wanted = {}): string {
  const power = pairs("power", { marker: POWER_MARKER, value: `${field.directory}/{node}` });
  const fencing =
    wanted.fencing ??
    `<primitive id="power" class="stonith" type="systole:process-power"><instance_attributes id="power-params">${power}</instance_attributes></primitive>`;
  const options = { "stonith-enabled": "true", "no-quorum-policy": "stop", ...wanted.options };
  return `<configuration><crm_config><cluster_property_set id="options">${pairs("options", options)}</cluster_property_set></crm_config>
<nodes>${field.nodes.map((node) => `<node id="${node.id}" uname="${node.name}"/>`).join("")}</nodes>
<resources>${fencing}${wanted.resources ?? dummy("app")}</resources>
<constraints>${wanted.constraints ?? ""}</constraints></configuration>`;
}

/** The processes that carry this node's mark and whose command line has `words`. */
export async function processesOf(field: Field, node: FieldNode, words: string): Promise<number[]> {
  const found = await findProcesses({ marker: `${POWER_MARKER}=${field.directory}/${node.name}` });
  return found.map(({ pid }) => pid).filter((pid) => commandLine(pid).includes(words));
}

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
  } catch {
    return "";
  }
}

/** Whether this machine lets a test do something, tried once. */
export function allowed(program: string, ...words: readonly string[]): boolean {
  return spawnSync(program, words, { stdio: "ignore" }).status === 0;
}
