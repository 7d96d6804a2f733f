// The configuration of a node: a JSON file, the same on every node but for the key "node". What is wrong with it is said in
// one line: where, what follows, what to write instead.

import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import { dirname, resolve } from "node:path";
import type { Static, TSchema } from "typebox";
import * as Type from "typebox";
import { Compile } from "typebox/schema";
import { type QuorumConfig, refuseImpossible, refuseLossy } from "../kernel/quorum/votes.ts";
import { didYouMean } from "../model/nearest.ts";
import { errorText, SystoleError, systemCode } from "./errors.ts";
import { DEFAULT_SOCKET } from "./paths.ts";
import { readTrustedKey, type SignatureRules } from "./plugins/trust/signature.ts";
import type { ArbiterSetting } from "./plugins/types.ts";

/** Longest path of a unix socket (Linux: 108 bytes with the final zero), less what its name has at the end while it is made. */
const MAX_SOCKET_PATH_BYTES = 103;

/** A configuration file is a page or two. */
const MAX_CONFIG_BYTES = 1024 * 1024;

const MAX_NODES = 64;
const MAX_LINKS = 8;
const MAX_TRUSTED_KEYS = 64;

/** Where Pacemaker's alert agents are: as installed, and where administrators put their own. */
const ALERT_FOLDERS = ["/usr/share/pacemaker/alerts", "/var/lib/pacemaker"];

const DEFAULT_DETECTION_MS = 1_000;

/** So many heartbeats fit into the detection time: all but one of them may be lost. */
const HEARTBEATS_IN_DETECTION = 5;

const closed = { additionalProperties: false } as const;
const name = Type.String({ pattern: "^[A-Za-z0-9]([A-Za-z0-9._-]{0,62}[A-Za-z0-9])?$" });
const path = Type.String({ minLength: 1, maxLength: 4096 });
const flag = Type.Optional(Type.Boolean());

const configSchema = Type.Object(
  {
    cluster: name,
    node: name,
    nodes: Type.Array(
      Type.Object(
        {
          id: Type.Integer({ minimum: 1, maximum: 2 ** 31 - 1 }),
          name,
          votes: Type.Optional(Type.Integer({ minimum: 0, maximum: 100 })),
          links: Type.Array(
            Type.Object(
              { address: Type.String({ minLength: 1 }), port: Type.Integer({ minimum: 1, maximum: 65_535 }) },
              closed,
            ),
            { minItems: 1, maxItems: MAX_LINKS },
          ),
        },
        closed,
      ),
      { minItems: 1, maxItems: MAX_NODES },
    ),
    keyFile: path,
    stateDirectory: path,
    socket: Type.Optional(path),
    transport: Type.Optional(
      Type.Object({ name, parameters: Type.Optional(Type.Record(Type.String(), Type.Unknown())) }, closed),
    ),
    heartbeatIntervalMs: Type.Optional(Type.Integer({ minimum: 5, maximum: 60_000 })),
    detectionTimeoutMs: Type.Optional(Type.Integer({ minimum: 50, maximum: 300_000 })),
    mainSilenceMs: Type.Optional(Type.Integer({ minimum: 200, maximum: 300_000 })),
    persistTimeoutMs: Type.Optional(Type.Integer({ minimum: 100, maximum: 300_000 })),
    quorum: Type.Optional(
      Type.Object(
        {
          expectedVotes: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000 })),
          twoNode: flag,
          waitForAll: flag,
          autoTieBreaker: flag,
          acceptLoss: flag,
          arbiter: Type.Optional(
            Type.Object(
              {
                plugin: name,
                parameters: Type.Optional(Type.Record(Type.String(), Type.String({ maxLength: 65_536 }))),
              },
              closed,
            ),
          ),
        },
        closed,
      ),
    ),
    gatherMonitors: flag,
    plugins: Type.Optional(Type.Array(path, { maxItems: 256 })),
    alertFolders: Type.Optional(Type.Array(path, { maxItems: 64 })),
    audit: Type.Optional(path),
    sandbox: Type.Optional(
      Type.Object(
        { requireSandbox: flag, wall: flag, uid: Type.Optional(Type.Integer({ minimum: 1, maximum: 4_294_967_294 })) },
        closed,
      ),
    ),
    pluginSignatures: Type.Optional(
      Type.Object(
        {
          policy: Type.Union([Type.Literal("require"), Type.Literal("warn"), Type.Literal("off")]),
          keys: Type.Optional(Type.Array(path, { maxItems: MAX_TRUSTED_KEYS })),
        },
        closed,
      ),
    ),
    log: Type.Optional(
      Type.Object(
        {
          level: Type.Optional(
            Type.Union([Type.Literal("debug"), Type.Literal("info"), Type.Literal("warn"), Type.Literal("error")]),
          ),
          format: Type.Optional(Type.Union([Type.Literal("json"), Type.Literal("human")])),
          file: Type.Optional(path),
        },
        closed,
      ),
    ),
  },
  closed,
);

