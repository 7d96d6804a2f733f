// What a plugin says of itself, checked. From here on a plugin is data with a type, its manifest; before, it is whatever
// somebody wrote, and mostly it was written down by a process that nobody trusts.

import { type TObject, Object as TypeObject } from "typebox";
import type { Permissions, Plugin, PluginKind, TransportSpec } from "../../../sdk/mod.ts";
import { permissionProblem } from "./grants.ts";
import { readDuration, readParameters } from "./parameters.ts";
import { oneLine, PluginError, plainText } from "./plugin-error.ts";
import { summarize } from "./sandbox/guest/summary.ts";
import { rebuildParameters } from "./sandbox/schema.ts";
import type { Summary } from "./sandbox/wire.ts";
import { API_VERSIONS, apiProblem, isRunnableApi } from "./trust/api-version.ts";

/** A plugin as data; its functions are called where they live, by their names. */
export interface Manifest {
  readonly kind: PluginKind;
  readonly api: number;
  readonly name: string;
  readonly summary: string;
  readonly parameters: TObject;
  readonly permissions: Permissions;
  /** What it asks for, where whoever approved of it withheld a part; `permissions` is what it was granted. */
  readonly asked?: Permissions;
  readonly timeouts: Readonly<Record<string, string>>;
  /** Of the plugin's process, all instances together. */
  readonly memoryLimitMiB: number;
  /** Paths of its functions, `monitor` or `promotion.promote`, sorted. */
  readonly functions: readonly string[];
}

/** Enough for a plugin that holds no data of its own. */
const DEFAULT_MEMORY_LIMIT_MIB = 128;
const LEAST_MEMORY_LIMIT_MIB = 32;
const MOST_MEMORY_LIMIT_MIB = 4_096;

/** How each kind is looked after: what it is called in the CIB, and which functions it must and can have. */
export const KINDS = {
  "resource-agent": {
    folder: "agents",
    reference: (name: string) => `ocf:systole:${name}`,
    required: ["monitor", "start", "stop"],
    optional: ["reload", "notify"],
    groups: { promotion: ["promote", "demote"], migration: ["to", "from"] },
    placeholders: ["node", "resource"],
  },
  "fence-device": {
    folder: "fence",
    reference: (name: string) => `stonith:systole:${name}`,
    required: ["power", "setPower"],
    optional: ["check"],
    groups: {},
    placeholders: ["node", "resource"],
  },
  alert: {
    folder: "alerts",
    reference: (name: string) => `systole:${name}`,
    required: ["deliver"],
    optional: [],
    groups: {},
    placeholders: ["node", "resource", "recipient"],
  },
  arbiter: {
    folder: "arbiters",
    reference: (name: string) => name,
    required: ["read", "replace"],
    optional: [],
    groups: {},
    placeholders: ["node", "resource"],
  },
  transport: {
    folder: "comms",
    reference: (name: string) => name,
    required: ["open"],
    optional: [],
    groups: {},
    placeholders: ["node", "resource", "self", "peers"],
  },
} as const;

type Kind = keyof typeof KINDS;

/** The kinds of plugin, in the order in which they are shown. */
export const PLUGIN_KINDS: readonly PluginKind[] = ["resource-agent", "fence-device", "alert", "arbiter", "transport"];

const NAME = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isKind(value: unknown): value is Kind {
  return typeof value === "string" && Object.hasOwn(KINDS, value);
}

/** Whether a name or a text anywhere in it would do something to a terminal; line ends and tabs may be. */
function hasNoText(value: unknown): boolean {
  if (typeof value === "string") return plainText(value.replace(/[\n\t]/g, " ")) !== value.replace(/[\n\t]/g, " ");
  if (typeof value !== "object" || value === null) return false;
  return Object.entries(value).some(([name, member]) => hasNoText(name) || hasNoText(member));
}

