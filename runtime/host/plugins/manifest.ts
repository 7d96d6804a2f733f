// Looks at what a module exported before anything of it is used: kind, then API version, then the rest, member by member.
// From here on a plugin has a type; before, it is whatever somebody wrote.

import { IsObject } from "typebox";
import {
  API_VERSION,
  type FenceDeviceSpec,
  type Plugin,
  type ResourceAgentSpec,
  type TransportSpec,
} from "../../../sdk/mod.ts";
import { permissionProblem } from "./grants.ts";
import { readDuration, readParameters } from "./parameters.ts";
import { PluginError } from "./plugin-error.ts";

/** A plugin whose manifest is in order. */
export type CheckedPlugin =
  | Plugin<"resource-agent", ResourceAgentSpec>
  | Plugin<"fence-device", FenceDeviceSpec>
  | Plugin<"transport", TransportSpec>;

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

const NAME = /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/;

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isKind(value: unknown): value is Kind {
  return typeof value === "string" && Object.hasOwn(KINDS, value);
}

/** What is wrong with the functions of a specification. */
function functionProblem(kind: Kind, spec: Record<string, unknown>): string | undefined {
  const { required, optional, groups } = KINDS[kind];
  for (const name of required) if (typeof spec[name] !== "function") return `${name} must be a function`;
  for (const name of optional) {
    if (spec[name] !== undefined && typeof spec[name] !== "function") return `${name} must be a function`;
  }
  for (const [group, names] of Object.entries(groups)) {
    const members = spec[group];
    if (members === undefined) continue;
    if (!isRecord(members)) return `${group} must be an object with ${names.join(" and ")}`;
    const missing = names.find((name) => typeof members[name] !== "function");
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

/** What is wrong with the parameters: an object schema, whose defaults are valid. */
function parameterProblem(parameters: unknown): string | undefined {
  if (!IsObject(parameters)) return "parameters must be a Type.Object({ ... })";
  const reserved = Object.keys(parameters.properties).find(
    (name) => name.startsWith("pcmk_") || name.startsWith("CRM_meta_"),
  );
  if (reserved !== undefined) return `parameters.${reserved} has a name that belongs to the cluster`;
  for (const [name, property] of Object.entries(parameters.properties)) {
    const preset: unknown = Object.entries(property).find(([key]) => key === "default")?.[1];
    if (preset === undefined) continue;
    try {
      const alone = { ...parameters, properties: { [name]: property }, required: [] };
      if (IsObject(alone)) readParameters(alone, {}, "defaults");
    } catch {
      return `parameters.${name} has a default that its own schema refuses`;
    }
  }
  return undefined;
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
function specProblem(kind: Kind, spec: unknown): string | undefined {
  if (!isRecord(spec)) return "its definition is not an object";
  if (typeof spec["name"] !== "string" || !NAME.test(spec["name"]))
    return "name must be lower-case letters, digits and single hyphens";
  if (typeof spec["summary"] !== "string" || spec["summary"].trim() === "") return "summary must be one line of text";
  const wrong = parameterProblem(spec["parameters"]) ?? functionProblem(kind, spec) ?? timeoutProblem(spec["timeouts"]);
  if (wrong !== undefined) return wrong;
  const parameters =
    isRecord(spec["parameters"]) && isRecord(spec["parameters"]["properties"]) ? spec["parameters"]["properties"] : {};
  const known = new Set<string>([...Object.keys(parameters), ...KINDS[kind].placeholders]);
  const permissions = spec["permissions"] === undefined ? undefined : permissionProblem(spec["permissions"], known);
  return permissions ?? (kind === "transport" ? providesProblem(spec["provides"]) : undefined);
}

function isChecked(plugin: unknown): plugin is CheckedPlugin {
  return isRecord(plugin) && isKind(plugin["kind"]) && specProblem(plugin["kind"], plugin["spec"]) === undefined;
}

/**
 * The plugin that a module exports by default. `file` begins each sentence. Throws PluginError `plugin-kind`,
 * `plugin-api` or `plugin-manifest`.
 */
export function checkPlugin(exported: unknown, file: string): CheckedPlugin {
  if (!isRecord(exported) || !("kind" in exported)) {
    throw new PluginError("plugin-kind", `${file} exports no plugin by default.`);
  }
  const { kind, api } = exported;
  if (!isKind(kind)) {
    throw new PluginError(
      "plugin-kind",
      `${file} exports something of kind ${JSON.stringify(kind)}; there are ${Object.keys(KINDS).join(", ")}.`,
    );
  }
  if (api !== API_VERSION) {
    throw new PluginError(
      "plugin-api",
      `${file} speaks plugin API ${JSON.stringify(api)}; this Systole speaks ${API_VERSION}.`,
    );
  }
  const problem = specProblem(kind, exported["spec"]);
  if (problem !== undefined) throw new PluginError("plugin-manifest", `${file}: ${problem}.`);
  if (!isChecked(exported)) throw new PluginError("plugin-manifest", `${file} changes while it is looked at.`);
  return exported;
}