type ConfigFile = Static<typeof configSchema>;

/** A configured node. */
export interface ConfiguredNode {
  readonly id: number;
  readonly name: string;
  readonly votes: number;
  readonly links: readonly { readonly address: string; readonly port: number }[];
}

/** The configuration of a node: validated, defaults filled in, paths absolute. */
export interface NodeConfig {
  readonly cluster: string;
  readonly self: ConfiguredNode;
  /** All of them, sorted by id. */
  readonly nodes: readonly ConfiguredNode[];
  readonly keyFile: string;
  readonly stateDirectory: string;
  readonly socket: string;
  readonly transport: { readonly name: string; readonly parameters: Readonly<Record<string, unknown>> };
  readonly heartbeatIntervalMs: number;
  readonly detectionTimeoutMs: number;
  readonly mainSilenceMs: number;
  readonly persistTimeoutMs: number;
  /** Everything but whether there is a fence device, which the CIB says. */
  readonly quorum: Omit<QuorumConfig, "fencing">;
  /** The arbiter that is to have a vote; whether it has one is committed in the CIB. */
  readonly arbiter?: ArbiterSetting;
  /** Whether recurring monitors that are due at nearly the same time start together; true if not given. */
  readonly gatherMonitors: boolean;
  readonly plugins: readonly string[];
  /** Folders whose programs an alert of the CIB may name; those of Pacemaker, if it does not say. */
  readonly alertFolders: readonly string[];
  /** File for every use of a permission by a plugin; nothing is written without. */
  readonly audit?: string;
  /** How plugins are held. */
  readonly sandbox: {
    /** No plugin runs where there is no Deno. */
    readonly requireSandbox: boolean;
    /** Whether to put bubblewrap around plugins where it works; true if not given. */
    readonly wall?: boolean;
    /** Who plugins run as when the node runs as root; the user "nobody" if not given. */
    readonly uid?: number;
  };
  /** What is asked of the signatures of plugins that the cluster agrees on; nothing, if it does not say. */
  readonly pluginSignatures: SignatureRules;
  /** The folder of the configuration file. */
  readonly baseDirectory: string;
  readonly log: {
    readonly level: "debug" | "info" | "warn" | "error";
    readonly format: "json" | "human";
    readonly file?: string;
  };
}

/**
 * Reads a configuration file.
 * @throws SystoleError `config-unreadable`, `config-not-json`, and what `parseConfig` throws.
 */
export function loadConfig(file: string): NodeConfig {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (error) {
    const remedy =
      systemCode(error) === "ENOENT" ? "Name the file that you mean." : "Let the user that runs the node read it.";
    throw new SystoleError(
      "config-unreadable",
      `The configuration ${file} cannot be read, so the node does not start (${errorText(error)}). ${remedy}`,
    );
  }
  return parseConfig(text, file);
}