/** What is wrong with the functions of a specification. */
function functionProblem(
  kind: Kind,
  spec: Record<string, unknown>,
  functions: ReadonlySet<string>,
): string | undefined {
  const { required, optional, groups } = KINDS[kind];
  for (const name of required) if (!functions.has(name)) return `${name} must be a function`;
  for (const name of optional) {
    if (spec[name] !== undefined && !functions.has(name)) return `${name} must be a function`;
  }
  for (const [group, names] of Object.entries(groups)) {
    const there = names.filter((name) => functions.has(`${group}.${name}`));
    if (spec[group] === undefined && there.length === 0) continue;
    if (!isRecord(spec[group])) return `${group} must be an object with ${names.join(" and ")}`;
    const missing = names.find((name) => !there.includes(name));
    if (missing !== undefined) return `${group}.${missing} must be a function; half a ${group} is none`;
  }
  return undefined;
}

/** What is wrong with the timeouts: each must read as a duration. */
function timeoutProblem(timeouts: unknown): string | undefined {
  if (timeouts === undefined) return undefined;
  if (!isRecord(timeouts)) return "timeouts must be an object";
  for (const [verb, timeout] of Object.entries(timeouts)) {
    if (typeof timeout !== "string" || readDuration(timeout) === undefined)
      return `timeouts.${verb} must be a length of time such as "20s"`;
  }
  return undefined;
}

/** What is wrong with the parameters: names that are taken, defaults that the schema itself refuses. */
function parameterProblem(parameters: TObject): string | undefined {
  const reserved = Object.keys(parameters.properties).find(
    (name) => name.startsWith("pcmk_") || name.startsWith("CRM_meta_"),
  );
  if (reserved !== undefined) return `parameters.${reserved} has a name that belongs to the cluster`;
  for (const [name, property] of Object.entries(parameters.properties)) {
    const preset: unknown = Object.entries(property).find(([key]) => key === "default")?.[1];
    if (preset === undefined) continue;
    try {
      readParameters(TypeObject({ [name]: property }), {}, "defaults");
    } catch {
      return `parameters.${name} has a default that its own schema refuses`;
    }
  }
  return undefined;
}

function memoryProblem(limitMiB: unknown): string | undefined {
  if (limitMiB === undefined) return undefined;
  const possible =
    typeof limitMiB === "number" &&
    Number.isInteger(limitMiB) &&
    limitMiB >= LEAST_MEMORY_LIMIT_MIB &&
    limitMiB <= MOST_MEMORY_LIMIT_MIB;
  return possible
    ? undefined
    : `memoryLimitMiB must be a whole number from ${LEAST_MEMORY_LIMIT_MIB} to ${MOST_MEMORY_LIMIT_MIB}`;
}

/** What a transport promises. */
function providesProblem(provides: unknown): string | undefined {
  if (!isRecord(provides)) return "provides must say maxBytes, ordered and views";
  const { maxBytes, ordered, views } = provides;
  if (typeof maxBytes !== "number" || !Number.isInteger(maxBytes) || maxBytes < 512)
    return "provides.maxBytes must be a whole number of at least 512";
  if (typeof ordered !== "boolean") return "provides.ordered must be true or false";
  if (views !== false) return "provides.views must be false in this release";
  return undefined;
}

/** What is wrong with a specification, in a clause that names the member; undefined if nothing is. */
function specProblem(kind: Kind, spec: Record<string, unknown>, functions: ReadonlySet<string>): string | undefined {
  if (typeof spec["name"] !== "string" || !NAME.test(spec["name"]))
    return "name must be lower-case letters, digits and single hyphens";
  if (typeof spec["summary"] !== "string" || spec["summary"].trim() === "") return "summary must be one line of text";
  const wrong =
    functionProblem(kind, spec, functions) ?? timeoutProblem(spec["timeouts"]) ?? memoryProblem(spec["memoryLimitMiB"]);
  return wrong ?? (kind === "transport" ? providesProblem(spec["provides"]) : undefined);
}