/**
 * A configuration from its text. `file` is what it is called in messages; relative paths count from its folder.
 * @throws SystoleError `config-not-json`, `config-unknown-key`, `config-invalid`, `config-two-transports`, `config-lossy`, `socket-path`.
 */
export function parseConfig(text: string, file: string): NodeConfig {
  if (text.length > MAX_CONFIG_BYTES) throw invalid(file, "", `is larger than ${MAX_CONFIG_BYTES} bytes`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new SystoleError(
      "config-not-json",
      `The configuration ${file} is no JSON, so the node does not start: ${errorText(error)}. Mind commas, quotes and comments (JSON has none).`,
    );
  }
  refuseTwoTransports(value, file);
  refuseLossyOptions(value, file);
  refuseUnknownKeys(configSchema, value, "", file);
  const config = validated(value, file);
  refuseContradictions(config, file);
  return complete(config, file);
}

function invalid(file: string, where: string, what: string): SystoleError {
  const place = where === "" ? "" : `${where} `;
  return new SystoleError(
    "config-invalid",
    `In the configuration ${file}, ${place}${what}, so the node does not start. Correct it.`,
  );
}

/** Two judges of who is alive can disagree, and then there are two clusters. */
function refuseTwoTransports(value: unknown, file: string): void {
  if (typeof value !== "object" || value === null) return;
  const several =
    "transport" in value && Array.isArray(value.transport) ? value.transport.length > 1 : "transports" in value;
  if (!several) return;
  throw new SystoleError(
    "config-two-transports",
    `The configuration ${file} names several transports, so the node does not start: two judges of who is alive can disagree. Name one; it may use several links.`,
  );
}

/** What other cluster managers have, by their names: why it is refused, and what to do instead. Keys without "_" and in small letters. */
const LOSSY_OPTIONS: Readonly<Record<string, string>> = {
  lastmanstanding:
    'with last_man_standing the expected votes follow the nodes that are left, so the last one goes on alone and two halves that shrank apart both go on. Leave it out: a node that stays away is taken out of "nodes", and the cluster takes its vote away while it has a majority',
  lastmanstandingwindow: "it belongs to last_man_standing, which is refused. Leave both out",
  allowdownscale:
    'with allow_downscale the expected votes shrink with each node that leaves, so the nodes that left can start again as a cluster of their own. Leave it out: a node that is to go for good is taken out of "nodes", and the cluster takes its vote away',
  autotiebreakernode:
    "the tie is always broken by the node with the lowest id: nodes that name different ones would both win it. Use autoTieBreaker alone, and give that node the lowest id",
  device:
    'a quorum device is called an arbiter here, and works otherwise (a register that the nodes ask). Name one as "quorum.arbiter", with "plugin" and "parameters"',
};

/** Options that can lose acknowledged changes are not merely unknown: who writes them counts on what they do elsewhere. */
function refuseLossyOptions(value: unknown, file: string): void {
  if (typeof value !== "object" || value === null || !("quorum" in value)) return;
  const { quorum: section } = value;
  if (typeof section !== "object" || section === null) return;
  for (const key of Object.keys(section)) {
    const why = LOSSY_OPTIONS[key.replaceAll("_", "").toLowerCase()];
    if (why === undefined) continue;
    const text = `The configuration ${file} has "quorum.${key}", which could lose acknowledged changes, so the node does not start: ${why}.`;
    throw new SystoleError("config-lossy", text);
  }
}

/** Unknown keys first: a misspelt one otherwise shows as a missing one. */
function refuseUnknownKeys(schema: TSchema, value: unknown, where: string, file: string): void {
  if (Array.isArray(value) && Type.IsArray(schema)) {
    for (const [index, item] of value.entries()) refuseUnknownKeys(schema.items, item, `${where}[${index}]`, file);
  }
  if (typeof value !== "object" || value === null || !Type.IsObject(schema)) return;
  const known = Object.keys(schema.properties);
  for (const [key, member] of Object.entries(value)) {
    const inner = schema.properties[key];
    const at = where === "" ? key : `${where}.${key}`;
    if (inner !== undefined) refuseUnknownKeys(inner, member, at, file);
    else {
      const hint = didYouMean(key, known) || ` Known keys there: ${known.join(", ")}.`;
      throw new SystoleError(
        "config-unknown-key",
        `The configuration ${file} has the key "${at}", which means nothing, so the node does not start.${hint}`,
      );
    }
  }
}

function validated(value: unknown, file: string): ConfigFile {
  const validator = Compile(configSchema);
  if (validator.Check(value)) return value;
  const [, errors] = validator.Errors(value);
  const [first] = errors;
  const where = (first?.instancePath ?? "")
    .slice(1)
    .split("/")
    .map((part) => (/^\d+$/.test(part) ? `[${part}]` : `.${part}`))
    .join("")
    .replace(/^\./, "");
  throw invalid(file, where === "" ? "the whole" : `"${where}"`, first?.message ?? "is wrong");
}

function refuseContradictions(config: ConfigFile, file: string): void {
  const twice = (values: readonly string[]): string | undefined => values.find((one, at) => values.indexOf(one) !== at);
  const { nodes } = config;
  const id = twice(nodes.map((node) => `${node.id}`));
  if (id !== undefined) throw invalid(file, `"nodes"`, `has the id ${id} twice`);
  const sameName = twice(nodes.map((node) => node.name));
  if (sameName !== undefined) throw invalid(file, `"nodes"`, `has the name ${sameName} twice`);
  const [first] = nodes;
  for (const node of nodes) {
    for (const { address } of node.links) {
      if (config.transport === undefined && isIP(address) === 0)
        throw invalid(file, `the address "${address}" of node ${node.name}`, "is no IP address");
    }
    if (first !== undefined && node.links.length !== first.links.length) {
      const counts = `${node.name} has ${node.links.length} links and ${first.name} has ${first.links.length}`;
      throw invalid(file, `${counts},`, "and every node must have the same number");
    }
  }
  const address = twice(nodes.flatMap((node) => node.links.map((link) => `${link.address} port ${link.port}`)));
  if (address !== undefined) throw invalid(file, `"nodes"`, `has the address ${address} twice`);
  if (!nodes.some((node) => node.name === config.node)) {
    const names = nodes.map((node) => node.name);
    const hint = didYouMean(config.node, names) || ` It has ${names.join(", ")}.`;
    throw new SystoleError(
      "config-invalid",
      `In the configuration ${file}, "node" is ${config.node}, which is not in "nodes", so the node does not start.${hint}`,
    );
  }
}

function complete(config: ConfigFile, file: string): NodeConfig {
  const baseDirectory = dirname(resolve(file));
  const absolute = (given: string): string => resolve(baseDirectory, given);
  const nodes = config.nodes
    .map((node) => ({ id: node.id, name: node.name, votes: node.votes ?? 1, links: node.links }))
    .sort((a, b) => a.id - b.id);
  const self = nodes.find((node) => node.name === config.node);
  if (self === undefined) throw invalid(file, `"node"`, `is not in "nodes"`);
  const stateDirectory = absolute(config.stateDirectory);
  const log = config.log ?? {};
  return {
    cluster: config.cluster,
    self,
    nodes,
    keyFile: absolute(config.keyFile),
    stateDirectory,
    socket: socketPath(absolute(config.socket ?? DEFAULT_SOCKET)),
    transport: { name: config.transport?.name ?? "udp", parameters: config.transport?.parameters ?? {} },
    ...timing(config, file),
    quorum: quorum(config, nodes, file),
    ...arbiter(config, file),
    gatherMonitors: config.gatherMonitors ?? true,
    plugins: config.plugins ?? [],
    alertFolders: config.alertFolders?.map(absolute) ?? ALERT_FOLDERS,
    ...(config.audit === undefined ? {} : { audit: absolute(config.audit) }),
    sandbox: { ...config.sandbox, requireSandbox: config.sandbox?.requireSandbox ?? false },
    pluginSignatures: signatureRules(config, absolute, file),
    baseDirectory,
    log: {
      level: log.level ?? "info",
      format: log.format ?? "json",
      ...(log.file === undefined ? {} : { file: absolute(log.file) }),
    },
  };
}