/** Parameters and permissions, which name each other. Throws what is wrong, as an error whose message is a clause. */
function readContract(kind: Kind, spec: Record<string, unknown>): { parameters: TObject; permissions: Permissions } {
  const parameters = rebuildParameters(spec["parameters"]);
  const problem = parameterProblem(parameters);
  if (problem !== undefined) throw new Error(problem);
  const known = new Set<string>([...Object.keys(parameters.properties), ...KINDS[kind].placeholders]);
  const permissions = spec["permissions"] ?? {};
  const wrong = permissionProblem(permissions, known);
  if (wrong !== undefined) throw new Error(wrong);
  return { parameters, permissions: readPermissions(permissions) };
}

/** Permissions that were found to be in order, with their type. */
function readPermissions(permissions: unknown): Permissions {
  const read: Record<string, readonly string[] | true> = {};
  for (const [kind, patterns] of Object.entries(isRecord(permissions) ? permissions : {})) {
    if (Array.isArray(patterns)) read[kind] = patterns.map(String);
    else if (patterns === true) read[kind] = true;
  }
  return read;
}

function readTimeouts(timeouts: unknown): Record<string, string> {
  return Object.fromEntries(
    Object.entries(isRecord(timeouts) ? timeouts : {}).map(([verb, timeout]) => [verb, String(timeout)]),
  );
}

/**
 * The manifest in a summary of what a module exports by default. `file` begins each sentence; `apis`: the versions of the API
 * that run here. Throws PluginError `plugin-kind`, `plugin-api` or `plugin-manifest`.
 */
export function checkManifest(summary: Summary, file: string, apis: readonly number[] = API_VERSIONS): Manifest {
  if (!summary.branded) throw new PluginError("plugin-kind", `${file} exports no plugin by default.`);
  const { kind, api, spec } = summary;
  if (!isKind(kind)) {
    throw new PluginError(
      "plugin-kind",
      `${file} exports something of kind ${oneLine(JSON.stringify(kind) ?? "none", 80)}; there are ${PLUGIN_KINDS.join(", ")}.`,
    );
  }
  if (!isRunnableApi(api, apis)) throw new PluginError("plugin-api", apiProblem(file, api, apis));
  const refuse = (problem: string): PluginError =>
    new PluginError("plugin-manifest", `${file}: ${oneLine(problem, 300)}.`);
  if (!isRecord(spec)) throw refuse("its definition is not an object");
  if (hasNoText(spec) || hasNoText(summary.functions ?? []))
    throw refuse("its definition has control characters in it");
  const functions = new Set(summary.functions ?? []);
  const problem = specProblem(kind, spec, functions);
  if (problem !== undefined) throw refuse(problem);
  try {
    const limitMiB = spec["memoryLimitMiB"];
    return {
      kind,
      api,
      name: String(spec["name"]),
      summary: oneLine(String(spec["summary"]), 200),
      ...readContract(kind, spec),
      timeouts: readTimeouts(spec["timeouts"]),
      memoryLimitMiB: typeof limitMiB === "number" ? limitMiB : DEFAULT_MEMORY_LIMIT_MIB,
      functions: [...functions].sort(),
    };
  } catch (error) {
    throw refuse(error instanceof Error ? error.message : String(error));
  }
}

type TransportPlugin = Plugin<"transport", TransportSpec>;

function isTransport(exported: unknown, manifest: Manifest): exported is TransportPlugin {
  return isRecord(exported) && exported["kind"] === "transport" && manifest.kind === "transport";
}

/** A transport, which runs in this process: its functions and its manifest. Throws PluginError as checkManifest. */
export function checkTransport(exported: unknown, file: string): { plugin: TransportPlugin; manifest: Manifest } {
  const manifest = checkManifest(summarize(exported, PLUGIN_KINDS, API_VERSIONS), file);
  if (!isTransport(exported, manifest)) throw new PluginError("plugin-kind", `${file} is no transport.`);
  return { plugin: exported, manifest };
}