function signatureRules(config: ConfigFile, absolute: (path: string) => string, file: string): SignatureRules {
  const { policy, keys = [] } = config.pluginSignatures ?? { policy: "off" as const };
  if (policy === "require" && keys.length === 0) {
    throw invalid(file, `"pluginSignatures"`, "requires signatures and names no key, so no plugin could ever run");
  }
  return { policy, keys: keys.map((key) => readTrustedKey(absolute(key))) };
}

function socketPath(given: string): string {
  if (Buffer.byteLength(given) <= MAX_SOCKET_PATH_BYTES) return given;
  throw new SystoleError(
    "socket-path",
    `The control socket ${given} has ${Buffer.byteLength(given)} bytes in its path and the system allows ${MAX_SOCKET_PATH_BYTES}, so the node does not start. Set "socket" to a shorter one.`,
  );
}

function timing(config: ConfigFile, file: string) {
  const detectionTimeoutMs = config.detectionTimeoutMs ?? DEFAULT_DETECTION_MS;
  const heartbeatIntervalMs = config.heartbeatIntervalMs ?? Math.round(detectionTimeoutMs / HEARTBEATS_IN_DETECTION);
  if (heartbeatIntervalMs * 3 > detectionTimeoutMs) {
    const what = `is ${heartbeatIntervalMs}: three of them do not fit into the detection time of ${detectionTimeoutMs} ms, and one lost datagram would look like a death`;
    throw invalid(file, `"heartbeatIntervalMs"`, what);
  }
  return {
    heartbeatIntervalMs,
    detectionTimeoutMs,
    mainSilenceMs: config.mainSilenceMs ?? Math.max(3 * detectionTimeoutMs, 3_000),
    persistTimeoutMs: config.persistTimeoutMs ?? 2_000,
  };
}

/** What breaks ties by itself, and an arbiter, could give both halves a reason to go on. */
function arbiter(config: ConfigFile, file: string): { readonly arbiter?: ArbiterSetting } {
  const { arbiter: named, twoNode, autoTieBreaker } = config.quorum ?? {};
  if (named === undefined) return {};
  const other = twoNode === true ? "twoNode" : autoTieBreaker === true ? "autoTieBreaker" : undefined;
  if (other !== undefined) {
    const what = `goes together with no "quorum.${other}": the arbiter takes its place. Take ${other} out on all nodes and start them again one after the other, then name the arbiter`;
    throw invalid(file, `"quorum.arbiter"`, what);
  }
  return { arbiter: { plugin: named.plugin, parameters: named.parameters ?? {} } };
}

function quorum(config: ConfigFile, nodes: readonly ConfiguredNode[], file: string): NodeConfig["quorum"] {
  const given = config.quorum ?? {};
  const twoNode = given.twoNode ?? false;
  const made = {
    nodes: nodes.map(({ id, name: nodeName, votes }) => ({ id, name: nodeName, votes })),
    ...(given.expectedVotes === undefined ? {} : { expectedVotes: given.expectedVotes }),
    twoNode,
    // As votequorum does: two_node implies it.
    waitForAll: given.waitForAll ?? twoNode,
    autoTieBreaker: given.autoTieBreaker ?? false,
    acceptLoss: given.acceptLoss ?? false,
  };
  const impossible = refuseImpossible({ ...made, fencing: true });
  if (impossible !== undefined) throw new SystoleError("config-invalid", `In the configuration ${file}: ${impossible}`);
  const lossy = refuseLossy({ ...made, fencing: true });
  if (lossy !== undefined) throw new SystoleError("config-lossy", `The configuration ${file} is refused: ${lossy}`);
  return made;
}
